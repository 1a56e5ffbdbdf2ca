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
is "json" "$(kf export dev --format json | json access_token)" "$T"
is "dotenv" "$(kf export dev --format dotenv | sed -n 's/^WORKOS_ACCESS_TOKEN="\(.*\)"$/\1/p')" "$T"
is "fish" "$(kf export dev --format fish | sed -n "s/^set -gx WORKOS_ACCESS_TOKEN '\(.*\)'\$/\1/p")" "$T"
is "powershell" "$(kf export dev --format powershell | sed -n "s/^\$env:WORKOS_ACCESS_TOKEN = '\(.*\)'\$/\1/p")" "$T"
is "a template" "$(kf export dev --format '{token_type} {access_token} {{x} {profile}')" "Bearer $T {x} dev"
kf export dev --format exec-credential | python3 -c 'import json,sys,datetime
d=json.load(sys.stdin)
assert d["apiVersion"]=="client.authentication.k8s.io/v1" and d["kind"]=="ExecCredential"
assert d["status"]["token"]==sys.argv[1]
datetime.datetime.strptime(d["status"]["expirationTimestamp"], "%Y-%m-%dT%H:%M:%SZ")' "$T" || fail "the ExecCredential"
ok "ExecCredential"

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
run kf export dev --min-valid soon
is "no duration" "$RC" 2
run kf export nobody --format env
is "no such profile: stdout stays empty" "$RC$OUT" 4
run bash -c "'$BIN/keyfob' export dev --format env >/dev/full"
[ "$RC" -ne 0 ] || fail "a full stdout went unnoticed"
hasnt "masked on a terminal" "$(script -qec "'$BIN/keyfob' export dev --format env" /dev/null)" "$T"
has "--reveal shows it" "$(script -qec "'$BIN/keyfob' header dev --reveal" /dev/null)" "$T"
