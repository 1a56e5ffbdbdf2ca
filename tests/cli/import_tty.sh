#!/usr/bin/env bash
# profile import with a person at the terminal: what is there, which of it, the missing client ID, and the clean-up that
# happens only after a yes.
SRC=$1 BIN=$2
. "$SRC/tests/tui/lib.sh"
export KEYFOB_STORE=vault KEYFOB_PASSPHRASE_FILE=$SCRATCH/pass
printf 'a passphrase' >"$SCRATCH/pass"
chmod 600 "$SCRATCH/pass"
K=sk_test_a1b2c3d4e5f6g7h8abcd
F=$HOME/.workos.json
names() { kf profile list --json | python3 -c 'import json,sys; print(" ".join(sorted(i["name"] for i in json.load(sys.stdin)["items"])))'; }
at() { tui 100x40 "cd '$HOME'; trap : INT; env TERM=screen-256color '$BIN/keyfob' $1; rc=\$?; echo; (exit \$rc)"; }

at "profile import"
wait_for "no WorkOS environment is there"
left 2 "nothing on this computer"
printf '{"environments":{"staging":{"apiKey":"%s"},"bad":{"apiKey":"x"},"Pro\\u001b[2Jd/1":{"apiKey":"sk_live_1","clientId":"client_p"}}}' $K >"$F"
chmod 600 "$F"
cp "$F" "$SCRATCH/before"
at "profile import"
wait_for "Which (numbers"
screen_has() { has "$1" "$(history)" "$2"; }
screen_has "the first" "  1  staging "
screen_has "masked" "no client ID, sk_test_…abcd, from $F"
screen_has "a reason" "cannot be imported: what it has as API key is none"
hasnt "no key is on the screen" "$(history)" $K
send Enter
left 8 "nothing chosen"
at "profile import"
wait_for "Which (numbers"
type_in 2
send Enter
wait_for "that is no number of the list that can be imported"
type_in 1,3
send Enter
wait_for "staging has no client ID"
type_in client_typed
send Enter
wait_for "A profile name for"
type_in prod1
send Enter
wait_for "Take it out of the file? [y/N]"
screen_has "the change is shown" '-…"apiKey":"sk_test_…abcd"…'
send Enter
wait_for "the file stays as it is"
left 0 "no to the clean-up"
is "both are there" "$(names)" "prod1 staging"
is "with the typed client ID" "$(kf profile show staging --json | json client_id)" client_typed
cmp "$F" "$SCRATCH/before" || fail "the file changed"
at "profile import --from workos-go --name staging --skip-existing --client-id client_typed --clean-up"
wait_for "Take it out of the file?"
# it changes while the person thinks
printf ' ' >>"$F"
type_in y
send Enter
wait_for "not any more as it was"
left 2 "a file that changed meanwhile"
has "stays as it is now" "$(cat "$F")" $K
at "profile import --from workos-go --name staging --skip-existing --client-id client_typed --clean-up"
wait_for "Take it out of the file?"
send C-c
left 130 "Ctrl-C at the question"
has "changes nothing" "$(cat "$F")" $K
at "profile import --from workos-go --name staging --skip-existing --client-id client_typed --clean-up"
wait_for "Take it out of the file?"
type_in y
send Enter
wait_for "Changed $F"
left 0 "yes"
is "the key is gone, and only that" "$(cat "$F")" "$(sed "s/$K//" "$SCRATCH/before") "
