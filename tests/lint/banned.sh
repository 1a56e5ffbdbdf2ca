#!/bin/sh
# banned.sh CC ROOT: every call that base/banned.h bans must fail to compile, and nothing else.
cc=${1:?banned.sh CC ROOT} header=${2:?banned.sh CC ROOT}/src/base/banned.h
try() { printf 'void *kf_try(void);\nvoid *kf_try(void) { return (void *)%s; }\n' "$1" |
    "$cc" -D_GNU_SOURCE -std=c11 -w -include "$header" -fsyntax-only -x c - 2>&1; }
n=0
try snprintf || { echo "banned.h breaks a file that is right"; exit 1; }
# shellcheck disable=SC2013 # the names are words
for f in $(sed -n 's/^#define \([a-z]*\) KF_BANNED.*/\1/p' "$header"); do
    case $(try "$f") in
    *is_banned_see*) n=$((n + 1)) ;;
    *) echo "$f compiles"; exit 1 ;;
    esac
done
for f in strcpy strcat sprintf gets atoi system; do # the worst must be among them
    try "$f" >/dev/null && { echo "$f is not banned"; exit 1; }
done
echo "$n calls are banned"
[ "$n" -ge 10 ]
