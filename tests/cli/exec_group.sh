#!/usr/bin/env bash
# exec --refresh, and --mask without a terminal: a signal reaches the command once, whether it was
# for keyfob alone or for the whole process group (kill %1, timeout, a CI runner that ends a step).
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
sandbox
profile_dev
login_dev
# counts what arrives until half a second has passed after the first
cat >"$SCRATCH/count.py" <<'P'
import os, signal, sys, time
got = []
for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(s, lambda n, _: got.append(signal.Signals(n).name))
with open(sys.argv[1] + ".new", "w") as f: f.write(str(os.getpid()))
os.rename(sys.argv[1] + ".new", sys.argv[1])
end = time.monotonic() + 30
while time.monotonic() < end:
    time.sleep(0.05)
    if got and end > time.monotonic() + 1: end = time.monotonic() + 0.5
print(*got)
P
# starts a job of its own, which is PID's group as well
begin() { # FILE OPTION...
    rm -f "$SCRATCH/pid"
    set -m
    "$BIN/keyfob" exec dev "${@:2}" -- python3 "$SCRATCH/count.py" "$SCRATCH/pid" >"$1" 2>&1 </dev/null &
    PARENT=$!
    set +m
    PIDS+=("$PARENT")
    wait_until "the command" test -s "$SCRATCH/pid"
}
for option in --refresh --mask; do
    for s in INT TERM HUP USR1; do
        begin "$SCRATCH/group" $option
        kill -$s -- "-$PARENT"
        wait "$PARENT"
        is "$option: SIG$s to the group, once" "$(cat "$SCRATCH/group")" "SIG$s"
        begin "$SCRATCH/one" $option
        kill -$s "$PARENT"
        wait "$PARENT"
        is "$option: SIG$s to keyfob, once" "$(cat "$SCRATCH/one")" "SIG$s"
    done
    begin "$SCRATCH/both" $option
    kill -TERM "$PARENT" # as timeout(1) does it
    kill -TERM -- "-$PARENT"
    wait "$PARENT"
    is "$option: to both, once" "$(cat "$SCRATCH/both")" SIGTERM
    begin "$SCRATCH/two" $option
    kill -USR1 -- "-$PARENT"
    kill -HUP "$PARENT"
    wait "$PARENT"
    is "$option: one to the group and another to keyfob" "$(tr ' ' '\n' <"$SCRATCH/two" | sort | xargs)" "SIGHUP SIGUSR1"
done
run timeout -s USR1 4 "$BIN/keyfob" exec dev --refresh -- python3 "$SCRATCH/count.py" "$SCRATCH/pid"
is "timeout: once" "$OUT" SIGUSR1
begin "$SCRATCH/killed" --refresh
kill -KILL "$PARENT"
wait "$PARENT" 2>/dev/null
kill "$(cat "$SCRATCH/pid")"
alone() { ! pgrep -g "$PARENT" >/dev/null; }
wait_until "nothing of it is left" alone
ok "killed hard, keyfob leaves nothing behind"
