#!/bin/sh
# documents.sh ROOT: README.md and the guides are 80 columns wide outside of tables, pictures and
# code, each link leads to a file, and each picture is below 60 kB and shown somewhere.
cd "${1:?documents.sh ROOT}" || exit 2
set -- README.md data/guide/*.md .github/*.md
for f in "$@"; do
    shift
    [ -f "$f" ] && set -- "$@" "$f"
done
[ $# -ge 2 ] || { echo "lint: no documents under $(pwd)"; exit 2; }
rc=0
complain() {
    echo "$1"
    rc=1
}
# With python: awk of Debian counts bytes.
long=$(python3 - "$@" <<'P'
import sys
for name in sys.argv[1:]:
    code = False
    for n, line in enumerate(open(name, encoding="utf-8"), 1):
        code ^= line.startswith("```")
        free = code or line.startswith(("|", "    ")) or "<img " in line or "<source " in line
        if len(line.rstrip("\n")) > 80 and not free:
            print(f"{name}:{n}: over 80 columns")
P
)
[ -z "$long" ] || complain "$long"
links=0
for f in "$@"; do
    dir=$(dirname "$f")
    for to in $(grep -oE '\]\([^)]*\)|(src|srcset)="[^"]*"' "$f" | sed -E 's/^\]\((.*)\)$/\1/; s/^[a-z]*="(.*)"$/\1/'); do
        links=$((links + 1))
        case $to in https://* | '#'*) continue ;; esac
        [ -f "$dir/${to%%#*}" ] || complain "$f: $to leads nowhere"
    done
done
for picture in data/pictures/*.svg; do
    [ -f "$picture" ] || continue
    grep -q "pictures/$(basename "$picture")" "$@" || complain "$picture: no document shows it"
    [ "$(wc -c <"$picture")" -lt 60000 ] || complain "$picture: 60 kB or more"
done
[ "$rc" = 0 ] && echo "$# documents, $links links"
exit "$rc"
