#!/usr/bin/env bash
# --read-only: nothing is changed, here or at WorkOS, whatever is asked. --timeout and --color.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
sandbox
profile_dev
login_dev
kf config set keepalive never || fail "config set"
T=$(kf token dev) || fail token
files() { find "$XDG_CONFIG_HOME" "$XDG_STATE_HOME" "$XDG_DATA_HOME" -type f ! -name keyfobd.log -exec sha256sum {} + 2>/dev/null | sort; }
requests() { curl -sS --noproxy '*' "$U/sandbox/stats" | python3 -c 'import json, sys
print({k: v for k, v in json.load(sys.stdin)["requests"].items() if not k.startswith("GET")})'; }
files >"$SCRATCH/files"
BEFORE=$(requests)
mkdir "$SCRATCH/dir"
echo dev >"$SCRATCH/dir/.keyfob"
cd "$SCRATCH" || exit 1
refused() {
    run kf --read-only "$@" </dev/null
    [ "$RC" = 2 ] && [ -z "$OUT" ] || fail "$*: status $RC, '$OUT', $ERR"
    has "refused: $*" "$ERR" "--read-only"
}
refused renew dev
refused token dev --renew
refused login dev --method device
refused logout dev
refused switch-org dev org_sandbox
refused session revoke dev --others --yes
refused factor enroll dev --answers-stdin
refused factor rm dev auth_factor_01 --yes
refused profile add other --client-id client_other
refused profile edit dev --label x
refused profile rename dev other
refused profile copy dev other
refused profile default dev
refused profile rm dev --yes
refused config set proxy none
refused config unset keepalive
refused store move --to vault
refused allow "$SCRATCH/dir"
refused lock
refused agent stop
refused config edit
printf '{"schema":"keyfob.profiles-export/1","profiles":[{"name":"in","client_id":"client_in"}]}' >p.json
refused profile import p.json
export WORKOS_COOKIE_PASSWORD=0123456789abcdef0123456789abcdef
refused export dev --format wos-session --hand-over --yes
is "WorkOS was sent nothing that changes anything" "$(requests)" "$BEFORE"
files | diff "$SCRATCH/files" - || fail "a file was changed"
ok "no file was changed"
is "a token is given" "$(kf --read-only token dev)" "$T"
is "and is read" "$(kf token dev --read-only --json | json access_token)" "$T"
is "status" "$(kf --read-only status dev --json | json state)" signed_in
has "a list" "$(kf --read-only session list dev)" "*"
has "an export" "$(kf --read-only export dev --format wos-session)" "Fe26.2"
run kf --read-only exec dev -- "$BIN/keyfob" renew dev
is "the command of exec has it, too" "$RC" 2
run env KEYFOB_READ_ONLY=1 "$BIN/keyfob" renew dev
is "KEYFOB_READ_ONLY" "$RC" 2
run env KEYFOB_READ_ONLY=0 "$BIN/keyfob" renew dev
is "0 is off" "$RC" 0

faults '[{"path":"/user_management/authenticate","delay_ms":5000}]'
run kf --timeout 300ms renew dev
is "--timeout ends a wait" "$RC$OUT" 5
has "and says so" "$ERR" "--timeout"
faults '[]'
run kf renew dev
is "and nobody was signed out by it" "$RC" 0
run kf --timeout 0s token dev
is "a bad --timeout" "$RC" 2
run kf --timeout soon token dev
is "a bad --timeout" "$RC" 2
is "one that is enough" "$(kf --timeout 20s status dev --json | json state)" signed_in
run kf --color blue version
is "a bad --color" "$RC" 2
is "never: for whatever is started" "$(kf --color never exec dev -- sh -c 'echo "${NO_COLOR-none}"')" 1
is "always" "$(NO_COLOR=1 kf --color always exec dev -- sh -c 'echo "${NO_COLOR-none}"')" none
