#!/usr/bin/env bash
# doctor: names what is bad, also when the agent cannot start; shows no secret; the network only when asked.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
# of ID: its worst result in the last report
of() { printf %s "$OUT" | python3 -c 'import json,sys
d=json.load(sys.stdin); assert d["schema"]=="keyfob.doctor/1"
r=[c for c in d["checks"] if c["id"]==sys.argv[1]]
for c in d["checks"]: assert c["result"] in ("ok","warn","fail") and c["finding"], c
for c in d["checks"]: assert c["result"]=="ok" or c.get("todo"), c
assert d["ok"]==(not any(c["result"]=="fail" for c in d["checks"]))
print(max((c["result"] for c in r), key=["ok","warn","fail"].index) if r else "none")' "$1"; }
finding() { printf %s "$OUT" | python3 -c 'import json,sys
print("; ".join(c["finding"] for c in json.load(sys.stdin)["checks"] if c["id"]==sys.argv[1]))' "$1"; }

run kf doctor --json
is "on an empty home nothing fails: $OUT" "$RC" 0
is "and nothing was made but the agent's own" "$(ls "$XDG_CONFIG_HOME" "$XDG_DATA_HOME" 2>/dev/null)" ""
sandbox
profile_dev
login_dev
asked() { stats | sed 's/,"GET .sandbox.stats":[0-9]*//'; }
before=$(asked)
run kf doctor --json
is "signed in" "$RC" 0
for id in runtime_dir socket state_dir flock config_dir settings_file data_dir programs limits agent settings memory proxy clock redirect_port bus; do
    is "$id" "$(of $id)" ok
done
is "the weak vaults of tests are a warning" "$(of environment)" warn
is "the store is in memory, which is said" "$(of store)" warn
is "there is no network check" "$(of network)" none
is "nobody was asked" "$(asked)" "$before"
run kf doctor
is "for people" "$RC" 0
has "one line for each" "$OUT" "ok    flock"
run kf doctor --network --json
is "with the network" "$RC$(of network)$(of clock)" 0okok
has "the host" "$(finding network)" "$U answers"

# a clock that is wrong, a host that is not there
faults '[{"path":"/","date":"Thu, 01 Jan 2026 00:00:00 GMT"}]'
run kf doctor --network --json
is "a wrong clock is a warning" "$RC$(of clock)" 0warn
has "by how much" "$(finding clock)" "s ahead of $U"
faults '[]'
kf profile add gone --client-id client_sandbox --api-host http://127.0.0.1:1 >/dev/null || fail add
run kf doctor --network --json
is "a host that is not there" "$RC$(of network)" 1fail
has "is named" "$(finding network)" "http://127.0.0.1:1"
kf profile rm gone --yes >/dev/null
python3 -c 'import signal,socket
s=socket.socket(); s.bind(("127.0.0.1",0)); s.listen(); print(s.getsockname()[1], flush=True); signal.pause()' >"$SCRATCH/port" &
PIDS+=($!)
wait_until "a port in use" test -s "$SCRATCH/port"
kf profile add taken --client-id client_sandbox --api-host "$U" --redirect-port "$(cat "$SCRATCH/port")" >/dev/null || fail add
run kf doctor --json
is "a redirect port in use" "$RC$(of redirect_port)" 0warn
kf profile rm taken --yes >/dev/null

# keys in the environment: told, not shown
run env WORKOS_API_KEY=sk_test_not_shown WORKOS_COOKIE_PASSWORD=also_not_shown_at_all "$BIN/keyfob" doctor --json
is "keys in the environment" "$RC$(of environment)" 0warn
has "by name" "$(finding environment)" WORKOS_API_KEY
hasnt "not by value" "$OUT$ERR" not_shown
run env https_proxy=http://user:hunter2@127.0.0.1:3128 SSL_CERT_FILE=/nonexistent/ca.pem XDG_RUNTIME_DIR="$SCRATCH/h2/run" KEYFOB_STORE=memory bash -c "mkdir -p -m 700 '$SCRATCH/h2' '$SCRATCH/h2/run'; '$BIN/keyfob' doctor --json; rc=\$?; '$BIN/keyfob' agent stop -q; exit \$rc"
is "a CA file that is not there" "$RC$(of ca_file)" 1fail
has "the proxy" "$(finding proxy)" 127.0.0.1:3128
hasnt "without its password" "$OUT$ERR" hunter2

# settings
cp "$XDG_CONFIG_HOME/keyfob/keyfob.conf" "$SCRATCH/conf"
printf '[keyfob]\nnonsense\n' >"$XDG_CONFIG_HOME/keyfob/keyfob.conf"
run kf doctor --json
is "broken settings" "$RC$(of settings)" 1fail
has "with file and line" "$(finding settings)" "keyfob.conf:2:"
cp "$SCRATCH/conf" "$XDG_CONFIG_HOME/keyfob/keyfob.conf"
chmod 666 "$XDG_CONFIG_HOME/keyfob/keyfob.conf"
run kf doctor --json
is "settings that others can change" "$RC$(of settings_file)" 1fail
chmod 600 "$XDG_CONFIG_HOME/keyfob/keyfob.conf"

# directories: the bad one by name, also one on the way, also when no agent can start
kf agent stop || fail stop
for what in "run/keyfob runtime_dir 750" "state/keyfob state_dir 775" "config/keyfob config_dir 777" "state state_dir 777"; do
    read -r dir id mode <<<"$what"
    chmod "$mode" "$SCRATCH/h/$dir"
    run kf doctor --json
    is "$dir with mode $mode" "$RC$(of "$id")" 1fail
    has "is named, with its mode" "$(finding "$id")" "$SCRATCH/h/$dir "
    chmod 700 "$SCRATCH/h/$dir"
    kf agent stop -q || fail stop
done
chmod 755 "$XDG_RUNTIME_DIR/keyfob"
run kf doctor --json
is "no agent: a finding, and the rest is there" "$RC$(of agent)$(of flock)$(of memory)" 1failoknone
chmod 700 "$XDG_RUNTIME_DIR/keyfob"
long=$SCRATCH/$(printf 'x%.0s' {1..120})
mkdir -m 700 "$long"
run env XDG_RUNTIME_DIR="$long" "$BIN/keyfob" doctor --json
is "a path too long for a socket" "$RC$(of socket)$(of agent)" 1failfail
run bash -c "'$BIN/keyfob' doctor >/dev/full"
[ "$RC" -ne 0 ] || fail "a full stdout went unnoticed"
ok "a full stdout is told"
