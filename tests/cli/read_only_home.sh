#!/usr/bin/env bash
# A home that cannot be written (a container with a read-only root): what needs no writing works, and
# the rest says why it does not.
SRC=$1 BIN=$2
. "$SRC/tests/cli/mounts.inc"
own_mounts "$0" "$@"
. "$SRC/tests/lib.sh"
mkdir "$SCRATCH/disk"
mount -t tmpfs -o size=4m keyfob-test "$SCRATCH/disk" || fail "mount"
leave() {
    local rc=$?
    "$BIN/keyfob" agent stop >/dev/null 2>&1
    umount "$SCRATCH/disk"
    (exit $rc)
    finish
}
trap leave EXIT
export HOME=$SCRATCH/disk/home
mkdir "$HOME"
unset XDG_CONFIG_HOME XDG_STATE_HOME XDG_DATA_HOME XDG_CACHE_HOME
(umask 077 && printf 'correct horse battery\n' >"$SCRATCH/pass")
export KEYFOB_STORE=vault KEYFOB_PASSPHRASE_FILE=$SCRATCH/pass
sandbox
read_only() { mount -o remount,ro "$SCRATCH/disk" || fail "remount"; }
writable() {
    kf agent stop -q
    mount -o remount,rw "$SCRATCH/disk" || fail "remount"
}

# nothing is there, and nothing can be made
read_only
run kf agent start
is "no state directory: refused" "$RC" 6
has "with the reason" "$ERR" "Read-only file system"
hasnt "once" "${ERR#*Read-only file system}" "Read-only file system"
hasnt "and not with what fails in the same way" "$ERR" "keyfob agent start"
hasnt "nor with another reason" "$ERR" "No such file"
has "but with what helps" "$ERR" "XDG_STATE_HOME"
export KEYFOB_STORE=memory
run kf agent start
is "store = memory: the agent starts: $ERR" "$RC" 0
is "its state is in the runtime directory" "$(test -d "$XDG_RUNTIME_DIR/keyfob/state" && echo yes)" yes
run kf profile add dev --client-id client_sandbox --api-host "$U"
is "settings cannot be written" "$RC" 1
has "which is said" "$ERR" "Read-only file system"
hasnt "without advice about space" "$ERR" "free space"
kf agent stop -q
is "nothing is left" "$(ls -A "$XDG_RUNTIME_DIR/keyfob/state" 2>&1 | grep -c 'No such file')" 1

# settings that came with the image, the store in memory
writable
profile_dev
kf agent stop -q
rm -rf "$HOME/.local"
read_only
printf 'sandbox-password' | WORKOS_API_KEY=sk_test_sandbox kf login dev --email plain@example.test --password-stdin >/dev/null || fail "login"
run kf token dev
is "store = memory: sign-in and token: $ERR" "$RC" 0
run kf logout dev
is "and sign-out: $ERR" "$RC" 0

# a stored session
writable
export KEYFOB_STORE=vault
kf profile rm dev --yes >/dev/null || fail "profile rm"
profile_dev
login_dev
T=$(kf token dev) || fail token
kf agent stop -q
rm "$HOME/.local/state/keyfob/keyfobd.log"
read_only
run kf token dev
is "a stored session that is valid is served: $ERR" "$RC" 0
is "as it was" "$OUT" "$T"
is "without a log" "$(ls "$HOME/.local/state/keyfob" | grep -c log)" 0
refreshes=$(stat_of grants refresh_token)
run kf renew dev
is "it is not renewed" "$RC" 1
has "with the reason" "$ERR" "Read-only file system"
hasnt "without advice about space" "$ERR" "free space"
is "and nothing was spent" "$(stat_of grants refresh_token)" "$refreshes"
writable
is "later it is all there" "$(kf token dev)" "$T"
run kf renew dev
is "and is renewed: $ERR" "$RC" 0
