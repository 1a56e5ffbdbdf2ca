#!/bin/bash
# Each way to sign in, on the screen, to the end: codes by mail and text message, an address to verify, organizations,
# another device, the browser, single sign-on. The pages are followed by a script.
SRC=$1 BIN=$2
. "$SRC/tests/tui/lib.sh"
. "$SRC/tests/tui/signin.sh"
sandbox --device-interval 1s
profile_dev
kf profile add open --client-id client_sandbox_public --api-host "$U" >/dev/null || fail "profile add"
tui 80x24 "env -u DISPLAY -u WAYLAND_DISPLAY -u BROWSER '$BIN/keyfob-tui'"
wait_for "2 profiles,"

start dev 3
wait_for "E-mail"
type_in "plain@example.test"
send Enter
wait_for "Sent to plain@example.test"
type_in "000000"
wait_for "That code is not right"
type_in "$(mail magic_auth)"
signed_in dev plain@example.test "a code by mail, at the second try"

with_password dev unverified@example.test
wait_for "The address must be confirmed"
paste_in "Your code is $(mail email_verification)."
another
signed_in dev unverified@example.test "an address was verified"

with_password dev orgs@example.test
wait_for "Which one should this profile use?"
send Down Enter
another
signed_in dev orgs@example.test "one of several organizations"

with_password dev totp@example.test
wait_for "Code from your authenticator app"
type_in "$(totp)"
another
signed_in dev totp@example.test "a second factor"

with_password dev radar@example.test
wait_for "WorkOS wants to be sure"
type_in "$(mail radar)"
another
signed_in dev radar@example.test "Radar, by mail"

with_password dev radar-sms@example.test
wait_for "Phone number"
type_in "+44 20 7946 0000"
send Enter
wait_for "Code from the text message"
type_in "$(mail sms)"
another
signed_in dev radar-sms@example.test "Radar, by text message"

# another device; the page is reached by the address that is shown, and the code that is shown is typed there
start open 2
wait_for "Sign in on another device"
wait_for "n new code"
code=$(shown | grep -oE '\b[A-Z]{4}-[A-Z]{4}\b')
is "one code is shown" "$(wc -w <<<"$code")" 1
where=$(shown | grep -oE 'https?://[^ ]*')
has "the address is shown" "$where" "$U/"
page "$where" "=,user_code=$code" "action=password,email=plain@example.test,password=sandbox-password" >/dev/null || fail "the device's page"
signed_in open plain@example.test "another device"

# its QR code says the address with the code in it
start open 2
wait_for "n new code"
code=$(shown | grep -oE '\b[A-Z]{4}-[A-Z]{4}\b')
said=$(tm capture-pane -e -p -N -t s | python3 "$SRC/tests/qr/raster.py" >"$SCRATCH/shot.ppm" && zbarimg -q --raw "$SCRATCH/shot.ppm" 2>/dev/null)
has "the QR code" "$said" "$code"
has "the QR code is of the same page" "$said" "$where"
send n
new_code() { now=$(shown | grep -oE '\b[A-Z]{4}-[A-Z]{4}\b') && [ -n "$now" ] && [ "$now" != "$code" ]; }
wait_until "a new code" new_code
ok "n makes a new code"
send b
wait_for "no display here"
ok "b says that there is no browser"
send Escape
wait_for "Sign-in stopped"
send Escape
wait_gone "How do you"

# the browser, whole address from the screen
start open 1
wait_for "waiting for the browser"
url=$(address)
has "the address is complete" "$url" "code_challenge_method=S256"
text=$(page "$url" "action=password,email=orgs@example.test,password=sandbox-password" "organization_id=") || fail "the browser's pages"
another
signed_in open orgs@example.test "the browser"
has "the browser says where it goes on" "$text" "Go back to the terminal"

# as over SSH: nothing comes back, the address is pasted
start open 1
wait_for "waiting for the browser"
url=$(address)
back=$(landing "$url")
has "where the browser would go" "$back" "http://127.0.0.1:"
paste_in "http://127.0.0.1:1/callback?code=x&state=y"
send Enter
wait_for "That answer cannot be used"
paste_in "$back"
wait_for "127.0.0.1"
send Enter
another
signed_in open plain@example.test "a pasted address"

# SSO, asked for and required
start open 5
wait_for "Organization (org_...)"
type_in "sso.example.test"
send Enter
wait_for "waiting for the browser"
page "$(address)" "email=sso@example.test" >/dev/null || fail "the identity provider's page"
another
signed_in open sso@example.test "single sign-on"
with_password dev sso@example.test
wait_for "only through its own identity"
page "$(address)" "email=sso@example.test" >/dev/null || fail "the identity provider's page"
another
signed_in dev sso@example.test "single sign-on that was required"

start dev 4
wait_for "E-mail"
type_in "impersonated@example.test"
send Enter
wait_for "Its length"
type_in "sandbox-password"
send Enter
another
wait_for "an impersonated session"
ok "an impersonation is told"
send C-c
left 130 "Ctrl-C"

# over SSH: another device is offered first, the line for the tunnel is exact; a browser starts only after b
printf '#!/bin/sh\nprintf "%%s\\n" "$@" >>"%s"\n' "$SCRATCH/opened" >"$SCRATCH/browser"
chmod +x "$SCRATCH/browser"
tui 100x30 "env SSH_CONNECTION='192.0.2.1 50000 192.0.2.9 22' USER=ada BROWSER='$SCRATCH/browser' '$BIN/keyfob-tui'"
wait_for "2 profiles,"
start open 9 # no such row
wait_for "Why 1 may not fit"
send 1
wait_for "waiting for the browser"
url=$(address)
port=$(sed -n 's/.*127.0.0.1%3A\([0-9]*\)%2F.*/\1/p' <<<"$url")
wait_for "ssh -L $port:127.0.0.1:$port ada@192.0.2.9"
[ ! -e "$SCRATCH/opened" ] || fail "a browser was started by itself"
send b
wait_for "Given to the browser"
wait_until "the browser" test -s "$SCRATCH/opened"
is "b opens exactly the address that is shown" "$(cat "$SCRATCH/opened")" "$url"
page "$url" "action=password,email=plain@example.test,password=sandbox-password" >/dev/null || fail "the browser's pages"
another
signed_in open plain@example.test "the browser, over SSH"
send C-c
left 130 "Ctrl-C"
