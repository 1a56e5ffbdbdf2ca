#!/bin/bash
# What people type: names that other tools have for a command, typing mistakes, everything at once,
# and a shell with a token.
SRC=$1 BIN=$2
. "$SRC/tests/tui/lib.sh"
while IFS='|' read -r typed want; do
    # shellcheck disable=SC2086
    run kf $typed
    has "keyfob $typed" "$RC$OUT$ERR" "2keyfob: there is no command $typed; $want"
done <<'ROWS'
list|did you mean: keyfob profile list
ls|did you mean: keyfob profile list
delete|did you mean: keyfob profile rm
auth|did you mean: keyfob login
add|did you mean: keyfob profile add
switch|did you mean: keyfob switch-org
refresh|did you mean: keyfob renew
use|did you mean: keyfob profile default
restart|did you mean: keyfob agent restart
tokne|did you mean: keyfob token
statsu|did you mean: keyfob status
logn|did you mean: keyfob login
exprt|did you mean: keyfob export
xyzzy|keyfob --help lists them
tea|keyfob --help lists them
qq|keyfob --help lists them
profile delete|did you mean: keyfob profile rm
profile ls|did you mean: keyfob profile list
profile use|did you mean: keyfob profile default
session delete|did you mean: keyfob session revoke
agent reload|did you mean: keyfob agent restart
profile lsit|did you mean: keyfob profile list
profile frobnicate|there are add, list
ROWS

# a mistake is JSON, too, wherever --json stands
while read -r typed; do
    # shellcheck disable=SC2086
    run kf $typed
    is "keyfob $typed" "$RC$OUT $(json schema <<<"$ERR") $(json error <<<"$ERR") $(wc -l <<<"$ERR")" "2 keyfob.error/1 usage.bad 1"
done <<'ROWS'
statsu --json
--bogus status --json
status --bogus --json
--json status --bogus
profile frobnicate --json
status one two --json
status --min-valid soon --json
ROWS
run kf statsu -- --json
hasnt "but not behind --" "$ERR" keyfob.error

export KEYFOB_STORE=vault KEYFOB_PASSPHRASE_FILE=$SCRATCH/pass
(umask 077 && echo "correct horse battery" >"$SCRATCH/pass")
sandbox
profile_dev
profile_dev two
kf profile add third --client-id client_sandbox_public --api-host "$U" >/dev/null || fail "profile add"
login_dev
login_dev two
run kf status --all
is "status --all: $ERR" "$RC$(grep -c '^Profile ' <<<"$OUT")" 03
run kf status --all --json
is "with --json" "$(json schema <<<"$OUT") $(json items 1 profile <<<"$OUT") $(json items 2 state <<<"$OUT")" "keyfob.status-list/1 two signed_out"
run kf status --all dev
is "not with a name" "$RC" 2
kf agent stop -q
run kf status --all --json
is "without an agent: $ERR" "$RC$(json items 0 agent <<<"$OUT")" 0stopped
is "none was started" "$(kf agent status --json | json running)" false
login_dev
login_dev two
run kf logout --all
is "logout --all: $ERR" "$RC$OUT" "0Signed out of dev
Signed out of two"
is "each of them" "$(kf status --all --json | grep -o signed_out | wc -l)" 3
run kf logout --all --json
is "nobody is left" "$RC$OUT" '0{"schema":"keyfob.logout-list/1","items":[]}'
run kf logout --all dev
is "not with a name" "$RC" 2

login_dev
run kf exec dev </dev/null
is "exec without a command in a script" "$RC" 125
has "is a mistake" "$ERR" "needs a command behind --"
run kf exec dev --
is "so is nothing behind --" "$RC" 125
tui 100x30 "env SHELL=/bin/sh PS1='in the shell: ' '$BIN/keyfob' exec dev"
wait_for "in the shell:"
type_in 'echo "profile $KEYFOB_PROFILE, ${#WORKOS_ACCESS_TOKEN} bytes"; exit 7'
send Enter
left 7 "exec without a command, on a terminal"
has "a shell with the token" "$(shown)" "profile dev, $(kf token dev | tr -d '\n' | wc -c) bytes"
