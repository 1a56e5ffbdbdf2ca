#!/usr/bin/env bash
# The token socket: who is let in, what is given, when it ends; and the proxy, against a server that says what came.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
sandbox
profile_dev
profile_dev other
profile_dev nobody
login_dev
T=$(kf token dev) || fail token

# serve NAME OPTION...: starts keyfob serve; its socket is S, its pid SERVE
serve() {
    rm -f "$SCRATCH/serve.out"
    "$BIN/keyfob" serve "$@" >"$SCRATCH/serve.out" 2>"$SCRATCH/serve.err" &
    SERVE=$!
    PIDS+=("$SERVE")
    wait_until "the socket" test -s "$SCRATCH/serve.out"
    S=$(sed -n 1p "$SCRATCH/serve.out")
}
ended() { ! kill -0 "$SERVE" 2>/dev/null; }
end() {
    kill "$SERVE"
    wait_until "the end of serve" ended
}
# ask PATH [CURL-OPTION...]: BODY and STATUS of the answer
ask() {
    local path=$1
    shift
    STATUS=$(curl -sS --unix-socket "$S" -o "$SCRATCH/body" -w '%{http_code}' "$@" "http://keyfob$path") || STATUS=000
    BODY=$(cat "$SCRATCH/body" 2>/dev/null)
    rm -f "$SCRATCH/body"
}

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

# clients that misbehave hold up nobody
python3 - "$S" "$SCRATCH/held" <<'P' &
import socket, sys, time
held = []
for i in range(40):
    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.send(b"GET /token HT"[:i % 13]); held.append(s)
for text in (b"\0" * 2000, b"GET /token HTTP/9.9\r\n\r\n", b"nonsense\r\n\r\n", b"GET http://evil.test/ HTTP/1.1\r\nHost: keyfob\r\n\r\n",
             b"GET /token HTTP/1.1\r\nHost: keyfob\r\nHost: evil\r\n\r\n"):
    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.send(text); s.settimeout(1)
    try: answer = s.recv(65536)
    except (ConnectionResetError, TimeoutError): answer = b""
    assert b"eyJ" not in answer, (text, answer)
open(sys.argv[2], "w").write("yes")
time.sleep(60)
P
PIDS+=($!)
wait_until "the misbehaving clients" test -s "$SCRATCH/held"
is "forty half requests hold up nobody" "$(curl -sS -m 5 --unix-socket "$S" http://keyfob/token)" "$T"
kill "${PIDS[-1]}"

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

# ends
serve dev --for 300ms
wait_until "the end after --for" ended
[ ! -e "$S" ] || fail "the socket stays after --for"
ok "--for ends it"
run kf serve dev -- sh -c 'curl -sS --unix-socket "$KEYFOB_TOKEN_SOCKET" http://keyfob/token; ls "$KEYFOB_TOKEN_SOCKET" >&2; exit 42'
is "with a command: its status" "$RC" 42
is "and its token" "$OUT" "$T"
[ ! -e "$(grep token.sock <<<"$ERR")" ] || fail "the socket stays after the command"
run kf serve dev -- /no/such/command
is "a command that is not there" "$RC" 127
run kf serve dev -- sh -c 'kill -TERM $$'
is "a command that was killed" "$RC" 143
"$BIN/keyfob" serve dev -- sh -c 'echo $$ >'"$SCRATCH/child"'; exec sleep 60' &
SERVE=$!
PIDS+=("$SERVE")
wait_until "the command" test -s "$SCRATCH/child"
kill -9 "$SERVE"
gone() { ! kill -0 "$(cat "$SCRATCH/child")" 2>/dev/null; }
wait_until "the end of the command when serve is killed" gone
ok "the command does not outlive it"

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
run kf serve "../x" --for 1s
is "no profile name" "$RC" 2

# --- the proxy
python3 - >"$SCRATCH/up.port" <<'P' &
import http.server, json, socket
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def any(s):
        n = int(s.headers.get("Content-Length") or 0)
        body = s.rfile.read(n)
        if s.path.startswith("/redirect"):
            s.send_response(302); s.send_header("Location", "https://evil.test/"); s.send_header("Content-Length", "0"); s.end_headers(); return
        if s.path.startswith("/die"):
            s.close_connection = True; s.connection.shutdown(socket.SHUT_RDWR); return
        text = json.dumps({"method": s.command, "path": s.path, "headers": s.headers.items(), "bytes": len(body), "body": body[:100].decode("latin1")}).encode()
        s.send_response(418 if s.path.startswith("/teapot") else 200)
        s.send_header("Content-Type", "application/json"); s.send_header("X-Up", "yes"); s.send_header("Connection", "X-Hop"); s.send_header("X-Hop", "1")
        s.send_header("Content-Length", str(len(text))); s.end_headers()
        if s.command != "HEAD": s.wfile.write(text)
    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = any
    def log_message(s, *a): pass
v = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
print(v.server_port, flush=True)
v.serve_forever()
P
UP=$!
PIDS+=("$UP")
wait_until "the upstream" test -s "$SCRATCH/up.port"
UPSTREAM=http://127.0.0.1:$(cat "$SCRATCH/up.port")
serve dev --proxy "$UPSTREAM"
sent() { python3 -c 'import json,sys; d=json.load(sys.stdin); print([v for k,v in d["headers"] if k.lower()==sys.argv[1].lower()])' "$1" <<<"$BODY"; }
ask '/v1/things?a=1&b=%20'
is "passed on" "$STATUS $(json path <<<"$BODY")" "200 /v1/things?a=1&b=%20"
is "with the token" "$(sent Authorization)" "['Bearer $T']"
ask /x -H 'Authorization: Bearer mine' -H 'Proxy-Authorization: Basic x' -H 'X-Mine: 1' -H 'Connection: X-Named' -H 'X-Named: 2' -H 'TE: trailers'
is "the client's own Authorization is not" "$(sent Authorization)" "['Bearer $T']"
is "its other headers are" "$(sent X-Mine)" "['1']"
is "but none that belongs to this connection" "$(sent X-Named)$(sent Proxy-Authorization)$(sent TE)" "[][][]"
is "the host is the upstream's" "$(sent Host)" "['${UPSTREAM#http://}']"
ask /x -X POST -H 'Content-Type: text/plain' --data-binary 'hello'
is "a body" "$(json method <<<"$BODY") $(json body <<<"$BODY") $(sent Content-Type)" "POST hello ['text/plain']"
head -c 5000000 /dev/urandom >"$SCRATCH/big"
ask /x -X PUT --data-binary @"$SCRATCH/big"
is "a big body" "$(json bytes <<<"$BODY")" 5000000
head -c 9000000 /dev/zero >"$SCRATCH/big"
ask /x -X PUT --data-binary @"$SCRATCH/big"
is "one that is too big" "$STATUS" 413
ask /x -X PUT -H 'Transfer-Encoding: chunked' --data-binary 'in pieces'
is "in pieces" "$(json body <<<"$BODY")" "in pieces"
ask /teapot -D "$SCRATCH/head"
is "the upstream's status" "$STATUS" 418
has "its headers" "$(cat "$SCRATCH/head")" "X-Up: yes"
ask /redirect -D "$SCRATCH/head"
is "a redirect is not followed" "$STATUS" 302
has "but passed on" "$(cat "$SCRATCH/head")" "Location: https://evil.test/"
ask /x -I
is "HEAD" "$STATUS" 200
ask /a/../../b --path-as-is
is "the path as it is" "$(json path <<<"$BODY")" "/a/../../b"
ask /die
is "the upstream breaks off" "$STATUS" 502
for bad in 'GET http://evil.test/ HTTP/1.1' 'GET @evil.test/ HTTP/1.1' 'GET evil HTTP/1.1' 'CONNECT evil.test:443 HTTP/1.1' 'TRACE / HTTP/1.1'; do
    answer=$(printf '%s\r\nHost: keyfob\r\nConnection: close\r\n\r\n' "$bad" | timeout 10 python3 -c 'import socket,sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.stdin.buffer.read()); print(s.recv(200).decode("latin1"))' "$S")
    case $answer in "HTTP/1.1 4"*) ok "refused: $bad" ;; *) fail "$bad: $answer" ;; esac
done
smuggled=$(printf 'POST /x HTTP/1.1\r\nHost: keyfob\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: keyfob\r\n\r\n' | timeout 10 python3 -c 'import socket,sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.stdin.buffer.read())
t = b""
while True:
    d = s.recv(65536)
    if not d: break
    t += d
print(t.decode("latin1"))' "$S")
hasnt "two lengths smuggle nothing" "$smuggled" '"/smuggled"'
hasnt "the token is in no answer of the proxy's own" "$(ask /die; echo "$BODY")" "$T"
kill "$UP"
wait "$UP" 2>/dev/null
ask /x
is "no upstream" "$STATUS" 502
end
run kf serve dev --proxy http://example.test
is "an upstream without TLS" "$RC" 2
run kf serve dev other --proxy "$UPSTREAM"
is "a proxy for two" "$RC" 2
hasnt "no token was logged" "$(cat "$SCRATCH/serve.err")" "${T:0:40}"
