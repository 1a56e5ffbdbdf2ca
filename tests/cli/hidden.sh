#!/bin/bash
# Hidden questions: Ctrl-Z and fg, SIGSTOP from outside, and pastes that are too long, under three shells.
SRC=$1 BIN=$2
. "$SRC/tests/tui/lib.sh"
sandbox
profile_dev 2>/dev/null
kf agent start >/dev/null 2>&1

# shell COMMAND: an interactive shell in the window
shell() {
    tm kill-session -t s 2>/dev/null
    tm has-session -t keep 2>/dev/null || tm new-session -d -s keep "exec sleep 3600" || fail "tmux does not start"
    tm new-session -d -s s -x 120 -y 40 "env PS1='shell> ' HISTFILE=$SCRATCH/history $1"
    wait_for "shell>"
}
echoes() { # WHAT: the shell's terminal echoes, which the shell's own line editing hides
    local f=$SCRATCH/stty.$RANDOM
    type_in "stty -a <$(tm display-message -p -t s '#{pane_tty}') >$f; : >$f.done"
    send Enter
    wait_until "stty" test -e "$f.done"
    has "$1: echo is on" " $(tr '\n' ' ' <"$f")" " echo "
}
ask() {
    type_in "clear; '$BIN/keyfob' login dev --email plain@example.test"
    send Enter
    wait_for "Password"
}
passwords() { shown | grep -c "^Password"; }
asked_again() { [ "$(passwords)" -ge "$1" ]; }
is_stopped() { case $(ps -o stat= -p "$pid") in T*) return 0 ;; *) return 1 ;; esac }

for shell in "bash --norc --noprofile -i" "zsh -f -i" "dash -i"; do
    name=${shell%% *}
    shell "$shell"
    ask
    pid=$(pgrep -t "$(tm display-message -p -t s '#{pane_tty}' | sed 's|/dev/||')" -x keyfob)
    type_in "canary-one"
    send C-z
    wait_until "$name: stopped" is_stopped
    echoes "$name, Ctrl-Z"
    type_in "fg"
    send Enter
    wait_until "$name: asked again" asked_again 2
    type_in "canary-two"
    kill -STOP "$pid"
    wait_until "$name: stopped from outside" is_stopped
    type_in "fg"
    send Enter
    wait_until "$name: asked again" asked_again 3
    type_in "canary-three"
    send C-u
    type_in "sandbox-passwordxé"
    send BSpace
    send BSpace
    send Enter
    wait_for " as plain@example.test"
    hasnt "$name: nothing typed was shown" "$(history)" "canary"
    hasnt "$name: nor the password" "$(history)" "sandbox-pass"
    echoes "$name, afterwards"
    # too long, with commands behind it
    ask
    { head -c 20000 /dev/zero | tr '\0' x; printf '\ntouch %s/ran\n' "$SCRATCH"; } >"$SCRATCH/long"
    tm load-buffer -b long "$SCRATCH/long"
    tm paste-buffer -d -b long -t s
    wait_for "too long (the limit is 16384 bytes)"
    echoes "$name, too long"
    hasnt "$name: a line that is too long is not shown" "$(history)" "xxxxx"
    [ ! -e "$SCRATCH/ran" ] || fail "$name: the shell ran the rest of a paste"
    # several lines: the first one is the answer
    ask
    printf 'sandbox-password\ntouch %s/ran\n' "$SCRATCH" >"$SCRATCH/lines"
    tm load-buffer -b lines "$SCRATCH/lines"
    tm paste-buffer -d -b lines -t s
    wait_for " as plain@example.test"
    echoes "$name, two lines"
    [ ! -e "$SCRATCH/ran" ] || fail "$name: the shell ran the second line"
    ok "$name"
done

# an answer over the 4,095 bytes of the kernel's lines arrives whole
head -c 9000 /dev/zero | tr '\0' y >"$SCRATCH/token"
type_in "clear; '$BIN/keyfob' login dev --method token"
send Enter
wait_for "Refresh token"
tm load-buffer -b token "$SCRATCH/token"
tm paste-buffer -d -b token -t s
send Enter
wait_for "shell>"
hasnt "9,000 bytes are an answer" "$(shown)" "too long"
