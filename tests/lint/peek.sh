#!/bin/sh
# peek.sh ROOT [LIST]: who may take the bytes out of a kf_secret (kf_secret_peek, kf_secret_edit): the
# files of peek.txt, each with a reason. A row that is not needed any more is an error as well.
here=$(cd "$(dirname "$0")" && pwd) || exit 2
list=${2:-$here/peek.txt}
case $list in /*) ;; *) list=$(pwd)/$list ;; esac
cd "${1:?peek.sh ROOT}" || exit 2
. "$here/files.sh"
# shellcheck disable=SC2086 # the list is to be split
exec awk -v list="$list" '
BEGIN {
    while ((got = getline line < list) > 0) {
        if (line ~ /^#/ || line == "") continue
        n = split(line, w, " "); rows++
        if (n < 2) { print list ": " w[1] " has no reason"; failed = 1 }
        if (w[1] in why) { print list ": " w[1] " is listed twice"; failed = 1 }
        why[w[1]] = line
    }
    if (got < 0 || !rows) { print "lint: no rows in " list; exit failed = 2 }
}
FNR == 1 { files++ }
/kf_secret_(peek|edit)/ {
    seen[FILENAME] = 1
    if (!(FILENAME in why)) { print FILENAME ":" FNR ": looks into a secret and is not in peek.txt"; failed = 1 }
}
END {
    if (failed == 2) exit 2
    for (f in why) if (!(f in seen)) { print f ": in peek.txt, but looks into no secret"; failed = 1 }
    if (failed) exit 1
    if (!files) { print "lint: saw no files"; exit 2 }
    print files " files, " rows " of them look into secrets"
}' $files
