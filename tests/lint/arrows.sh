#!/bin/sh
# arrows.sh ROOT: every include must be an arrow of arrows.txt, a foreign header or a text that has a
# home there may stand at home only, and X_impl.h is for the files X*.c and X*.h beside it, or for
# the whole folder when that is called X.
here=$(cd "$(dirname "$0")" && pwd) || exit 2
cd "${1:?arrows.sh ROOT}" || exit 2
. "$here/files.sh"
# shellcheck disable=SC2086 # the list is to be split
exec awk -v rules="$here/arrows.txt" '
function folder(path) { sub(/\/[^\/]*$/, "", path); return path }
function bad(text) { print FILENAME ":" FNR ": " text; failed = 1 }
function at_home(places,   n, i, list) {
    n = split(places, list, " ")
    for (i = 1; i <= n; i++)
        if (list[i] == FILENAME || (list[i] ~ /\/$/ && index(FILENAME, list[i]) == 1)) return 1
    return 0
}
function own(name) { # "base/x.h" counts from src, "ui/cli/x.h" from the root
    to = name ~ /\// ? folder(name) : from
    if (to != from && to !~ /^(src|ui)\//) to = "src/" to
    if (name ~ /\.\./ || name ~ /^\//) bad("write the path of " name " from src or from the root")
    else if (!((from, to) in ok)) bad(from " may not include " to)
    if (name ~ /_impl\.h$/) inside(name)
}
function inside(name,   room, file, last) {
    last = to; sub(/.*\//, "", last)
    room = name; sub(/.*\//, "", room); sub(/_impl\.h$/, "", room)
    file = FILENAME; sub(/.*\//, "", file)
    if (from != to || !(room == last || from in room_of || index(file, room) == 1))
        bad(name " is the inside of " to "/" room "*")
}
BEGIN {
    while ((got = getline line < rules) > 0) {
        if (line ~ /^#/ || line == "") continue
        split(line, kv, ":")
        if (kv[1] == "rooms") {
            n = split(kv[2], d, " ")
            for (i = 1; i <= n; i++) room_of[d[i]] = 1
            continue
        }
        if (kv[1] ~ /^"/) { text[kv[1]] = substr(line, length(kv[1]) + 2); continue }
        if (kv[1] ~ /^</) { home[substr(kv[1], 2, length(kv[1]) - 2)] = kv[2]; homes++; continue }
        n = split(kv[2], d, " "); known[kv[1]] = 1; ok[kv[1], kv[1]] = 1; rows++
        for (i = 1; i <= n; i++) ok[kv[1], d[i]] = 1
    }
    if (got < 0 || !rows || !homes) { print "lint: no rules in " rules; exit failed = 2 }
}
FNR == 1 {
    from = folder(FILENAME); files++
    if (!(from in known)) bad("the folder has no row in arrows.txt")
}
/^[ \t]*#[ \t]*(include|include_next|import)/ {
    what = $0; sub(/^[ \t]*#[ \t]*[a-z_]*[ \t]*/, "", what)
    mark = substr(what, 1, 1)
    name = substr(what, 2); sub(/[">].*/, "", name)
    if (mark == "\"") own(name)
    else if (mark != "<") bad("an include whose name is not written out")
    else if (("src/" folder(name)) in known || folder(name) in known) own(name)
    else for (h in home) if (index(tolower(name), tolower(h)) && !at_home(home[h]))
        bad("<" name "> has its home in" home[h])
    includes++
    next
}
/"/ {
    for (t in text) {
        what = substr(t, 1, length(t) - 1)
        if (index($0, what) && !at_home(text[t])) bad("the text " t " has its home in" text[t])
    }
}
END {
    if (failed) exit failed
    if (!files || !includes) { print "lint: saw no includes"; exit 2 }
    print files " files, " includes " includes, " rows " rows, " homes " homes"
}' $files
