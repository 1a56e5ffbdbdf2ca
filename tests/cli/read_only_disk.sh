#!/usr/bin/env bash
# keyfob.conf on a read-only disk: each change is refused, and the secrets of the profile stay.
SRC=$1 BIN=$2
. "$SRC/tests/cli/mounts.inc"
own_mounts "$0" "$@"
. "$SRC/tests/lib.sh"
mkdir "$SCRATCH/disk"
mount -t tmpfs -o size=1m keyfob-test "$SCRATCH/disk" || fail "mount"
leave() {
    local rc=$?
    "$BIN/keyfob" agent stop >/dev/null 2>&1
    umount "$SCRATCH/disk"
    (exit $rc)
    finish
}
trap leave EXIT
export XDG_CONFIG_HOME=$SCRATCH/disk/config
export KEYFOB_STORE=vault KEYFOB_PASSPHRASE_FILE=$SCRATCH/pass
printf 'correct horse battery\n' >"$SCRATCH/pass"
chmod 600 "$SCRATCH/pass"
sandbox
profile_dev
login_dev
before=$(cat "$XDG_CONFIG_HOME/keyfob/keyfob.conf")

mount -o remount,ro "$SCRATCH/disk" || fail "remount"
for change in "profile rm dev --yes" "profile add new --client-id client_1" \
    "profile rename dev new" "config set keepalive 1h"; do
    # shellcheck disable=SC2086
    run kf $change
    is "$change: exit 1" "$RC" 1
    has "$change: says what" "$ERR" "Read-only file system"
done
is "the profile is there" "$(kf profile list --json | json items 0 name)" dev
is "its API key too" "$(kf export dev --what api-key --format raw)" sk_test_sandbox
run kf renew dev
is "its session too: $ERR" "$RC" 0
kf agent stop || fail stop
run kf renew dev
is "also for the next agent: $ERR" "$RC" 0
is "no reuse" "$(stat_of reused)" 0

mount -o remount,rw "$SCRATCH/disk" || fail "remount"
is "the file is as it was" "$(cat "$XDG_CONFIG_HOME/keyfob/keyfob.conf")" "$before"
run kf profile rm dev --yes
is "and then it can be removed: $ERR" "$RC" 0
left=$(find "$XDG_DATA_HOME/keyfob/vault" -name '*.session' -o -name '*.api-key')
is "with its secrets" "$left" ""
