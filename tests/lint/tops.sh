#!/bin/sh
# tops.sh ROOT: every .c file in src and ui begins with a comment that has words in it, at its very
# first byte: a reader learns what a file is before its includes.
here=$(cd "$(dirname "$0")" && pwd) || exit 2
cd "${1:?tops.sh ROOT}" || exit 2
. "$here/files.sh"
# shellcheck disable=SC2046,SC2086 # the list is to be split
set -- $(printf '%s\n' $files | grep '\.c$')
[ "$#" -gt 0 ] || { echo "lint: no .c files under $(pwd)"; exit 2; }
# Every file is opened, also an empty one, of which awk alone would say nothing.
exec awk '
BEGIN {
    for (i = 1; i < ARGC; i++) {
        text = ""
        for (n = 0; n < 2 && !closed && (getline line < ARGV[i]) > 0; n++) {
            if (!n && line !~ /^\/\*/) break
            closed = line ~ /\*\//
            sub(/\*\/.*/, "", line)
            text = text line
        }
        close(ARGV[i])
        closed = 0
        if (text ~ /[A-Za-z]/) continue
        print ARGV[i] ":1: no comment at the top that says what the file is"
        failed = 1
    }
    if (failed) exit 1
    print ARGC - 1 " files"
    exit 0
}' "$@"
