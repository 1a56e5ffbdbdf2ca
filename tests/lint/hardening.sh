#!/bin/sh
# hardening.sh BIN COMPILE_COMMANDS: reads our programs and fails when one lacks what packaging/hardening.cmake asks for.
# Compiler flags are in the debug information of every object that is ours.
LC_ALL=C
export LC_ALL
bin=${1:?hardening.sh BIN COMPILE_COMMANDS} commands=${2:?hardening.sh BIN COMPILE_COMMANDS}
failed=0
bad() {
    echo "$1: $2"
    failed=1
}
fortify=$(grep -o '_FORTIFY_SOURCE=[0-9]' "$commands" | sort | uniq -c)
case $fortify in
*=2*=3* | *=3*=2* | '') bad "$commands" "not one level of _FORTIFY_SOURCE: $fortify" ;;
esac
case $(uname -m) in
x86_64) protection=-fcf-protection ;; # the note IBT, SHSTK depends on the distribution's start files
aarch64) protection=-mbranch-protection=standard ;;
*) protection='' ;;
esac
programs=0
for p in keyfob keyfobd keyfob-tui keyfob-clip keyfob-serve keyfob-sandbox; do
    f=$bin/$p
    [ -x "$f" ] || { bad "$p" "is not there"; continue; }
    programs=$((programs + 1))
    head=$(readelf -hlWdn "$f" 2>&1)
    has() { case $head in *"$2"*) ;; *) bad "$p" "no $1" ;; esac; }
    case $head in *"Flags: NOW PIE"* | *"Flags: PIE NOW"*) ;; *) bad "$p" "not PIE with immediate binding" ;; esac
    has "RELRO" GNU_RELRO
    case $head in *TEXTREL*) bad "$p" "relocations in its text" ;; esac
    case $head in *RPATH* | *RUNPATH*) bad "$p" "a search path for libraries" ;; esac
    case $(printf '%s\n' "$head" | grep GNU_STACK) in *" RW "*) ;; *) bad "$p" "its stack can be executed" ;; esac
    symbols=$(readelf -sW --dyn-syms "$f")
    case $symbols in *__stack_chk_fail*) ;; *) bad "$p" "no stack protector" ;; esac
    case $symbols in *_chk@*) ;; *) bad "$p" "no function of FORTIFY" ;; esac
    # one line an object: its flags
    objects=$(readelf --debug-dump=info "$f" 2>/dev/null | grep 'DW_AT_producer')
    [ -n "$objects" ] || { bad "$p" "no debug information, so its flags are not known"; continue; }
    case $objects in *GNU*) ;; *) continue ;; esac # clang does not say them
    for flag in -fstack-protector-strong -fstack-clash-protection -ftrivial-auto-var-init=zero $protection; do
        n=$(printf '%s\n' "$objects" | grep -vc -e "$flag")
        [ "$n" -eq 0 ] || bad "$p" "$n objects without $flag"
    done
done
echo "$programs programs"
[ $programs -gt 0 ] && exit $failed
exit 1
