#!/bin/bash
# A new build is installed under a running agent that has a memory store, and then one with a typed
# passphrase, while the screen is open: `keyfob token` answers from the new build, nobody is signed
# out, the screen goes on. And an agent of an older protocol is asked to go on as the installed one.
SRC=$1 BIN=$2
. "$SRC/tests/tui/lib.sh"
. "$SRC/tests/tui/signin.sh"

mkdir -p "$SCRATCH/bin"
cp "$BIN"/keyfob* "$SCRATCH/bin" || fail copy
BIN=$SCRATCH/bin
build_of() { kf agent status --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["build"])'; }
# upgrade NAME: a keyfobd of another build, put there as a package manager does it
upgrade() {
    python3 - "$BIN/keyfobd" "$(build_of)" "$1" <<'EOF' || fail "make another build"
import os, sys
path, was, name = sys.argv[1], sys.argv[2].encode() + b"\0", sys.argv[3].encode() + b"\0"
data = open(path, "rb").read()
assert data.count(was) == 1 and len(name) <= len(was), was
with open(path + ".new", "wb") as f:
    f.write(data.replace(was, name.ljust(len(was), b"\0")))
os.chmod(path + ".new", 0o755)
os.rename(path + ".new", path)
EOF
    wait_until "the agent sees it" sh -c "'$BIN/keyfob' doctor --json 2>/dev/null | grep -q 'was replaced'"
}

sandbox --device-interval 1s
profile_dev dev
tui 100x30 "'$BIN/keyfob-tui'"
wait_for "1 profile,"
with_password dev plain@example.test
signed_in dev plain@example.test "dev is signed in"
T=$(kf token dev) || fail token
PID=$(kf agent status --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["pid"])')
upgrade 0.9+one
is "doctor changed nothing" "$(build_of)" "$(kf version | sed 's/keyfob //')"
is "the same session from the new build" "$(kf token dev)" "$T"
is "which runs now" "$(build_of)" 0.9+one
is "in the same process" "$(kf agent status --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["pid"])')" "$PID"
kf profile add later --client-id client_sandbox --api-host "$U" >/dev/null || fail "profile add"
wait_for "1 of 2"
pick dev
send r
newer() { [ "$(kf token dev)" != "$T" ]; }
wait_until "the screen renews the session" newer
ok "the screen goes on"
send Q
kf agent stop -q

# a passphrase that somebody typed, and no file of it
export KEYFOB_STORE=vault
PASS='correct horse battery staple'
call() { # METHOD PARAMETERS: one call, without a client of ours
    python3 - "$XDG_RUNTIME_DIR/keyfob/agent.sock" "$1" "$2" <<'EOF'
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect(sys.argv[1])
s.sendall(json.dumps({"method": "io.keyfob.Agent." + sys.argv[2], "parameters": json.loads(sys.argv[3])}).encode() + b"\0")
print(s.recv(1 << 16).split(b"\0")[0].decode())
EOF
}
kf agent start >/dev/null || fail "agent start"
hasnt "the vault is open" "$(call Unlock "{\"passphrase\": \"$PASS\", \"create\": true}")" error
profile_dev vaulted
login_dev vaulted
T=$(kf token vaulted) || fail "token of the vault"
upgrade 0.9+two
is "the vault stays open" "$(kf token vaulted --no-input)" "$T"
is "in the next build" "$(build_of)" 0.9+two
kf token vaulted --renew --no-input >/dev/null || fail "renew"
ok "and takes a renewed session"
kf lock >/dev/null 2>&1 || fail lock
upgrade 0.9+six
run kf token vaulted --no-input
is "a locked one stays locked" "$RC" 6
is "in the build after" "$(build_of)" 0.9+six
kf agent stop -q

# an agent of an older protocol
export KEYFOB_STORE=memory
mkdir -p "$XDG_RUNTIME_DIR/keyfob"
python3 - "$XDG_RUNTIME_DIR/keyfob/agent.sock" "$BIN/keyfobd" <<'EOF' &
import json, os, socket, sys
path, program = sys.argv[1:]
s = socket.socket(socket.AF_UNIX)
s.bind(path)
os.chmod(path, 0o600)
s.listen(8)
while True:
    c, _ = s.accept()
    call = json.loads(c.recv(1 << 16).split(b"\0")[0])["method"]
    if call.endswith(".Restart"):
        break
    c.sendall(json.dumps({"parameters": {"protocol": 0, "build": "0.0.1"}}).encode() + b"\0")
    c.close()
c.close()
s.close()
os.unlink(path)
os.execv(program, [program, "--foreground"])
EOF
PIDS+=("$!")
wait_until "the older agent" test -S "$XDG_RUNTIME_DIR/keyfob/agent.sock"
kf store status >/dev/null || fail "a call to an older agent"
is "the older agent goes on as this build" "$(build_of)" 0.9+six
