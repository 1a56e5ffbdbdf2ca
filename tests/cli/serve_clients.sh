#!/usr/bin/env bash
# Clients that misbehave hold up nobody, and those that take their time are not cut.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
. "$SRC/tests/cli/serve.inc"
sandbox
profile_dev
login_dev
T=$(kf token dev) || fail token
cat >"$SCRATCH/client.py" <<'P'
import select, socket, sys, time
def connect(send=b""):
    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[2]); s.settimeout(60); s.sendall(send)
    return s
def get(path): return f"GET {path} HTTP/1.1\r\nHost: keyfob\r\n\r\n".encode()
def head(s):
    data = b""
    while b"\r\n\r\n" not in data:
        part = s.recv(65536)
        assert part, ("it was cut", data)
        data += part
    return data.split(b"\r\n\r\n", 1)
def seconds_to_the_end(s, more=b""):
    """Sends, but takes nothing."""
    began = time.monotonic()
    p = select.poll(); p.register(s, 0)
    while not p.poll(200):
        assert time.monotonic() - began < 90, "it was not cut"
        try: s.send(more)
        except BrokenPipeError: pass
    return time.monotonic() - began
def held(*sockets): # until the test is over
    print("held", flush=True)
    time.sleep(150)
what, limit = sys.argv[1], float(sys.argv[3])
if what == "halves":
    held(*[connect(b"GET /token HT"[:i % 13]) for i in range(80)])
elif what == "bad":
    for text in (b"\0" * 2000, b"GET /token HTTP/9.9\r\n\r\n", b"nonsense\r\n\r\n", b"GET http://evil.test/ HTTP/1.1\r\nHost: keyfob\r\n\r\n",
                 b"GET /token HTTP/1.1\r\nHost: keyfob\r\nHost: evil\r\n\r\n"):
        s = connect(text); s.settimeout(1)
        try: answer = s.recv(65536)
        except (ConnectionResetError, TimeoutError): answer = b""
        assert b"eyJ" not in answer, (text, answer)
elif what == "half": # of a head
    took = seconds_to_the_end(connect(b"GET /token HTTP/1.1\r\nHost: key"))
    assert limit - 1 < took < 55, took
elif what == "rest": # after an answer
    s = connect(get("/x")); s.recv(65536)
    took = seconds_to_the_end(s)
    assert limit - 1 < took, took
elif what == "body": # a byte now and then
    took = seconds_to_the_end(connect(b"POST /x HTTP/1.1\r\nHost: keyfob\r\nContent-Length: 10000\r\n\r\n"), b"x")
    assert limit - 1 < took, took
elif what == "deaf":
    took = seconds_to_the_end(connect(get("/large")))
    assert limit - 1 < took, took
elif what == "use": # one connection, again and again
    s, began = connect(), time.monotonic()
    while time.monotonic() - began < 2.5 * limit:
        s.sendall(get("/x"))
        start, body = head(s)
        n = int(start.lower().split(b"content-length:")[1].split()[0])
        while len(body) < n: body += s.recv(65536)
        assert b" 200 " in start, start
        time.sleep(limit / 20)
elif what == "slow": # takes its answer bit by bit
    s = connect(get("/large"))
    body = head(s)[1]
    while len(body) < 7000000:
        part = s.recv(65536)
        assert part, "it was cut"
        body += part
        time.sleep(2 * limit / 107)
print("ok", flush=True)
P
# client WHAT LIMIT: in the background, with its result in $SCRATCH/WHAT
client() {
    python3 "$SCRATCH/client.py" "$1" "$S" "$2" >"$SCRATCH/$1" 2>&1 &
    PIDS+=($!)
}
says() { grep -q "$2" "$SCRATCH/$1"; }
# good WHAT SENTENCE: it ended well
good() {
    local end=$((SECONDS + 100))
    while [ $SECONDS -lt $end ] && ! says "$1" '^ok$' && ! says "$1" Error; do read -r -t 0.1 <> <(:) || true; done
    says "$1" '^ok$' || fail "$2: $(cat "$SCRATCH/$1")"
    ok "$2"
}

# all at once, each with a connection that is in nobody's way
upstream
start_serve "$BIN/keyfob-serve" --proxy "$UPSTREAM" --patience 5s dev
for what in use slow rest body deaf; do client $what 5; done
serve dev
client half 10
client bad 0
good bad "what is no request gets no token"
good use "a connection is used for longer than a request may take"
good slow "an answer is taken for longer than that"
good rest "one that rests is not kept for ever"
good body "nor one whose body drips"
good deaf "nor one that takes nothing"
good half "half a head is waited for 10 s"
is "the token, still" "$(curl -sS -m 20 --unix-socket "$S" http://keyfob/token)" "$T"
end

# more of them than there are places; nobody's time is over
start_serve "$BIN/keyfob-serve" --patience 1h dev
client halves 0
wait_until "eighty half requests" says halves held
is "eighty half requests hold up nobody" "$(curl -sS -m 8 --unix-socket "$S" http://keyfob/token)" "$T"
# and with as many who ask at once, each gets its answer
for i in $(seq 100); do echo "url=http://keyfob/token"; echo "output=$SCRATCH/many.$i"; done >"$SCRATCH/many.curl"
curl -sS -Z --parallel-max 100 --parallel-immediate -m 60 --unix-socket "$S" -K "$SCRATCH/many.curl" 2>"$SCRATCH/err" || fail "a hundred at once"
is "a hundred who ask at once" "$(cat "$SCRATCH"/many.[0-9]* | sort -u)" "$T"
is "all of them" "$(cat "$SCRATCH"/many.[0-9]* | wc -l | tr -d ' ')" 100
end
