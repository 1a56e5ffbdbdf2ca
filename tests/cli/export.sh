#!/usr/bin/env bash
# Exports: each format is read by the program it is meant for, or by a parser of its kind.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
sandbox
profile_dev
login_dev
T=$(kf token dev) || fail token

is "env, by sh" "$(sh -c 'eval "$("$1" export dev --format env)"; echo "$WORKOS_ACCESS_TOKEN $KEYFOB_PROFILE"' _ "$BIN/keyfob")" "$T dev"
is "env names the client" "$(bash -c 'eval "$("$1" export dev --format env)"; env' _ "$BIN/keyfob" | sed -n 's/^WORKOS_CLIENT_ID=//p')" client_sandbox
is "raw" "$(kf export dev --format raw)" "$T"
is "header" "$(kf header dev)" "Authorization: Bearer $T"
is "export without a format is the header" "$(kf export dev)" "Authorization: Bearer $T"
is "another header" "$(kf header dev --name X-Token)" "X-Token: Bearer $T"
run kf header dev --name 'X: y
Z'
is "no name of a header" "$RC$OUT" 2
is "json" "$(kf export dev --format json | json access_token)" "$T"
is "dotenv" "$(kf export dev --format dotenv | sed -n 's/^WORKOS_ACCESS_TOKEN="\(.*\)"$/\1/p')" "$T"
is "fish" "$(kf export dev --format fish | sed -n "s/^set -gx WORKOS_ACCESS_TOKEN '\(.*\)';\$/\1/p")" "$T"
is "powershell" "$(kf export dev --format powershell | sed -n "s/^\$env:WORKOS_ACCESS_TOKEN = '\(.*\)'\$/\1/p")" "$T"
is "a template" "$(kf export dev --format '{token_type} {access_token} {{x}} {{{profile}}}')" "Bearer $T {x} {dev}"
kf export dev --format exec-credential | python3 -c 'import json,sys,datetime
d=json.load(sys.stdin)
assert d["apiVersion"]=="client.authentication.k8s.io/v1" and d["kind"]=="ExecCredential"
assert d["status"]["token"]==sys.argv[1]
datetime.datetime.strptime(d["status"]["expirationTimestamp"], "%Y-%m-%dT%H:%M:%SZ")' "$T" || fail "the ExecCredential"
ok "ExecCredential"

info() { printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/%s","spec":{"interactive":false}}' "$1"; }
has "the version that kubectl asks for" "$(KUBERNETES_EXEC_INFO=$(info v1beta1) kf export dev --format exec-credential)" '"apiVersion":"client.authentication.k8s.io/v1beta1"'
for bad in "$(info v1alpha1)" "$(info v2)" '{}' 'nonsense' ''; do
    run env KUBERNETES_EXEC_INFO="$bad" "$BIN/keyfob" export dev --format exec-credential
    is "a version that is not known: an error" "$RC" 2
    is "and nothing printed" "$OUT" ""
    has "that says what to do" "$ERR" "set apiVersion: client.authentication.k8s.io/v1"
done

# a kubeconfig whose user is an exec entry, run as client-go does: with KUBERNETES_EXEC_INFO, and the answer's version checked
cat >"$SCRATCH/kubeconfig" <<K
{"apiVersion": "v1", "kind": "Config", "users": [{"name": "dev", "user": {"exec": {
  "apiVersion": "client.authentication.k8s.io/v1", "command": "$BIN/keyfob", "interactiveMode": "Never",
  "args": ["export", "dev", "--format", "exec-credential", "--no-input"], "env": [{"name": "KEYFOB_PROFILE", "value": "dev"}]}}}]}
K
is "a kubeconfig's exec entry" "$(python3 - "$SCRATCH/kubeconfig" <<'K'
import datetime, json, os, subprocess, sys
user = json.load(open(sys.argv[1]))["users"][0]["user"]["exec"]
info = {"apiVersion": user["apiVersion"], "kind": "ExecCredential", "spec": {"interactive": False}}
env = dict(os.environ, KUBERNETES_EXEC_INFO=json.dumps(info), **{e["name"]: e["value"] for e in user["env"]})
out = json.loads(subprocess.run([user["command"]] + user["args"], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True).stdout)
assert out["apiVersion"] == user["apiVersion"] and out["kind"] == "ExecCredential", out
until = datetime.datetime.strptime(out["status"]["expirationTimestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
assert until > datetime.datetime.now(datetime.timezone.utc), until
print(out["status"]["token"])
K
)" "$T"

# curl reads its own format; a server says what came
python3 -c 'import http.server
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(s):
        b=(s.headers["Authorization"] or "none").encode()
        s.send_response(200); s.send_header("Content-Length", str(len(b))); s.end_headers(); s.wfile.write(b)
    def log_message(s,*a): pass
v=http.server.HTTPServer(("127.0.0.1",0),H)
print(v.server_port, flush=True)
v.serve_forever()' >"$SCRATCH/echo.port" &
PIDS+=($!)
wait_until "the server" test -s "$SCRATCH/echo.port"
is "curl -K" "$(curl -sS --noproxy '*' -K <(kf export dev --format curl) "http://127.0.0.1:$(cat "$SCRATCH/echo.port")/")" "Bearer $T"

run kf export dev --format nonsense
is "an unknown format" "$RC" 2
run kf export dev --format '{acces_token}'
is "an unknown field" "$RC" 2
is "nothing came out" "$OUT" ""
run kf export dev --format '{access_token'
is "a brace without an end" "$RC" 2
run kf export dev --format "$(printf '{access_token}%.0s' $(seq 500))"
is "a result that is too long is told and not cut" "$RC$OUT" 2
has "how long it may be" "$ERR" "256 KiB"
for without in "--force" "--clear-after 5s" "--host h" "--login x" "--yes" "--format env --cookie" "--format wos-session --hand-over --yes --clip"; do
    # shellcheck disable=SC2086
    run kf export dev $without
    is "$without has no effect, which is said" "$RC$OUT" 2
done
run kf export dev --what api-key --format wos-session
is "an API key is no session" "$RC$OUT" 2
before=$(stat_of grants refresh_token)
run kf export dev --format '{acces_token}' --min-valid 1h
is "a mistake in the format is told first" "$RC $(stat_of grants refresh_token)" "2 $before"
run kf export dev --min-valid soon
is "no duration" "$RC" 2
run kf export nobody --format env
is "no such profile: stdout stays empty" "$RC$OUT" 4
run bash -c "'$BIN/keyfob' export dev --format env >/dev/full"
[ "$RC" -ne 0 ] || fail "a full stdout went unnoticed"
hasnt "masked on a terminal" "$(script -qec "'$BIN/keyfob' export dev --format env" /dev/null)" "$T"
has "--reveal shows it" "$(script -qec "'$BIN/keyfob' header dev --reveal" /dev/null)" "$T"

# the parsers of those shells and files themselves
is "fish, by source" "$(fish --no-config -c 'command $argv[1] export dev --format fish | source; echo $WORKOS_ACCESS_TOKEN $KEYFOB_PROFILE' "$BIN/keyfob")" "$T dev"
is "fish, by eval" "$(fish --no-config -c 'eval (command $argv[1] export dev --format fish); echo $WORKOS_ACCESS_TOKEN $KEYFOB_PROFILE' "$BIN/keyfob")" "$T dev"
is "dotenv, read by python-dotenv" "$(kf export dev --format dotenv | python3 -c 'import dotenv,sys
d=dotenv.dotenv_values(stream=sys.stdin); print(d["WORKOS_ACCESS_TOKEN"], d["KEYFOB_PROFILE"])')" "$T dev"

# docker and podman read a line as pkg/parsers (opts/env.go) does: up to the first =, nothing is unquoted
is "docker-env" "$(kf export dev --format docker-env | python3 -c 'import sys
d=dict(l.split("=",1) for l in sys.stdin.read().splitlines()); print(d["WORKOS_ACCESS_TOKEN"], d["KEYFOB_PROFILE"])')" "$T dev"

# kubectl: the user entry, and what kubectl does with it
has "kubeconfig" "$(kf kubeconfig dev --user team/dev)" '- name: "team/dev"
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: keyfob
      args: ["export", "dev", "--format", "exec-credential"]
      interactiveMode: IfAvailable
      provideClusterInfo: false'
is "run as kubectl runs it" "$(kf kubeconfig dev --json | PATH=$BIN:$PATH python3 -c 'import json,os,subprocess,sys
x=json.load(sys.stdin)["user"]["exec"]
info={"apiVersion":x["apiVersion"],"kind":"ExecCredential","spec":{"interactive":False}}
r=subprocess.run([x["command"],*x["args"]],env=os.environ|{"KUBERNETES_EXEC_INFO":json.dumps(info)},capture_output=True,text=True,check=True)
c=json.loads(r.stdout); print(c["apiVersion"]==x["apiVersion"], c["status"]["token"])')" "True $T"
run kf kubeconfig dev --user 'a: b'
is "a name that YAML reads in another way" "$RC$OUT" 2
run kf kubeconfig nobody
is "no such profile" "$RC$OUT" 4

# files: private, whole, never over another one by accident
F=$SCRATCH/out.env
run kf export dev --format env -o "$F"
is "into a file" "$RC$OUT$(stat -c %a "$F")" "0600"
is "the file has it whole" "$(sh -c '. "$1"; echo "$WORKOS_ACCESS_TOKEN"' _ "$F")" "$T"
echo mine >"$F"
run kf export dev --format env -o "$F"
is "a file that exists is kept" "$RC $(cat "$F")" "2 mine"
has "and what to do is said" "$ERR" "--force"
run kf export dev --format raw -o "$F" --force
is "--force replaces it" "$RC$(cat "$F")" "0$T"
ln -s "$F" "$SCRATCH/link"
run kf export dev --format env -o "$SCRATCH/link" --force
is "a link is not followed" "$RC$(cat "$F")" "2$T"
run kf export dev -o "$SCRATCH/none/x"
is "a folder that is not there" "$RC" 1
is "nothing is left behind" "$(ls "$SCRATCH" | grep -c 'out.env\.\|link\.')" 0

is "-o - is stdout" "$(cd "$SCRATCH" && kf export dev -o - && ls -- - 2>/dev/null)" "Authorization: Bearer $T"
long=$(printf 'x%.0s' $(seq 250))
run kf export dev --format raw -o "$SCRATCH/$long"
is "a name of 250 letters" "$RC$(cat "$SCRATCH/$long")" "0$T"
# who ends keyfob while it writes finds no token lying about; the second file system has no files without a name
stopped() { (cd "$SCRATCH/dir" && timeout 60 strace -qq -o /dev/null "$@" -e trace=openat,fsync -e inject=fsync:signal=TERM "$BIN/keyfob" export dev --format raw -o f; echo $?); }
mkdir "$SCRATCH/dir"
is "ended while writing" "$(stopped) $(ls -A "$SCRATCH/dir")" "143 "
nameless=$(cd "$SCRATCH/dir" && timeout 60 strace -qq -o "$SCRATCH/trace" -e trace=openat -e inject=openat:error=EOPNOTSUPP -P . "$BIN/keyfob" export dev --format raw -o f; echo $?)
has "without nameless files" "$(cat "$SCRATCH/trace")" "INJECTED"
is "it is written all the same" "$nameless$(ls -A "$SCRATCH/dir")$(stat -c %a "$SCRATCH/dir/f")" "0f600"
is "and is whole" "$(cat "$SCRATCH/dir/f")" "$T"
run kf export dev --format raw -o "$SCRATCH/dir/f"
is "and kept" "$RC" 2

# a stream that is closed gets nothing, and neither does the agent in its place
for what in "token dev" "export dev" "status dev" "whoami dev" "profile list" "agent status"; do
    # shellcheck disable=SC2086
    is "$what, stdout closed" "$("$BIN/keyfob" $what 2>&1 >&- | grep -c 'could not be written')" 1
done
hasnt "the agent got none of it" "$(cat "$XDG_STATE_HOME/keyfob/keyfobd.log")" "no JSON object"
run kf profile edit dev --label "$(printf '\377')"
is "bytes that are not UTF-8" "$RC$OUT" 2
has "are told" "$ERR" "not UTF-8"

# netrc, read by curl
run kf export dev --format netrc
is "netrc without a host" "$RC$OUT" 2
kf export dev --format netrc --host 127.0.0.1 -o "$SCRATCH/netrc" -q
is "netrc, read by curl" "$(curl -sS --noproxy '*' --netrc-file "$SCRATCH/netrc" "http://127.0.0.1:$(cat "$SCRATCH/echo.port")/" | sed 's/Basic //' | base64 -d)" "oauth2:$T"

# claims and the API key
is "claims" "$(kf export dev --what claims | json sub)" "$(kf status dev --json | json user id)"
hasnt "claims hold no token" "$(kf export dev --what claims)" "$T"
is "claims have one format" "$(run kf export dev --what claims --format env; echo "$RC$OUT")" 2
is "the API key" "$(kf export dev --what api-key --format raw)" sk_test_sandbox
is "the API key for a shell" "$(sh -c 'eval "$("$1" export dev --what api-key --format env)"; echo "$WORKOS_API_KEY $WORKOS_CLIENT_ID"' _ "$BIN/keyfob")" "sk_test_sandbox client_sandbox"
hasnt "the API key is masked on a terminal" "$(script -qec "'$BIN/keyfob' export dev --what api-key" /dev/null)" sk_test_sandbox
kf profile add public --client-id client_sandbox_public --api-host "$U" >/dev/null
run kf export public --what api-key --format raw
is "a public profile has none" "$RC$OUT" 7
run kf export dev --what everything
is "an unknown thing" "$RC" 2
