# shellcheck shell=sh
# For the lints: `. files.sh` after cd to the tree; sets $files. No files is a failure, never a pass.
# Names are checked, so that the list can be split at blanks.
files=$(find src ui -name '*.[ch]' 2>/dev/null | LC_ALL=C sort)
[ -n "$files" ] || { echo "lint: no source files under $(pwd)" >&2; exit 2; }
case $(printf %s "$files" | tr -d '\n') in
*[!a-zA-Z0-9_./-]*) echo "lint: a file name with odd characters" >&2; exit 2 ;;
esac
