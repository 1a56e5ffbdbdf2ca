#!/bin/sh
# words.sh ROOT: words that a reader at work has to read twice do not come back, in text, comments
# or names. The right side says what to write instead.
cd "${1:?words.sh ROOT}" || exit 2
files=$(find README.md src ui data packaging tests .github -type f \( -name '*.[ch]' -o -name '*.md' -o -name '*.sh' -o -name '*.inc' -o -name '*.py' \
    -o -name '*.[1578]' -o -name '*.varlink' -o -name '*.html' -o -name '*.cmake' -o -name 'CMakeLists.txt' -o -name '*.txt' -o -name '*.yml' \) 2>/dev/null |
    grep -v -e /node_modules/ -e '^tests/golden/shots/' -e '^tests/lint/' -e '^tests/fuzz/corpus/' | LC_ALL=C sort)
[ -n "$files" ] || { echo "lint: no files under $(pwd)"; exit 2; }
rc=0
while read -r word instead; do
    # shellcheck disable=SC2086 # the names have no blanks
    found=$(grep -niwF -- "$(echo "$word" | tr _ ' ')" $files | cut -d: -f1,2 | sed "s|\$|: $(echo "$word" | tr _ ' '): write $instead|")
    [ -z "$found" ] && continue
    echo "$found"
    rc=1
done <<'W'
whoever the client, the caller, the owner
anew again
mend fix, correct, repair
mends fixes, corrects, repairs
mended fixed, corrected, repaired
go_first take precedence
goes_first takes precedence
looked_after handled
W
[ "$rc" = 0 ] && echo "$(echo "$files" | wc -l) files"
exit "$rc"
