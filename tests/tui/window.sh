#!/bin/bash
# Sizes, pastes, character sets, colours, poor terminals, and an agent that hangs.
SRC=$1 BIN=$2
. "$SRC/tests/tui/lib.sh"
sandbox
profile_dev 2>/dev/null
profile_dev other 2>/dev/null
login_dev

tui 80x24 "'$BIN/keyfob-tui'"
wait_for "2 profiles,"
wait_for "signed in"
paste_in $'qDy\nS'
wait_for "Pasted text ignored: no field is active"
ok "a paste outside a field does nothing"
type_in "/oth"
wait_for "1 of 2"
resize 30x8
wait_for "keyfob needs 40x12"
wait_for "30x8."
resize 80x24
wait_for "/oth_"
wait_for "1 of 2"
ok "the filter is still there after 30x8"

# a terminal that does not mark a paste: what nobody can have typed is one. Others may send keys as fast as they like.
tui 80x24 "TERM=vt100 '$BIN/keyfob-tui'"
wait_for "2 profiles,"
tm set-buffer -b kf $'qDy\nS and a long rest of it'
tm paste-buffer -d -b kf -t s
wait_for "Pasted text ignored: no field is active"
ok "a paste that is not marked does nothing either"
tui 80x24 "'$BIN/keyfob-tui'"
wait_for "2 profiles,"
type_in "jkjk?"
wait_for "What can be done here"
ok "keys that come fast are keys"
send Escape
wait_for "2 profiles,"
for i in $(seq 1 40); do resize "$((20 + RANDOM % 180))x$((5 + RANDOM % 55))"; done
resize 80x24
picture() { shown | sed 's/[0-9]*:[0-9][0-9]//g; s/\[[#.]*\]//'; }
settled() { # the window's own size: rules from edge to edge, key line in the last row
    [ "$(shown | sed -n 2p | wc -m)" -eq 81 ] && shown | sed -n 23p | grep -q ' 2 profiles,' &&
        [ "$(shown | sed -n 24p | wc -m)" -eq 79 ]
}
wait_until "a screen of the right size" settled
before=$(picture)
send C-l
same() { [ "$(picture)" = "$before" ]; }
wait_until "a fresh drawing like the one after 40 resizes" same
ok "40 random sizes leave what a fresh drawing shows"

# arrow keys in one burst are never Esc and letters
send Home
for i in $(seq 1 20); do send Down Up Down Up Down Up Down Up Down Up Down Up Down Up Down Up Down Up Down Up; done
wait_for "2 profiles,"
shows_not "Profiles > " && ok "400 arrow keys are arrow keys"

# forms: several lines pasted become one, nothing is sent
send a
wait_for "field 1 of 8"
paste_in $'my\nname\n'
wait_for "myname"
wait_for "line ends were left out"
shows "field 1 of 8" || fail "the paste moved on"
ok "three pasted lines are one line"
send Escape
wait_for "Discard the changes"
send y
wait_for "2 profiles,"

# an agent that hangs: keys work, Ctrl-C leaves
agent=$("$BIN/keyfob" agent status --json | json pid)
kill -STOP "$agent"
send r
send '?'
wait_for "What can be done here"
send Escape
wait_gone "What can be done here"
send C-c
left 130 "with an agent that hangs"
tui 80x24 "'$BIN/keyfob-tui'"
wait_for "Asking the agent"
send '?'
wait_for "What can be done here"
send C-c
left 130 "started on an agent that hangs"
kill -CONT "$agent"

# plain ASCII
tui 80x24 "LC_ALL=C '$BIN/keyfob-tui'"
wait_for "2 profiles,"
is "bytes outside ASCII with LC_ALL=C" "$(shown | LC_ALL=C tr -d '\000-\177' | wc -c)" 0
send C-c
left 130 "LC_ALL=C"

# no colours
colours() { tm capture-pane -e -p -t s | grep -cE $'\e\\[([0-9;]*;)?(3[0-7]|4[0-7]|9[0-7]|38;5;[0-9]+)(;[0-9]+)*m' || true; }
tui 80x24 "NO_COLOR=1 '$BIN/keyfob-tui'"
wait_for "2 profiles,"
wait_for "> "
is "lines with colour under NO_COLOR" "$(colours)" 0
send C-c
left 130 "NO_COLOR"
tui 80x24 "'$BIN/keyfob-tui'"
wait_for "2 profiles,"
[ "$(colours)" -gt 0 ] || fail "no colour at all in a colour terminal"
ok "colours where there are some"
send C-c
left 130 "colours"
tui 80x24 "TERM=vt100 '$BIN/keyfob-tui'"
wait_for "2 profiles,"
is "lines with colour on a vt100" "$(colours)" 0
send C-c
left 130 "vt100"

# terminals that cannot: one sentence, status 2
sentence='keyfob'\''s screen needs a terminal; try `keyfob status --json`'
run env TERM=xterm "$BIN/keyfob-tui" </dev/null
is "no terminal: status" "$RC" 2
is "no terminal: sentence" "$ERR" "$sentence"
for term in dumb ""; do
    tui 100x24 "TERM=$term '$BIN/keyfob-tui'"
    left 2 "TERM='$term'"
    shows "$sentence" || fail "TERM='$term' does not say why"
done
tui 100x24 "TERM=no-such-terminal '$BIN/keyfob-tui'"
left 2 "an unknown TERM"
shows "no-such-terminal" || fail "the unknown TERM is not named"
