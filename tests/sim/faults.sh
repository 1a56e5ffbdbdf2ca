#!/bin/sh
# faults.sh BUILD [SECONDS [NAME...]]: puts each fault of faults/*.patch back into a copy of the
# sources, builds the simulator from that copy and runs it until it finds the fault, for SECONDS at
# most (default 60). Prints a table; exit 1 if a patch does not apply or a fault is not found.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 2
top=$(cd "$here/../.." && pwd) || exit 2
build=$(cd "${1:?faults.sh BUILD [SECONDS [NAME...]]}" && pwd) || exit 2
seconds=${2:-60}
shift
[ $# -gt 0 ] && shift
out=$(mktemp -d "${TMPDIR:-/tmp}/kf-sim.XXXXXX") || exit 2
trap 'rm -rf "$out"' EXIT
failed=0
# shellcheck disable=SC2046 # flags are to be split
set_flags() { flags=$(pkg-config --cflags glib-2.0); libs=$(pkg-config --libs glib-2.0 libcjson libcrypto); }
set_flags
cc=${CC:-cc}
compile() { # TREE OBJECTS FILE...
    tree=$1 to=$2
    shift 2
    for f; do
        # shellcheck disable=SC2086
        $cc -std=c11 -O1 -w -D_GNU_SOURCE -DKF_VERSION='"sim"' -I"$tree/src" -I"$tree" -include "$tree/src/base/banned.h" $flags \
            -c "$tree/$f" -o "$to/$(echo "$f" | tr / _).o" || return 1
    done
}
sources() {
    (cd "$1" && ls src/base/*.c src/auth/*.c src/crypt/*.c src/keeper/*.c \
        tests/sim/*.c | grep -v crypt/random.c)
}
mkdir "$out/base"
# shellcheck disable=SC2046
compile "$top" "$out/base" $(sources "$top") || exit 2
printf '%-22s %8s  %s\n' fault seeds 'rule that is broken'
for patch in "$here"/faults/*.patch; do
    name=$(basename "$patch" .patch)
    case " $* " in '  ') ;; *" $name "*) ;; *) continue ;; esac
    rm -rf "$out/tree" "$out/objects"
    mkdir "$out/tree"
    cp -r "$top/src" "$out/tree/src"
    mkdir -p "$out/tree/tests"
    cp -r "$top/tests/sim" "$out/tree/tests/sim"
    if ! (cd "$out/tree" && patch -s -p1 <"$patch" >"$out/patch" 2>&1); then
        printf '%-22s %8s  %s\n' "$name" - 'the patch does not apply'
        failed=1
        continue
    fi
    cp -r "$out/base" "$out/objects"
    changed=$(sed -n 's,^+++ b/,,p' "$patch")
    case $changed in *.h*) changed=$(sources "$out/tree") ;; esac
    # shellcheck disable=SC2086
    compile "$out/tree" "$out/objects" $changed || exit 2
    # shellcheck disable=SC2086
    $cc "$out"/objects/*.o -o "$out/sim" $libs || exit 2
    said=$("$out/sim" --seconds "$seconds" 2>&1)
    case $said in
    *'seeds held before it'*)
        n=$(echo "$said" | sed -n 's/^\([0-9]*\) seeds held before it.*/\1/p')
        rule=$(echo "$said" | sed -n '1s/^seed [0-9]*: \([^:]*\):.*/\1/p')
        printf '%-22s %8s  %s\n' "$name" $((n + 1)) "$rule"
        ;;
    *)
        printf '%-22s %8s  %s\n' "$name" - "not found: $said"
        failed=1
        ;;
    esac
done
exit $failed
