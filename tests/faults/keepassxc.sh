#!/usr/bin/env bash
# keepassxc.sh [SRC BIN]: a day with the real KeePassXC at its default settings. The agent and
# KeePassXC are restarted in turn; each time a person allows keyfob's items once, and renewals follow.
# KF_FAULTS_N: restarts, 24. Prints RESULT keepassxc-day <restarts> <lost> <dialogs>
set -u
SRC=${1:-$(cd "$(dirname "$0")/../.." && pwd)} BIN=${2:-$SRC/build/bin}
if [ "${KF_IN_KEYRING:-}" != 1 ]; then
    H=$(mktemp -d "${TMPDIR:-/tmp}/kfx.XXXXXX")
    KF_IN_KEYRING=1 "$SRC/tests/keyring/kp-session.sh" "$H" "$0" "$SRC" "$BIN"
    rc=$?
    rm -rf "$H"
    exit $rc
fi
BUS=$DBUS_SESSION_BUS_ADDRESS
. "$SRC/tests/lib.sh"
. "$SRC/tests/keyring/kp.inc"
export DBUS_SESSION_BUS_ADDRESS=$BUS KEYFOB_STORE=secret-service
N=${KF_FAULTS_N:-24} lost=0 shown=0
kp_start
sandbox
for p in one two three; do
    profile_dev $p
    login_dev $p
done
for ((i = 0; i < N; i++)); do
    if [ $((i % 2)) = 0 ]; then kf agent stop -q || fail "agent stop"; else kp_stop && kp_start; fi
    run kf token one --renew
    [ $RC = 6 ] || { lost=$((lost + 1)) && echo "restart $i: exit $RC without a person: $ERR"; }
    kf unlock 2>/dev/null &
    unlock=$!
    allow
    shown=$((shown + 1))
    wait $unlock || { lost=$((lost + 1)) && echo "restart $i: unlock failed"; }
    for p in one two three one; do
        run kf token $p --renew
        [ $RC = 0 ] || { lost=$((lost + 1)) && echo "restart $i: $p: exit $RC: $ERR"; }
    done
    access_is_closed || { shown=$((shown + 1)) && echo "restart $i: one more dialog" && allow; }
done
echo "RESULT keepassxc-day $N $lost $shown"
is "nothing was refused or lost" "$lost" 0
is "one dialog a restart" "$shown" "$N"
is "no sign-in but the first three" "$(stat_of grants password)" 3
is "no token was spent twice" "$(stat_of reused)" 0
kp_stop
entries=$(printf 'pw\n' | keepassxc-cli ls -R "$KP_DIR/db.kdbx" 2>/dev/null)
has "the database has the items" "$entries" "keyfob: one (session)"
hasnt "and none in its recycle bin" "$entries" "Recycle Bin"
