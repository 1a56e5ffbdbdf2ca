#!/usr/bin/env bash
# exec --refresh: a file whose token is always valid, and nothing left behind.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
export KEYFOB_LOG=debug
sandbox --token-life 10s # with --min-valid 5s the next one comes after 3.75 s and has 6.25 s to come
profile_dev
login_dev
RUN=$XDG_RUNTIME_DIR/keyfob
left() { find "$RUN" -name 'exec.*' | wc -l | tr -d ' '; }

# watches the file until its third token is there
cat >"$SCRATCH/watch.py" <<'P'
import base64, json, os, stat, sys, time
path, seen, least = os.environ['KEYFOB_TOKEN_FILE'], [], 99
assert 'WORKOS_ACCESS_TOKEN' not in os.environ
assert stat.S_IMODE(os.stat(path).st_mode) == 0o600 and stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
end = time.monotonic() + 60
while len(seen) < 3 and time.monotonic() < end:
    now = time.time() # before reading: what was in the file then was good, however long this takes
    token = open(path).read()
    body = token.split('.')[1]
    exp = json.loads(base64.urlsafe_b64decode(body + '=' * (-len(body) % 4)))['exp']
    least = min(least, exp - now)
    if token not in seen: seen.append(token)
    time.sleep(0.05)
print(len(seen), least > 0, path)
for t in seen: print(t)
P
OUT=$(kf exec dev --refresh --min-valid 5s -- python3 "$SCRATCH/watch.py") || fail "watch: $OUT"
read -r n fresh path <<<"$OUT"
is "three tokens, each a whole one" "$n" 3
is "never an expired one" "$fresh" True
has "in the runtime directory" "$path" "$RUN/exec."
is "it is gone afterwards" "$(left)" 0
run timeout 90 "$BIN/keyfob" exec dev --refresh --mask --min-valid 5s -- python3 "$SCRATCH/watch.py"
is "with --mask every one of them is hidden" "$RC $(printf '%s\n' "$OUT" | sed 1d | sort -u)" "0 [keyfob: token]"
is "a name of its own" "$(kf exec dev --refresh --env MINE -- sh -c 'test -s "$MINE" && echo yes')" yes

# --- however it ends ---
is "the command's status" "$(kf exec dev --refresh -- sh -c 'exit 42'; echo $?) $(left)" "42 0"
is "killed by a signal" "$(kf exec dev --refresh -- sh -c 'kill -TERM $$' 2>/dev/null; echo $?) $(left)" "143 0"
is "no such command" "$(kf exec dev --refresh -- /nonexistent/x 2>/dev/null; echo $?) $(left)" "127 0"
start() { # a command that runs; PARENT
    "$BIN/keyfob" exec dev --refresh -- sh -c 'echo $$ >"$0"; exec sleep 60' "$SCRATCH/pid" &
    PARENT=$!
    PIDS+=("$PARENT")
    wait_until "the command" test -s "$SCRATCH/pid"
}
for s in TERM HUP USR1; do
    rm -f "$SCRATCH/pid"
    start
    kill -$s $PARENT
    wait $PARENT
    is "SIG$s at the parent" "$? $(left)" "$((128 + $(kill -l $s))) 0"
done
# killed hard: the command goes on, and the next one cleans up; one that still runs keeps its directory
rm -f "$SCRATCH/pid"
start
kill -9 $PARENT
wait $PARENT 2>/dev/null
child=$(cat "$SCRATCH/pid")
kill -0 "$child" || fail "the command did not go on"
is "killed hard, it leaves its directory" "$(left)" 1
rm -f "$SCRATCH/pid"
start
is "which the next one removes" "$(left)" 1
kf exec dev --refresh -- true || fail "another one at the same time"
is "but not that of one that runs" "$(left)" 1
kill "$child"
kill $PARENT
wait $PARENT
is "all gone" "$(left)" 0

# --- a renewal that fails: said once, tried again, the command goes on ---
# The command itself makes it fail: the first token is there by then. It goes on until that is said, and until the agent
# was asked MORE times again; the calls in its log are of nobody else.
cat >"$SCRATCH/until_said" <<'S'
#!/bin/sh
"$@"
asked() { grep -c 'call: .*GetToken from' "$XDG_STATE_HOME/keyfob/keyfobd.log"; }
until grep -q 'could not be renewed' "$0.err"; do sleep 0.05; done
n=$(($(asked) + MORE))
until [ "$(asked)" -ge "$n" ]; do sleep 0.05; done
S
chmod +x "$SCRATCH/until_said"
said() { # MORE COMMAND...: exec --refresh of `until_said COMMAND...; cat the file`; OUT, ERR, RC
    RC=0
    OUT=$(MORE=$1 timeout 60 "$BIN/keyfob" exec dev --refresh --min-valid 5s -- sh -c '"$@" && cat "$KEYFOB_TOKEN_FILE"' sh \
        "$SCRATCH/until_said" "${@:2}" 2>"$SCRATCH/until_said.err") || RC=$?
    ERR=$(cat "$SCRATCH/until_said.err")
}
said 2 curl -sS --noproxy '*' -X POST -d '[{"path":"/user_management/authenticate","grant":"refresh_token","status":400,"body":{"error":"invalid_grant"}}]' \
    -o /dev/null "$U/sandbox/faults"
is "the command goes on" "$RC" 0
has "with the token it had" "$OUT" "eyJ"
is "it is said once" "$(printf '%s\n' "$ERR" | grep -c 'could not be renewed')" 1
faults '[]'
login_dev
is "bad input" "$(kf exec dev --refresh --fd 5 -- true 2>/dev/null; echo $?)" 125
chmod 755 "$RUN"
run kf exec dev --refresh -- true
is "a runtime directory that others may enter" "$RC" 125
chmod 700 "$RUN"
said 2 "$BIN/keyfob" agent stop
is "a session that went away with its agent: the command goes on" "$RC" 0
has "with the token it had" "$OUT" "eyJ"
is "and that is said once, too" "$(printf '%s\n' "$ERR" | grep -c 'could not be renewed')" 1
