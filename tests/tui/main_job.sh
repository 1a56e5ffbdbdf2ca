#!/bin/bash
# The main job on the screen: keyfob --sandbox, sign in with a TOTP code, watch the countdown, leave.
SRC=$1 BIN=$2
. "$SRC/tests/tui/lib.sh"

tui 80x24 "'$BIN/keyfob' --sandbox"
wait_for "? help"
wait_for "sandbox-public"
for text in "keyfob sandbox" "plain@example.test" "totp@example.test" "sandbox-password" "JBSWY3DPEHPK3PXP" "profiles,"; do
    shows "$text" || fail "the first screen lacks '$text'"
done
ok "the screen shows the demo accounts"

type_in "/sandbox-public"
wait_for "1 of 2"
send Enter s
wait_for "needs an API key"
send 4
wait_for "has only a client ID"
ok "a public profile says why there is no password"
send Escape
wait_gone "Sign in"
send Escape
wait_for "2 profiles,"

# the confidential one, wherever it is sorted
send Home
shows "> sandbox*" || send Down
wait_for "> sandbox*"
send s
wait_for "How do you want to sign in"
send 4
wait_for "E-mail"
type_in "totp@example.test"
wait_for "totp@example.test  "
send Enter
wait_for "Its length is not shown"
type_in "wrong-canary-password"
wait_for "(hidden)"
shows_not "canary" || fail "the password is shown"
send Enter
wait_for "is not right"
ok "a wrong password asks again, with a note"
type_in "sandbox-password"
wait_for "(hidden)"
send Enter
wait_for "authenticator app"
paste_in "Your code is $(totp)"
wait_for "Signed in to sandbox as totp@example.test"
wait_for "signed in"
ok "signed in with a pasted code"

send Enter
wait_for "min of 5 left"
ok "the overview counts minutes"
wait_for "stored, never shown"
resize 120x36
wait_for "Access token"
resize 40x12
wait_for "sandbox  Overview"
resize 80x24
send q
wait_for "> sandbox*"
token=$(KEYFOB_SANDBOX_URL= "$BIN/keyfob" --sandbox token sandbox 2>/dev/null)
case $token in eyJ*) ok "keyfob token gives the session's token" ;; *) fail "no token: '$token'" ;; esac
hasnt "the token in the pane's history" "$(history)" "${token:0:40}"
hasnt "the password in the pane's history" "$(history)" "wrong-canary"
send C-c
left 130 "Ctrl-C"
hasnt "afterwards the history" "$(history)" "${token:0:40}"
hasnt "afterwards the screen" "$(history)" "totp@example.test"
