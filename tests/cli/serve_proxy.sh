#!/usr/bin/env bash
# The proxy that adds the token, against a server that says what came.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
. "$SRC/tests/cli/serve.inc"
sandbox
profile_dev
profile_dev other
login_dev
T=$(kf token dev) || fail token

upstream
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
for type in POST PUT; do
    ask /x -X $type -H 'Content-Type:' --data-binary 'hello'
    is "$type: a body without a type gets none" "$(json body <<<"$BODY") $(sent Content-Type)" "hello []"
done
ask /x -X POST -H 'Content-Type:' --data-binary ''
is "nor does an empty one" "$(json method <<<"$BODY") $(sent Content-Type)$(sent Content-Length)" "POST []['0']"
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
header() { tr -d '\r' <"$SCRATCH/head" | sed -n "s/^$1: *//Ip" | tr '\n' ';'; }
ask /large
is "a large answer" "$STATUS $(md5sum <<<"$BODY")" "200 $(python3 -c 'print("0123456789" * 700000)' | md5sum)"
ask /too-large
is "one that is too large" "$STATUS" 502
has "says so" "$BODY" "larger than 8192 KiB"
ask /large -I -D "$SCRATCH/head"
is "HEAD has the length of what it has not" "$STATUS $(header Content-Length)" "200 7000000;"
ask /endless -I -D "$SCRATCH/head"
is "and none where the upstream says none" "$STATUS $(header Content-Length)" "200 "
ask /same -D "$SCRATCH/head" -m 10
is "not modified: no false length" "$STATUS $(header Content-Length)$BODY" "304 "
ask '/same?77' -D "$SCRATCH/head" -m 10
is "or the upstream's" "$STATUS $(header Content-Length)$BODY" "304 77;"
for target in "GET /same" "GET /same?77" "HEAD /endless" "HEAD /large" "HEAD /x"; do
    behind=$(timeout 10 python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
s.sendall(f"{sys.argv[2]} HTTP/1.1\r\nHost: keyfob\r\n\r\n".encode())
data = b""
while not data.endswith(b"\r\n\r\n"): data += s.recv(1)
if b"connection: close" not in data.lower(): s.sendall(b"GET /405 HTTP/1.1\r\nHost: keyfob\r\nConnection: close\r\n\r\n")
print(s.recv(12).decode() or "end")' "$S" "$target")
    case $behind in "HTTP/1.1 405" | end) ok "not a byte behind the head of $target" ;; *) fail "$target: $behind" ;; esac
done
ask /405 -D "$SCRATCH/head"
is "the upstream's methods are its own to tell" "$STATUS $(header Allow)" "405 PUT;"
ask /x -X TRACE -D "$SCRATCH/head"
is "and the proxy's are the proxy's" "$STATUS $(header Allow)" "405 GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS;"
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
has "and are refused" "$smuggled" "HTTP/1.1 400"
raw() { printf "$1" | timeout 10 python3 -c 'import socket,sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.stdin.buffer.read()); s.shutdown(1)
t = b""
while d := s.recv(65536): t += d
print(t.decode("latin1"))' "$S"; }
for head in 'POST /x HTTP/1.1\r\nHost: keyfob\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab' \
    'POST /x HTTP/1.1\r\nHost: keyfob\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nab' 'GET /x HTTP/1.1\r\n\r\n'; do
    case $(raw "$head") in *'"path"'*) fail "$head was passed on" ;; "HTTP/1.1 4"* | "") ok "refused: $head" ;; *) fail "$head" ;; esac
done
ask /x -H 'Connection: X-One' -H 'Connection: X-Two' -H 'X-One: 1' -H 'X-Two: 2' -D "$SCRATCH/head"
hasnt "what two Connection headers name is not passed on" "$BODY" X-Two
is "nor what the upstream's names" "$(header X-Up)$(header X-Hop)" "yes;"
ask /switch
is "an upstream that changes the protocol" "$STATUS" 502
has "says so" "$BODY" "changed the protocol (status 101)"
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
