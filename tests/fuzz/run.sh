#!/bin/sh
# run.sh MINUTES [TARGET...]: searches with every fuzz target for so long, as many at once as there are processors, and
# prints a table. Builds build/fuzz with clang. What fails is kept in build/fuzz/found.
set -eu
minutes=${1:?run.sh MINUTES [TARGET...]}
shift
cd "$(dirname "$0")/../.."
sh packaging/build.sh build/fuzz -DCMAKE_C_COMPILER="${CC:-clang-14}" -DTESTS=ON -DSANITIZE=address,undefined -DFUZZ=ON
[ $# -gt 0 ] || set -- $(cd build/fuzz/bin && ls fuzz_* | sed 's/^fuzz_//')
mkdir -p build/fuzz/found
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} sh -c \
    'sh tests/fuzz/search.sh build/fuzz/bin {} "$1" build/fuzz/found >build/fuzz/found/{}.log 2>&1 || true' sh "$((minutes * 60))"
failed=0
for t in "$@"; do
    tail -n 1 "build/fuzz/found/$t.log"
    grep -q ' runs ' "build/fuzz/found/$t.log" || failed=1
done
exit $failed
