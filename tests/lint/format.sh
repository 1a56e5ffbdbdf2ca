#!/bin/sh
# format.sh ROOT: every C file is as clang-format 14 writes it by .clang-format, and no line is
# longer than its 100 columns (clang-format leaves long comments and literals as they are).
cd "${1:?format.sh ROOT}" || exit 2
tool=$(command -v clang-format-14) || { echo "lint: needs clang-format-14, from the Debian package of that name"; exit 2; }
files=$(find src ui tests data -name '*.[ch]' 2>/dev/null | LC_ALL=C sort)
[ -n "$files" ] || { echo "lint: no source files under $(pwd)"; exit 2; }
[ -f .clang-format ] || { echo "lint: no .clang-format in $(pwd)"; exit 2; }
rc=0
# shellcheck disable=SC2086 # the names have no blanks
LC_ALL=C.UTF-8 grep -HnoE "^.{101}" $files | cut -d: -f1,2 | sed "s/$/: over 100 columns/" | grep . && rc=1
# shellcheck disable=SC2086
differ=$("$tool" --dry-run --Werror $files 2>&1 | grep 'error:' | cut -d: -f1,2 | LC_ALL=C sort -u)
[ -z "$differ" ] || { echo "$differ" | sed 's/$/: not as clang-format-14 writes it/'; rc=1; }
[ "$rc" = 0 ] && echo "$(echo "$files" | wc -l) files"
exit "$rc"
