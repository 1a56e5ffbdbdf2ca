#!/bin/bash
# A profile belongs to one person: what `keyfob login` does when the sign-in ends as somebody else.
SRC=$1 BIN=$2
. "$SRC/tests/tui/lib.sh"
. "$SRC/tests/tui/signin.sh"
sandbox
profile_dev
login_dev
whose() { kf whoami "${1:-dev}" --json | json user_email; }
revoked() { stat_of requests "POST /user_management/sessions/revoke"; }
is "whose it is" "$(whose)" plain@example.test

# nobody there to ask
other() { printf 'email=impersonated@example.test\npassword=sandbox-password\n%s' "$ANSWER" | kf login dev --answers-stdin "$@"; }
ANSWER=
run other
is "a script without an answer: status" "$RC" 3
has "it says who signed in" "$ERR" "impersonated@example.test signed in"
has "it says whose it is" "$ERR" "dev belongs to "
has "it says whose it is, by address" "$ERR" "plain@example.test"
has "it says what to do" "$ERR" "--as-other-user"
one_gone() { [ "$(revoked)" = 1 ]; }
wait_until "the new session's end" one_gone
is "still the same person's" "$(whose)" plain@example.test
run kf renew dev
is "and alive" "$RC" 0
ANSWER='other_user=no
'
run other --json
is "no: status" "$RC" 3
is "no: the error" "$(printf '%s' "$ERR$OUT" | json error)" workos.other_user
ANSWER='other_user=maybe
'
run other
is "another word: status" "$RC" 2
ANSWER='other_user=new:dev
'
run other
is "a name that is taken: status" "$RC" 2
ANSWER='other_user=new:dev-two
'
run other
is "a new profile: status" "$RC" 0
has "it is named" "$OUT" "Signed in to dev-two as impersonated@example.test"
is "whose the new one is" "$(whose dev-two)" impersonated@example.test
is "whose the first one is" "$(whose)" plain@example.test
printf sandbox-password | kf login dev --email impersonated@example.test --password-stdin --as-other-user >/dev/null || fail "--as-other-user"
is "--as-other-user" "$(whose)" impersonated@example.test
ANSWER='other_user=yes
'
run kf login dev --email plain@example.test --answers-stdin <<<"password=sandbox-password
other_user=yes"
is "yes: status" "$RC" 0
is "yes" "$(whose)" plain@example.test

# a person at a terminal
at() { tui 100x40 "trap : INT; env TERM=screen-256color '$BIN/keyfob' login dev --email impersonated@example.test; rc=\$?; echo; (exit \$rc)"; }
asked() {
    at
    wait_for "Password"
    type_in sandbox-password
    send Enter
    wait_for "Choose 1, 2 or 3"
}
asked
shows "the session of dev belongs to" || fail "whose it is"
shows "plain@example.test" || fail "whose it is, by address"
shows "you signed in as" || fail "who signed in"
send Enter
left 8 "Enter stops"
is "after Enter" "$(whose)" plain@example.test
asked
send C-c
left 130 "Ctrl-C"
is "after Ctrl-C" "$(whose)" plain@example.test
asked
type_in 1
send Enter
wait_for "Name of the new profile [dev-impersonated]"
type_in dev-two
send Enter
wait_for "That exists already: the profile dev-two"
wait_for "Name of the new profile"
send Enter
wait_for "Signed in to dev-impersonated as impersonated@example.test"
left 0 "a new profile"
is "whose it is now" "$(whose dev-impersonated)" impersonated@example.test
is "after a new profile" "$(whose)" plain@example.test
asked
type_in 2
send Enter
wait_for "Signed in to dev as impersonated@example.test"
left 0 "replaced"
is "after it was replaced" "$(whose)" impersonated@example.test
