#!/usr/bin/env bash
# The commands of README's quick start, as they stand, in a shell on a terminal. Only what README
# cannot know is replaced: client ID, address and URL are those of the sandbox.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
. "$SRC/tests/tui/lib.sh"
sandbox
sed -n '/^## Quick start/,/^## /p' "$SRC"/README.md | sed -n '/^```sh$/,/^```$/p' | grep -v '^```' |
    sed -e 's/client_01HZ\.\.\./client_sandbox/' -e 's/maya@acme\.example/totp@example.test/' \
        -e "s|https://api\.example\.com/|$U/sandbox/stats|" >"$SCRATCH/quick"
is "the commands of the quick start" "$(wc -l <"$SCRATCH/quick")" 6
mkdir "$SCRATCH/work"
cd "$SCRATCH/work" || exit
printf '#!/bin/sh\ntest -n "$WORKOS_ACCESS_TOKEN" && echo deployed\n' >deploy.sh
chmod 700 deploy.sh
host=${U#http://}
export PATH=$BIN:$PATH MY_API_KEY=sk_test_sandbox WORKOS_API_HOSTNAME=${host%:*} WORKOS_API_PORT=${host#*:} \
    WORKOS_API_HTTPS=false
tui 100x40 "bash -e '$SCRATCH/quick'"
wait_for "Password"
type_in "sandbox-password"
send Enter
wait_for "code"
type_in "$(totp)"
send Enter
left 0 "README's quick start"
said=$(history)
has "who is signed in" "$said" "totp@example.test"
has "curl" "$said" '"grants"'
has "exec" "$said" "deployed"
run kf status acme --json
is "the sign-out" "$(printf %s "$OUT" | json state)" signed_out
