# shellcheck shell=bash
# For tests of the screen: `SRC=$1 BIN=$2; . "$SRC/tests/tui/lib.sh"`. One private tmux server a test; every
# wait polls the pane and has an end.
. "$SRC/tests/lib.sh"
export TMUX_TMPDIR=$SCRATCH
tm() { tmux -L keyfob -f /dev/null "$@"; }

tui_finish() {
    local rc=$? dir
    if [ $rc -ne 0 ]; then { echo "--- the screen:"; tm capture-pane -p -t s 2>/dev/null; } >&2; fi
    tm kill-server 2>/dev/null
    for dir in "$SCRATCH"/*/run/keyfob-sandbox/run; do
        [ -S "$dir/keyfob/agent.sock" ] && XDG_RUNTIME_DIR=$dir timeout 15 "$BIN/keyfob" agent stop >/dev/null 2>&1
    done
    (exit $rc)
    finish
}
trap tui_finish EXIT

# tui COLSxROWS COMMAND: runs it in a new window. Afterwards "left with N" is shown and the pane stays.
tui() {
    local size=$1
    # another session keeps the server: one that ends with its last session would race with the next
    tm has-session -t keep 2>/dev/null || tm new-session -d -s keep "exec sleep 3600" || fail "tmux does not start"
    tm kill-session -t s 2>/dev/null
    rm -f "$SCRATCH"/stty.*
    tm new-session -d -s s -x "${size%x*}" -y "${size#*x}" "stty -g >'$SCRATCH/stty.before'; $2; echo \"left with \$?\"; stty -g >'$SCRATCH/stty.after'; exec sleep 3600"
}
shown() { tm capture-pane -p -t s 2>/dev/null; }
history() { tm capture-pane -p -S - -t s; }
send() { tm send-keys -t s "$@"; }
type_in() { tm send-keys -t s -l "$1"; }
paste_in() {
    tm set-buffer -b kf "$1"
    tm paste-buffer -p -d -b kf -t s
}
resize() { tm resize-window -t s -x "${1%x*}" -y "${1#*x}"; }
shows() { shown | grep -qF -- "$1"; }
shows_not() { ! shown | grep -qF -- "$1"; }
# wait_for TEXT
wait_for() {
    local end=$((SECONDS + 20))
    until shows "$1"; do
        [ $SECONDS -lt $end ] || fail "'$1' did not appear"
        read -r -t 0.03 <> <(:) || true
    done
}
# wait_row NAME: the list's cursor is on that profile; the default has a star
on_row() { shown | grep -qE "^> *$1\\*? "; }
wait_row() { wait_until "the cursor on $1" on_row "$1"; }
wait_gone() {
    local end=$((SECONDS + 20))
    while shows "$1"; do
        [ $SECONDS -lt $end ] || fail "'$1' did not go away"
        read -r -t 0.03 <> <(:) || true
    done
}
# left STATUS WHAT: the program has ended with it and the terminal is as it was
left() {
    wait_for "left with"
    is "$2: status" "$(shown | sed -n 's/^left with \([0-9]*\).*/\1/p' | tail -n 1)" "$1"
    wait_until "stty" test -s "$SCRATCH/stty.after"
    is "$2: the terminal's modes" "$(cat "$SCRATCH/stty.after")" "$(cat "$SCRATCH/stty.before")"
}
