#!/usr/bin/env bash
# A real headless Chromium through the sandbox's pages: PKCE as a public and as a confidential client, with a
# second factor, through an identity provider, declined; another device; a second tab; nothing opens by itself.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
PAGES="python3 $SRC/tests/browser/pages.py"
sandbox --device-interval 1s
profile_dev
kf profile add pub --client-id client_sandbox_public --api-host "$U" >/dev/null || fail "add pub"

# started PROFILE ARG...: keyfob login in the background; LOGIN its pid, URL what it shows
started() {
    local p=$1
    shift
    rm -f "$SCRATCH/err.$p" # else the address of the one before may be read
    "$BIN/keyfob" login "$p" "$@" >"$SCRATCH/out" 2>"$SCRATCH/err.$p" </dev/null &
    LOGIN=$!
    wait_until "the address" grep -q '^  http' "$SCRATCH/err.$p"
    URL=$(sed -n 's/^  \(http[^ ]*\)$/\1/p' "$SCRATCH/err.$p" | head -1)
}
ended() { # PROFILE STATUS
    local rc=0
    wait "$LOGIN" || rc=$?
    is "keyfob login $1 ended: $(tail -3 "$SCRATCH/err.$1")" "$rc" "$2"
}

export BROWSER=$SCRATCH/opened DISPLAY=:99
printf '#!/bin/sh\necho "$1" >>"%s"\n' "$SCRATCH/opened.log" >"$BROWSER"
chmod +x "$BROWSER"
started pub --method browser
has "S256 and a state" "$URL" "code_challenge_method=S256"
$PAGES authorize "$URL" plain@example.test sandbox-password || fail "the page"
ended pub 0
is "public: who" "$(kf whoami pub --json | json user_email)" plain@example.test
kf renew pub >/dev/null || fail "a public client renews"
is "nothing opened by itself" "$(cat "$SCRATCH/opened.log" 2>/dev/null)" ""

started dev --method browser --no-browser --login-hint totp@example.test
$PAGES authorize "$URL" totp@example.test sandbox-password JBSWY3DPEHPK3PXP || fail "the page"
ended dev 0
is "confidential: who" "$(kf whoami dev --json | json user_email)" totp@example.test

started pub --as-other-user --method sso --domain-hint sso.example.test
$PAGES sso "$URL" sso@example.test || fail "the identity provider"
ended pub 0
is "by SSO" "$(kf whoami pub --json | json method)" SSO

started pub --method browser
$PAGES deny "$URL" || fail "the page"
ended pub 8
is "the session before is still there" "$(kf whoami pub --json | json method)" SSO

started pub --as-other-user --method device
CODE=$(sed -n 's/^  code: //p' "$SCRATCH/err.pub")
$PAGES device "$URL" "$CODE" plain@example.test sandbox-password || fail "the device page"
ended pub 0
is "by another device" "$(kf whoami pub --json | json user_email)" plain@example.test
