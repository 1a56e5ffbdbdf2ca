#!/usr/bin/env bash
# token --check: a session that was revoked at WorkOS is found before its token is used.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
sandbox
profile_dev
login_dev
T=$(kf token dev) || fail token
run kf token dev --check
is "alive: the same token, nothing renewed" "$RC$OUT$(stat_of grants refresh_token)" "0${T}0"
sid=$(kf status dev --json | json session id)
curl -sS --noproxy '*' -H 'Authorization: Bearer sk_test_sandbox' -H 'Content-Type: application/json' -d "{\"session_id\":\"$sid\"}" \
    "$U/user_management/sessions/revoke" >/dev/null || fail revoke
is "keyfob was not told" "$(kf token dev)" "$T"
run kf token dev --check
is "revoked: exit 3, and no token" "$RC$OUT" 3
has "what happened" "$ERR" "revoked"
has "what to do" "$ERR" "keyfob login dev"
is "the state" "$(kf status dev --json | json state)" needs_sign_in
run kf token dev
is "nor afterwards without --check" "$RC$OUT" 3
login_dev
T=$(kf token dev) || fail token
kill "$SANDBOX_PID"
wait "$SANDBOX_PID"
run kf token dev --check
is "no network: exit 5" "$RC$OUT" 5
is "and nothing changed" "$(kf status dev --json | json state)$(kf token dev)" "signed_in$T"
