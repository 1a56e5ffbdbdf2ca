#!/bin/bash
# On the screen: a sign-in that ends as another person than the profile's.
SRC=$1 BIN=$2
. "$SRC/tests/tui/lib.sh"
. "$SRC/tests/tui/signin.sh"
sandbox
profile_dev
login_dev
whose() { kf whoami "${1:-dev}" --json | json user_email; }
revoked() { stat_of requests "POST /user_management/sessions/revoke"; }
asked() {
    with_password dev impersonated@example.test
    wait_for "You signed in as another person"
}
tui 80x24 "env TERM=screen-256color '$BIN/keyfob'"
wait_for "plain@example.test"
asked
wait_for "This profile belongs to"
is "whose it is" "$(shown | grep -c 'belongs to.*plain@example.test')" 1
is "who signed in" "$(shown | grep -c 'signed in as.*impersonated@example.test')" 1
send Escape
wait_for "keyfob ends the new session at WorkOS"
one_gone() { [ "$(revoked)" = 1 ]; }
wait_until "the new session's end" one_gone
wait_for "How do you want to sign in"
send Escape
wait_for "> dev"
is "after Esc" "$(whose)" plain@example.test
asked
send Enter
wait_for "Signed in to dev-impersonated as impersonated@example.test"
wait_for "> dev-impersonated"
is "after a new profile" "$(whose)/$(whose dev-impersonated)" plain@example.test/impersonated@example.test
is "nothing else was revoked" "$(revoked)" 1
asked
send Down
send Enter
wait_for "Signed in to dev as impersonated@example.test"
is "after replacing" "$(whose)" impersonated@example.test
send C-c
left 130 "Ctrl-C"
