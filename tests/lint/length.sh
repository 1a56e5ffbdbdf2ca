#!/bin/sh
# length.sh ROOT: no file over 600 lines, no function over 100 (from the line its name is on to its
# closing brace). Braces are counted after strings, characters and comments are taken away; a file
# whose braces do not come out even is refused, because nothing could be said about it.
here=$(cd "$(dirname "$0")" && pwd) || exit 2
cd "${1:?length.sh ROOT}" || exit 2
. "$here/files.sh"
# shellcheck disable=SC2086 # the list is to be split
exec awk -v max_file=600 -v max_function=100 '
function bad(file, line, text) { print file ":" line ": " text; failed = 1 }
function end_of_file() {
    if (!name) return
    if (lines > max_file) bad(name, lines, "a file of " lines " lines, at most " max_file)
    if (depth || comment) bad(name, lines, "braces or comments are not even")
}
function strip(s,   out, p) { # takes comments and literals away
    out = ""
    while (s != "") {
        if (comment) {
            p = index(s, "*/")
            if (!p) return out
            s = substr(s, p + 2); comment = 0
        } else if (match(s, /\/\*|\/\/|"|\047/)) {
            out = out substr(s, 1, RSTART - 1)
            p = substr(s, RSTART, 2)
            s = substr(s, RSTART)
            if (p == "//") return out
            if (p == "/*") { comment = 1; s = substr(s, 3) }
            else {
                if (!match(s, substr(s, 1, 1) == "\"" ? "^\"(\\\\.|[^\"\\\\])*\"" : "^\047(\\\\.|[^\047\\\\])*\047"))
                    return out
                out = out "0"; s = substr(s, RLENGTH + 1)
            }
        } else { out = out s; s = "" }
    }
    return out
}
FNR == 1 {
    end_of_file()
    name = FILENAME; files++
    depth = comment = directive = uneven = 0; head = ""
}
{
    lines = FNR
    code = strip($0)
    if (directive || code ~ /^[ \t]*#/) { directive = code ~ /\\$/; next }
    if (code ~ /^}/ && depth > 1) bad(FILENAME, FNR, "a closing brace at the margin inside a block")
    if (!depth && head == "") begin = FNR
    n = length(code)
    for (i = 1; i <= n; i++) {
        c = substr(code, i, 1)
        if (c == "{") {
            if (!depth++) is_function = head ~ /\(/ && head !~ /=/
        } else if (c == "}") {
            if (!--depth) {
                if (is_function) {
                    functions++
                    size = FNR - begin + 1
                    if (size > max_function) {
                        sub(/^ +/, "", head)
                        bad(FILENAME, begin, "a function of " size " lines, at most " max_function ": " head)
                    }
                    head = ""; begin = FNR
                } else head = "="
            }
        } else if (!depth) {
            if (c == ";") { head = ""; begin = FNR }
            else if (head != "" || c !~ /[ \t]/) { if (head == "") begin = FNR; head = head c }
        }
    }
    if (depth < 0) {
        if (!uneven++) bad(FILENAME, FNR, "more closing braces than opening ones")
        depth = 0
    }
}
END {
    end_of_file()
    if (failed) exit 1
    if (!files || !functions) { print "lint: saw no functions"; exit 2 }
    print files " files, " functions " functions"
}' $files
