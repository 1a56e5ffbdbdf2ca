#!/usr/bin/env bash
# Every way to sign in from the shell (data/guide/signing-in.md), to its end and to its failures.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
. "$SRC/tests/tui/signin.sh" # page, landing
sandbox --device-interval 1s --device-life 4s --replay-window 0
profile_dev
kf profile add pub --client-id client_sandbox_public --api-host "$U" >/dev/null || fail "add pub"

# mailed ADDRESS: the last code that would have been mailed to it
mailed() { curl -sS --noproxy '*' "$U/sandbox/mail" | python3 -c 'import json,sys
print([m["code"] for m in json.load(sys.stdin)["mail"] if m["to"]==sys.argv[1]][-1])' "$1"; }
mails() { curl -sS --noproxy '*' "$U/sandbox/mail" | grep -o "\"to\":\"$1\"" | grep -c .; }
api() { curl -sS --noproxy '*' -H 'Authorization: Bearer sk_test_sandbox' -H 'Content-Type: application/json' "$@"; }
who() { kf whoami "$1" --json | json user_email; }

# talk ARG...: keyfob login ARG... --answers-stdin in the background, with answers through a pipe that stays open
talk() {
    rm -f "$SCRATCH/answers" "$SCRATCH/err.login" # nothing of the one before is looked at
    mkfifo "$SCRATCH/answers"
    "$BIN/keyfob" login "$@" --as-other-user --answers-stdin <"$SCRATCH/answers" >"$SCRATCH/out" 2>"$SCRATCH/err.login" &
    LOGIN=$!
    exec 7>"$SCRATCH/answers"
}
say() { printf '%s\n' "$1" >&7; }
ended() { # WHAT STATUS
    local rc=0
    exec 7>&-
    wait "$LOGIN" || rc=$?
    is "$1: $(tail -3 "$SCRATCH/err.login")" "$rc" "$2"
}

# a code by e-mail: known, unknown address (signs up), wrong, used
talk dev --method magic
say email=plain@example.test
wait_until "the mail" test "$(mails plain@example.test)" -ge 0
wait_until "the mail" sh -c "curl -sS --noproxy '*' $U/sandbox/mail | grep -q plain@example.test"
CODE=$(mailed plain@example.test)
say "email_code=${CODE:0:3} ${CODE:3}"
ended "magic auth" 0
is "who" "$(who dev)" plain@example.test
is "its method" "$(kf whoami dev --json | json method)" MagicAuth
run bash -c "printf 'email_code=$CODE\n' | '$BIN/keyfob' login dev --as-other-user --method magic --email plain@example.test --answers-stdin"
is "a used code is refused: $ERR" "$RC" 7
run kf login dev --as-other-user --method magic --email fresh@example.test --no-input
is "a code is needed and nobody is there: $ERR" "$RC" 3
run bash -c "printf 'email_code=$(mailed fresh@example.test)\n' | '$BIN/keyfob' login dev --as-other-user --method magic --email fresh@example.test --answers-stdin"
is "an unknown address signs up: $ERR" "$RC" 0
run kf login pub --as-other-user --method magic --email plain@example.test
is "without an API key it says why: $ERR" "$RC" 7

# e-mail verification
talk dev --method password --email unverified@example.test
say password=sandbox-password
wait_until "the mail" sh -c "curl -sS --noproxy '*' $U/sandbox/mail | grep -q unverified@example.test"
say "email_code=$(mailed unverified@example.test)"
ended "e-mail verification" 0
is "who" "$(who dev)" unverified@example.test

# radar: by e-mail, and by a text message after the phone
talk dev --email radar@example.test
say password=sandbox-password
wait_until "the mail" sh -c "curl -sS --noproxy '*' $U/sandbox/mail | grep -q '\"radar@example.test\"'"
say "email_code=$(mailed radar@example.test)"
ended "radar by e-mail" 0
talk dev --email radar-sms@example.test
say password=sandbox-password
say "phone=+44 20 7946 0018"
wait_until "the message" sh -c "curl -sS --noproxy '*' $U/sandbox/mail | grep -q '+442079460018'"
say "sms_code=$(mailed +442079460018)"
ended "radar by text message" 0

# enrolment in the middle of a sign-in: nobody can scan it here, and the half-made factor goes again
ENROLL=user_01KSB00000000000000ENR0001
run bash -c "printf 'password=sandbox-password\n' | '$BIN/keyfob' login dev --as-other-user --email enroll@example.test --answers-stdin"
is "enrolment needs a person: $ERR" "$RC" 3
no_factor() { [ "$(api "$U/user_management/users/$ENROLL/auth_factors" | json data)" = "[]" ]; }
wait_until "the half-made factor is deleted" no_factor
ok "the half-made factor is deleted"

# enrolment afterwards
kf logout dev >/dev/null 2>&1
run bash -c "printf 'password=sandbox-password\n' | '$BIN/keyfob' login dev --as-other-user --email plain@example.test --answers-stdin"
is "plain" "$RC" 0
rm -f "$SCRATCH/answers"
mkfifo "$SCRATCH/answers"
"$BIN/keyfob" factor enroll dev --json --answers-stdin <"$SCRATCH/answers" >"$SCRATCH/enroll" 2>"$SCRATCH/err.login" &
LOGIN=$!
exec 7>"$SCRATCH/answers"
wait_until "the new factor" test -s "$SCRATCH/enroll"
is "its schema" "$(json schema <"$SCRATCH/enroll")" keyfob.enroll/1
has "its URI has the key" "$(json uri <"$SCRATCH/enroll")" "secret=$(json secret <"$SCRATCH/enroll")"
say "totp=$(totp "$(json secret <"$SCRATCH/enroll")")"
ended "factor enroll" 0
is "it is verified" "$(sed -n 2p "$SCRATCH/enroll" | json verified)" true
F=$(sed -n 2p "$SCRATCH/enroll" | json factor_id)
is "the sandbox lists it" "$(api "$U/auth/factors/$F" | json id)" "$F"
is "keyfob lists it" "$(kf factor list dev --json | json items 0 id)" "$F"
run bash -c "printf 'password=sandbox-password\ntotp=000000\n' | '$BIN/keyfob' login dev --as-other-user --email plain@example.test --answers-stdin"
is "the next sign-in asks for it: $ERR" "$RC" 7
run kf factor rm dev "$F" --no-input
is "deleting wants a yes" "$RC" 3
run kf factor rm dev "$F" --yes
is "deleted: $ERR" "$RC" 0
is "none is left" "$(kf factor list dev --json | json items)" "[]"

# another device: confirmed, declined, run out
confirm() { # CODE EMAIL PASSWORD ACTION
    local id
    id=$(curl -sS --noproxy '*' -d "user_code=$1" "$U/device" | grep -o '/user_management/authorize/[A-Za-z0-9_-]*' | head -1)
    curl -sS --noproxy '*' --data-urlencode "email=$2" --data-urlencode "password=$3" -d "action=$4" "$U$id" >"$SCRATCH/page"
}
device() {
    rm -f "$SCRATCH/err.login" # else the code of the one before may be read
    "$BIN/keyfob" login pub --as-other-user --method device >"$SCRATCH/out" 2>"$SCRATCH/err.login" </dev/null &
    LOGIN=$!
    exec 7>/dev/null
    wait_until "the code" grep -q '  code: ' "$SCRATCH/err.login"
    CODE=$(sed -n 's/^  code: //p' "$SCRATCH/err.login" | tail -1)
}
device
has "the address is there" "$(cat "$SCRATCH/err.login")" "$U/device"
confirm "$CODE" plain@example.test sandbox-password password
ended "another device, over a pipe" 0
is "who" "$(who pub)" plain@example.test
device
confirm "$CODE" x x deny
ended "declined on the device" 8
device
ended "nobody confirms" 3
is "the session before is still there" "$(who pub)" plain@example.test

# the browser: the address on stderr, nothing opened; pasted back instead of redirected
rm -f "$SCRATCH/err.login"
"$BIN/keyfob" login pub --as-other-user --method browser --no-browser >"$SCRATCH/out" 2>"$SCRATCH/err.login" </dev/null &
LOGIN=$!
exec 7>/dev/null
wait_until "the address" grep -q 'authorize?' "$SCRATCH/err.login"
URL=$(grep -o 'http://[^ ]*authorize?[^ ]*' "$SCRATCH/err.login")
ID=$(curl -sS --noproxy '*' "$URL" | grep -o '/user_management/authorize/[A-Za-z0-9_-]*' | head -1)
curl -sSL --noproxy '*' --data-urlencode email=orgs@example.test -d 'password=sandbox-password&action=password' "$U$ID" >"$SCRATCH/page"
TOKEN=$(grep -o 'name="pending_authentication_token" value="[^"]*"' "$SCRATCH/page" | sed 's/.*value="//; s/"//')
BACK=$(curl -sS --noproxy '*' -o /dev/null -w '%{redirect_url}' --data-urlencode "pending_authentication_token=$TOKEN" -d organization_id=org_01KSB0000000000000000GX001 "$U$ID")
is "a wrong state is not taken" "$(curl -sS --noproxy '*' -o /dev/null -w '%{http_code}' "${BACK%state=*}state=other")" 400
has "the page says how it ended" "$(curl -sS --noproxy '*' "$BACK")" "Signed in"
has "a second tab" "$(curl -sS --noproxy '*' "$BACK")" "Already done"
ended "browser with PKCE" 0
is "who" "$(who pub)" orgs@example.test
is "organization" "$(kf status pub --json | json organization id)" org_01KSB0000000000000000GX001

# a script says where its browser ended: the address comes first, and the listener waits at the same time
shown_url() { grep -o 'http://[^ ]*/user_management/authorize[^ ]*' "$SCRATCH/err.login"; }
talk pub --method browser
wait_until "the address" shown_url
say "redirect_url=$(landing "$(shown_url)")"
ended "an address that a script gives" 0
talk pub --method browser
wait_until "the address" shown_url
page "$(shown_url)" "action=password,email=plain@example.test,password=sandbox-password" >/dev/null || fail "the pages"
ended "the listener while a script could answer" 0
talk pub --method browser
wait_until "the address" shown_url
say "nonsense"
ended "a line that is no answer" 2

# a QR code into a log, for whom it is worth it
rm -f "$SCRATCH/err.login"
"$BIN/keyfob" login pub --as-other-user --method device --qr >"$SCRATCH/out" 2>"$SCRATCH/err.login" </dev/null &
LOGIN=$!
drawn() { grep -q '▄' "$SCRATCH/err.login" && tail -n 1 "$SCRATCH/err.login" | grep -q $'\033.0m$'; }
wait_until "the QR code" drawn
kill "$LOGIN"
wait "$LOGIN"
grep $'\033' "$SCRATCH/err.login" | python3 "$SRC/tests/qr/raster.py" >"$SCRATCH/shot.ppm"
has "--qr without a terminal" "$(zbarimg -q --raw "$SCRATCH/shot.ppm")" "user_code=$(sed -n 's/^  code: //p' "$SCRATCH/err.login")"

# single sign-on is where a browser is needed
run bash -c "printf 'password=sandbox-password\n' | '$BIN/keyfob' login dev --as-other-user --email sso@example.test --answers-stdin"
is "SSO only, and no browser: $ERR" "$RC" 3

# a refresh token from elsewhere, on stdin only
kf profile add taken --client-id client_sandbox --api-host "$U" >/dev/null
R=$(curl -sS --noproxy '*' -H 'Content-Type: application/json' -d '{"grant_type":"password","client_id":"client_sandbox","client_secret":"sk_test_sandbox","email":"plain@example.test","password":"sandbox-password"}' "$U/user_management/authenticate" | json refresh_token)
run bash -c "printf %s '$R' | '$BIN/keyfob' login taken --as-other-user --method token"
is "a refresh token: $ERR" "$RC" 0
is "who" "$(who taken)" plain@example.test
run bash -c "printf %s '$R' | '$BIN/keyfob' login taken --as-other-user --method token"
[ "$RC" -ne 0 ] || fail "a spent refresh token was taken"
is "the session before is still there" "$(who taken)" plain@example.test
run kf login dev --as-other-user --method nothing
is "another method" "$RC" 2

# an invitation
INV=$(api -d '{"email":"invited@example.test","organization_id":"org_01KSB00000000000000000ACME"}' "$U/user_management/invitations" | json token)
talk dev --method magic --email invited@example.test --invitation-token-stdin
say "invitation_token=$INV"
wait_until "the mail" sh -c "curl -sS --noproxy '*' $U/sandbox/mail | grep -q invited@example.test"
say "email_code=$(mailed invited@example.test)"
ended "with an invitation" 0
is "it brought the organization" "$(kf status dev --json | json organization id)" org_01KSB00000000000000000ACME

# a new password
talk dev --email plain@example.test --reset-password
wait_until "the mail" sh -c "curl -sS --noproxy '*' $U/sandbox/mail | grep -q password_reset"
say "reset_token=$(mailed plain@example.test)"
say "new_password=another-password"
say "password=another-password"
ended "a new password" 0

# a provider's own tokens, and an impersonated session
run bash -c "printf 'password=sandbox-password\n' | '$BIN/keyfob' login dev --as-other-user --email impersonated@example.test --answers-stdin"
has "it says that it is impersonated" "$OUT" "impersonated session: admin@example.test"
is "the provider's tokens" "$(kf claims dev --oauth-tokens | json oauth_tokens access_token)" ya29.sandbox
hasnt "not on a terminal" "$(script -qec "'$BIN/keyfob' claims dev --oauth-tokens" /dev/null)" ya29.sandbox
is "the user's own fields" "$(kf claims dev --json | json user first_name)" Imke

# a script cannot see the question: what could be answered comes with the failure
run bash -c "printf 'password=sandbox-password\n' | '$BIN/keyfob' login dev --as-other-user --email orgs@example.test --answers-stdin"
is "an organization is needed" "$RC$OUT" 3
is "each is named" "$(grep -oE 'org_[A-Za-z0-9]+' <<<"$ERR" | sort -u | wc -l)" 3
run bash -c "printf 'password=sandbox-password\n' | '$BIN/keyfob' login dev --as-other-user --email orgs@example.test --answers-stdin --json"
is "with --json" "$RC" 3
is "in the error" "$(json choices 0 name <<<"$ERR") $(json choices 0 id <<<"$ERR")" "Globex org_01KSB0000000000000000GX001"
is "and as the answer" "$(json schema <<<"$OUT") $(json field <<<"$OUT") $(json choices 2 id <<<"$OUT")" "keyfob.choices/1 organization org_01KSB0000000000000000GX003"
run bash -c "printf 'password=sandbox-password\norganization=nowhere\n' | '$BIN/keyfob' login dev --as-other-user --email orgs@example.test --answers-stdin"
is "one that is not there" "$RC" 3
has "the others are named, too" "$ERR" org_01KSB0000000000000000GX001

# organizations, sessions, claims
run bash -c "printf 'password=sandbox-password\norganization=Globex\n' | '$BIN/keyfob' login dev --as-other-user --email orgs@example.test --answers-stdin"
is "orgs" "$RC" 0
is "its organizations" "$(kf org list dev --json | python3 -c 'import json,sys; print(len(json.load(sys.stdin)["items"]))')" 3
run kf switch-org dev org_01KSB0000000000000000GX003
is "another organization: $ERR" "$RC" 0
is "the token is of it" "$(kf claims dev --json | json claims org_id)" org_01KSB0000000000000000GX003
run kf switch-org dev org_01KSB00000000000000000ACME
[ "$RC" -ne 0 ] || fail "went to an organization of others"
is "refused, the session stays" "$(kf claims dev --json | json claims org_id)" org_01KSB0000000000000000GX003
is "the signature is right" "$(kf claims dev --verify --json | json verified)" true
is "both sessions are listed" "$(kf session list dev --json | python3 -c 'import json,sys; print(sum(i["status"]=="active" for i in json.load(sys.stdin)["items"]))')" 2
run kf session revoke dev --others --yes --json
is "the other one ends" "$(printf %s "$OUT" | json revoked)" 1
run kf token pub --renew
is "the profile it was sees it: $ERR" "$RC" 3
kf token dev >/dev/null || fail "this one ended, too"
run kf logout dev
is "signed out" "$RC" 0
