#!/usr/bin/env bash
# Profiles from the shell: changed, renamed, copied, carried elsewhere as a document, refused.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
sandbox

# gives WHAT EXIT WORD COMMAND...: the exit status, a word on stderr, an empty stdout
gives() {
    local what=$1 exit=$2 word=$3
    shift 3
    run timeout 60 "$BIN/keyfob" "$@" </dev/null
    [ "$RC" -eq "$exit" ] || fail "$what: exit $RC, want $exit; stderr: $ERR"
    [ -z "$OUT" ] || fail "$what: stdout is not empty: $OUT"
    case $ERR in *"$word"*) ;; *) fail "$what: '$word' is not in: $ERR" ;; esac
    case $ERR in *$'\e'*) fail "$what: an escape on stderr" ;; esac
    ok "$what: exit $exit, says '$word'"
}
CONF=$XDG_CONFIG_HOME/keyfob/keyfob.conf
names() { kf profile list --json | python3 -c 'import json,sys; print(" ".join(p["name"] for p in json.load(sys.stdin)["items"]))'; }
setting() { kf profile show "$1" --json | json "$2"; }
# nothing WHAT COMMAND...: whatever it gives, keyfob.conf is as it was
sum() { sha256sum <"$CONF"; }

# --- bad names, in every command that takes one
profile_dev
long=$(printf 'a%.0s' $(seq 300))
for bad in 'a/b' '../a' 'a b' $'a\nb' $'a\eb' "$long" 'Dev' $'d\u0435v' $'dev\u200b' '-' '.dev' 'dev;x' ''; do
    for cmd in token status whoami claims renew logout header export login 'org list' 'session list' 'factor list' 'profile show' 'profile rm' \
        'profile default' 'profile edit --default' 'profile rename' 'profile copy' 'profile export' 'profile add --client-id client_1'; do
        # shellcheck disable=SC2086
        case $cmd in
        'profile rename' | 'profile copy') set -- $cmd dev "$bad" ;;
        'profile add'*) set -- profile add "$bad" --client-id client_1 ;;
        'profile edit'*) set -- profile edit "$bad" --default ;;
        *) set -- $cmd "$bad" ;;
        esac
        run timeout 20 "$BIN/keyfob" --no-input "$@" </dev/null
        [ "$RC" -eq 2 ] || fail "$cmd ${bad@Q}: exit $RC, want 2: $ERR"
        [ -z "$OUT" ] || fail "$cmd ${bad@Q}: $OUT"
        case $ERR in *$'\e'* | *$'\u200b'*) fail "$cmd ${bad@Q}: shown as it is" ;; esac
        [ "$(wc -c <"$SCRATCH/err")" -lt 900 ] || fail "$cmd: a name of 300 characters is repeated in full"
    done
    run timeout 20 "$BIN/keyfob" -p "$bad" token </dev/null
    [ "$RC" -eq 2 ] || fail "-p ${bad@Q}: exit $RC"
done
ok "bad names are refused by every command"
is "and make nothing" "$(names)" dev

# --- edit
E_KEY='sk_test_other'
is "label and organization" "$(kf profile edit dev --label 'Our own' --organization org_9 --redirect-port 8400 --json | json label)" "Our own"
is "they stay" "$(setting dev organization_id) $(setting dev redirect_port) $(setting dev label)" "org_9 8400 Our own"
has "they are shown" "$(kf profile show dev)" "Our own"
kf profile edit dev --organization '' --label '' --redirect-port 0 >/dev/null || fail "edit back"
is "an empty one is none" "$(setting dev organization_id) $(setting dev redirect_port) $(setting dev label)" " 0 None"
kf profile edit dev --git-host Git.Example.test --git-host code.example.test:8443 >/dev/null || fail "git-host"
is "two git hosts" "$(setting dev git_host)" "git.example.test;code.example.test:8443"
kf profile add other --client-id client_1 --api-host "$U" 2>/dev/null >&2 || fail add
gives "a host of another profile" 2 "dev" profile edit other --git-host git.example.test
gives "a bad git host" 2 "host" profile edit other --git-host https://x.test/
kf profile edit dev --no-git-host >/dev/null || fail "no-git-host"
is "no git host" "$(setting dev git_host)" None
kf profile default other >/dev/null || fail default
is "profile default" "$(setting other default) $(setting dev default)" "true false"
kf profile edit dev --default >/dev/null || fail "edit --default"
is "edit --default" "$(setting other default) $(setting dev default)" "false true"
before=$(sum)
gives "nothing to change" 2 "what is to change" profile edit dev
gives "no profile" 2 "which" profile edit --default
gives "no such profile" 4 "nope" profile edit nope --default
gives "a bad client ID" 2 "client" profile edit dev --client-id nope
gives "a bad address" 2 "https" profile edit dev --api-host http://example.test
gives "a bad port" 2 "redirect-port" profile edit dev --redirect-port 65536
gives "a control character" 2 "control" profile edit dev --label $'a\nb'
gives "both" 2 "contradict" profile edit dev --api-key-stdin --no-api-key
gives "an empty key" 2 "no API key" profile edit dev --api-key-stdin
is "nothing of that changed anything" "$(sum)" "$before"

# --- the API key and the session stay where they came from
is "the API key is there" "$(kf export dev --what api-key --format raw)" sk_test_sandbox
gives "another client ID, nobody to ask" 3 "the API key of dev would be left behind" profile edit dev --client-id client_other
login_dev
T=$(kf token dev --min-valid 1ms)
gives "another address, nobody to ask" 3 "the session and the API key" profile edit dev --api-host https://api.example.test
is "nothing was changed" "$(sum)" "$before"
is "the session is there" "$(kf token dev --min-valid 1ms)" "$T"
run kf profile edit dev --client-id client_other --yes
is "--yes" "$RC" 0
has "it says what that means" "$ERR" "go nowhere else"
gives "the key goes nowhere else" 3 "client_sandbox" export dev --what api-key --format raw
gives "nor the session" 3 "" token dev
kf profile edit dev --client-id client_sandbox >/dev/null 2>&1 || kf profile edit dev --client-id client_sandbox --yes >/dev/null 2>&1 || fail "back"
is "changed back, the session is there" "$(kf token dev --min-valid 1ms)" "$T"
is "changed back, the key is there" "$(kf export dev --what api-key --format raw)" sk_test_sandbox
printf %s "$E_KEY" | kf profile edit dev --api-key-stdin >/dev/null || fail "another key"
is "another key" "$(kf export dev --what api-key --format raw)" "$E_KEY"
kf profile edit dev --no-api-key >/dev/null || fail "no key"
is "a public client now" "$(setting dev confidential)" false
gives "the key is gone" 7 "API key" export dev --what api-key --format raw
hasnt "no key in keyfob.conf" "$(cat "$CONF")" sk_
printf sk_test_sandbox | kf profile edit dev --api-key-stdin >/dev/null || fail "the key again"

# --- rename, copy
(cd "$SCRATCH" && echo dev >.keyfob && kf allow >/dev/null) || fail allow
run kf profile rename dev renamed
is "rename" "$RC" 0
has "who still names it is told" "$ERR" "$SCRATCH/.keyfob still names dev"
is "the session came along" "$(kf token renamed --min-valid 1ms)" "$T"
is "the key came along" "$(kf export renamed --what api-key --format raw)" sk_test_sandbox
is "the default too" "$(setting renamed default)" true
gives "the old name is gone" 4 "dev" token dev
gives "a name that is taken" 2 "other" profile rename renamed other
gives "one name" 2 "new name" profile rename renamed
kf profile rename renamed dev >/dev/null 2>&1 || fail "rename back"
rm "$SCRATCH/.keyfob"
kf profile edit dev --git-host git.example.test --organization org_9 >/dev/null || fail edit
run kf profile copy dev twin
is "copy" "$RC" 0
has "what to do next" "$ERR" "keyfob login twin"
has "and the key" "$ERR" "keyfob profile edit twin --api-key-stdin"
is "settings" "$(setting twin client_id) $(setting twin organization_id) $(setting twin api_host)" "client_sandbox org_9 $U"
is "no secrets, no git host" "$(setting twin confidential) $(setting twin git_host) $(setting twin state) $(setting twin default)" "false None signed_out false"
gives "a copy over another" 2 "other" profile copy dev other
kf profile rm twin --yes >/dev/null && kf profile rm other --yes >/dev/null && kf logout dev >/dev/null 2>&1 || fail "rm"
kf profile edit dev --no-git-host --organization '' >/dev/null || fail edit

# --- the environment of the application: for what is made, never over what a profile has
PORT=${U##*:}
run env WORKOS_API_HOSTNAME=127.0.0.1 WORKOS_API_HTTPS=false WORKOS_API_PORT="$PORT" WORKOS_CLIENT_ID=client_sandbox_public "$BIN/keyfob" profile add fromenv
is "a profile of the environment" "$RC" 0
has "it tells where the address is from" "$ERR" "WORKOS_API_HOSTNAME"
is "its settings" "$(setting fromenv api_host) $(setting fromenv client_id)" "$U client_sandbox_public"
run env WORKOS_API_HOSTNAME=example.test WORKOS_CLIENT_ID=client_other "$BIN/keyfob" profile edit fromenv --label here
is "an existing one stays where it is" "$RC $(setting fromenv api_host) $(setting fromenv client_id)" "0 $U client_sandbox_public"
run kf profile add fromenv --client-id client_other
is "nor does adding it again change it" "$RC $(setting fromenv client_id)" "2 client_sandbox_public"
has "it says how to" "$ERR" "keyfob profile edit fromenv"
WORKOS_API_HOSTNAME=example.test WORKOS_API_HTTPS=false gives "http elsewhere, by the environment" 2 "WORKOS_API_HOSTNAME" profile add x --client-id client_1
WORKOS_API_PORT=80/x gives "no port" 2 "WORKOS_API_PORT" profile add x --client-id client_1
WORKOS_API_HTTPS=maybe gives "neither true nor false" 2 "WORKOS_API_HTTPS" profile add x --client-id client_1
is "an option takes precedence" "$(WORKOS_API_PORT=80/x "$BIN/keyfob" profile add y --client-id client_1 --api-host "$U" --json 2>/dev/null | json api_host)" "$U"
kf profile rm y --yes >/dev/null && kf profile rm fromenv --yes >/dev/null || fail rm
why=$(WORKOS_CLIENT_ID=client_app WORKOS_API_HOSTNAME=api.example.test kf status dev --why)
has "why: the profile's client ID" "$why" "client_sandbox, from profile"
has "why: and the other one" "$why" "WORKOS_CLIENT_ID is client_app"
has "why: the profile's address" "$why" "$U"
has "why: and the other one" "$why" "say https://api.example.test; the profile's own takes precedence"
run bash -c "printf sandbox-password | WORKOS_CLIENT_ID=client_app '$BIN/keyfob' login dev --email plain@example.test --password-stdin"
is "an application's client ID does not get in the way" "$RC" 0
has "and is named at sign-in" "$ERR" "WORKOS_CLIENT_ID is client_app; dev signs in with its own, client_sandbox"
run bash -c "printf sandbox-password | WORKOS_CLIENT_ID=client_sandbox '$BIN/keyfob' login dev --email plain@example.test --password-stdin"
hasnt "the same one is not" "$ERR" "WORKOS_CLIENT_ID"
kf logout dev >/dev/null 2>&1 || fail logout

# --- a document without secrets
kf profile add pub --client-id client_sandbox_public --api-host "$U" --organization org_1 --redirect-port 8391 >/dev/null || fail add
kf profile add full --client-id client_sandbox_public --api-host "$U" --label 'A remark' --git-host git.full.example >/dev/null || fail "add with every setting"
is "add takes each setting that edit takes" "$(setting full label) $(setting full git_host)" "A remark git.full.example"
kf profile rm full --yes >/dev/null || fail "rm full"
kf profile export --all >"$SCRATCH/all.json" || fail export
is "the document's schema" "$(json schema <"$SCRATCH/all.json")" keyfob.profiles-export/1
is "all are in it" "$(json profiles 0 name <"$SCRATCH/all.json") $(json profiles 1 name <"$SCRATCH/all.json")" "dev pub"
is "settings are in it" "$(json profiles 1 redirect_port <"$SCRATCH/all.json") $(json profiles 1 organization_id <"$SCRATCH/all.json")" "8391 org_1"
hasnt "no secret is in it" "$(cat "$SCRATCH/all.json")" sk_
is "one by name" "$(kf profile export pub | json profiles 0 name)" pub
gives "--all and a name" 2 "either" profile export --all pub
gives "an unknown name" 4 "nope" profile export nope
gives "a name twice" 2 "twice" profile export pub pub
kf profile export --all -o "$SCRATCH/f.json" 2>/dev/null || fail "export -o"
is "the file is private" "$(stat -c %a "$SCRATCH/f.json")" 600
is "the file is the document" "$(cat "$SCRATCH/f.json")" "$(cat "$SCRATCH/all.json")"
gives "an existing file" 2 "exists" profile export --all -o "$SCRATCH/f.json"
kf profile export pub -o "$SCRATCH/f.json" --force 2>/dev/null || fail "export --force"
is "--force replaces it" "$(json profiles 0 name <"$SCRATCH/f.json")" pub

gives "names that are taken" 2 "dev" profile import "$SCRATCH/all.json"
before=$(sum)
is "--prefix --dry-run tells" "$(kf profile import "$SCRATCH/all.json" --prefix w- --dry-run | cut -d' ' -f1-3 | tr '\n' ' ')" "Would add w-dev: Would add w-pub: "
is "--dry-run changes nothing" "$(sum)" "$before"
run kf profile import "$SCRATCH/all.json" --prefix w-
is "import with a prefix" "$RC" 0
has "it says what is missing" "$ERR" "1 had an API key"
is "they are there" "$(names)" "dev pub w-dev w-pub"
is "the default stays" "$(kf profile list --json | json items 0 default)" true
is "settings came along" "$(setting w-pub redirect_port) $(setting w-pub organization_id) $(setting w-dev confidential)" "8391 org_1 false"
kf profile rm w-dev --yes >/dev/null || fail rm
is "--skip-existing" "$(kf profile import - --skip-existing --json <<<"$(sed 's/"name":"/&w-/' "$SCRATCH/all.json")")" \
    '{"schema":"keyfob.profiles-import/1","dry_run":false,"added":["w-dev"],"skipped":["w-pub"]}'

# another home: the default comes along
(
    homes "$SCRATCH/h2"
    kf profile import "$SCRATCH/all.json" >/dev/null 2>&1 || fail "import into an empty home"
    is "all of them" "$(names)" "dev pub"
    is "and the default" "$(kf profile list --json | json items 0 default)" true
    kf agent stop
) || exit 1

# documents that are no such thing
bad() { # WHAT WORD TEXT
    printf %s "$3" >"$SCRATCH/bad.json"
    gives "$1" 2 "$2" profile import "$SCRATCH/bad.json"
}
before=$(sum)
bad "an empty document" "no JSON" ""
bad "half a document" "no JSON" "$(head -c 60 "$SCRATCH/all.json")"
bad "another document" "keyfob.status/1" '{"schema":"keyfob.status/1"}'
bad "a name twice" "twice" '{"schema":"keyfob.profiles-export/1","profiles":[{"name":"a","client_id":"client_1"},{"name":"a","client_id":"client_1"}]}'
bad "an unknown setting" "colour" '{"schema":"keyfob.profiles-export/1","profiles":[{"name":"a","client_id":"client_1","colour":"red"}]}'
bad "an API key in it" "api_key" '{"schema":"keyfob.profiles-export/1","profiles":[{"name":"a","client_id":"client_1","api_key":"sk_test_x"}]}'
bad "a bad name behind a good one" "number 2" '{"schema":"keyfob.profiles-export/1","profiles":[{"name":"a","client_id":"client_1"},{"name":"../x","client_id":"client_1"}]}'
bad "an escape in a name" "name" '{"schema":"keyfob.profiles-export/1","profiles":[{"name":"\u001b[31mx","client_id":"client_1"}]}'
bad "http elsewhere" "http" '{"schema":"keyfob.profiles-export/1","profiles":[{"name":"a","client_id":"client_1","api_host":"http://example.test"}]}'
truncate -s 1G "$SCRATCH/huge.json"
gives "1 GB" 2 "900 KiB" profile import "$SCRATCH/huge.json"
run bash -c "head -c 5000000 /dev/zero | '$BIN/keyfob' profile import -"
is "5 MB on stdin" "$RC" 2
chmod 666 "$SCRATCH/all.json"
gives "a world-writable file" 2 "by others" profile import "$SCRATCH/all.json" --prefix x-
chmod 600 "$SCRATCH/all.json"
mkfifo "$SCRATCH/fifo"
gives "a pipe that nobody writes into" 2 "regular" profile import "$SCRATCH/fifo"
gives "a directory" 2 "regular" profile import "$SCRATCH"
gives "no such file" 1 "No such file" profile import "$SCRATCH/nope.json"
gives "no file" 2 "which file" profile import
gives "a prefix that makes no names" 2 "name" profile import "$SCRATCH/all.json" --prefix 'X/'
is "nothing of that changed anything" "$(sum)" "$before"
