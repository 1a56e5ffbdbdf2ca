#!/bin/bash
# Copying and exporting on the screen, with a real clipboard (Xvfb, xclip); nothing of a token is left on the screen.
SRC=$1 BIN=$2
. "$SRC/tests/tui/lib.sh"
sandbox
profile_dev
login_dev
T=$(kf token dev) || fail token
command -v Xvfb >/dev/null && command -v xclip >/dev/null || fail "Xvfb or xclip is missing"
Xvfb -displayfd 3 -nolisten tcp -screen 0 640x480x8 3>"$SCRATCH/display" >/dev/null 2>&1 &
PIDS+=($!)
wait_until "the X server" test -s "$SCRATCH/display"
export DISPLAY=:$(cat "$SCRATCH/display")
held() { xclip -selection clipboard -out 2>/dev/null; }

tui 80x24 "DISPLAY=$DISPLAY '$BIN/keyfob-tui'"
wait_for "1 profile,"
send t
wait_for "Copied the access token (xclip); cleared in 30 s"
is "t copies the token" "$(held)" "$T"
send x
wait_for "> dev > Export"
send Tab Tab Tab BSpace BSpace BSpace
type_in 1s
send Enter
wait_for "Copied the access token (xclip); cleared in 1 s"
send Q
left 0 "leaving at once"
gone() { [ -z "$(held)" ]; }
wait_until "the clipboard is cleared although keyfob is closed" gone
ok "cleared although keyfob is closed"

tui 80x24 "DISPLAY=$DISPLAY '$BIN/keyfob-tui'"
wait_for "1 profile,"
send x
wait_for "> dev > Export"
send Tab Space Space # raw, env
wait_for "< env >"
send Tab Space Tab
type_in "$SCRATCH/my token.env"
send Enter
wait_for "only you can read it"
is "the file's mode" "$(stat -c %a "$SCRATCH/my token.env")" 600
is "the file" "$(sh -c '. "$1"; echo "$WORKOS_ACCESS_TOKEN"' _ "$SCRATCH/my token.env")" "$T"
send x
wait_for "> dev > Export"
send Tab Tab Space Tab
type_in "$SCRATCH/my token.env"
send Enter
wait_for "[>Keep<]"
send Enter
wait_for "> dev > Export"
is "kept" "$(sh -c '. "$1"; echo "$WORKOS_ACCESS_TOKEN"' _ "$SCRATCH/my token.env")" "$T"
send Enter
wait_for "[>Keep<]"
send y
wait_for "only you can read it"
is "replaced" "$(cat "$SCRATCH/my token.env")" "Authorization: Bearer $T"
send x
wait_for "> dev > Export"
send Escape
wait_for "1 profile,"
hasnt "no token was ever shown" "$(history)" "${T:20:40}"

# shown on purpose, and gone again
send x
wait_for "> dev > Export"
send v
wait_for "${T:0:40}"
ok "v shows it"
send v
wait_gone "${T:0:40}"
send v
wait_for "${T:0:40}"
send C-c
left 130 "Ctrl-C while it is shown"
hasnt "nothing of it stays behind" "$(history)" "${T:20:40}"

tui 80x24 "env -u DISPLAY KEYFOB_CLIPBOARD=native '$BIN/keyfob-tui'"
wait_for "1 profile,"
send t
wait_for "Could not copy"
wait_for "no clipboard here"
send q
wait_for "1 profile,"
send q
left 0 "q"
