#!/bin/bash
# From nothing to a profile that is signed in, with the vault's passphrase asked in between; then the
# organization chooser, renewing, signing out, deleting.
SRC=$1 BIN=$2
. "$SRC/tests/tui/lib.sh"
export KEYFOB_STORE=vault
sandbox

tui 80x24 "'$BIN/keyfob-tui'"
wait_for "No profiles yet."
wait_for "Try it without an account"
send Enter
wait_for "field 1 of 8"
type_in "dev"
send Tab
type_in "client_sandbox"
send Tab
type_in "sk_test_sandbox"
wait_for "(hidden)"
send Tab C-u
type_in "$U"
wait_for "$U"
send F2
wait_for "Choose a passphrase for the vault"
type_in "canary passphrase"
wait_for "(hidden)"
send Enter
type_in "canary passphrasX"
send Enter
wait_for "are not the same"
type_in "canary passphrase"
send Enter
type_in "canary passphrase"
send Enter
wait_for "Added dev"
ok "a profile was added, the vault was made"
send s
wait_for "How do you"
send 4
wait_for "E-mail"
type_in "orgs@example.test"
send Enter
wait_for "Its length"
type_in "sandbox-password"
wait_for "(hidden)"
send Enter
wait_for "Which one should this profile use?"
rows=$(shown | grep -c org_)
[ "$rows" -ge 3 ] || fail "three organizations are expected, $rows are shown"
send Down Enter
wait_for "Signed in to dev as orgs@example.test"
ok "signed in with an organization"
send r
wait_for "Renewed dev"
ok "renewed"
faults '[{"path":"/user_management/authenticate","status":400,"body":{"error":"invalid_grant"}}]'
send r
wait_for "What happened"
wait_for "What to do"
shows "Could not renew dev" || fail "no title"
send d
wait_for "workos.invalid_grant"
ok "a refused renewal is told in three parts, with details"
send Escape
wait_gone "What happened"
send S
wait_for "[>Keep<]"
send Enter
wait_gone "[>Keep<]"
send S
wait_for "[>Keep<]"
send y
wait_for "Signed out of dev"
ok "signed out"
send D
wait_for "Type its name"
type_in "dev"
send Enter
wait_for "No profiles yet."
ok "deleted: the first-run screen is back"
for text in "canary" "sk_test_sandbox"; do hasnt "history: $text" "$(history)" "$text"; done
send q
left 0 "q"

# "Try it without an account" goes over into the sandbox, which ends with the screen
tui 80x24 "'$BIN/keyfob-tui'"
wait_for "No profiles yet."
send 3
wait_for "keyfob sandbox"
wait_for "sandbox-public"
# its agent is killed: another one has nothing in its memory, and the screen gives it the sandbox's API key again
wait_for "profiles,"
pid=$("$BIN/keyfob" --sandbox agent status --json | json pid)
kill -9 "$pid"
wait_for "no agent"
wait_for "profiles,"
send s
wait_for "How do you"
send 4
wait_for "E-mail"
type_in "plain@example.test"
send Enter
wait_for "Its length"
type_in "sandbox-password"
send Enter
wait_for "Signed in to sandbox"
ok "signed in after the agent was killed"
ready=$XDG_RUNTIME_DIR/keyfob-sandbox/ready
wait_until "the sandbox's address" test -s "$ready"
send C-c
left 130 "the sandbox"
gone() { [ ! -e "$ready" ]; }
wait_until "the end of the sandbox" gone
ok "the sandbox ended with its screen"
