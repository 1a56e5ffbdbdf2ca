#!/usr/bin/env bash
# The clipboard, with real tools on a real X server (Xvfb), with a tmux of its own, and with tools that misbehave.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
sandbox
profile_dev
login_dev
T=$(kf token dev) || fail token
for tool in Xvfb xclip xsel tmux; do command -v $tool >/dev/null || fail "$tool is missing"; done

run setsid -w "$BIN/keyfob" token dev --clip # no terminal either
is "without any way stdout stays empty" "$RC$OUT" 1
has "and what is missing is said" "$ERR" "no clipboard here"

Xvfb -displayfd 3 -nolisten tcp -screen 0 640x480x8 3>"$SCRATCH/display" >/dev/null 2>&1 &
PIDS+=($!)
wait_until "the X server" test -s "$SCRATCH/display"
export DISPLAY=:$(cat "$SCRATCH/display")
held() { xclip -selection clipboard -out 2>/dev/null; }
gone() { [ -z "$(held)" ]; }

run kf token dev --clip
is "copied" "$RC$OUT$(held)" "0$T"
has "what was done" "$ERR" "copied (xclip); cleared in 30 s"
run kf export dev --format header --clip --clear-after 200ms
is "an export is copied" "$RC$OUT" 0
wait_until "clearing" gone
ok "cleared after the time, with keyfob long gone"

# what is not ours any more stays
printf 'mine' >"$SCRATCH/mine"
kf token dev --clip --clear-after 311ms -q
xclip -selection clipboard -in <"$SCRATCH/mine" >/dev/null 2>&1
none_left() { ! pgrep -u "$(id -u)" -f "^keyfob-clip --after 311ms"; }
wait_until "the end of the wait" none_left
is "something newer is left alone" "$(held)" mine

# the same value again: only the newest copy clears
kf token dev --clip --clear-after 314ms -q
kf token dev --clip --clear-after 60s -q
older_left() { ! pgrep -u "$(id -u)" -f "^keyfob-clip --after 314ms"; }
wait_until "the end of the older copy" older_left
is "the older copy does not clear the newer" "$(held)" "$T"
kf token dev --clip --clear-after 315ms -q
wait_until "clearing" gone
ok "the newest does"
kf token dev --clip --clear-after 316ms -q
kf token dev --clip --clear-after 0 -q
one_stays() { ! pgrep -u "$(id -u)" -f "^keyfob-clip --after 316ms"; }
wait_until "the end of the older copy" one_stays
is "nor one that stays" "$(held)" "$T"

# a caller that ignores SIGCHLD: a tool that fails is not "copied"
mkdir "$SCRATCH/fails"
printf '#!/bin/sh\nexit 1\n' >"$SCRATCH/fails/xclip"
chmod +x "$SCRATCH/fails/xclip"
ln -s "$SCRATCH/fails/xclip" "$SCRATCH/fails/xsel"
OUT=$(PATH=$SCRATCH/fails:/usr/bin:/bin KEYFOB_CLIPBOARD=native python3 -c 'import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])' "$BIN/keyfob" token dev --clip 2>&1)
hasnt "an ignored SIGCHLD hides no failure" "$OUT" "copied ("
has "which is said" "$OUT" "no clipboard here"

# xsel, when xclip is not there
mkdir "$SCRATCH/bin"
ln -s "$(command -v xsel)" "$SCRATCH/bin/xsel"
has "xsel" "$(PATH=$SCRATCH/bin "$BIN/keyfob" token dev --clip --clear-after 0 2>&1)" "copied (xsel); it stays"
xsel_has() { [ "$(xsel --clipboard --output)" = "$1" ]; }
wait_until "xsel, whose child takes the selection a moment after it has ended" xsel_has "$T"
ok "xsel has it"

# tools that misbehave
printf '#!/bin/sh\nexec sleep 60\n' >"$SCRATCH/bin/xclip"
chmod +x "$SCRATCH/bin/xclip"
before=$SECONDS
OUT=$(PATH=$SCRATCH/bin:/usr/bin:/bin "$BIN/keyfob" token dev --clip --clear-after 0 2>&1)
has "a tool that hangs is given up" "$OUT" "copied (xsel)"
[ $((SECONDS - before)) -lt 9 ] || fail "that took $((SECONDS - before)) s"
printf '#!/bin/sh\necho "$@" >>"%s/wl.args"; env >"%s/wl.env"\n[ "$1" = --sensitive ] && exit 1\ncat >"%s/wl.in"\n' "$SCRATCH" "$SCRATCH" "$SCRATCH" >"$SCRATCH/bin/wl-copy"
chmod +x "$SCRATCH/bin/wl-copy"
OUT=$(WORKOS_API_KEY=sk_test_x WAYLAND_DISPLAY=w PATH=$SCRATCH/bin:/usr/bin:/bin "$BIN/keyfob" token dev --clip --clear-after 0 2>&1)
has "an old wl-copy, that does not know --sensitive" "$OUT" "copied (wl-copy)"
is "it has the token from stdin" "$(cat "$SCRATCH/wl.in")" "$T"
hasnt "not from its arguments" "$(cat "$SCRATCH/wl.args")" "$T"
hasnt "nor is a key in its environment" "$(cat "$SCRATCH/wl.env")" sk_test_x

# when every tool hangs and the terminal is stopped, nothing is copied later than anybody waits for it
printf '#!/bin/sh\necho $$ >>"%s/hung"; exec sleep 60\n' "$SCRATCH" >"$SCRATCH/bin/wl-copy"
cp "$SCRATCH/bin/wl-copy" "$SCRATCH/bin/xclip"
rm "$SCRATCH/bin/xsel" && cp "$SCRATCH/bin/wl-copy" "$SCRATCH/bin/xsel"
osc=$(WAYLAND_DISPLAY=w PATH=$SCRATCH/bin:/usr/bin:/bin script -qec "'$BIN/keyfob' token dev --clip --clear-after 312ms; echo status \$?" /dev/null </dev/null)
has "every tool hangs: the terminal is next" "$osc" "cannot check"
has "with status 0" "$osc" "status 0"
[ "$(wc -l <"$SCRATCH/hung")" -le 3 ] || fail "a tool that hung was asked again: $(cat "$SCRATCH/hung")"
: >"$SCRATCH/hung"
printf '#!/bin/sh\ncat >>"%s/late"\n' "$SCRATCH" >"$SCRATCH/bin/xclip"
WAYLAND_DISPLAY=w PATH=$SCRATCH/bin:/usr/bin:/bin "$BIN/keyfob" token dev --clip --clear-after 313ms 2>/dev/null &
asker=$!
wait_until "the tool that hangs" test -s "$SCRATCH/hung"
kill -9 $asker
none_copies() { ! pgrep -u "$(id -u)" -f "^keyfob-clip --after 313ms"; }
wait_until "the end of the attempt" none_copies
[ ! -e "$SCRATCH/late" ] || fail "a copy was made after the one who asked had gone"
ok "nothing is copied for somebody who has gone"

run kf token dev --clip --clear-after soon
is "no duration" "$RC" 2
run kf export dev --clip -o "$SCRATCH/x"
is "two places" "$RC" 2
has "KEYFOB_CLIPBOARD=none" "$(KEYFOB_CLIPBOARD=none "$BIN/keyfob" token dev --clip 2>&1)" "no clipboard here"

# at a terminal without a display: OSC 52; in tmux through tmux, and no paste buffer stays
unset DISPLAY
osc=$(script -qec "'$BIN/keyfob' token dev --clip" /dev/null </dev/null)
has "OSC 52" "$osc" "$(printf '\033]52;c;%s\033\\' "$(printf %s "$T" | base64 -w0)")"
has "and it says that it cannot check" "$osc" "cannot check"
export TMUX_TMPDIR=$SCRATCH
tmux -L kf -f /dev/null new-session -d -x 100 -y 20 "'$BIN/keyfob' token dev --clip 2>'$SCRATCH/tmux.err'; tmux list-buffers >'$SCRATCH/buffers' 2>&1; echo over >'$SCRATCH/over'"
wait_until "tmux" test -s "$SCRATCH/over"
has "in tmux" "$(cat "$SCRATCH/tmux.err")" "(tmux)"
hasnt "no paste buffer stays" "$(cat "$SCRATCH/buffers")" keyfob
tmux -L kf kill-server 2>/dev/null || true
