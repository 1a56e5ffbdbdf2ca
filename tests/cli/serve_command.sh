#!/usr/bin/env bash
# The command that keyfob serve runs, and how serve ends.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
. "$SRC/tests/cli/serve.inc"
sandbox
profile_dev
login_dev
T=$(kf token dev) || fail token

# ends
serve dev --for 300ms
wait_until "the end after --for" ended
[ ! -e "$S" ] || fail "the socket stays after --for"
ok "--for ends it"
run kf serve dev -- sh -c 'curl -sS --unix-socket "$KEYFOB_TOKEN_SOCKET" http://keyfob/token; ls "$KEYFOB_TOKEN_SOCKET" >&2; exit 42'
is "with a command: its status" "$RC" 42
is "and its token" "$OUT" "$T"
[ ! -e "$(grep token.sock <<<"$ERR")" ] || fail "the socket stays after the command"
run kf serve dev -- /no/such/command
is "a command that is not there" "$RC" 127
run kf serve dev -- sh -c 'kill -TERM $$'
is "a command that was killed" "$RC" 143
"$BIN/keyfob" serve dev -- sh -c 'echo $$ >'"$SCRATCH/child"'; exec sleep 60' &
SERVE=$!
PIDS+=("$SERVE")
wait_until "the command" test -s "$SCRATCH/child"
kill -9 "$SERVE"
gone() { ! kill -0 "$(cat "$SCRATCH/child")" 2>/dev/null; }
wait_until "the end of the command when serve is killed" gone
ok "the command does not outlive it"
left() { find "$XDG_RUNTIME_DIR" -maxdepth 1 -name 'keyfob-serve.*' | wc -l | tr -d ' '; }
is "killed hard, it leaves its directory" "$(left)" 1
serve dev
is "which the next one removes" "$(left)" 1
kf serve dev -- true || fail "another one at the same time"
is "but not that of one that runs" "$(left) $(curl -sS --unix-socket "$S" http://keyfob/token)" "1 $T"
end
is "all gone" "$(left)" 0

# the command is as it would be without us
cat >"$SCRATCH/facts.sh" <<'P'
umask; ulimit -c; ulimit -Hc; grep -E '^(NoNewPrivs|Sig(Ign|Blk)):' /proc/self/status
for f in /proc/$$/fd/*; do printf '%s ' "${f##*/}"; readlink "$f"; done
P
caller() (
    export ASAN_OPTIONS="${ASAN_OPTIONS-}:disable_coredump=0" # a sanitizer's build would change that limit itself
    umask 027
    ulimit -Sc "$(ulimit -Hc)"
    trap '' USR1 QUIT
    exec "$@" </dev/null >"$SCRATCH/facts" 2>/dev/null 7<"$SCRATCH/facts.sh"
)
caller sh "$SCRATCH/facts.sh"
WANT=$(cat "$SCRATCH/facts")
caller "$BIN/keyfob" serve dev -- sh "$SCRATCH/facts.sh"
is "umask, limits, privileges, signals and descriptors are the caller's" "$(cat "$SCRATCH/facts")" "$WANT"
has "which was looked at" "$WANT" "0027"
run kf serve dev -- sh -c 'grep -E "^(NoNewPrivs|Umask):" /proc/$PPID/status; grep "core file" /proc/$PPID/limits'
has "serve itself is hardened" "$(printf %s "$OUT" | tr -s '\t\n ' '   ')" "Umask: 0077 NoNewPrivs: 1 Max core file size 0 0 bytes"

# what cannot begin: no socket, no command
for bad in nope "dev nope" "dev --socket /no/such/directory/s" "dev --for 0" "dev --bogus" "dev --proxy http://example.test"; do
    # shellcheck disable=SC2086
    run kf serve $bad -- touch "$SCRATCH/ran"
    is "serve $bad -- CMD" "$RC$OUT" 125
done
[ ! -e "$SCRATCH/ran" ] || fail "a command ran all the same"
run kf serve dev nope
is "no such profile" "$RC$OUT" 4
has "it is named" "$ERR" "nope."
is "no directory was made" "$(left)" 0

# --for and SIGTERM end what is given, whatever the command makes of SIGTERM
stubborn() { # OPTION...: serve and a command that takes its time
    rm -f "$SCRATCH/began" "$SCRATCH/go"
    "$BIN/keyfob" serve dev "$@" -- sh -c 'trap "" TERM; echo "$KEYFOB_TOKEN_SOCKET" >"$0/new"; mv "$0/new" "$0/began"
        until [ -e "$0/go" ]; do sleep 0.05; done; exit 7' "$SCRATCH" &
    SERVE=$!
    PIDS+=("$SERVE")
    wait_until "the command" test -s "$SCRATCH/began"
    S=$(cat "$SCRATCH/began")
}
no_socket() { [ ! -e "$S" ] && [ ! -e "${S%/*}" ]; }
status() {
    touch "$SCRATCH/go"
    RC=0
    wait "$SERVE" || RC=$?
}
stubborn --for 300ms
wait_until "the end of the socket after --for" no_socket
kill -0 "$SERVE" || fail "serve did not wait for its command"
status
is "--for closes the socket at once; the command's status" "$RC" 7
stubborn
python3 - "$S" "$SCRATCH" <<'P' &
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.settimeout(60)
s.sendall(b"GET /token HTTP/1.1\r\nHost: keyfob\r\n\r\n")
assert b" 200 " in s.recv(65536)
open(sys.argv[2] + "/connected", "w").write("yes")
while s.recv(65536): pass
open(sys.argv[2] + "/cut", "w").write("yes")
P
PIDS+=($!)
wait_until "a client that stays" test -s "$SCRATCH/connected"
kill "$SERVE"
wait_until "the end of the socket after SIGTERM" no_socket
wait_until "the end of the connection" test -s "$SCRATCH/cut"
kill "$SERVE"
kill -0 "$SERVE" || fail "serve did not wait for its command"
status
is "SIGTERM closes the socket and what is connected to it" "$RC" 7

# what was ignored stays so
mask() { echo $((16#$(sed -n "s/^$1:[[:space:]]*//p" "/proc/$SERVE/status") & 0x4003)); }
for ignored in 'HUP INT' TERM; do
    trap '' $ignored
    serve dev
    trap - HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    case $ignored in TERM) want=$((0x4000)) other=1 ;; *) want=3 other=$((0x4000)) ;; esac
    is "ignored at the start: $ignored" "$(($(mask SigIgn) & want)) $(($(mask SigCgt) & want))" "$want 0"
    for signal in $ignored; do kill -$signal "$SERVE"; done
    ask /token
    is "which ends nothing" "$BODY" "$T"
    is "but others do" "$(($(mask SigCgt) & other))" "$other"
    case $ignored in TERM) kill -HUP "$SERVE" ;; *) kill "$SERVE" ;; esac
    wait_until "the end of serve" ended
done
