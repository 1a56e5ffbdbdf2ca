#!/usr/bin/env bash
# exec --refresh on a virtual machine that was paused: its boot clock stood still, its wall clock is
# set afterwards, and the token in the file may be over.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
export KEYFOB_LOG=debug
sandbox
profile_dev
login_dev
LOG=$XDG_STATE_HOME/keyfob/keyfobd.log
asked() { grep -c 'call: io.keyfob.Agent.GetToken' "$LOG"; }
asked_more() { [ "$(asked)" -gt "$1" ]; }
echo 0 >"$SCRATCH/clock"
# shellcheck disable=SC2016
ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=$BIN/other_machine.so \
    KF_TEST_CLOCK=$SCRATCH/clock "$BIN/keyfob" exec dev --refresh -- \
    sh -c 'echo >"$0"; exec sleep 600' "$SCRATCH/runs" &
PARENT=$!
PIDS+=("$PARENT")
wait_until "the command" test -s "$SCRATCH/runs"
n=$(asked)
is "the token is good for minutes" "$n" 1
echo 7200 >"$SCRATCH/clock"
wait_until "another look at the token" asked_more "$n"
ok "the agent is asked again as soon as the wall clock is right"
kill -TERM "$PARENT"
wait "$PARENT"
is "the end" "$?" 143
