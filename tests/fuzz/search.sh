#!/bin/sh
# search.sh BIN TARGET SECONDS [FOLDER]: searches with one target from its corpus. An input that fails is kept in FOLDER
# (default: where it runs) and printed. The last line is: TARGET runs N
set -eu
top=$(cd "$(dirname "$0")" && pwd)
bin=$1 target=$2 seconds=$3 keep=${4:-.}
dir=$(mktemp -d "${TMPDIR:-/tmp}/kf-fuzz.XXXXXX")
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/new"
set -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$dir/$target-"
[ ! -f "$top/$target.dict" ] || set -- "$@" -dict="$top/$target.dict"
if LSAN_OPTIONS="suppressions=$top/lsan.supp:print_suppressions=0" "$bin/fuzz_$target" "$@" "$dir/new" "$top/corpus/$target" >"$dir/log" 2>&1; then
    echo "$target runs $(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/log")"
    exit 0
fi
grep -v '^INFO\|^#[0-9]*	' "$dir/log" | tail -n 60
for f in "$dir/$target-"*; do
    [ -f "$f" ] || continue
    cp "$f" "$keep/"
    echo "search: kept as $keep/${f##*/}; when it is fixed, add it to tests/fuzz/corpus/$target"
done
echo "$target failed"
exit 1
