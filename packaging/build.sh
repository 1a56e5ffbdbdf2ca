#!/bin/sh
# Configures and builds keyfob into DIR (default build): sh packaging/build.sh [DIR [CMAKE OPTION...]]
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
dir=${1:-$top/build}
[ $# -gt 0 ] && shift
if [ -f "$dir/build.ninja" ]; then cmake -S "$top" -B "$dir" "$@" >/dev/null; else cmake -S "$top" -B "$dir" -G Ninja "$@" >/dev/null; fi
ninja -C "$dir" --quiet
