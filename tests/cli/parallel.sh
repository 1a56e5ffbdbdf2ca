#!/usr/bin/env bash
# 200 callers of an expired session cause exactly one renewal; a loop with --min-valid never prints
# a token that is too short, and no refresh token is used twice.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
sandbox --token-life 3s
profile_dev
login_dev # a sign-in is no use of the token: nothing renews it ahead of time
wait_until "the token to expire" sh -c "[ \"\$('$BIN/keyfob' status dev --json | sed -n 's/.*\"expires_in_s\":\\(-\\{0,1\\}[0-9]*\\).*/\\1/p')\" -lt 0 ]"
before=$(stat_of grants refresh_token)
curl -sS -X POST -d '[{"path":"/user_management/authenticate","grant":"refresh_token","from":1,"to":1,"delay_ms":700}]' "$U/sandbox/faults" >/dev/null
for i in $(seq 200); do kf token dev --min-valid 1ms >"$SCRATCH/t.$i" 2>"$SCRATCH/e.$i" & pids[i]=$!; done
for i in $(seq 200); do wait "${pids[i]}" || fail "caller $i: $(cat "$SCRATCH/e.$i")"; done
is "200 callers, one renewal" "$(($(stat_of grants refresh_token) - before))" 1
is "all got the same token" "$(cat "$SCRATCH"/t.* | sort -u | wc -l | tr -d ' ')" 1
is "no reuse" "$(stat_of reused)" 0

# a fresh sandbox with 20 s tokens, the loop for a bounded time (the person's check runs 2 minutes)
kf agent stop || fail stop
kill "$SANDBOX_PID"
sandbox --token-life 20s --replay-window 0s
kf profile rm dev --yes >/dev/null 2>&1
profile_dev
login_dev
end=$((SECONDS + ${LOOP_SECONDS:-25}))
n=0
while [ $SECONDS -lt $end ]; do
    t=$(kf token dev --min-valid 10s) || fail "token in the loop"
    left=$(python3 -c 'import base64,json,sys,time
p=sys.argv[1].split(".")[1]; print(int(json.loads(base64.urlsafe_b64decode(p+"="*(-len(p)%4)))["exp"]-time.time()))' "$t")
    [ "$left" -ge 9 ] || fail "a token with $left s left"
    n=$((n + 1))
done
[ "$n" -gt 20 ] || fail "only $n rounds"
ok "$n tokens, each valid for 10 s"
is "no refresh token was used twice" "$(stat_of reused)" 0
[ "$(stat_of grants refresh_token)" -ge 1 ] || fail "never renewed"
ok "renewed $(stat_of grants refresh_token) times"
