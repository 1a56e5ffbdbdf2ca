#!/usr/bin/env bash
# lock and unlock, with a vault and with a store in memory: nothing is given out while it is locked,
# and no session ends.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
run kf lock
is "no agent: nothing to lock" "$RC$OUT" 0
is "and none was started" "$(kf agent status --json | json running)" false
sandbox
export KEYFOB_STORE=vault
printf 'a passphrase' >"$SCRATCH/pass"
chmod 600 "$SCRATCH/pass"
KEYFOB_PASSPHRASE_FILE=$SCRATCH/pass profile_dev
login_dev
T=$(kf token dev) || fail token
run kf lock
is "lock" "$RC$OUT" 0
has "says how to unlock" "$ERR" "keyfob unlock"
run kf token dev
is "locked: no token" "$RC$OUT" 6
has "says how to unlock" "$ERR" "keyfob unlock"
run kf renew dev
is "nor a renewal" "$RC" 6
is "the state" "$(kf status dev --json | json state)" locked
run kf unlock
is "nobody can be asked" "$RC" 6
run kf unlock --passphrase-stdin <<<"another one"
is "a wrong passphrase" "$RC" 7
run kf token dev
is "still locked" "$RC$OUT" 6
kf unlock --passphrase-stdin <"$SCRATCH/pass" || fail unlock
is "the same session" "$(kf token dev)" "$T"
kf renew dev >/dev/null || fail renew
ok "and it renews"
is "as JSON" "$(kf lock --json | json schema)" keyfob.lock/1
is "as JSON" "$(kf unlock --passphrase-stdin --json <"$SCRATCH/pass" | json store state)" ok
python3 - "$BIN/keyfob" <<'P' || fail "the passphrase is not asked at a terminal"
import os, pty, subprocess, sys
subprocess.run([sys.argv[1], "lock"], check=True, stderr=subprocess.DEVNULL)
pid, fd = pty.fork()
if pid == 0: os.execv(sys.argv[1], ["keyfob", "unlock"])
seen = b""
while b"Passphrase of the vault" not in seen: seen += os.read(fd, 1000)
os.write(fd, b"a passphrase\n")
try:
    while True: seen += os.read(fd, 1000)
except OSError: pass
assert os.waitpid(pid, 0)[1] == 0, seen
assert b"a passphrase" not in seen.replace(b"Passphrase", b""), seen
P
ok "at a terminal it is asked for, without echo"
kf agent stop || fail stop

# in memory: the sessions are kept, and nothing has to be typed
export KEYFOB_STORE=memory
homes "$SCRATCH/h2"
profile_dev
login_dev
T=$(kf token dev) || fail token
run kf lock --json
is "the answer says so" "$RC$(printf %s "$OUT" | json store locked)" 0true
for call in "token dev" "token dev --renew" "renew dev" "org list dev" "logout dev"; do
    # shellcheck disable=SC2086
    run kf $call
    is "locked: $call" "$RC$OUT" 6
    has "is told to unlock: $call" "$ERR" "keyfob unlock"
done
run kf exec dev -- true
is "locked: exec" "$RC$OUT" 125
is "the state" "$(kf status dev --json | json state)" locked
run kf status dev --check
is "status --check" "$RC" 6
has "says how to unlock" "$ERR" "keyfob unlock"
has "status says why" "$(kf status dev)" "Nothing is given out: keyfob is locked"
is "the prompt" "$(kf status dev --prompt '{state}')" locked
has "agent status" "$(kf agent status)" "Lock    locked"
has "doctor" "$(kf doctor)" "run keyfob unlock"
run kf unlock
is "unlock asks for nothing" "$RC$OUT" 0
is "the same session" "$(kf token dev)" "$T"
is "the state" "$(kf status dev --json | json state)" signed_in
kf renew dev >/dev/null || fail renew
ok "and it renews"
run kf unlock
is "unlocked already" "$RC" 0
