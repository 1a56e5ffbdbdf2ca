#!/usr/bin/env bash
# A real gnome-keyring that is stopped for 5 s at a point of a renewal: the agent stops itself at its
# Nth D-Bus message (strace), which gives the time to stop the keyring exactly there. And store
# status in a loop beside renewals of several profiles by two agents. Nothing is refused for good,
# nothing stays unsaved, no token is spent twice.
# KF_FAULTS_POINTS: the messages, "37 42 46 47". KF_FAULTS_N: renewals beside store status, 60.
# Prints a line for each part: RESULT <scenario> <tried> <lost> <worst wait in s>
SRC=$1 BIN=$2
if [ "${KF_IN_KEYRING:-}" != 1 ]; then
    H=$(mktemp -d "${TMPDIR:-/tmp}/kfk.XXXXXX")
    KF_IN_KEYRING=1 "$SRC/tests/keyring/gk-session.sh" "$H" test-password "$0" "$@"
    rc=$?
    rm -rf "$H"
    exit $rc
fi
BUS=$DBUS_SESSION_BUS_ADDRESS
. "$SRC/tests/lib.sh"
export DBUS_SESSION_BUS_ADDRESS=$BUS KEYFOB_STORE=secret-service
STALL_S=5
keyring_pid() {
    dbus-send --session --print-reply=literal --dest=org.freedesktop.DBus /org/freedesktop/DBus \
        org.freedesktop.DBus.GetConnectionUnixProcessID string:org.freedesktop.secrets | awk '{print $2}'
}
kinds() {
    secret-tool search --all application keyfob 2>&1 | grep -o 'kind = .*' | sort | uniq -c |
        tr -s ' \n' ' '
}
sandbox
for p in one two three; do
    profile_dev $p
    login_dev $p
done

# store status beside renewals
run_status() {
    local n=0 bad=0
    while [ -e "$SCRATCH/go" ]; do
        n=$((n + 1))
        kf store status >/dev/null 2>"$SCRATCH/status.err" && continue
        bad=$((bad + 1))
        cp "$SCRATCH/status.err" "$SCRATCH/status.bad"
    done
    echo "$n $bad" >"$SCRATCH/status"
}
# renewals PROFILE COUNT FILE: counts what was refused, and the longest wait
renewals() {
    local i start took bad=0 worst=0
    for ((i = 0; i < $2; i++)); do
        start=$SECONDS
        kf token "$1" --renew >/dev/null 2>"$3.err" || { bad=$((bad + 1)) && cp "$3.err" "$3.bad"; }
        took=$((SECONDS - start))
        [ $took -le $worst ] || worst=$took
    done
    echo "$bad $worst" >"$3"
}
N=${KF_FAULTS_N:-60}
touch "$SCRATCH/go"
run_status &
STATUS=$!
renewals one "$N" "$SCRATCH/r"
rm "$SCRATCH/go"
wait $STATUS
read -r bad worst <"$SCRATCH/r"
read -r tried refused <"$SCRATCH/status"
echo "RESULT keyring-status-beside-renewals $((N + tried)) $((bad + refused)) $worst"
is "$N renewals beside store status, refused: $(cat "$SCRATCH/r.bad" 2>/dev/null)" "$bad" 0
is "$tried store status beside them, refused: $(cat "$SCRATCH/status.bad" 2>/dev/null)" "$refused" 0

# all profiles at once, two agents
M=$((N / 6))
pids=()
mkdir -p "$SCRATCH/second/run"
chmod 700 "$SCRATCH/second/run"
for p in one two three; do
    renewals $p $M "$SCRATCH/a.$p" &
    pids+=($!)
    XDG_RUNTIME_DIR=$SCRATCH/second/run renewals $p $M "$SCRATCH/b.$p" &
    pids+=($!)
done
wait "${pids[@]}"
bad=0 worst=0
for f in "$SCRATCH"/[ab].one "$SCRATCH"/[ab].two "$SCRATCH"/[ab].three; do
    read -r b w <"$f"
    bad=$((bad + b))
    [ "$w" -le $worst ] || worst=$w
done
echo "RESULT keyring-profiles-at-once $((6 * M)) $bad $worst"
is "renewals of three profiles by two agents: $(cat "$SCRATCH"/[ab].*.bad 2>/dev/null)" "$bad" 0
has "no item is left over" "$(kinds)" "3 kind = api-key 3 kind = session"
XDG_RUNTIME_DIR=$SCRATCH/second/run kf agent stop -q
kf agent stop -q

# the keyring stands still at one point of a renewal
DAEMON=$(keyring_pid)
is_stopped() { grep -q 'stopped by SIGSTOP' "$SCRATCH/trace"; }
is_stopped_or_over() { is_stopped || [ -e "$SCRATCH/over" ]; }
two_renewals() {
    kf token one --renew >/dev/null 2>"$SCRATCH/first"
    kf token one --renew >/dev/null 2>"$SCRATCH/second.err"
    touch "$SCRATCH/over"
}
signed_in() { [ "$(kf status one --json | json state)" = signed_in ] && kf token one >/dev/null; }
tried=0 lost=0 worst=0
for point in ${KF_FAULTS_POINTS:-37 42 46 47}; do
    rm -f "$SCRATCH/over"
    strace -f -o "$SCRATCH/trace" -e trace=sendmsg -e inject="sendmsg:signal=SIGSTOP:when=$point" \
        "$BIN/keyfobd" --foreground 2>/dev/null &
    tracer=$!
    wait_until "the agent's socket" test -S "$XDG_RUNTIME_DIR/keyfob/agent.sock"
    AGENT=$(kf agent status --json | json pid)
    two_renewals &
    renewing=$!
    wait_until "message $point, or the end of two renewals" is_stopped_or_over
    if ! is_stopped; then
        echo "(message $point never came)"
        kf agent stop -q
        wait $tracer
        continue
    fi
    tried=$((tried + 1))
    kill -STOP "$DAEMON"
    kill -CONT "$AGENT"
    start=$SECONDS
    while [ $((SECONDS - start)) -le $STALL_S ]; do read -r -t 0.1 <> <(:) || true; done
    kill -CONT "$DAEMON"
    start=$SECONDS
    wait_until "after message $point: signed in again" signed_in
    took=$((SECONDS - start))
    [ $took -le $worst ] || worst=$took
    wait $renewing
    T=$(kf token one) || lost=$((lost + 1))
    kf agent stop -q || fail "agent stop after message $point"
    { wait $tracer; } 2>/dev/null
    again=$(kf token one)
    [ "$again" = "$T" ] || lost=$((lost + 1))
    [ "$again" = "$T" ] || echo "message $point: another token than before the agent's end"
    kf token one --renew >/dev/null || lost=$((lost + 1))
    kf agent stop -q
done
echo "RESULT keyring-stopped-at-each-point $tried $lost $worst"
is "stopped at $tried points: lost" "$lost" 0
[ $tried -gt 2 ] || fail "only $tried points were reached"
is "no token was spent twice" "$(stat_of reused)" 0
has "no item is left over" "$(kinds)" "3 kind = api-key 3 kind = session"
