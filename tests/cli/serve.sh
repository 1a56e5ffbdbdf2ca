#!/usr/bin/env bash
# The token socket: who is let in and what is given.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
. "$SRC/tests/cli/serve.inc"
sandbox
profile_dev
profile_dev other
profile_dev nobody
login_dev
T=$(kf token dev) || fail token

serve dev
is "the socket is private" "$(stat -c '%a %F' "$S") $(stat -c %a "${S%/*}")" "600 socket 700"
is "a token" "$(curl -sS --unix-socket "$S" http://keyfob/token)" "$T"
is "by name" "$(curl -sS --unix-socket "$S" http://keyfob/token/dev)" "$T"
is "as JSON, when asked for" "$(curl -sS --unix-socket "$S" -H 'Accept: application/json' http://keyfob/token | json access_token)" "$T"
is "or by the query" "$(curl -sS --unix-socket "$S" 'http://keyfob/token?format=json' | json schema)" keyfob.token/1
is "through ssh -R it is localhost" "$(curl -sS --unix-socket "$S" http://localhost:8080/token)" "$T"
ask /token -D "$SCRATCH/head"
has "not to be kept" "$(cat "$SCRATCH/head")" "Cache-Control: no-store"
for path in / /token/ /token/other /token/nobody /tokens /token/dev/x /token/../token /claims //token; do
    ask "$path" --path-as-is
    is "nothing at $path" "$STATUS" 404
done
ask /token -I
is "no HEAD" "$STATUS" 405
for method in POST PUT DELETE OPTIONS BREW; do
    ask /token -X "$method" -m 5
    is "no $method" "$STATUS" 405
    ask /token -X "$method" -m 5 -d x -D "$SCRATCH/head"
    is "no $method with a body" "$STATUS" 405
    has "but GET" "$(cat "$SCRATCH/head")" "Allow: GET"
done
ask /token -H 'Host: evil.test'
is "another host" "$STATUS" 421
ask /token -H 'Host: keyfob.evil.test'
is "a host that only begins right" "$STATUS" 421
ask /token -H 'Origin: https://evil.test'
is "a web page" "$STATUS" 403
ask /token -H 'Sec-Fetch-Mode: no-cors'
is "a browser" "$STATUS" 403
head -c 100000 /dev/zero | tr '\0' a >"$SCRATCH/long"
ask "/token?$(head -c 40000 "$SCRATCH/long")"
[ "$STATUS" != 200 ] && [ "$STATUS" != 000 ] || fail "a head of 40 kB: $STATUS"
ok "a huge head is refused: $STATUS"
ask /token -X GET --data-binary @"$SCRATCH/long"
is "a body where none belongs" "$STATUS" 413
hasnt "which is not the matter of its size" "$BODY" MiB

# the agent dies and comes back
kill -9 "$(kf agent status --json | json pid)"
ask /token
[ "$STATUS" = 401 ] || [ "$STATUS" = 200 ] || fail "after the agent was killed: $STATUS $BODY"
ok "the agent was killed: it is started again (its memory is gone with it: $STATUS)"
printf 'sk_test_sandbox' | kf profile edit dev --api-key-stdin >/dev/null 2>&1
login_dev
T=$(kf token dev)
ask /token
is "and gives tokens again" "$BODY" "$T"
kf logout dev >/dev/null
ask /token
is "nobody is signed in" "$STATUS" 401
has "with a reason" "$BODY" "workos.not_signed_in"
login_dev
T=$(kf token dev)
end
[ ! -e "$S" ] && [ ! -e "${S%/*}" ] || fail "socket or directory stays"
ok "socket and directory are gone"

# another user
if [ "$(id -u)" -eq 0 ]; then
    as() { setpriv --reuid "$1" --clear-groups curl -sS -m 5 --unix-socket "$S" http://keyfob/token; }
    chmod 711 "$SCRATCH" "$SCRATCH/h" "$XDG_RUNTIME_DIR"
    serve dev
    run as 12345
    [ "$RC" -ne 0 ] || fail "another user got the token"
    end
    serve dev --allow-uid 12345,12346
    is "a user who is let in" "$(as 12345)" "$T"
    run as 12347
    is "and nobody else" "$RC$(case $OUT in *eyJ*) echo leaked ;; esac)" "$RC"
    [ "$RC" -ne 0 ] || fail "a third user got the token"
    end
    chmod 700 "$SCRATCH" "$SCRATCH/h" "$XDG_RUNTIME_DIR"
fi

# a path of one's own
mkdir -m 700 "$SCRATCH/own"
serve dev --socket "$SCRATCH/own/s"
is "at a path that was given" "$(curl -sS --unix-socket "$SCRATCH/own/s" http://keyfob/token)" "$T"
run kf serve dev --socket "$SCRATCH/own/s"
is "somebody answers there" "$RC" 2
kill -9 "$SERVE"
wait_until "the end of serve" ended
serve dev --socket "$SCRATCH/own/s"
is "a dead socket is in nobody's way" "$(curl -sS --unix-socket "$SCRATCH/own/s" http://keyfob/token)" "$T"
end
echo mine >"$SCRATCH/own/file"
run kf serve dev --socket "$SCRATCH/own/file"
is "a file is kept" "$RC$(cat "$SCRATCH/own/file")" 2mine
mkdir -m 777 "$SCRATCH/open"
chmod 777 "$SCRATCH/open"
run kf serve dev --socket "$SCRATCH/open/s"
is "a directory that is open to others" "$RC" 6
run kf serve dev --socket relative
is "a relative path" "$RC" 2
run kf serve dev --allow-uid -1
is "no user" "$RC" 2
run kf serve dev --for soon
is "no duration" "$RC" 2
is "stdout closed: nobody would know the socket" "$(timeout 20 "$BIN/keyfob" serve dev --for 1m >&- 2>/dev/null; echo $?)" 1
is "its command finds it closed, too" "$("$BIN/keyfob" serve dev -- sh -c '[ -e /proc/self/fd/1 ] && echo open >&2; exit 0' 2>&1 >&-)" ""
run kf serve "../x" --for 1s
is "no profile name" "$RC" 2

hasnt "no token was logged" "$(cat "$SCRATCH/serve.err")" "${T:0:40}"
