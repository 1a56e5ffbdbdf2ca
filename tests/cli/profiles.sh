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

# --- a document without secrets
profile_dev
kf profile add pub --client-id client_sandbox_public --api-host "$U" --organization org_1 --redirect-port 8391 >/dev/null || fail add
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
