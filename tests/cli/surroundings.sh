#!/usr/bin/env bash
# One agent for all of a person's processes: cron without XDG_RUNTIME_DIR, a passphrase file that only a
# later caller has, another proxy, another store, another home.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
export KEYFOB_STORE=vault
(umask 077 && printf 'correct horse battery\r\n' >"$SCRATCH/pass")
sandbox
own() { KEYFOB_PASSPHRASE_FILE=$SCRATCH/pass kf "$@"; }
printf 'sk_test_sandbox' | own profile add dev --client-id client_sandbox --api-key-stdin --api-host "$U" >/dev/null || fail "profile add"
printf 'sandbox-password' | own login dev --email plain@example.test --password-stdin >/dev/null || fail login
T=$(own token dev) || fail token

# a client's own file makes a vault, too, whatever its length is
mkdir -p "$SCRATCH/short/run" && chmod 700 "$SCRATCH/short/run"
(umask 077 && echo pw >"$SCRATCH/pw")
short() (homes "$SCRATCH/short" && "$@")
short kf agent start >/dev/null || fail "agent start"
run short env KEYFOB_PASSPHRASE_FILE="$SCRATCH/pw" "$BIN/keyfob" profile add x --client-id client_sandbox --api-key-stdin --api-host "$U" < <(printf sk_test_sandbox)
is "a short passphrase in a file makes a vault: $ERR" "$RC" 0
has "doctor tells of it" "$(short kf doctor)" "fewer than 12 characters"
short kf agent stop -q

# the agent was started by a caller without the file
kf agent stop -q
run kf token dev
is "without a passphrase the vault is locked" "$RC" 6
is "a client gives its own passphrase file" "$(own token dev)" "$T"
kf lock >/dev/null 2>&1
run own token dev
is "but not after keyfob lock" "$RC" 6
run own org list dev
is "not by any command" "$RC" 6
run own unlock </dev/null
is "which unlock ends, without a terminal" "$RC" 0
is "then it is open" "$(kf token dev)" "$T"
kf agent stop -q
chmod 644 "$SCRATCH/pass"
run own token dev
is "a file that others can read is refused" "$RC" 6
has "and named" "$ERR" "Bad owner or permissions on $SCRATCH/pass"
chmod 600 "$SCRATCH/pass"

# cron: no XDG_RUNTIME_DIR
cat >"$SCRATCH/cron.sh" <<'EOF'
mount -t tmpfs tmpfs /run && mkdir -m 700 -p "/run/user/$(id -u)" && chmod 700 "/run/user/$(id -u)" || exit 99
export XDG_RUNTIME_DIR=/run/user/$(id -u)
echo "session $(KEYFOB_PASSPHRASE_FILE=$PASS "$BIN/keyfob" token dev 2>&1)"
echo "cron $(env -u XDG_RUNTIME_DIR "$BIN/keyfob" token dev 2>&1)"
echo "agent $(env -u XDG_RUNTIME_DIR "$BIN/keyfob" agent stop 2>&1)"
chmod 755 "$XDG_RUNTIME_DIR"
echo "open $(env -u XDG_RUNTIME_DIR "$BIN/keyfob" agent status --json 2>&1)"
EOF
user=; [ "$(id -u)" = 0 ] || user=-r
OUT=$(PASS=$SCRATCH/pass BIN=$BIN unshare -m $user bash "$SCRATCH/cron.sh") || fail "unshare: $OUT"
is "the desktop's session" "$(echo "$OUT" | sed -n 's/^session //p')" "$T"
is "cron's is served by the same agent" "$(echo "$OUT" | sed -n 's/^cron //p')" "$T"
is "which it can stop" "$(echo "$OUT" | sed -n 's/^agent //p')" "Stopped."
has "a directory that is open to others is not used" "$(echo "$OUT" | sed -n 's/^open //p')" '"running":false'

# another proxy, another store
own token dev >/dev/null || fail "token"
run env https_proxy=http://127.0.0.1:9 "$BIN/keyfob" token dev
is "another proxy" "$RC" 0
has "is told" "$ERR" "the agent was started with another https_proxy and keeps it"
run env https_proxy=http://127.0.0.1:9 "$BIN/keyfob" token dev
hasnt "by one call only" "$ERR" https_proxy
has "and always by doctor" "$(https_proxy=http://127.0.0.1:9 kf doctor)" "warn  environment    https_proxy here is not the one"
hasnt "which says nothing without a difference" "$(kf doctor)" "is not the one that the agent"
run env KEYFOB_STORE=memory "$BIN/keyfob" token dev
is "another store is not another session" "$OUT" "$T"
has "and is told" "$ERR" "another KEYFOB_STORE"

# another home: another agent, and nothing in the wrong one
PID=$(kf agent status --json | json pid)
two() { env -u XDG_CONFIG_HOME -u XDG_STATE_HOME -u XDG_DATA_HOME -u XDG_CACHE_HOME HOME="$SCRATCH/two" "$BIN/keyfob" "$@"; }
mkdir "$SCRATCH/two"
is "no agent for it yet" "$(two agent status --json | json running)" false
two profile add other --client-id client_other >/dev/null || fail "profile add in another home"
has "it is there" "$(two profile list)" other
hasnt "and not here" "$(kf profile list)" other
[ "$(two agent status --json | json pid)" != "$PID" ] || fail "one agent for two homes"
ln -s "$SCRATCH/two" "$SCRATCH/link"
has "a link to it is the same" "$(HOME=$SCRATCH/link env -u XDG_CONFIG_HOME -u XDG_STATE_HOME -u XDG_DATA_HOME "$BIN/keyfob" profile list)" other
TWO=$(two agent status --json | json pid)
is "the first one ends" "$(kf agent stop)" "Stopped."
is "the second one is found where it was" "$(two agent status --json | json pid)" "$TWO"
has "and asked" "$(two profile list)" other
is "nobody starts another" "$(two agent status --json | json pid)" "$TWO"
is "stop ends its own" "$(two agent stop)" "Stopped."
