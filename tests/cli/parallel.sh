#!/usr/bin/env bash
# 200 callers of an expired session cause exactly one renewal; a loop with --min-valid never prints
# a token that is too short, and no refresh token is used twice.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
sandbox # its tokens live for 5 minutes: the renewed one is not due again while there are callers
profile_dev
# but the first one is over in a second; nothing renews it ahead of time, because a sign-in is no use of it
short=$(python3 -c 'import base64,json,time
b=lambda d: base64.urlsafe_b64encode(json.dumps(d).encode()).decode().rstrip("=")
t=int(time.time())
print(b({"alg":"RS256","typ":"JWT"})+"."+b({"sub":"user_01KSB0000000000000000PLAIN","sid":"session_1","iat":t-9,"exp":t+1})+".c2ln")')
faults '[{"path":"/user_management/authenticate","grant":"password","replace":{"access_token":"'"$short"'"}}]'
login_dev
wait_until "the token to expire" sh -c "[ \"\$('$BIN/keyfob' status dev --json | sed -n 's/.*\"left_s\":\\(-\\{0,1\\}[0-9]*\\).*/\\1/p')\" -lt 0 ]"
before=$(stat_of grants refresh_token)
faults '[{"path":"/user_management/authenticate","grant":"refresh_token","delay_ms":700}]'
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
    asked=$(date +%s%3N) # the token comes later, so this bound holds however busy the machine is
    t=$(kf token dev --min-valid 10s) || fail "token in the loop"
    left=$(python3 -c 'import base64,json,sys
p=sys.argv[1].split(".")[1]; print(json.loads(base64.urlsafe_b64decode(p+"="*(-len(p)%4)))["exp"]*1000-int(sys.argv[2]))' "$t" "$asked")
    [ "$left" -ge 9990 ] || fail "a token with $left ms left" # clocks tick in ms
    n=$((n + 1))
done
ok "$n tokens, each valid for 10 s"
is "no refresh token was used twice" "$(stat_of reused)" 0
[ "$(stat_of grants refresh_token)" -ge 1 ] || fail "never renewed"
ok "renewed $(stat_of grants refresh_token) times"
