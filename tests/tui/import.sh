#!/usr/bin/env bash
# The first run with an official CLI's files on this computer: what is found, the marks, the new vault, the list.
SRC=$1 BIN=$2
. "$SRC/tests/tui/lib.sh"
export KEYFOB_STORE=vault
K=sk_test_a1b2c3d4e5f6g7h8abcd
mkdir "$HOME/.workos"
printf '{"environments":{"staging":{"type":"sandbox","apiKey":"%s","clientId":"client_a"},"live":{"type":"production","apiKey":"sk_live_b","clientId":"client_b"}}}' $K >"$HOME/.workos/config.json"
chmod 600 "$HOME/.workos/config.json"

tui 80x24 "'$BIN/keyfob-tui'"
wait_for "No profiles yet."
wait_for "found: 2 environments"
send 2
wait_for "2 of 2 marked"
wait_for "sk_test_…abcd"
send Down Space
wait_for "1 of 2 marked"
send Enter
wait_for "Choose a passphrase for the vault"
type_in "canary passphrase"
send Enter
type_in "canary passphrase"
send Enter
wait_for "Take the API key out of"
wait_for "sk_test_…abcd"
send Enter
wait_for "Enter open"
hasnt "the row that was not marked stayed away" "$(shown)" live
is "the key is in the store" "$(kf export staging --what api-key --format raw --reveal)" $K
has "left: the file is as it was" "$(cat "$HOME/.workos/config.json")" $K
hasnt "the key was never on the screen" "$(history)" $K
send q
left 0 "q"

# Another person says yes.
cp "$HOME/.workos/config.json" "$SCRATCH/before.json"
kf agent stop >/dev/null 2>&1 || fail "agent stop"
homes "$SCRATCH/other"
tm kill-server # it would hand on the first one's environment
mkdir "$HOME/.workos"
cp "$SCRATCH/before.json" "$HOME/.workos/config.json"
chmod 600 "$HOME/.workos/config.json"
tui 80x24 "'$BIN/keyfob-tui'"
wait_for "found: 2 environments"
send 2
wait_for "2 of 2 marked"
send Enter
wait_for "Choose a passphrase for the vault"
type_in "canary passphrase"
send Enter
type_in "canary passphrase"
send Enter
wait_for "Take the API keys out of"
send y
wait_for "Changed"
wait_for "Enter open"
python3 - "$SCRATCH/before.json" "$HOME/.workos/config.json" <<'P' || fail "the file is not what it was without the keys"
import json, sys
before, after = (json.load(open(f)) for f in sys.argv[1:])
for e in before["environments"].values():
    e["apiKey"] = ""
assert after == before, after
P
ok "yes: the keys are gone from the file, and nothing else"
is "and it has its mode" "$(stat -c %a "$HOME/.workos/config.json")" 600
is "they are in the store" "$(kf export live --what api-key --format raw --reveal)" sk_live_b
send q
left 0 "q"
