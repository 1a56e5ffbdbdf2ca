#!/usr/bin/env bash
# run.sh [MINUTES [BIN]]: runs the long form of every fault program and prints one table.
# Default: 20 minutes, build/bin. Programs that only wait run in parallel and take about two
# minutes. The others share the time. Exit 1 if something was lost or if another condition failed.
set -u
PYTHON=$(PATH=/usr/bin:$PATH command -v python3)
SRC=$(cd "$(dirname "$0")/../.." && pwd)
MINUTES=${1:-20} BIN=${2:-$SRC/build/bin}
if [ ! -x "$BIN/keyfobd" ]; then
    echo "run.sh: $BIN has no keyfobd. Run: sh packaging/build.sh" >&2
    exit 2
fi
OUT=$(mktemp -d "${TMPDIR:-/tmp}/kf-faults-run.XXXXXX")
END=$((SECONDS + MINUTES * 60))
JOBS=0
stop_jobs() {
    trap - INT TERM
    # shellcheck disable=SC2046 # one argument for each job
    kill $(jobs -p) 2>/dev/null
    wait
    rm -r "$OUT"
    exit 130
}
trap stop_jobs INT TERM

# job NAME COMMAND...: runs it, in a subshell. Its output goes to OUT/<number>.*
job() {
    local at=$OUT/$(printf %03d $JOBS) child
    echo "$1" >"$at.name"
    shift
    "$@" >"$at.out" 2>"$at.err" </dev/null &
    child=$!
    trap 'kill $child' INT TERM
    wait $child
    echo $? >"$at.rc"
}
program() { job "${1%.py}" "$PYTHON" -B "$SRC/tests/faults/$1" "$BIN" "${@:2}"; }
# busy PERCENT COMMAND...: runs it for this part of the time
busy() {
    export KF_FAULTS_SECONDS=$((MINUTES * 60 * $1 / 100))
    JOBS=$((JOBS + 1))
    "${@:2}" &
    wait $!
}
# waits COMMAND...: runs it in the background
waits() {
    JOBS=$((JOBS + 1))
    "$@" &
}

unset KF_FAULTS_SECONDS
export KF_FAULTS_N= # the default of each program
waits program slow.py late-9 late-12 late-29
waits program slow.py stall frozen stopped-12 stopped-35 drip
waits program kill.py before-answer before-save
waits program unsaved.py stop term kill recovered
waits program hung.py server
waits program intermediary.py answers
for other in keyring conf; do
    script=$SRC/tests/faults/$other.sh
    [ ! -f "$script" ] ||
        KF_FAULTS_SECONDS=$((MINUTES * 6)) waits job $other bash "$script" "$SRC" "$BIN"
done
busy 5 program vault.py eio eacces removed damaged empty cut
busy 15 program errors.py eio enospc
busy 12 program kill.py calls
busy 12 program kill.py calls-later
busy 2 program kill.py start
KF_FAULTS_N=1000000 busy 18 program kill.py random
KF_FAULTS_N=1000000 busy 10 program agents.py spend
busy 3 program agents.py add
KF_FAULTS_N=1000000 busy 8 program clocks.py jump
busy 7 program load.py callers
busy 8 program hostile.py answers
busy 0 program traced.py one several agents lost-answers killed
for test in agent/session.py agent/check.py agent/handover.py agent/settings.py cli/main_job.sh \
    cli/parallel.sh cli/exec_refresh.sh cli/lock.sh cli/full_disk.sh; do
    [ $SECONDS -lt $END ] || break
    busy 0 job "traced/$test" "$SRC/tests/faults/traced.sh" "$SRC" "$BIN" "$test"
done
wait

echo "$(date -u +%F), $(nproc) cores, Linux $(uname -r), $("$BIN/keyfob" --version)"
printf '%-32s %8s %6s %11s\n' scenario tried lost "worst wait"
BAD=0
for name in "$OUT"/*.name; do
    at=${name%.name}
    if ! grep -q '^RESULT ' "$at.out"; then
        printf '%-32s %8s %6s %11s  no result\n' "$(cat "$name")" - - -
    fi
    sed -n 's/^RESULT //p' "$at.out" | while read -r scenario tried lost worst; do
        note=
        if grep -qx "FAILED $scenario" "$at.err" ||
            { [ "$(cat "$at.rc")" -ne 0 ] && ! grep -q '^FAILED ' "$at.err"; }; then
            note="  *"
        fi
        printf '%-32s %8s %6s %9s s%s\n' "$scenario" "$tried" "$lost" "$worst" "$note"
    done
    [ "$(cat "$at.rc")" -eq 0 ] || BAD=1
done
if [ $BAD -ne 0 ]; then
    echo "* failed. The output is in $OUT."
else
    rm -r "$OUT"
fi
exit $BAD
