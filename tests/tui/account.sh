#!/bin/bash
# What a signed-in profile has, on the screen against the sandbox: claims that are verified, sessions that are ended, an
# authenticator app that is set up and deleted, another organization with an API key and without one.
SRC=$1 BIN=$2
. "$SRC/tests/tui/lib.sh"
. "$SRC/tests/tui/signin.sh"
sandbox --device-interval 1s
profile_dev dev
profile_dev other
kf profile add open --client-id client_sandbox_public --api-host "$U" >/dev/null || fail "profile add"
ORGS=user_01KSB00000000000000000RGS1
api() { curl -sS --noproxy '*' -H "Authorization: Bearer sk_test_sandbox" "$U$1"; }
factors_now() { api "/user_management/users/$ORGS/auth_factors" | python3 -c 'import json,sys; print(len(json.load(sys.stdin)["data"]))'; }
org_of() { kf token "$1" 2>/dev/null | python3 -c 'import base64,json,sys
p = sys.stdin.read().split(".")[1]
print(json.loads(base64.urlsafe_b64decode(p + "=" * (-len(p) % 4))).get("org_id"))'; }
as_orgs() { # PROFILE: the first of the organizations
    with_password "$1" orgs@example.test
    wait_for "Which one should this profile use?"
    send Enter
    signed_in "$1" orgs@example.test "$1 is signed in"
}

tui 100x30 "'$BIN/keyfob-tui'"
wait_for "3 profiles,"
as_orgs other
as_orgs dev

# claims
pick dev
send c
wait_for "Decoded, not verified"
send v
wait_for "Verified: WorkOS signed this token"
ok "claims, and their signature is verified on request"

# sessions
send Tab
wait_for "[Sessions 2]"
send Home
row_of_other() { shown | grep '^ *>' | grep -qv "this session"; }
row_of_other || send Down
wait_until "the other session is selected" row_of_other
send D
wait_for "End the session of"
send Enter # Keep has the focus
wait_gone "End the session of"
is "nothing was ended" "$(stat_of sessions)" 2
send D
wait_for "End the session of"
send y
wait_for "Ended 1 session"
is "one session is left" "$(stat_of sessions)" 1
run kf token other --renew
[ "$RC" -ne 0 ] || fail "the ended session still renews"
ok "the ended session does not renew"
send Escape
wait_for "[Overview]"
send Escape
wait_for " of 3 match"
as_orgs other
pick dev
send Enter
wait_for "[Overview]"
send Tab Tab
wait_for "[Sessions"
wait_for "this session"
send A
wait_for "End all other sessions"
send Enter
wait_for "Nothing was done"
type_in "dev"
send Enter
wait_for "Ended 1 session"
is "only this one is left" "$(stat_of sessions)" 1
shows_not "Could not" || fail "an error"
kf token dev >/dev/null || fail "its own session ended too"
ok "all others were ended, by a typed name"

# an authenticator app: left, then set up, then deleted
send Tab
wait_for "No factors yet"
send a
wait_for "Set up an authenticator app"
wait_for "+ quiet zone"
is "it exists already" "$(factors_now)" 1
send Escape
wait_for "Leave before the app is set up"
send y
wait_for "Nothing was set up"
none() { [ "$(factors_now)" = 0 ]; }
wait_until "the half-made factor is deleted" none
ok "leaving deletes the half-made factor"
send a
wait_for "Set up an authenticator app"
wait_for "+ quiet zone"
uri=$(tm capture-pane -e -p -N -t s | python3 "$SRC/tests/qr/raster.py" >"$SCRATCH/shot.ppm" && zbarimg -q --raw "$SCRATCH/shot.ppm" 2>/dev/null)
has "the QR code" "$uri" "otpauth://totp/"
key=$(sed 's/.*secret=\([A-Z2-7]*\).*/\1/' <<<"$uri")
type_in "000000"
wait_for "is not right"
type_in "$(totp "$key")"
wait_for "The authenticator app is set up"
wait_for "[Factors 1]"
is "it exists" "$(factors_now)" 1
hasnt "the key is not in the history" "$(history)" "${key:0:4} ${key:4:4}"
send D
wait_for "Type dev to do it"
send Enter
wait_for "Nothing was done"
type_in "dev"
send Enter
wait_for "Deleted the factor"
wait_for "No factors yet"
is "it is gone" "$(factors_now)" 0

# another organization
before=$(org_of dev)
send o
wait_for "Which organization should this profile use?"
wait_for "3 of 3"
send Down Enter
wait_for "dev is in"
after=$(org_of dev)
has "the token has an organization" "$after" "org_"
[ "$after" != "$before" ] || fail "the organization is the same"
ok "another organization: $before -> $after"

# without a key: the ID is typed
send Escape
wait_for "[Overview]"
send Escape
wait_for " of 3 match"
start open 2
wait_for "n new code"
code=$(shown | grep -oE '\b[A-Z]{4}-[A-Z]{4}\b')
page "$(shown | grep -oE 'https?://[^ ]*')" "=,user_code=$code" "action=password,email=orgs@example.test,password=sandbox-password" "organization_id=" >/dev/null || fail "the device's page"
signed_in open orgs@example.test "open is signed in"
other=$before
[ "$(org_of open)" != "$before" ] || other=$after
send o
wait_for "cannot list yours"
type_in "$other"
send Enter
wait_for "open is in"
is "the typed organization" "$(org_of open)" "$other"
send o
wait_for "cannot list yours"
type_in "org_01NOBODYS"
send Enter
wait_for "Could not switch the organization of open"
send Escape
is "after a refusal the session is as it was" "$(org_of open)" "$other"
send C-c
left 130 "Ctrl-C"
