#!/usr/bin/env bash
# --json: one line for programs from every command that answers something, times as RFC 3339, and nothing on stdout when
# it failed; and the exit status that says what kind of failure.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
sandbox
profile_dev
login_dev
kf profile add pub --client-id client_sandbox_public --api-host "$U" -q || fail add
check() { # what it prints must be one object in one line, with this schema and no bare time
    run kf "${@:2}" --json
    [ "$RC" -eq 0 ] || fail "${*:2}: exit $RC: $ERR"
    [ "$(printf '%s\n' "$OUT" | wc -l)" -eq 1 ] || fail "${*:2}: more than a line: $OUT"
    is "${*:2}" "$(printf %s "$OUT" | python3 -c 'import datetime, json, sys
def look(v):
    for k, x in v.items() if isinstance(v, dict) else enumerate(v):
        if isinstance(k, str) and k.endswith("_at") and x is not None: datetime.datetime.strptime(x[:19], "%Y-%m-%dT%H:%M:%S")
        if isinstance(x, (dict, list)): look(x)
d = json.load(sys.stdin); look(d); print(d["schema"])')" "$1"
}
check keyfob.token/1 token dev
check keyfob.status/2 status dev
check keyfob.status/2 status dev --check
check keyfob.status/2 renew dev
check keyfob.whoami/1 whoami dev
check keyfob.claims/1 claims dev
check keyfob.organizations/1 org list dev
check keyfob.sessions/1 session list dev
check keyfob.factors/1 factor list dev
check keyfob.profiles/2 profile list
check keyfob.profile/2 profile show dev
check keyfob.profile/2 profile edit dev --label x
check keyfob.profile/2 profile copy dev twin
check keyfob.profile/2 profile rename twin double
check keyfob.profile/2 profile default double
check keyfob.removed/1 profile rm double --yes
check keyfob.settings/2 config list
check keyfob.setting/1 config set keepalive 1h
check keyfob.setting/1 config get keepalive
check keyfob.setting/1 config unset keepalive
check keyfob.path/1 config path
check keyfob.paths/1 paths
check keyfob.store/1 store status
check keyfob.log/1 log
check keyfob.version/1 version
check keyfob.file/1 export dev -o "$SCRATCH/f"
check keyfob.token/1 export dev
check keyfob.file/1 profile export dev -o "$SCRATCH/p.json"
check keyfob.agent/1 agent status
printf sandbox-password >"$SCRATCH/pw"
login_json() { "$BIN/keyfob" login dev --method password --email plain@example.test --password-stdin --json <"$SCRATCH/pw"; }
is "login" "$(login_json | python3 -c 'import json, sys
d = json.load(sys.stdin); print(next(iter(d)), d["schema"], d["signed_in_at"][10:11], d["expires_at"][-1])')" "schema keyfob.profile/2 T Z"
is "logout" "$(kf logout dev --json | json schema)" keyfob.logout/1
run kf logout dev
is "nobody to sign out" "$RC$OUT" "0Nobody was signed in to dev"
login_dev

fails() { # STATUS NAME COMMAND...
    run kf "${@:3}" --json </dev/null
    is "${*:3}" "$RC$OUT $(printf %s "$ERR" | tail -n 1 | json error)" "$1 $2"
}
fails 4 usage.no_profile token nosuch
fails 4 usage.no_profile profile rm nosuch
fails 4 usage.not_found session revoke dev session_nosuch --yes
fails 4 usage.not_found factor rm dev auth_factor_nosuch --yes
fails 4 workos.no_organization switch-org dev org_nosuch
fails 3 workos.not_signed_in status pub --check
fails 1 workos.token_short status dev --check --min-valid 1d
fails 2 usage.name token 'dev '
has "with the blank in sight" "$(kf token 'dev ' 2>&1)" "'dev '"
fails 2 usage.bad header dev
fails 2 usage.bad status dev --why
fails 3 usage.no_input config edit

# what the memory of an agent held is gone with it, and nothing says otherwise
check keyfob.agent/1 agent stop
is "after another agent" "$(kf agent start >/dev/null; kf status dev --json | json state)" signed_out
fails 3 workos.not_signed_in token dev
