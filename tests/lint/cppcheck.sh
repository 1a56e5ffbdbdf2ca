#!/bin/sh
# cppcheck.sh ROOT: cppcheck finds nothing but what cppcheck.txt explains.
here=$(cd "$(dirname "$0")" && pwd) || exit 2
cd "${1:?cppcheck.sh ROOT}" || exit 2
exec cppcheck --enable=warning,portability,performance --inconclusive --std=c11 --quiet -j "$(nproc)" -I src -I . \
    -D_GNU_SOURCE --suppress=missingIncludeSystem --suppressions-list="$here/cppcheck.txt" --error-exitcode=1 \
    --template='{file}:{line}: {id}: {message}' src ui
