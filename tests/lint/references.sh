#!/bin/sh
# references.sh ROOT: a document that a source, a test or a document names is in the tree, and so is
# the section of src/auth/WORKOS.md that it names.
cd "${1:?references.sh ROOT}" || exit 2
files=$(find src ui tests data packaging .github README.md -type f \( -name '*.[ch]' -o -name '*.md' -o -name '*.sh' -o -name '*.py' -o -name '*.txt' -o -name '*.varlink' \) 2>/dev/null |
    grep -v -e /node_modules/ -e '^tests/golden/shots/' -e '^src/auth/WORKOS.md$' -e '^tests/lint/' | LC_ALL=C sort)
[ -n "$files" ] || { echo "lint: no files under $(pwd)"; exit 2; }
rc=0
# shellcheck disable=SC2086 # the names have no blanks
for name in $(grep -ohE '[A-Za-z0-9_-][A-Za-z0-9_/-]*\.md\b' $files | LC_ALL=C sort -u); do
    [ -n "$(find README.md src ui tests data packaging .github -path "*$name" 2>/dev/null | head -1)" ] && continue
    # shellcheck disable=SC2086
    grep -nF "$name" $files | cut -d: -f1,2 | sed "s|\$|: names $name, which is not in the tree|"
    rc=1
done
sections=0
# shellcheck disable=SC2086
for s in $(grep -ohE 'WORKOS\.md §[0-9]+(\.[0-9]+)?' $files | sed 's/.*§//' | LC_ALL=C sort -u); do
    sections=$((sections + 1))
    grep -qE "^#+ $s([. ]|\$)" src/auth/WORKOS.md && continue
    # shellcheck disable=SC2086
    grep -nE "WORKOS\.md §$s([^0-9.]|\$)" $files | cut -d: -f1,2 | sed "s|\$|: src/auth/WORKOS.md has no section $s|"
    rc=1
done
[ "$rc" = 0 ] && echo "$(echo "$files" | wc -l) files, $sections sections"
exit "$rc"
