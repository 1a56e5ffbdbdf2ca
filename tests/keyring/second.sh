#!/usr/bin/env bash
# A real gnome-keyring whose disk fills up while the answer to a renewal is on its way. The new pair
# is sealed with the spare key of the keyring; an agent that is killed then loses nothing.
SRC=$1 BIN=$2
if [ "${KF_IN_KEYRING:-}" != 1 ]; then
    # A tmpfs needs a mount namespace, which a plain user gets together with a user namespace.
    ns=(-m)
    [ "$(id -u)" = 0 ] || ns+=(-r)
    # where the root is no mount point (a chroot), its propagation cannot be changed
    unshare "${ns[@]}" true 2>/dev/null || ns+=(--propagation unchanged)
    H=$(mktemp -d "${TMPDIR:-/tmp}/kfk.XXXXXX")
    export SRC H KF_KEYRINGS=$H/.local/share/keyrings KF_IN_KEYRING=1
    unshare "${ns[@]}" bash -c 'mkdir -p "$KF_KEYRINGS" && mount -t tmpfs -o size=256k keyfob-test "$KF_KEYRINGS" &&
        exec "$SRC/tests/keyring/gk-session.sh" "$H" test-password "$0" "$@"' "$0" "$@"
    rc=$?
    rm -rf "$H"
    exit $rc
fi
BUS=$DBUS_SESSION_BUS_ADDRESS KEYRINGS=$KF_KEYRINGS
. "$SRC/tests/lib.sh"
export DBUS_SESSION_BUS_ADDRESS=$BUS KEYFOB_STORE=secret-service
fill() { dd if=/dev/zero of="$KEYRINGS/fill" bs=1k 2>/dev/null; }
state() { kf status dev --json | json state; }
is_state() { [ "$(state)" = "$1" ]; }
asked_more_than() { [ "$(stat_of grants refresh_token)" -gt "$1" ]; }
sealed() { find "$XDG_STATE_HOME/keyfob" -name '*.sealed' | wc -l; }
sandbox
profile_dev
login_dev
first=$(kf token dev) || fail token
kf token dev --renew >/dev/null || fail "a renewal"
second=$(kf token dev)

fill
run kf token dev --renew
is "a full disk before the request" "$RC" 6
has "is said" "$ERR" "could not be stored"
is "the old token is served" "$(kf token dev)" "$second"
rm "$KEYRINGS/fill"
n=$(stat_of grants refresh_token)
faults '[{"path":"/user_management/authenticate","grant":"refresh_token","nth":1,"delay_ms":3000}]'
"$BIN/keyfob" token dev --renew >"$SCRATCH/token" 2>"$SCRATCH/token.err" &
renewal=$!
wait_until "the request" asked_more_than "$n"
fill
wait $renewal
is "full while the answer is on its way: $(cat "$SCRATCH/token.err")" "$?" 0
third=$(cat "$SCRATCH/token")
[ "$third" != "$second" ] && [ "$third" != "$first" ] || fail "an old token"
is "the state" "$(state)" unsaved
is "a sealed copy" "$(sealed)" 1
kill -9 "$(kf agent status --json | json pid)"
is "the next agent has the session" "$(kf token dev 2>/dev/null)" "$third"
is "which is not stored yet" "$(state)" unsaved
rm "$KEYRINGS/fill"
wait_until "it is stored" is_state signed_in
is "the copy is gone" "$(sealed)" 0
kf agent stop || fail stop
is "the keyring has it" "$(kf token dev)" "$third"
kf token dev --renew >/dev/null || fail "a renewal after all that"
is "no token was spent twice" "$(stat_of reused)" 0
