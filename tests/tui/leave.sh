#!/bin/bash
# Ctrl-C leaves from everywhere, at once, with the terminal as it was; signals and Ctrl-Z do too.
SRC=$1 BIN=$2
. "$SRC/tests/tui/lib.sh"
sandbox
profile_dev 2>/dev/null
login_dev
run_tui="'$BIN/keyfob-tui'"

at_list() { tui 80x24 "$run_tui"; wait_for "> dev"; wait_for "signed in"; }
field() { send s; wait_for "How do you"; send 4; wait_for "E-mail"; }
password() { field; type_in "plain@example.test"; send Enter; wait_for "Its length"; type_in "canary-secret"; wait_for "(hidden)"; }

# WHAT STEP...: goes there, then Ctrl-C. A wait of the program's takes as long each time; one of a busy machine does not,
# so the fastest of three is looked at.
try() {
    local what=$1 began ms=0 i
    shift
    for i in 1 2 3; do
        at_list
        "$@"
        began=$(date +%s%N)
        send C-c
        wait_for "left with"
        ms=$((($(date +%s%N) - began) / 1000000))
        left 130 "$what"
        [ $ms -ge 1500 ] || return 0
    done
    fail "$what: Ctrl-C took $ms ms, and no less in $i tries"
}
nothing() { :; }
opened() { send Enter; wait_for "Access token"; }
chooser() { send s; wait_for "How do you"; }
form() { send a; wait_for "Client ID"; type_in "x"; wait_for "1 change"; }
discard() { form; send Escape; wait_for "Discard the changes"; }
confirm() { send S; wait_for "[>Keep<]"; }
typed() { send D; wait_for "Type its name"; }
help() { send '?'; wait_for "What can be done here"; }
small() { resize 30x8; wait_for "needs 40x12"; }
hanging() {
    password
    faults '[{"path":"/user_management/authenticate","nth":1,"delay_ms":60000}]'
    send Enter
    wait_for "Waiting for"
}
for place in nothing opened chooser field password form discard confirm typed help small hanging; do
    try "$place" "$place"
done

# q at the top: 0
at_list
send q
left 0 "q"

# SIGTERM, SIGHUP, a crash: the terminal comes back, nothing of the screen stays
for sig in TERM:143 HUP:129 SEGV:139; do
    at_list
    kill -"${sig%:*}" "$(tm list-panes -t s -F '#{pane_pid}' | xargs -I{} pgrep -P {} -x keyfob-tui)"
    left "${sig#*:}" "SIG${sig%:*}"
    hasnt "SIG${sig%:*}: history" "$(history)" "plain@example.test"
done

# Without an alternate screen what was shown would stay in the history: it is overwritten.
tm set-option -g -w alternate-screen off
at_list
opened
send C-c
left 130 "no alternate screen"
hasnt "no alternate screen: history" "$(history)" "plain@example.test"
tm set-option -g -w alternate-screen on

# Ctrl-Z: back at the shell, nothing left; fg shows it again
tm kill-session -t s
tm new-session -d -s s -x 80 -y 24 "PS1='shell> ' bash --norc --noprofile -i"
wait_for "shell>"
type_in "$run_tui"
send Enter
wait_for "> dev"
password
send C-z
wait_for "Stopped"
hasnt "suspended: history" "$(history)" "plain@example.test"
type_in "fg"
send Enter
wait_for "(hidden)"
ok "fg shows it again, masked"
send C-c
wait_for "shell>"
type_in 'echo "was $?"'
send Enter
wait_for "was 130"
ok "Ctrl-C after fg: 130"

# A terminal that goes without a signal (nohup, no controlling terminal): it ends, and does not go round for ever.
is "the terminal goes without a signal" "$(python3 - "$BIN/keyfob-tui" <<'P'
import os, pty, subprocess, sys
master, end = pty.openpty()
p = subprocess.Popen([sys.argv[1]], stdin=end, stdout=end, stderr=end, start_new_session=True, env=dict(os.environ, TERM="xterm"))
os.close(end)
seen = b""
while b"dev" not in seen:
    seen += os.read(master, 4096)
os.close(master)
print(p.wait(30))
P
)" 129
