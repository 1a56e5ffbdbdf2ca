#!/bin/bash
# Signing in from a shell with a person at the terminal: questions, QR codes, addresses to open, and leaving with Ctrl-C.
SRC=$1 BIN=$2
. "$SRC/tests/tui/lib.sh"
. "$SRC/tests/tui/signin.sh"
sandbox --device-interval 1s
profile_dev
kf profile add open --client-id client_sandbox_public --api-host "$U" >/dev/null || fail "profile add"

# at ENVIRONMENT COMMAND [SIZE]: a person types it at a terminal; the shell outlives Ctrl-C
at() { tui "${3:-100x50}" "trap : INT; env TERM=screen-256color $1 '$BIN/keyfob' $2; rc=\$?; echo; (exit \$rc)"; }
done_as() { # ADDRESS WHAT
    wait_for " as $1"
    left 0 "$2"
}
stopped() { # WHAT
    send C-c
    left 130 "$1: Ctrl-C"
}
read_code() {
    tm capture-pane -e -p -N -t s | python3 "$SRC/tests/qr/raster.py" >"$SCRATCH/shot.ppm" && zbarimg -q --raw "$SCRATCH/shot.ppm" 2>/dev/null
}
whole_address() { tm capture-pane -p -J -t s | grep -oE 'https?://[^ ]*/user_management/authorize[^ ]*' | tail -1; }

# a code by mail: another one, a wrong one, the right one
at "" "login dev --as-other-user --method magic --email plain@example.test"
wait_for "Sent to plain@example.test"
first=$(mail magic_auth)
wait_for "r: send another"
type_in r
send Enter
sent_again() { [ "$(mail magic_auth)" != "$first" ]; }
wait_until "another mail" sent_again
ok "r sends another code"
type_in 000000
send Enter
wait_for "That code is not right"
type_in "$(mail magic_auth)"
send Enter
done_as plain@example.test "a code by mail"

# the password is not on the screen, and the terminal is itself again whatever happens
at "" "login dev --as-other-user --email orgs@example.test"
wait_for "Password"
type_in "sandbox-pass"
stopped "at the password"
hasnt "the password" "$(history)" "sandbox-pass"
at "" "login dev --as-other-user --email orgs@example.test"
wait_for "Password"
type_in "sandbox-password"
send Enter
wait_for "Choose by number, name or id"
type_in "nowhere"
send Enter
wait_for "none of the 3"
type_in "acme"
send Enter
wait_for "Choose by number, name or id: acme"
type_in "2"
send Enter
done_as orgs@example.test "one of several organizations"

# an authenticator app: the code on the screen is what WorkOS said, the key under it is its key
ENROLL=user_01KSB00000000000000ENR0001
factors() { curl -sS --noproxy '*' -H 'Authorization: Bearer sk_test_sandbox' "$U/user_management/users/$ENROLL/auth_factors" | json data; }
no_factor() { [ "$(factors)" = "[]" ]; }
to_key() { # ENVIRONMENT [SIZE]
    at "$1" "login dev --as-other-user --email enroll@example.test" "${2:-100x50}"
    wait_for "Password"
    type_in "sandbox-password"
    send Enter
    wait_for "type this key"
    wait_for "authenticator app:"
    key=$(shown | sed -n '/type this key/{n;p}' | tr -d ' ')
}
to_key ""
said=$(read_code)
has "the QR code" "$said" "otpauth://totp/"
has "its key" "$said" "secret=$key"
stopped "at the QR code"
wait_until "the half-made factor is deleted" no_factor
ok "the half-made factor is deleted"
for how in NO_COLOR=1 TERM=screen LC_ALL=C; do
    case $how in LC_ALL=C) to_key "$how" 120x99 ;; *) to_key "$how" ;; esac
    has "$how: zbar reads it" "$(read_code)" "otpauth://totp/"
    stopped "$how"
done
# without the library for QR codes the key is still there
mkdir "$SCRATCH/lib"
echo broken >"$SCRATCH/lib/libqrencode.so.4"
to_key "LD_LIBRARY_PATH='$SCRATCH/lib'"
has "it says what is missing" "$(shown)" "libqrencode.so.4, which is not installed"
[ ${#key} -ge 16 ] || fail "no key: '$key'"
type_in 000000
send Enter
wait_for "That code is not right"
type_in "$(totp "$key")"
send Enter
done_as enroll@example.test "an authenticator app"

# another device: the QR code has the code; a new one; confirmed; it runs out where codes live for 4 s only
at "" "login open --as-other-user --method device"
wait_for "code: "
wait_for "Ctrl-C cancels"
code=$(shown | sed -n 's/^  code: //p')
has "the QR code" "$(read_code)" "user_code=$code"
send b Enter
wait_for "no display here"
ok "b says why nothing opens"
wait_for "n Enter makes a new code, Ctrl-C"
send n Enter
new_code() { now=$(shown | sed -n 's/^  code: //p' | tail -1) && [ "$now" != "$code" ]; }
wait_until "a new code" new_code
page "$U/device" "=,user_code=$now" "action=password,email=plain@example.test,password=sandbox-password" >/dev/null || fail "the device's page"
done_as plain@example.test "another device"
long=$U
sandbox --device-interval 1s --device-life 4s
kf profile add brief --client-id client_sandbox_public --api-host "$U" >/dev/null || fail "profile add"
U=$long
at "" "login brief --method device --no-qr"
wait_for "Ctrl-C cancels"
is "no QR code" "$(read_code)" ""
code=$(shown | sed -n 's/^  code: //p')
wait_for "has expired"
send n Enter
wait_until "a code after the one that ran out" new_code
ok "n makes a new code when one has run out"
stopped "another device"

# the browser: b opens exactly the address that is shown, and nothing secret comes along
cat >"$SCRATCH/browser" <<B
#!/bin/sh
printf '%s\n' "\$#" "\$@" >"$SCRATCH/opened.new"
env >"$SCRATCH/opened.env"
mv "$SCRATCH/opened.new" "$SCRATCH/opened"
B
chmod +x "$SCRATCH/browser"
at "BROWSER='$SCRATCH/browser' WORKOS_COOKIE_PASSWORD=of-the-cookie KEYFOB_MARK=1" "login open --as-other-user --method browser"
wait_for "b Enter opens it here"
[ ! -e "$SCRATCH/opened" ] || fail "a browser was started by itself"
url=$(whole_address)
send b Enter
wait_until "the browser" test -s "$SCRATCH/opened"
is "what is opened" "$(cat "$SCRATCH/opened")" "1
$url"
hasnt "no secrets of ours" "$(cat "$SCRATCH/opened.env")" of-the-cookie
hasnt "nothing of ours" "$(cat "$SCRATCH/opened.env")" KEYFOB_
page "$url" "action=password,email=plain@example.test,password=sandbox-password" >/dev/null || fail "the browser's pages"
done_as plain@example.test "the browser"

# over SSH, and never a browser: the tunnel's line, and an address that is pasted
rm -f "$SCRATCH/opened"
at "BROWSER='$SCRATCH/browser' SSH_CONNECTION='192.0.2.1 50000 192.0.2.9 22' USER=ada" "login open --as-other-user --method browser --no-browser"
wait_for "Ctrl-C cancels"
url=$(whole_address)
port=$(sed -n 's/.*127.0.0.1%3A\([0-9]*\)%2F.*/\1/p' <<<"$url")
wait_for "ssh -L $port:127.0.0.1:$port ada@192.0.2.9"
has "b is not offered" "$(shown)" $'\n  Ctrl-C cancels'
send b Enter
wait_for "the address must begin"
type_in "http://127.0.0.1:1/callback?code=x&state=y"
send Enter
twice() { [ "$(shown | grep -c 'the address must begin')" -eq 2 ]; }
wait_until "another address is not taken" twice
[ ! -e "$SCRATCH/opened" ] || fail "a browser was started"
type_in "$(landing "$url")"
send Enter
done_as plain@example.test "a pasted address"

# an authenticator app afterwards; half made and left it is deleted; deleting wants the profile's name
at "" "factor enroll dev"
wait_for "type this key"
wait_for "Code that the app shows"
key=$(shown | sed -n '/type this key/{n;p}' | tr -d ' ')
has "factor enroll: zbar reads the key" "$(read_code)" "secret=$key"
stopped "factor enroll"
count() { is_it=$(kf factor list dev --json | python3 -c 'import json,sys; print(len(json.load(sys.stdin)["items"]))') && [ "$is_it" = "$1" ]; }
wait_until "the half-made factor is deleted" count 1
at "" "factor enroll dev"
wait_for "Code that the app shows"
key=$(shown | sed -n '/type this key/{n;p}' | tr -d ' ')
type_in 000000
send Enter
wait_for "not the right code"
type_in "$(totp "$key")"
send Enter
wait_for "is set up"
left 0 "factor enroll"
wait_until "two factors" count 2
id=$(kf factor list dev --json | json items 0 id)
for typed in nothing dev; do
    at "" "factor rm dev $id"
    wait_for "Type dev to delete the factor"
    type_in "$typed"
    send Enter
    wait_for "left with"
    is "factor rm after typing $typed" "$(shown | sed -n 's/^left with //p')" "$([ $typed = dev ] && echo 0 || echo 8)"
done
wait_until "one factor is left" count 1
ok "one factor is left"
at "" "session revoke dev --others"
wait_for "[y/N]"
type_in n
send Enter
wait_for "Cancelled"
left 8 "no"

# 5,000 organizations, one of them with a name that would clear the screen: what is left out is said, a part of a name finds them
python3 - >"$SCRATCH/many" <<'P'
import json
names = ["\x1b[2J\r\nX"] + ["Company %d" % i for i in range(2, 5001)]
print(json.dumps([{"path": "/user_management/authenticate", "nth": 1, "status": 403, "body": {
    "code": "organization_selection_required", "message": "m", "pending_authentication_token": "pat_1",
    "user": {"id": "user_1", "email": "a@example.test"},
    "organizations": [{"id": "org_%d" % (i + 1), "name": n} for i, n in enumerate(names)]}}]))
P
curl -sSf --noproxy '*' --data-binary "@$SCRATCH/many" "$U/sandbox/faults" >/dev/null || fail "the sandbox takes no such fault"
at "" "login dev --as-other-user --email orgs@example.test"
wait_for "Password"
type_in "sandbox-password"
send Enter
wait_for "and 4800 more; a part of the name lists fewer"
has "the first is shown, and clears nothing" "$(history)" "    1  [2J X  org_1"
type_in "pany 499"
send Enter
wait_for "4999  Company 4999  org_4999"
is "those with the part" "$(shown | grep -c 'Company 499')" 11
stopped "5,000 organizations"
