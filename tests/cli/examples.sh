#!/usr/bin/env bash
# The examples for programs do what they say: the one in C, compiled as its first lines tell, and the one for shells.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
sandbox
profile_dev
profile_dev other
login_dev
T=$(kf token dev) || fail token
command -v socat >/dev/null || fail "socat is missing"
# shellcheck disable=SC2046
cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -o "$SCRATCH/token" "$SRC/data/examples/token.c" $(pkg-config --cflags --libs libcjson) || fail "it does not compile"
is "the token, in C" "$("$SCRATCH/token" dev)" "$T"
run "$SCRATCH/token" other
is "nobody is signed in" "$RC$OUT$ERR" "1no token: workos.not_signed_in"
is "the token, from a shell" "$(sh "$SRC/data/examples/token.sh" dev)" "$T"
run sh "$SRC/data/examples/token.sh" nobody
is "no such profile" "$RC$OUT$ERR" "1no token: usage.no_profile"
kf agent stop
run "$SCRATCH/token" dev
is "no agent" "$RC$OUT" 2
is "the interface describes itself" "$(kf agent start >/dev/null; printf '{"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":"io.keyfob.Agent"}}\0' |
    socat -t 20 - "UNIX-CONNECT:$XDG_RUNTIME_DIR/keyfob/agent.sock" | tr -d '\0' | json parameters description)" "$(cat "$SRC/data/io.keyfob.Agent.varlink")"
