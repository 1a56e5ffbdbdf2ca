#!/usr/bin/env bash
# profile import --from workos with the items of the official CLI in a real gnome-keyring, in the three ways its versions
# have written them; beside an old copy in the files; locked; frozen.
SRC=$1 BIN=$2
if [ "${KF_IN_KEYRING:-}" != 1 ]; then
    H=$(mktemp -d "${TMPDIR:-/tmp}/kfk.XXXXXX")
    KF_IN_KEYRING=1 "$SRC/tests/keyring/gk-session.sh" "$H" test-password "$0" "$@"
    rc=$?
    rm -rf "$H"
    exit $rc
fi
BUS=$DBUS_SESSION_BUS_ADDRESS
. "$SRC/tests/lib.sh"
export DBUS_SESSION_BUS_ADDRESS=$BUS KEYFOB_STORE=secret-service
sandbox
K1=sk_test_a1b2c3d4e5f6g7h8abcd RT=their-connect-refresh-token AT=their-connect-access-token
imp() { run kf profile import --from workos "$@"; }
names() { kf profile list --json | python3 -c 'import json,sys; print(" ".join(sorted(i["name"] for i in json.load(sys.stdin)["items"])))'; }
key_of() { kf export "$1" --what api-key --format raw --reveal; }
config() { printf '{"activeEnvironment":"%s","environments":{"%s":{"name":"%s","type":"sandbox","apiKey":"%s","clientId":"client_sandbox","endpoint":"%s"}}}' "$1" "$1" "$1" "$2" "$U"; }
credentials() { printf '{"accessToken":"%s","expiresAt":%s,"userId":"user_1","email":"a@b.c","refreshToken":"%s","staging":{"clientId":"%s","apiKey":"%s","fetchedAt":1}}' $AT "$1" $RT "$2" "$3"; }
# put LABEL ATTRIBUTE VALUE...: the text of stdin
put() { secret-tool store --label "$@" || fail "secret-tool"; }
gone() { secret-tool clear service workos-cli || fail "secret-tool clear"; }

imp --all
is "an empty keyring and no files: $ERR" "$RC" 2
has "says where it looked" "$ERR" "keyring item workos-cli/config"

# keyring-node from 1.3: service and username only
config new sk_test_sandbox | put "keyring:config@workos-cli" service workos-cli username config
credentials 1760000000000 client_login $K1 | put "keyring:credentials@workos-cli" service workos-cli username credentials
imp --all --json
all=$OUT$ERR
is "both items: $ERR" "$RC" 0
is "are there" "$(names)" "new staging"
is "from the keyring" "$(printf %s "$OUT" | json items 0 place)" "keyring item workos-cli/config"
is "the key of the sign-in" "$(key_of staging)" $K1
printf 'sandbox-password' | kf login new --method password --email plain@example.test --password-stdin >/dev/null || fail "login with what was imported"
is "the imported key works" "$(kf token new -q | tr -dc . | wc -c)" 2
is "their tokens were not tried" "$(stat_of grants refresh_token)" 0
items=$(secret-tool search --all application keyfob 2>&1)
has "keyfob's own items are there" "$items" "attribute.kind = api-key"
for t in $RT $AT; do
    hasnt "their token is not among them" "$items" "$t"
    hasnt "nor in an answer" "$all" "$t"
done
theirs=$(secret-tool search --all service workos-cli 2>/dev/null)
has "the CLI has its own still" "$theirs" "$RT"
imp --all --skip-existing --clean-up --yes
is "clean-up: $ERR" "$RC" 0
has "leaves the keyring alone and says so" "$ERR" "keyring items of the workos CLI"
is "it does" "$(secret-tool search --all service workos-cli 2>/dev/null)" "$theirs"
gone

# up to 1.2: with target and application too; and both ways may be there: the one written last counts
config old $K1 | put "config@workos-cli:default (keyring-rs)" service workos-cli username config target default application rust-keyring
imp --all --dry-run
has "the older attributes are found: $ERR" "$OUT" "Would add old: sandbox, client_sandbox, sk_test_…abcd"
begin=$(date +%s) # items know whole seconds
while [ "$(date +%s)" -le "$begin" ]; do read -r -t 0.1 <> <(:) || true; done
config newer $K1 | put "keyring:config@workos-cli" service workos-cli username config
imp --all --dry-run
has "of two the one written last: $ERR" "$OUT" "Would add newer"
gone
config second $K1 | put "workos-cli" service workos-cli account config
imp --all --dry-run
has "service and account: $ERR" "$OUT" "Would add second"

# files beside it: the CLI leaves an old copy
mkdir "$HOME/.workos"
config stale sk_test_stale_key_of_the_file >"$HOME/.workos/config.json"
credentials 1 client_stale sk_test_stale_key_of_the_login >"$HOME/.workos/credentials.json"
chmod 600 "$HOME"/.workos/*
credentials 2 client_fresh sk_test_fresh_key_of_the_login | put "workos-cli" service workos-cli account credentials
imp --all --dry-run --prefix x-
has "the keyring goes before the file: $ERR" "$OUT" "Would add x-second"
hasnt "whose environments are old" "$OUT" stale
has "of two sign-ins the newer" "$OUT" client_fresh
credentials 3 client_file sk_test_file_key_of_the_login >"$HOME/.workos/credentials.json"
imp --all --dry-run --prefix x-
has "also when it is the file's: $ERR" "$OUT" client_file
printf 'not json' | put "workos-cli" service workos-cli account config
imp --all --dry-run --prefix x-
has "a broken item is named" "$ERR" "keyring item workos-cli/config was left out: it is no JSON"
has "and the file is used" "$OUT" "Would add x-stale"

# locked: found without a prompt
config locked $K1 | put "workos-cli" service workos-cli account config
dbus-send --session --print-reply=literal --dest=org.freedesktop.secrets /org/freedesktop/secrets \
    org.freedesktop.Secret.Service.Lock array:objpath:/org/freedesktop/secrets/collection/login >/dev/null || fail lock
imp --all --dry-run --prefix x-
has "a locked keyring is named" "$ERR" "keyring was left out: the keyring is locked"
has "the files are read" "$OUT" "Would add x-stale"
rm -r "$HOME/.workos"
imp --all --dry-run --prefix x-
is "with no files it is the reason: $ERR" "$RC" 6
has "which is said" "$ERR" "locked"

# frozen
DAEMON=$(dbus-send --session --print-reply=literal --dest=org.freedesktop.DBus /org/freedesktop/DBus \
    org.freedesktop.DBus.GetConnectionUnixProcessID string:org.freedesktop.secrets | awk '{print $2}')
kf agent stop
kill -STOP "$DAEMON"
start=$SECONDS
imp --all --dry-run --prefix x-
took=$((SECONDS - start))
pid=$(kf agent status --json | json pid)
timeout 1 "$BIN/keyfob" profile import --from workos --all --dry-run >/dev/null 2>&1
is "a caller may go while it waits" "$?" 124
kill -CONT "$DAEMON"
is "the agent is the same" "$(kf agent status --json | json pid)" "$pid"
is "a frozen keyring: $ERR" "$RC" 6
[ $took -le 15 ] || fail "it took $took s"
ok "is given up"
