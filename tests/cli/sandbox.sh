#!/usr/bin/env bash
# keyfob --sandbox: everything against the built-in sandbox, also when the agent or the sandbox behind it is another one.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
box() { "$BIN/keyfob" --sandbox "$@"; }
login() { printf sandbox-password | box login sandbox --method password --email plain@example.test --password-stdin 2>&1; }
pid_of_sandbox() { sed -n 2p "$XDG_RUNTIME_DIR/keyfob-sandbox/ready"; }
gone() { ! kill -0 "$1" 2>/dev/null; }
trap 'rc=$?; box agent stop >/dev/null 2>&1; kill "$(pid_of_sandbox)" 2>/dev/null; (exit $rc); finish' EXIT
has "signed in" "$(login)" "Signed in to sandbox"
first=$(pid_of_sandbox)
has "a token" "$(box token sandbox)" "."
T=$(box token sandbox)
box lock 2>/dev/null || fail lock
run box token sandbox
is "locked" "$RC$OUT" 6
box unlock 2>/dev/null || fail unlock
is "unlocked, with the same session" "$(box token sandbox)" "$T"
is "nothing of one's own was made" "$(ls -A "$XDG_CONFIG_HOME" "$XDG_STATE_HOME" "$XDG_DATA_HOME" 2>/dev/null | grep -c keyfob)" 0

box agent stop 2>/dev/null || fail "agent stop"
run box token sandbox
is "another agent knows no session" "$RC$OUT" 3
is "the sandbox is the same" "$(pid_of_sandbox)" "$first"
has "but the profile has its key again" "$(login)" "Signed in to sandbox"

kill "$first"
wait_until "the sandbox's end" gone "$first"
run box token sandbox
is "another sandbox knows no session" "$RC$OUT" 3
has "and says just that" "$ERR" "Nobody is signed in"
[ "$(pid_of_sandbox)" != "$first" ] || fail "it is the old one"
has "signed in to that one" "$(login)" "Signed in to sandbox"
