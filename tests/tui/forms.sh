#!/bin/bash
# The form at a real terminal with a real agent: label and git hosts, a copy, notes; and a profile that is deleted, taken
# back, deleted by leaving with q, and kept by Ctrl-C and by kill.
SRC=$1 BIN=$2
. "$SRC/tests/tui/lib.sh"
sandbox
profile_dev 2>/dev/null
login_dev
run_tui="'$BIN/keyfob-tui'"
names() { "$BIN/keyfob" profile list --json | python3 -c 'import json,sys; print(*sorted(i["name"] for i in json.load(sys.stdin)["items"]))'; }
of() { "$BIN/keyfob" profile show "$1" --json | json "$2"; }
are() { [ "$(names)" = "$1" ]; }

# edit: what was typed is what the agent has, and nothing else has changed
tui 80x24 "$run_tui"
wait_for "> dev"
before=$("$BIN/keyfob" token dev)
send e
wait_for "field 1 of 8"
send BTab BTab
wait_for "field 7 of 8"
type_in "the small one"
send Tab
type_in "git.dev.example ; git.dev.example:8443"
send Enter
wait_for "Saved dev"
is "label" "$(of dev label)" "the small one"
is "git hosts" "$(of dev git_host)" "git.dev.example;git.dev.example:8443"
is "the session is the same" "$("$BIN/keyfob" token dev)" "$before"
ok "label and git hosts are saved, and the session stays"

# copy: settings without key, session and hosts
send C
wait_for "dev > Copy"
wait_for "dev-copy"
send F2
wait_for "Added dev-copy; s signs in"
wait_for "> dev-copy"
is "the copy's client" "$(of dev-copy client_id)" "$(of dev client_id)"
is "the copy's label" "$(of dev-copy label)" "the small one"
is "the copy's hosts" "$(of dev-copy git_host)" None
is "the copy's key" "$(of dev-copy confidential)" false
run "$BIN/keyfob" token dev-copy
is "the copy has no session" "$RC" 3
ok "a copy has the settings alone"

# a host of another profile, a test key under a production name
send e
wait_for "field 1 of 8"
send BTab
type_in "git.dev.example"
send Enter
wait_for "belongs to dev"
send C-u Tab C-e C-u
type_in "copy-prod"
send Tab Tab
type_in "sk_test_canary"
wait_for "(hidden)"
send F2
wait_for "Is that meant?"
wait_for "this is a test"
shows_not "canary" || fail "the key is shown"
send Escape
wait_for "Discard the changes"
send y
wait_for "2 profiles,"
are "dev dev-copy" || fail "there is: $(names)"
ok "what is wrong stays in the form; what is odd asks once"

# gone and taken back
send D
wait_for "u takes it back: dev-copy"
wait_row "dev"
shows_not "> dev-copy" || fail "still in the list"
are "dev dev-copy" || fail "the agent was told too early: $(names)"
send u
wait_for "dev-copy is back"
wait_for "> dev-copy"
ok "u takes it back, and the agent never heard of it"

# Ctrl-C and kill keep it
send D
wait_for "u takes it back: dev-copy"
send C-c
left 130 "Ctrl-C"
wait_for "dev-copy was not deleted"
are "dev dev-copy" || fail "after Ctrl-C there is: $(names)"
dead() { ! kill -0 "$pid" 2>/dev/null; }
for sig in TERM KILL; do
    tui 80x24 "$run_tui"
    wait_row "dev"
    send Down # what nobody has signed in to comes last
    wait_for "> dev-copy"
    send D
    wait_for "u takes it back: dev-copy"
    pid=$(tm list-panes -t s -F '#{pane_pid}' | xargs -I{} pgrep -P {} -x keyfob-tui)
    kill -$sig "$pid"
    wait_until "the end by SIG$sig" dead
    are "dev dev-copy" || fail "after SIG$sig there is: $(names)"
done
ok "Ctrl-C, SIGTERM and SIGKILL delete nothing"

# q does it, and says when the agent does not answer
tui 80x24 "$run_tui"
wait_row "dev"
send Down
wait_for "> dev-copy"
send D
wait_for "u takes it back: dev-copy"
send q
left 0 "q"
wait_for "keyfob: dev-copy was deleted"
is "after q there is" "$(names)" "dev"
ok "q ends with it deleted"

# with a session and a key the name is typed; ten seconds later it is done
tui 80x24 "$run_tui"
wait_for "> dev"
send D
wait_for "Type its name"
type_in "dev"
send Enter
wait_for "No profiles yet."
wait_for "u takes it back: dev"
send u
wait_for "> dev"
is "its session is there" "$("$BIN/keyfob" token dev)" "$before"
agent=$("$BIN/keyfob" agent status --json | json pid)
send D
wait_for "Type its name"
type_in "dev"
send Enter
wait_for "u takes it back: dev"
kill -STOP "$agent"
send q
wait_for "deleting dev"
left 1 "q with an agent that hangs"
wait_for "the agent has not said that dev is deleted"
kill -CONT "$agent"
ok "an agent that hangs is told of"
"$BIN/keyfob" profile rm dev --yes >/dev/null 2>&1 || true # whether it is there is what nobody knows
are "" || fail "there is: $(names)"
tui 80x24 "$run_tui"
wait_for "No profiles yet."
send a
send Enter
wait_for "field 1 of 8"
type_in "late"
send Tab
type_in "client_sandbox"
send Tab Tab C-u
type_in "$U"
send F2
wait_for "Added late"
send D
wait_for "u takes it back: late"
wait_for "Deleted late"
are "" || fail "after 10 s there is: $(names)"
ok "ten seconds later it is done by itself"
send q
left 0 "the end"
hasnt "the key" "$(history)" "canary"
