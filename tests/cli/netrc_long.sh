#!/usr/bin/env bash
# A token that is too long for a netrc line of curl: it arrives whole, or keyfob has said that it
# will not. With the curl that is here.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
SIZES="20 160 180 220 400"
python3 - "$SCRATCH/seed.json" $SIZES <<'P'
import json, sys
users = [{"id": f"user_{n}", "email": f"u{n}@example.test", "password": "sandbox-password",
          "email_verified": True, "memberships": [{"id": f"om_{n}", "organization": "org_1",
          "role": "admin", "permissions": [f"perm:{k:06d}" for k in range(int(n))]}]}
         for n in sys.argv[2:]]
json.dump({"clients": [{"id": "client_sandbox", "secret": "sk_test_sandbox"}],
           "organizations": [{"id": "org_1", "name": "A"}], "users": users}, open(sys.argv[1], "w"))
P
sandbox --seed "$SCRATCH/seed.json"
profile_dev
python3 -c 'import base64, http.server
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(s):
        sent = (s.headers.get("Authorization") or "")[6:]
        s.send_response(200); s.end_headers(); s.wfile.write(base64.b64decode(sent)[7:])
    def log_message(s, *a): pass
v = http.server.HTTPServer(("127.0.0.1", 0), H)
print(v.server_port, flush=True)
v.serve_forever()' >"$SCRATCH/web.port" &
PIDS+=($!)
wait_until "the server" test -s "$SCRATCH/web.port"
web=http://127.0.0.1:$(cat "$SCRATCH/web.port")/

lost=0
for n in $SIZES; do
    printf 'sandbox-password' | kf login dev --as-other-user --email "u$n@example.test" --password-stdin >/dev/null 2>&1 || fail "login $n"
    T=$(kf token dev) || fail token
    run kf export dev --format netrc --host 127.0.0.1 -o "$SCRATCH/netrc" --force
    is "a token of ${#T} bytes: $ERR" "$RC" 0
    length=$(head -1 "$SCRATCH/netrc" | tr -d '\n' | wc -c)
    got=$(curl -sS --noproxy '*' --netrc-file "$SCRATCH/netrc" "$web")
    if [ "$length" -gt 4094 ]; then
        has "$length bytes: told" "$ERR" "the line has $length bytes"
        has "with what to do instead" "$ERR" "--format curl"
        [ "$got" = "$T" ] || lost=$((lost + 1))
        kf export dev --format curl -o "$SCRATCH/curlrc" --force 2>/dev/null
        run curl -sS --noproxy '*' -K "$SCRATCH/curlrc" -o /dev/null "$web"
        is "which curl takes" "$RC" 0
    else
        hasnt "$length bytes: nothing to tell" "$ERR" "the line has"
        is "and it arrives whole" "$got" "$T"
    fi
done
ok "curl $(curl --version | sed -n '1s/curl \([^ ]*\).*/\1/p') lost $lost of those"
