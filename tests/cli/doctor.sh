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
# told ID: its worst result, what was found and what is to be done, in one line
told() { printf %s "$OUT" | python3 -c 'import json,sys
r=[c for c in json.load(sys.stdin)["checks"] if c["id"]==sys.argv[1]]
print(max([c["result"] for c in r], key=["ok","warn","fail"].index) if r else "none", "; ".join(c["finding"] for c in r), "->", "; ".join(c.get("todo") or "" for c in r))' "$1"; }
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
mkdir -p -m 700 "$SCRATCH/h3/run" "$SCRATCH/h3/config/keyfob"
printf '[profile gone]\nid=0123456789abcdef\nclient_id=client_x\napi_host=http://127.0.0.1:1\n' >"$SCRATCH/h3/config/keyfob/keyfob.conf"
run env XDG_RUNTIME_DIR="$SCRATCH/h3/run" XDG_CONFIG_HOME="$SCRATCH/h3/config" XDG_STATE_HOME="$SCRATCH/h3/state" "$BIN/keyfob" doctor --network --json
is "no host at all, and nothing known" "$RC$(of network)$(of clock)" 1failok
has "what is said of the clock" "$(finding clock)" "no host has told the time"
python3 -c 'import signal,socket
s=socket.socket(); s.bind(("127.0.0.1",0)); s.listen(); print(s.getsockname()[1], flush=True); signal.pause()' >"$SCRATCH/port" &
PIDS+=($!)
wait_until "a port in use" test -s "$SCRATCH/port"
kf profile add taken --client-id client_sandbox --api-host "$U" --redirect-port "$(cat "$SCRATCH/port")" >/dev/null || fail add
run kf doctor --json
is "a redirect port in use" "$RC$(of redirect_port)" 0warn
has "is named" "$(finding redirect_port)" "$(cat "$SCRATCH/port")"
kill "${PIDS[-1]}"
wait "${PIDS[-1]}" 2>/dev/null
run kf doctor --json
is "the same port, free" "$RC$(told redirect_port)" "0ok free -> "
kf profile rm taken --yes >/dev/null


# locks that another host may not see
while read -r type result name; do
    run env LD_PRELOAD="$BIN/other_machine.so" ASAN_OPTIONS=verify_asan_link_order=0 \
        KF_TEST_FS="$type" "$BIN/keyfob" doctor --json
    is "a state directory of type $type" "$RC$(of flock)" "0$result"
    [ "$name" = - ] && continue
    has "is named" "$(told flock)" "is on $name: another host may not see them"
    has "what to do" "$(told flock)" "-> use keyfob on one host"
done <<'ROWS'
6969 warn NFS
ff534d42 warn SMB
fe534d42 warn SMB
1021997 warn 9P
65735546 warn FUSE
ef53 ok -
9123683e ok -
ROWS
# keys in the environment: told, not shown
run env WORKOS_API_KEY=sk_test_not_shown WORKOS_COOKIE_PASSWORD=also_not_shown_at_all "$BIN/keyfob" doctor --json
is "keys in the environment" "$RC$(of environment)" 0warn
has "by name" "$(finding environment)" WORKOS_API_KEY
hasnt "not by value" "$OUT$ERR" not_shown
# this shell: browser, clipboard, stores and files that cannot be meant
while read -r variable id want; do
    run env "$variable" "$BIN/keyfob" doctor --json
    has "$variable" "$RC$(told "$id")" "$want"
done <<'ROWS'
BROWSER=/bin browser 0warn BROWSER names no program that is here: /bin
BROWSER=:x browser 0warn BROWSER names no program that is here: :x
BROWSER=x:true browser 0ok true, from BROWSER
BROWSER=/bin/true browser 0ok /bin/true
KEYFOB_CLIPBOARD=native clipboard 0warn KEYFOB_CLIPBOARD=native
KEYFOB_CLIPBOARD=bogus clipboard 0warn KEYFOB_CLIPBOARD=bogus
KEYFOB_CLIPBOARD=osc52 clipboard 0ok KEYFOB_CLIPBOARD=osc52
KEYFOB_STORE=bogus environment 1fail KEYFOB_TEST_KDF: new vaults get a weak key derivation, which is for tests; KEYFOB_STORE=bogus is no store
KEYFOB_PASSPHRASE_FILE=/nonexistent/p passphrase_file 0warn /nonexistent/p
KEYFOB_PASSPHRASE_FILE=/etc passphrase_file 1fail /etc
KEYFOB_PASSPHRASE_FILE=/etc/passwd passphrase_file 1fail Bad owner or permissions on /etc/passwd: it is open to other users
ROWS

# its programs: there, and what they were
mkdir "$SCRATCH/bin"
cp "$BIN/keyfob" "$SCRATCH/bin"
for p in keyfobd keyfob-tui keyfob-clip keyfob-serve keyfob-sandbox; do ln -s "$BIN/$p" "$SCRATCH/bin"; done
ln -s keyfob "$SCRATCH/bin/git-credential-keyfob"
run "$SCRATCH/bin/keyfob" doctor --json
is "all programs: $(finding programs)" "$RC$(of programs)" 0ok
PROGRAMS="keyfobd keyfob-tui keyfob-clip keyfob-serve keyfob-sandbox git-credential-keyfob"
mkdir "$SCRATCH/were"
for p in $PROGRAMS; do mv "$SCRATCH/bin/$p" "$SCRATCH/were"; done
run "$SCRATCH/bin/keyfob" doctor --json
said=$RC$(told programs)
for p in $PROGRAMS; do has "without $p" "$said" "$p is neither beside"; done
for line in : 'echo "$0 0.0.1"' 'kill -9 $$'; do
    for p in $PROGRAMS; do printf '#!/bin/sh\n%s\n' "$line" >"$SCRATCH/bin/$p"; done
    chmod 755 "$SCRATCH"/bin/*
    run "$SCRATCH/bin/keyfob" doctor --json
    said=$RC$(told programs)
    for p in $PROGRAMS; do has "$p is $line" "$said" "$SCRATCH/bin/$p "; done
done
for p in $PROGRAMS; do mv -f "$SCRATCH/were/$p" "$SCRATCH/bin"; done
printf '#!/bin/sh\nsleep 60\n' >"$SCRATCH/was"
chmod 755 "$SCRATCH/was"
mv -f "$SCRATCH/was" "$SCRATCH/bin/keyfob-clip"
run "$SCRATCH/bin/keyfob" doctor --json
has "one that hangs" "$RC$(told programs)" "0warn $SCRATCH/bin/keyfob-clip --version does not end"

# what an agent has from its start: fresh VARIABLE=VALUE...: the report of one of its own
fresh() {
    mkdir -p -m 700 "$SCRATCH/h2" "$SCRATCH/h2/run"
    run env XDG_RUNTIME_DIR="$SCRATCH/h2/run" "$@" "$BIN/keyfob" doctor --json
    XDG_RUNTIME_DIR=$SCRATCH/h2/run kf agent stop -q || fail "stop of the other agent"
}
fresh https_proxy=http://user:hunter2@127.0.0.1:3128
is "a proxy" "$RC$(of proxy)" 0ok
has "is told" "$(finding proxy)" 127.0.0.1:3128
hasnt "without its password" "$OUT$ERR" hunter2
fresh https_proxy=:///hunter2//
is "a proxy that is none" "$RC$(of proxy)" 1fail
has "by its variable" "$(finding proxy)" https_proxy
hasnt "and not by a value that may hold a password" "$OUT$ERR" hunter2
"$BIN/keyfob-sandbox" --port 0 --tls "$SCRATCH/tls" --ready-file "$SCRATCH/tls.ready" >/dev/null 2>&1 &
PIDS+=($!)
wait_until "certificates" test -s "$SCRATCH/tls.ready"
CERT=$(grep -l CERTIFICATE "$SCRATCH"/tls/* | head -n 1)
printf -- '-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n' >"$SCRATCH/torn.pem"
mkfifo "$SCRATCH/pipe.pem"
ln -s "$CERT" "$SCRATCH/link.pem"
fresh SSL_CERT_FILE="$SCRATCH/link.pem"
is "certificates" "$RC$(of ca_file)" 0ok
for bad in "/nonexistent/ca.pem does not exist" "/etc is a directory" "/etc/passwd holds no certificate" "$SCRATCH/torn.pem holds no certificate" \
    "$SCRATCH/pipe.pem is not a regular file" "/dev/null is not a regular file"; do
    run kf config set ca_file "${bad%% *}"
    has "refused as a setting: $bad" "$RC$ERR" "2keyfob: That cannot be used: ca_file ${bad#* }"
done
for bad in "/etc is a directory" "$SCRATCH/torn.pem holds no certificate"; do
    fresh SSL_CERT_FILE="${bad%% *}"
    has "and told: $bad" "$RC$(told ca_file)" "1fail ${bad%% *}, from SSL_CERT_FILE, ${bad#* }"
done
deep=$SCRATCH/$(printf 'd%.0s' {1..200})/$(printf 'e%.0s' {1..200})/$(printf 'f%.0s' {1..200})
fresh SSL_CERT_FILE="$deep"
has "a long path is whole" "$(finding ca_file)" "$deep, from SSL_CERT_FILE, does not exist"

# stores
fresh KEYFOB_STORE=bogus
has "a store that is none" "$RC$(told store)" "1fail store = bogus"
has "what to do" "$(told store)" "-> correct KEYFOB_STORE"
(umask 077 && printf 'correct horse\n' >"$SCRATCH/pass")
fresh KEYFOB_STORE=vault KEYFOB_PASSPHRASE_FILE="$SCRATCH/nopass"
has "a passphrase file that is missing, and no vault yet" "$RC$(told store)" "0warn vault, not made yet, and its passphrase file is of no use: KEYFOB_PASSPHRASE_FILE $SCRATCH/nopass"
fresh KEYFOB_STORE=vault KEYFOB_PASSPHRASE_FILE="$SCRATCH/pass"
has "one that is right" "$RC$(told store)" "0ok vault, not made yet: the passphrase file"
(
    export KEYFOB_STORE=vault KEYFOB_PASSPHRASE_FILE="$SCRATCH/pass" XDG_RUNTIME_DIR=$SCRATCH/h2/run XDG_CONFIG_HOME=$SCRATCH/h2/config XDG_STATE_HOME=$SCRATCH/h2/state
    profile_dev && kf agent stop -q
) || fail "a vault"
VAULT=$XDG_DATA_HOME/keyfob/vault
fresh KEYFOB_STORE=vault KEYFOB_PASSPHRASE_FILE="$SCRATCH/pass"
is "the vault" "$RC$(of store)$(of vault_dir)" 0okok
chmod 666 "$SCRATCH/pass"
fresh KEYFOB_STORE=vault KEYFOB_PASSPHRASE_FILE="$SCRATCH/pass"
has "its passphrase file is open to others" "$RC$(told store)" "1fail Bad owner or permissions on $SCRATCH/pass: it is open to other users"
has "what to do" "$(told store)" "-> Run: chmod go-rwx $SCRATCH/pass"
chmod 600 "$SCRATCH/pass"
printf 'wrong\n' >"$SCRATCH/pass"
fresh KEYFOB_STORE=vault KEYFOB_PASSPHRASE_FILE="$SCRATCH/pass"
has "a wrong passphrase" "$RC$(told store)" "-> correct what is in the passphrase file"
chmod 777 "$VAULT"
fresh KEYFOB_STORE=vault
has "the vault's directory is open, and locked" "$RC$(told vault_dir)" "1fail Bad owner or permissions on $VAULT: other users can write it"
has "what to do" "$(told vault_dir) $(told store)" "chmod go-w $VAULT warn the vault is locked (store.vault_locked) -> run keyfob unlock"
chmod 700 "$VAULT"
damage() { printf x | dd of="$VAULT/$1" bs=1 seek=30 conv=notrunc status=none; }
damage header.copy
fresh KEYFOB_STORE=vault
has "a damaged copy of the header" "$RC$(told store)" "0warn the copy of the header, $VAULT/header.copy, is damaged; the vault is locked"
has "what to do" "$(told store)" "-> run keyfob unlock, which puts the two files in order"
cp "$VAULT/header" "$VAULT/header.copy"
damage header
fresh KEYFOB_STORE=vault
has "a damaged header" "$RC$(told store)" "0warn $VAULT/header is damaged; its copy header.copy is used; the vault is locked"
cp "$VAULT/header" "$VAULT/header.copy"
fresh KEYFOB_STORE=vault
has "both, also without the passphrase" "$RC$(told store)" "1fail $VAULT/header is damaged, and its copy header.copy is damaged (store.vault_damaged) -> Put header or header.copy back"
rm "$VAULT/header" "$VAULT/header.copy"
fresh KEYFOB_STORE=vault KEYFOB_PASSPHRASE_FILE="$SCRATCH/pass"
has "neither is there, and records are" "$RC$(told store)" "1fail $VAULT/header is missing, and its copy header.copy is missing"
is "nothing was made" "$(ls "$VAULT" | grep -c header)" 0
rm -r "$VAULT"

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
    has "is named, with its mode" "$(finding "$id")" "$SCRATCH/h/$dir: "
    chmod 700 "$SCRATCH/h/$dir"
    kf agent stop -q || fail stop
done
mv "$SCRATCH/h/state/keyfob" "$SCRATCH/kept"
touch "$SCRATCH/h/state/keyfob"
run kf doctor --json
is "a file in its place" "$RC$(of state_dir)" 1fail
has "what to do" "$(told state_dir)" "mv $SCRATCH/h/state/keyfob "
rm "$SCRATCH/h/state/keyfob"
mv "$SCRATCH/kept" "$SCRATCH/h/state/keyfob"
mv "$SCRATCH/h/config" "$SCRATCH/kept"
touch "$SCRATCH/h/config"
run kf doctor --json
has "a file on the way" "$RC$(of config_dir) $(finding config_dir)" "1fail $SCRATCH/h/config is not a directory"
rm "$SCRATCH/h/config"
mv "$SCRATCH/kept" "$SCRATCH/h/config"
kf agent stop -q || fail stop
chmod 755 "$XDG_RUNTIME_DIR/keyfob"
run kf doctor --json
is "no agent: a finding, and the rest is there" "$RC$(of agent)$(of flock)$(of memory)" 1failoknone
chmod 700 "$XDG_RUNTIME_DIR/keyfob"
long=$SCRATCH/$(printf 'x%.0s' {1..120})
mkdir -m 700 "$long"
run env XDG_RUNTIME_DIR="$long" "$BIN/keyfob" doctor --json
is "a path too long for a socket" "$RC$(of socket)$(of agent)" 1failfail
hasnt "is not called good as well" "$(finding socket)" "no agent has made it yet"
# a directory that is not keyfob's: no change of its mode is advised
mkdir -m 755 "$SCRATCH/shared"
run env KEYFOB_SOCKET="$SCRATCH/shared/s" "$BIN/keyfob" doctor --json
is "a socket in a directory that is open to others" "$RC$(of runtime_dir)" 1fail
hasnt "its mode is left alone" "$(told runtime_dir)" "chmod"
if [ "$(id -u)" = 0 ]; then
    mkdir -m 700 "$SCRATCH/theirs"
    chown 12345 "$SCRATCH/theirs"
    run env XDG_STATE_HOME="$SCRATCH/theirs/state" "$BIN/keyfob" doctor --json
    is "as root in the home of a user" "$RC$(of state_dir)" 1fail
    hasnt "nothing is taken away" "$(told state_dir)" "chown"
    has "what to do" "$(told state_dir)" "Run keyfob as that user"
fi
run bash -c "'$BIN/keyfob' doctor >/dev/full"
[ "$RC" -ne 0 ] || fail "a full stdout went unnoticed"
ok "a full stdout is told"
