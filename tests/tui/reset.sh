#!/bin/bash
# A new password from the password step: typed twice, never seen, and it is the one that signs in.
SRC=$1 BIN=$2
. "$SRC/tests/tui/lib.sh"
. "$SRC/tests/tui/signin.sh"
sandbox
profile_dev
tui 80x24 "'$BIN/keyfob-tui'"
wait_for "> dev"
start dev 4
wait_for "E-mail"
type_in "plain@example.test"
send Enter
wait_for "Forgot it?"
send C-n
wait_for "Reset the password of"
send y
wait_for "Token from the reset mail"
paste_in "$(mail password_reset)"
wait_for "(hidden)"
send Enter
wait_for "ends all sessions of this user"
type_in "a-canary-password-1"
send Enter
type_in "another"
send Enter
wait_for "The two are not the same"
type_in "a-canary-password-1"
send Tab
type_in "a-canary-password-1"
wait_for "(hidden)"
send Enter
wait_for "The password was changed"
type_in "a-canary-password-1"
wait_for "(hidden)"
send Enter
signed_in dev plain@example.test "a new password"
hasnt "the new password is not in the history" "$(history)" "canary"
send C-c
left 130 "Ctrl-C"
