#!/usr/bin/env bash
# The main job from the shell: add a profile, sign in, token, exec, agent restart, sign out; and
# that no secret is in a file, an argument or an environment that others can see.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
export KEYFOB_STORE=vault KEYFOB_PASSPHRASE_FILE=$SCRATCH/pass
printf 'correct horse battery\n' >"$SCRATCH/pass"
chmod 600 "$SCRATCH/pass"
sandbox

profile_dev
login_dev
T=$(kf token dev) || fail "token"
is "a token has three parts" "$(printf %s "$T" | tr -cd . | wc -c | tr -d ' ')" 2

# signature against the sandbox's JWKS, with OpenSSL and not with our own code
curl -sS "$U/sso/jwks/client_sandbox" >"$SCRATCH/jwks"
python3 - "$SCRATCH" "$T" <<'P' || fail "reading the JWKS"
import base64,json,sys
d,t=sys.argv[1:]
b=lambda s: base64.urlsafe_b64decode(s+'='*(-len(s)%4))
h,p,s=t.split('.'); kid=json.loads(b(h))['kid']
k=[k for k in json.load(open(d+'/jwks'))['keys'] if k['kid']==kid][0]
def tl(tag,c):
    n=len(c); l=bytes([n]) if n<128 else bytes([0x80+(n.bit_length()+7)//8])+n.to_bytes((n.bit_length()+7)//8,'big')
    return bytes([tag])+l+c
i=lambda v: tl(2,(b'\0' if v[0]&0x80 else b'')+v)
rsa=tl(0x30,i(b(k['n']))+i(b(k['e'])))
spki=tl(0x30,tl(0x30,bytes.fromhex('06092a864886f70d0101010500'))+tl(3,b'\0'+rsa))
open(d+'/key.der','wb').write(spki); open(d+'/sig','wb').write(b(s)); open(d+'/signed','w').write(h+'.'+p)
P
is "the signature verifies" "$(openssl dgst -sha256 -verify "$SCRATCH/key.der" -keyform DER -signature "$SCRATCH/sig" "$SCRATCH/signed" 2>&1)" "Verified OK"

is "exec gives the same token" "$(kf exec dev -- sh -c 'printf %s "$WORKOS_ACCESS_TOKEN"')" "$T"
is "exec passes the status" "$(kf exec dev -- sh -c 'exit 42'; echo $?)" 42
is "a missing command is 127" "$(kf exec dev -- /nonexistent/x 2>/dev/null; echo $?)" 127

run kf status dev --json
is "status exit" "$RC" 0
is "state" "$(printf %s "$OUT" | json state)" signed_in
is "e-mail" "$(printf %s "$OUT" | json user email)" plain@example.test
is "agent" "$(printf %s "$OUT" | json agent)" running

pid=$(kf agent status --json | json pid)
if grep -qsF "$T" /proc/[0-9]*/cmdline; then fail "the token is in an argv"; fi
ok "the token is in no argv"
tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -q WORKOS && fail "the agent's environment has WORKOS_ variables"
ok "the agent's environment has no WORKOS_ variable"

kf agent stop || fail "agent stop"
is "agent stopped" "$(kf agent status --json | json running)" false
for secret in "$T" sk_test_sandbox sandbox-password "correct horse battery" ref_; do
    if grep -rlaF --exclude=pass "$secret" "$SCRATCH/h"; then fail "a secret is in a plain file: ${secret:0:6}"; fi
done
ok "no secret in any file"

before=$(stat_of grants refresh_token)
is "after a restart the same token" "$(kf token dev)" "$T"
is "without a renewal" "$(stat_of grants refresh_token)" "$before"

# killed in the middle of nothing: the session is still there
pid=$(kf agent status --json | json pid)
kill -9 "$pid"
is "after kill -9 the same token" "$(kf token dev)" "$T"
is "still without a renewal" "$(stat_of grants refresh_token)" "$before"

kf renew dev >/dev/null || fail renew
T2=$(kf token dev)
[ "$T2" != "$T" ] || fail "renewing gave the same token"
ok "renewed"
is "exactly one renewal" "$(stat_of grants refresh_token)" "$((before + 1))"

kf logout dev >/dev/null || fail logout
run kf token dev
is "no token after signing out" "$RC" 3
is "stdout is empty then" "$OUT" ""
is "the server's session ended" "$(stat_of sessions)" 0

# the list of profiles, which is read without the agent, knows of every change at once
for i in 1 2 3; do
    kf profile add "p$i" --client-id client_sandbox --api-host "$U" >/dev/null 2>&1 || fail "profile add"
    is "profile list knows p$i" "$(kf profile list --json | python3 -c 'import json,sys; print([p["name"] for p in json.load(sys.stdin)["items"]][-1])')" "p$i"
done
kf profile rm p2 --yes >/dev/null || fail "profile rm"
hasnt "and that p2 is gone" "$(kf profile list)" p2
