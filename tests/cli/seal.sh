#!/usr/bin/env bash
# Sealed sessions from the shell: made, looked into, handed over; what is in them is looked at by openssl (through python).
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
sandbox
profile_dev
login_dev
T=$(kf token dev) || fail token
export WORKOS_COOKIE_PASSWORD=keyfob-test-password-0123456789-abcdef

# inside SEALED: the JSON in it, by the rules of iron and not by keyfob's code
inside() {
    python3 - "$1" "$WORKOS_COOKIE_PASSWORD" <<'P'
import base64, hashlib, hmac, subprocess, sys
text, password = sys.argv[1:]
body, version = text.split("~")
p = body.split("*")
assert len(p) == 8 and p[0] == "Fe26.2" and version == "2", text
raw = lambda s: base64.urlsafe_b64decode(s + "=" * (-len(s) % 4))
key = lambda salt: hashlib.pbkdf2_hmac("sha1", password.encode(), salt.encode(), 1, 32)
mac = hmac.new(key(p[6]), "*".join(p[:6]).encode(), "sha256").digest()
assert hmac.compare_digest(mac, raw(p[7])), "the MAC is wrong"
sys.stdout.buffer.write(subprocess.run(["openssl", "enc", "-d", "-aes-256-cbc", "-K", key(p[2]).hex(), "-iv", raw(p[3]).hex()],
                                       input=raw(p[4]), stdout=subprocess.PIPE, check=True).stdout)
P
}

run kf export dev --format wos-session
is "sealed" "$RC" 0
S=$OUT
inside "$S" >"$SCRATCH/inside" || fail "it does not open: $S"
is "the access token is in it" "$(json accessToken <"$SCRATCH/inside")" "$T"
is "the user, in camelCase" "$(json user emailVerified <"$SCRATCH/inside")" true
is "the organization" "$(json organizationId <"$SCRATCH/inside")" "$(kf claims dev --json | json claims org_id)"
is "how the person signed in" "$(json authenticationMethod <"$SCRATCH/inside")" Password
is "no refresh token" "$(json refreshToken <"$SCRATCH/inside")" None
[ "$(kf export dev --format wos-session)" != "$S" ] || fail "two seals are the same"
ok "every seal is another"
is "as a cookie" "$(kf export dev --format wos-session --cookie | cut -d= -f1)" wos-session
is "with the application's name for it" "$(WORKOS_COOKIE_NAME=my-app kf export dev --format wos-session --cookie | cut -d= -f1)" my-app
run env WORKOS_COOKIE_NAME='a=b; c' "$BIN/keyfob" export dev --format wos-session --cookie
is "a bad name of a cookie" "$RC$OUT" 2
hasnt "masked on a terminal" "$(script -qec "'$BIN/keyfob' export dev --format wos-session" /dev/null)" 'Fe26.2*1*'
kf export dev --format wos-session -o "$SCRATCH/cookie" -q || fail "into a file"
is "into a file" "$(stat -c %a "$SCRATCH/cookie")" 600

# looking into one
is "its claims" "$(printf '%s\n' "$S" | kf claims --sealed --json | json claims sub)" "$(kf status dev --json | json user id)"
is "found behind the cookie's name" "$(printf 'wos-session=%s; Path=/\n' "$S" | kf claims --sealed --json | json has_refresh_token)" false
is "its signature" "$(printf '%s' "$S" | kf claims dev --sealed --verify --json | json verified)" true
hasnt "no token is shown" "$(printf '%s' "$S" | kf claims --sealed --json)" "$T"
is "password on stdin" "$(printf '%s\n%s\n' "$S" "$WORKOS_COOKIE_PASSWORD" | env -u WORKOS_COOKIE_PASSWORD "$BIN/keyfob" claims --sealed --cookie-password-stdin --json | json claims sub)" "$(kf status dev --json | json user id)"
run env WORKOS_COOKIE_PASSWORD=another-password-of-thirty-two-chars "$BIN/keyfob" claims --sealed <<<"$S"
is "a wrong password" "$RC$OUT" 2
run kf claims --sealed <<<"${S%A*}B"
is "cut off" "$RC$OUT" 2
run kf claims --sealed <<<"nonsense"
is "no sealed session" "$RC$OUT" 2
run kf claims --sealed </dev/null
is "nothing" "$RC$OUT" 2
head -c 300000 /dev/zero | tr '\0' a >"$SCRATCH/huge"
run kf claims --sealed <"$SCRATCH/huge"
is "a huge one" "$RC$OUT" 2

# its time: the same seal with an expiry, signed again
until_ms() {
    python3 - "$S" "$WORKOS_COOKIE_PASSWORD" "$1" <<'P'
import base64, hashlib, hmac, sys
text, password, until = sys.argv[1:]
p = text.split("~")[0].split("*")
p[5] = until
key = hashlib.pbkdf2_hmac("sha1", password.encode(), p[6].encode(), 1, 32)
p[7] = base64.urlsafe_b64encode(hmac.new(key, "*".join(p[:6]).encode(), "sha256").digest()).decode().rstrip("=")
print("*".join(p) + "~2")
P
}
now=$(($(date +%s) * 1000))
is "one whose time has not come" "$(until_ms $((now + 60000)) | kf claims --sealed --json | json has_refresh_token)" false
is "one whose time is just over, by a clock that differs" "$(until_ms $((now - 30000)) | kf claims --sealed --json | json has_refresh_token)" false
until_ms $((now - 120000)) >"$SCRATCH/over"
run kf claims --sealed <"$SCRATCH/over"
is "one whose time is over" "$RC$OUT" 2
has "it says so" "$ERR" "time is over"
until_ms 9999999999999999 >"$SCRATCH/over"
run kf claims --sealed <"$SCRATCH/over"
is "a number beyond all time" "$RC$OUT" 2

# passwords
run env -u WORKOS_COOKIE_PASSWORD "$BIN/keyfob" export dev --format wos-session
is "no password" "$RC$OUT" 2
has "where it comes from is said" "$ERR" WORKOS_COOKIE_PASSWORD
run env WORKOS_COOKIE_PASSWORD=short "$BIN/keyfob" export dev --format wos-session
is "a short password" "$RC$OUT" 2
has "how long it has to be" "$ERR" "at least 32"
inside "$(printf %s "$WORKOS_COOKIE_PASSWORD" | env -u WORKOS_COOKIE_PASSWORD "$BIN/keyfob" export dev --format wos-session --cookie-password-stdin)" >/dev/null || fail "the password on stdin"
ok "the password on stdin"
run kf export dev --format env --cookie
is "--cookie belongs to wos-session" "$RC" 2
run kf export public --format wos-session
is "no such profile" "$RC$OUT" 4

# handing over
run kf export dev --format wos-session --hand-over </dev/null
is "handing over must be confirmed" "$RC$OUT" 3
is "the session is still here" "$(kf token dev)" "$T"
run bash -c "'$BIN/keyfob' export dev --format wos-session --hand-over --yes >/dev/full"
[ "$RC" -ne 0 ] || fail "a full disk went unnoticed"
has "nothing was lost" "$ERR" "still keyfob's"
is "and the session is still here" "$(kf token dev)" "$T"
kf renew dev >/dev/null || fail "it does not renew any more"
ok "it renews"
run kf export dev --format wos-session --hand-over --yes -o "$SCRATCH/cookie"
is "a file that is there stays" "$RC" 2
kf renew dev >/dev/null || fail "it does not renew any more"
hasnt "not to a terminal, masked" "$(script -qec "'$BIN/keyfob' export dev --format wos-session --hand-over --yes" /dev/null; kf status dev --json)" "signed_out"
before=$(stat_of sessions)
run kf export dev --format wos-session --hand-over --yes
is "handed over" "$RC" 0
inside "$OUT" >"$SCRATCH/inside" || fail "it does not open"
is "keyfob has forgotten it" "$(kf status dev --json | json state)" signed_out
is "it lives on at WorkOS" "$(stat_of sessions)" "$before"
run kf token dev
is "no token any more" "$RC$OUT" 3
has "why is said" "$ERR" "handed over"
json refreshToken <"$SCRATCH/inside" | kf login dev --method token >/dev/null || fail "the refresh token that was handed over does not work"
ok "its holder renews the session"
