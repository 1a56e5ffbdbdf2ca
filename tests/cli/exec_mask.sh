#!/usr/bin/env bash
# exec --mask: real children whose output goes through pipes and through a terminal.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
sandbox
profile_dev
login_dev
T=$(kf token dev) || fail token
HEAD=${T%%.*} SIGN=${T##*.} BODY=${T#*.}
BODY=${BODY%.*}
M='[keyfob: token]'
mask() { timeout 60 "$BIN/keyfob" exec dev --mask "$@"; }

# --- what is hidden ---
is "the token" "$(mask -- sh -c 'echo "a $WORKOS_ACCESS_TOKEN b"')" "a $M b"
is "a header of curl -v" "$(mask -- sh -c 'printf "> Authorization: Bearer %s\r\n" "$WORKOS_ACCESS_TOKEN"')" "> Authorization: Bearer $M"$'\r'
is "its parts" "$(mask -- sh -c 'echo "$WORKOS_ACCESS_TOKEN" | tr . "\n"')" "$HEAD"$'\n'"$M"$'\n'"$M"
is "a token that was cut off" "$(mask -- sh -c 'printf %s "$WORKOS_ACCESS_TOKEN" | head -c -5')" "$M"
is "env" "$(mask -- env | grep -c -F "$BODY"; mask -- env | sed -n 's/^WORKOS_ACCESS_TOKEN=//p')" "0"$'\n'"$M"
run mask -- sh -c 'echo "out $WORKOS_ACCESS_TOKEN"; echo "err $WORKOS_ACCESS_TOKEN" >&2'
is "stdout and stderr are kept apart: stdout" "$OUT" "out $M"
is "stdout and stderr are kept apart: stderr" "$ERR" "err $M"
is "in their order when they are one" "$(mask -- sh -c 'for i in 1 2 3; do echo o$i; echo e$i >&2; done' 2>&1 | tr '\n' ' ')" "o1 e1 o2 e2 o3 e3 "
is "with --file, too" "$(mask --file -- sh -c 'cat "$KEYFOB_TOKEN_FILE"; echo ${WORKOS_ACCESS_TOKEN-none}')" "${M}none"
is "with --fd, too" "$(mask --fd 5 -- sh -c 'cat <&5; cat /dev/fd/5; cat /dev/fd/$KEYFOB_TOKEN_FD')" "$M$M$M"
is "through cat" "$(printf 'x%sy' "$T" | mask -- cat)" "x${M}y"
# byte by byte, and slower than the filter waits: the header may be seen, nothing behind it
slow='import os, sys, time
for i, b in enumerate(os.environ["WORKOS_ACCESS_TOKEN"].encode()):
    os.write(1, bytes([b]))
    if (i + 1) % int(sys.argv[1]) == 0: time.sleep(0.07)
os.write(1, b"\n")'
OUT=$(mask -- python3 -c "$slow" 100000) # on a busy machine that may be slow
case $HEAD.$M in *"$OUT" | "${OUT%"$M"}"*) has "byte by byte" "$OUT" "$M" ;; *) fail "byte by byte: $OUT" ;; esac
is "byte by byte, slowly" "$(mask -- python3 -c "$slow" 25)" "$HEAD.$M"
is "one second inside it" "$(mask -- sh -c 'printf %.300s "$WORKOS_ACCESS_TOKEN"; sleep 1.3; printf "%s\n" "${WORKOS_ACCESS_TOKEN#$(printf %.300s "$WORKOS_ACCESS_TOKEN")}"')" "$HEAD.$M"

# --- nothing waits: a prompt without a newline is there while the command waits for its answer ---
mkfifo "$SCRATCH/answer"
mask -- sh -c 'printf "Name? e"; read -r name; printf "eyJ %s\n" "$name"' <"$SCRATCH/answer" >"$SCRATCH/prompt" &
prompt=$!
PIDS+=("$prompt")
exec 8>"$SCRATCH/answer"
wait_until "the prompt" grep -q '^Name? e$' "$SCRATCH/prompt"
ok "a prompt that ends like a token begins"
echo Ada >&8
exec 8>&-
wait "$prompt" || fail "prompt"
is "and what follows" "$(cat "$SCRATCH/prompt")" "Name? eeyJ Ada"

# --- much, binary, slow readers ---
head -c 3000000 /dev/urandom >"$SCRATCH/big"
mask -- cat "$SCRATCH/big" | cmp - "$SCRATCH/big" || fail "3 MB came out different"
ok "3 MB are the same"
mask -- cat "$SCRATCH/big" | (sleep 0.5; cmp - "$SCRATCH/big") || fail "for a slow reader they came out different"
ok "for a slow reader, too"
mask -- cat "$SCRATCH/big" >"$SCRATCH/copy" && cmp "$SCRATCH/big" "$SCRATCH/copy" || fail "into a file"
ok "into a file"
printf 'kept\n' >"$SCRATCH/log"
mask -- echo more >>"$SCRATCH/log"
is "appended to a file" "$(cat "$SCRATCH/log")" "kept"$'\n'"more"

# --- how it ends ---
is "status 0" "$(mask -- true; echo $?)" 0
is "status 42" "$(mask -- sh -c 'exit 42'; echo $?)" 42
is "no such command" "$(mask -- /nonexistent/x 2>/dev/null; echo $?)" 127
is "cannot run" "$(mask -- / 2>/dev/null; echo $?)" 126
for s in TERM INT KILL SEGV PIPE; do is "killed by SIG$s" "$(mask -- sh -c "kill -$s \$\$" 2>/dev/null; echo $?)" $((128 + $(kill -l $s))); done
# really by the signal, and not by a status above 128
is "it dies of the same signal" "$(python3 -c 'import subprocess, sys; print(subprocess.run(sys.argv[1:]).returncode)' "$BIN/keyfob" exec dev --mask -- sh -c 'kill -TERM $$')" -15
mask -- yes | head -n 1 >"$SCRATCH/yes"
is "a reader that went away: SIGPIPE" "${PIPESTATUS[0]}" 141
is "a full disk" "$(mask -- yes >/dev/full 2>"$SCRATCH/full"; echo $?)" 141
has "is told" "$(cat "$SCRATCH/full")" "No space left"
is "also when the command had ended well" "$(mask -- echo x >/dev/full 2>/dev/null; echo $?)" 125
is "closed stdout" "$(mask -- sh -c 'echo x; echo $? >&2' 2>&1 >&- | tail -n 1)" 1
is "closed stderr" "$(mask -- sh -c 'echo "$WORKOS_ACCESS_TOKEN"; [ -e /proc/self/fd/2 ] && echo open' 2>&-)" "$M"
is "closed stdin" "$(mask -- sh -c 'echo "$WORKOS_ACCESS_TOKEN"; [ -e /proc/self/fd/0 ] && echo open' <&-)" "$M"
is "all three closed" "$(mask -- sh -c 'exit 7' <&- >&- 2>&-; echo $?)" 7

# --- signals to the parent go to the command ---
signal() {
    "$BIN/keyfob" exec dev --mask -- sh -c "trap 'echo got $1; exit 5' $1; echo ready; while :; do sleep 0.05; done" >"$SCRATCH/sig.$1" &
    local pid=$! rc=0
    PIDS+=("$pid")
    wait_until "the command" grep -q ready "$SCRATCH/sig.$1"
    kill -"$1" "$pid"
    wait "$pid" || rc=$?
    is "SIG$1 reaches the command" "$rc $(tail -n 1 "$SCRATCH/sig.$1")" "5 got $1"
}
for s in TERM HUP USR1 USR2; do signal $s; done
is "nohup stays" "$(nohup "$BIN/keyfob" exec dev --mask -- sh -c 'kill -HUP $$; echo alive' 2>/dev/null)" alive

# --- a daemon that keeps the pipe open is not waited for; what was said before the end is there ---
before=$SECONDS
OUT=$(mask -- sh -c 'sleep 60 & echo $!; echo last')
[ $((SECONDS - before)) -lt 10 ] || fail "it waited for the daemon"
is "it ends with the command" "$(printf '%s\n' "$OUT" | tail -n 1)" last
kill "$(printf '%s\n' "$OUT" | head -n 1)" || fail "the daemon is gone"
ok "the daemon lives on"
OUT=$(mask -- sh -c 'yes flood & echo $! >"$0"; echo last; exit 3' "$SCRATCH/flood") && fail "status"
is "one that floods does not keep it" "$?" 3
kill "$(cat "$SCRATCH/flood")" 2>/dev/null || true

# nothing of the parent is in the command
is "no descriptors are left to the command" "$(mask -- sh -c 'ls /proc/self/fd' </dev/null | tr '\n' ' ')" "$(kf exec dev -- sh -c 'ls /proc/self/fd' </dev/null | tr '\n' ' ')"
is "its signals are as they were" "$(mask -- sed -n '/^Sig[BIC]/p' /proc/self/status)" "$(kf exec dev -- sed -n '/^Sig[BIC]/p' /proc/self/status)"
