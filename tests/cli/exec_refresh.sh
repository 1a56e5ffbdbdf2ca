#!/usr/bin/env bash
# exec --refresh: a file whose token is always valid, and nothing left behind.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
sandbox --token-life 6s
profile_dev
login_dev
RUN=$XDG_RUNTIME_DIR/keyfob
left() { find "$RUN" -name 'exec.*' | wc -l | tr -d ' '; }

# watches the file for 8 s, which is more than a life of a token
cat >"$SCRATCH/watch.py" <<'P'
import base64, json, os, stat, sys, time
path, seen, least = os.environ['KEYFOB_TOKEN_FILE'], [], 99
assert 'WORKOS_ACCESS_TOKEN' not in os.environ
assert stat.S_IMODE(os.stat(path).st_mode) == 0o600 and stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
end = time.time() + 8
while time.time() < end:
    token = open(path).read()
    body = token.split('.')[1]
    exp = json.loads(base64.urlsafe_b64decode(body + '=' * (-len(body) % 4)))['exp']
    least = min(least, exp - time.time())
    if token not in seen: seen.append(token)
    time.sleep(0.05)
print(len(seen), least > 0, path)
for t in seen: print(t)
P
OUT=$(kf exec dev --refresh --min-valid 2s -- python3 "$SCRATCH/watch.py") || fail "watch: $OUT"
read -r n fresh path <<<"$OUT"
[ "$n" -ge 3 ] || fail "only $n tokens in 8 s"
ok "$n tokens in 8 s, each a whole one"
is "never an expired one" "$fresh" True
has "in the runtime directory" "$path" "$RUN/exec."
is "it is gone afterwards" "$(left)" 0
run timeout 30 "$BIN/keyfob" exec dev --refresh --mask --min-valid 2s -- python3 "$SCRATCH/watch.py"
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
kf token dev --renew >/dev/null || fail renew # so that the first request is that of the refresh
faults '[{"path":"/user_management/authenticate","grant":"refresh_token","nth":1,"status":400,"body":{"error":"invalid_grant"}}]'
run timeout 30 "$BIN/keyfob" exec dev --refresh --min-valid 2s -- sh -c 'sleep 4; echo over'
is "the command goes on" "$RC$OUT" 0over
is "it is said once" "$(printf '%s\n' "$ERR" | grep -c 'could not be renewed')" 1
faults '[]'
login_dev
is "bad input" "$(kf exec dev --refresh --fd 5 -- true 2>/dev/null; echo $?)" 125
chmod 755 "$RUN"
run kf exec dev --refresh -- true
is "a runtime directory that others may enter" "$RC" 125
chmod 700 "$RUN"
run timeout 30 "$BIN/keyfob" exec dev --refresh --min-valid 2s -- sh -c '"$0" agent stop; sleep 4; cat "$KEYFOB_TOKEN_FILE"' "$BIN/keyfob"
is "a session that went away with its agent: the command goes on" "$RC" 0
has "with the token it had" "$OUT" "eyJ"
is "and that is said once, too" "$(printf '%s\n' "$ERR" | grep -c 'could not be renewed')" 1
