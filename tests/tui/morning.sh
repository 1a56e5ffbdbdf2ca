#!/bin/bash
# The second morning: yesterday somebody signed in, then the agent ended with the machine. Today the vault is locked,
# and everything that is known is shown, in the shell and on the screen; what needs the store asks once and goes on.
# After keyfob lock the same. Then fifty imported profiles, of which one is signed in: no alarm; and one that WorkOS
# ended, which is.
SRC=$1 BIN=$2
. "$SRC/tests/tui/lib.sh"
for tool in Xvfb xclip; do command -v $tool >/dev/null || fail "$tool is missing"; done
Xvfb -displayfd 3 -nolisten tcp -screen 0 640x480x8 3>"$SCRATCH/display" >/dev/null 2>&1 &
PIDS+=($!)
wait_until "the X server" test -s "$SCRATCH/display"
DISPLAY=:$(cat "$SCRATCH/display")
export DISPLAY KEYFOB_STORE=vault
held() { xclip -selection clipboard -out 2>/dev/null; }
empty_clipboard() { printf nothing | xclip -selection clipboard -in; }
look() { [ -z "${LOOK:-}" ] || { echo "--- $1"; tm capture-pane -e -N -p -t s; } >>"$LOOK"; }
PASS="correct horse battery"

# --- Monday ---
(umask 077 && printf '%s\n' "$PASS" >"$SCRATCH/pass")
sandbox
printf 'sk_test_sandbox' | KEYFOB_PASSPHRASE_FILE=$SCRATCH/pass kf profile add dev --client-id client_sandbox \
    --api-key-stdin --api-host "$U" >/dev/null || fail "profile add"
printf 'password=sandbox-password\norganization=Globex\n' |
    kf login dev --email orgs@example.test --answers-stdin >/dev/null || fail "login"
kf token dev >/dev/null || fail token
kf agent stop -q

# --- Tuesday, in the shell ---
run kf status dev
has "status without an agent: the person" "$OUT" "orgs@example.test"
has "... the organization by its name" "$OUT" "Globex"
has "... the state" "$OUT" "signed in"
run kf whoami dev
is "whoami" "$RC$ERR" 0
has "... the person" "$OUT" "orgs@example.test"
has "... the organization" "$OUT" "Globex"
run kf whoami dev --json
is "... as JSON" "$RC$(json user_email <<<"$OUT") $(json org_name <<<"$OUT")" "0orgs@example.test Globex"
run kf status dev --check
is "the check of a locked vault" "$RC" 6
has "... says so" "$ERR" "The vault is locked."
hasnt "... once" "$ERR" "locked: the vault"
run kf token dev
is "a token cannot be had" "$RC$OUT" 6
is "the state" "$(kf status dev --json | json state)" locked

# --- and on the screen ---
kf agent stop -q
tui 80x24 "'$BIN/keyfob-tui'"
wait_for "1 profile,"
look "the list"
wait_for "orgs@example.test"
for text in Globex localhost "signed in"; do shows "$text" || fail "the list lacks '$text'"; done
shows_not "need" || fail "a session at rest is called an alarm"
shows_not "not signed in" || fail "a known session is called none"
ok "the list shows person, organization and environment"
send Enter
wait_for "Overview"
wait_for "locked"
look "the profile"
for text in orgs@example.test Globex localhost; do shows "$text" || fail "the profile lacks '$text'"; done
ok "and so does the profile"
send Tab Tab
wait_for "Open the vault"
look "a tab asks"
type_in "$PASS"
wait_for "(hidden)"
send Enter
wait_for "Sessions 1"
look "the tab"
ok "a tab asks for the passphrase, and loads"
send Escape
wait_for "[Overview]"
send q
wait_gone "Overview"
send q
left 0 "the first look"

kf agent stop -q
empty_clipboard
tui 80x24 "'$BIN/keyfob-tui'"
wait_for "orgs@example.test"
send t
wait_for "Open the vault"
type_in "$PASS"
wait_for "(hidden)"
send Enter
wait_for "Copied the access token"
is "t copies after one dialog" "$(held)" "$(kf token dev)"
shows Globex || fail "the organization's name is lost when the session is read"

kf lock -q || fail lock
wait_for "vault locked"
look "locked"
shows "orgs@example.test" || fail "a lock hides the person"
send U
wait_for "Open the vault"
type_in "$PASS"
wait_for "(hidden)"
send Enter
wait_for "vault open"
ok "U unlocks"
kf lock -q || fail lock
wait_for "vault locked"
empty_clipboard
send t
wait_for "Open the vault"
type_in "$PASS"
wait_for "(hidden)"
send Enter
wait_for "Copied the access token"
is "t copies after keyfob lock" "$(held)" "$(kf token dev)"
run kf whoami dev
has "whoami knows more by now" "$OUT" "user_01"

# --- fifty imported profiles ---
python3 - >"$SCRATCH/fifty.json" <<P
import json
print(json.dumps({"schema": "keyfob.profiles-export/1", "profiles": [
    {"name": "w-%02d" % i, "client_id": "client_%02d" % i, "api_host": "$U"} for i in range(50)]}))
P
kf profile import "$SCRATCH/fifty.json" >/dev/null || fail "import"
send C-l
wait_for "51 profiles,"
wait_for "not signed in"
look "fifty"
shows_not "need" || fail "an imported profile is called an alarm"
shown | sed -n 4p | grep -q "> dev" || fail "the signed in profile is not the first"
send Down # the selected row has no colours
wait_for "> w-"
is_red() { tm capture-pane -e -p -t s | sed -n 4,20p | grep -q $'38;5;203m'; } # KF_INK_BAD of 256 colours
is_red && fail "something is red"
ok "fifty profiles that nobody has signed in to are no alarm"

# --- a session that WorkOS ended ---
sid=$(kf status dev --json | json session id)
curl -sS --noproxy '*' -H 'Authorization: Bearer sk_test_sandbox' -H 'Content-Type: application/json' \
    -d "{\"session_id\":\"$sid\"}" "$U/user_management/sessions/revoke" >/dev/null || fail revoke
send Up
wait_for "> dev"
send r
wait_for "Could not renew dev"
look "ended"
send Escape
wait_for "1 needs sign-in"
wait_for "needs sign-in"
look "needs sign-in"
send Down
wait_for "> w-"
is_red || fail "it is not red"
send Up
wait_for "> dev"
shows_not "when a command asks" || fail "a session that is over is said to renew"
send t
wait_for "t: the session is over"
send Enter
wait_for "Overview"
shows_not "####" || fail "a session that is over has a bar"
look "its page"
send q q
left 0 "the end"
ok "a session that WorkOS ended is an alarm"
