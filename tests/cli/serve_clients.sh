#!/usr/bin/env bash
# Clients that misbehave hold up nobody.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
. "$SRC/tests/cli/serve.inc"
sandbox
profile_dev
login_dev
T=$(kf token dev) || fail token

serve dev
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

end
