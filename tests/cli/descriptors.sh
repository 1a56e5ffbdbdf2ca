#!/usr/bin/env bash
# The agent keeps no descriptor of the program that started it, also where close_range(2) is refused:
# a script's lock would stay taken, and $(keyfob token) would hang on the inherited pipe. And what
# the command of exec gets from the environment.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
sandbox
profile_dev
login_dev
for with in "$BIN/descriptors" env; do
    kf agent stop || fail stop
    OUT=$(timeout 20 "$with" bash -c "exec 9>'$SCRATCH/lock' 200>'$SCRATCH/other'; flock 9; flock 200; '$BIN/keyfob' agent start")
    has "${with##*/}: the agent runs, and the pipe is closed" "$?$OUT" "0The agent is running"
    is "${with##*/}: the lock is free" "$(flock -n "$SCRATCH/lock" true && flock -n "$SCRATCH/other" true && echo free)" free
done
kf agent stop || fail stop
printf sk_test_sandbox | kf profile add two --client-id client_sandbox --api-key-stdin --api-host "$U" >/dev/null || fail add
login_dev two
run "$BIN/descriptors" "$BIN/keyfob" exec two --mask -- echo done
is "exec --mask there" "$RC$OUT" 0done

# exec: what opens other profiles, or belongs to another environment, is not handed on
export KEYFOB_PASSPHRASE_FILE=$SCRATCH/nothing WORKOS_API_KEY=sk_test_other
run kf exec two -- sh -c 'echo "${KEYFOB_PASSPHRASE_FILE-none} ${WORKOS_API_KEY-none}"'
is "neither the passphrase file nor the key" "$OUT" "none none"
has "which is said" "$ERR" "WORKOS_API_KEY is not given to the command"
run env WORKOS_CLIENT_ID=client_other "$BIN/keyfob" exec two -- sh -c 'echo "${WORKOS_API_KEY-none}"'
is "nor that of another client" "$OUT" none
run env WORKOS_CLIENT_ID=client_sandbox "$BIN/keyfob" exec two -- sh -c 'echo "${WORKOS_API_KEY-none}"'
is "a key of the same client stays" "$OUT" sk_test_other
