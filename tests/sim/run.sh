#!/bin/sh
# run.sh HOURS [SIM]: seeds that no one has run yet, in one process a core, for so long. Prints the
# first seed that breaks a rule; exit 1 then. Its story: SIM --seed N
set -u
hours=${1:?run.sh HOURS [SIM]}
sim=${2:-$(dirname "$0")/../../build/bin/sim}
[ -x "$sim" ] || { echo "run.sh: no program $sim" >&2; exit 2; }
seconds=$(awk -v h="$hours" 'BEGIN { printf "%d", h * 3600 }')
from=$(($(date +%s) * 1000000))
out=$(mktemp -d "${TMPDIR:-/tmp}/kf-sim.XXXXXX") || exit 2
trap 'rm -rf "$out"' EXIT
i=0 pids='' failed=0
while [ $i -lt "$(nproc)" ]; do
    "$sim" --from $((from + i * 1000000000000)) --seconds "$seconds" >"$out/$i" 2>&1 &
    pids="$pids $!"
    i=$((i + 1))
done
for p in $pids; do wait "$p" || failed=1; done
cat "$out"/*
exit $failed
