#!/bin/sh
# Every test: installs what build and tests need, builds twice (gcc; clang with ASan and UBSan),
# runs everything. The last line is ctest's.
set -eu
cd "$(dirname "$0")/.."
sh packaging/setup.sh --tests
sh tests/vendor/install.sh build/vendor
sh packaging/build.sh build -DWERROR=ON -DTESTS=ON
sh packaging/build.sh build/asan -DWERROR=ON -DTESTS=ON -DCMAKE_C_COMPILER=clang-14 -DSANITIZE=address,undefined -DFUZZ=ON
jobs=$(nproc)
echo "test: unit, flow, golden, agent and sandbox tests with AddressSanitizer and UBSan (clang), 5 s of search with each fuzz target"
ctest --test-dir build/asan --output-on-failure --no-tests=error -j "$jobs" -L '^(unit|flow|fuzz|golden|agent|sandbox)$'
echo "test: everything (gcc)"
exec ctest --test-dir build --output-on-failure --no-tests=error -j "$jobs"
