#!/bin/bash
# What a terminal sends beside keys: replies with pauses at every byte, pastes that take their time, Alt-letters, bytes
# that are not UTF-8 in three locales; and SIGSTOP from outside.
SRC=$1 BIN=$2
. "$SRC/tests/tui/lib.sh"
. "$SRC/tests/tui/signin.sh"
sandbox
profile_dev 2>/dev/null
login_dev

# shell: a shell in the window, which can stop and continue what it runs
shell() {
    tm kill-session -t s 2>/dev/null
    tm has-session -t keep 2>/dev/null || tm new-session -d -s keep "exec sleep 3600" || fail "tmux does not start"
    tm new-session -d -s s -x 100 -y 24 "env PS1='shell> ' $1"
    wait_for "shell>"
}
# slowly HEX: byte by byte with pauses. Esc comes with the byte behind it, because alone it is a key.
slowly() {
    local b
    for b in ${1//1b /1b_}; do
        # shellcheck disable=SC2086
        send -H ${b/_/ }
        read -r -t 0.04 <> <(:) || true
    done
}
bytes() { printf '%b' "$1" | od -An -tx1 -v | tr -d '\n'; }
REPLIES='\033]11;rgb:0/qS\033\\\033P>|XT(3)\033\\\033[?62;4c\033[24;80R\033[<0;9;5M\033[M !!\033[97;5u\033[I\033_Gi=3;OK\033\\'
# what is above the panel, without what counts
content() { shown | head -n 19 | sed -E 's/[0-9]+:[0-9]+//g; s/ +$//'; }
replies() { # WHAT TEXT: it is shown before and after
    local before
    wait_for "$2"
    before=$(content)
    slowly "$(bytes "$REPLIES")"
    send M-b
    wait_for "Alt-b does nothing here"
    is "$1: the same screen" "$(content)" "$before"
}
renewals=$(stat_of grants refresh_token)

shell "bash --norc --noprofile -i"
type_in "TERM=screen-256color '$BIN/keyfob-tui'"
send Enter
wait_for "> dev"
wait_for "signed in"
replies "at the list" "> dev"

# a paste with a pause between its parts, and a byte that is no UTF-8: nothing in it is a key
slowly "$(bytes '\033[200~q')"
read -r -t 1.2 <> <(:) || true
slowly "$(bytes 'D\003\032\377')"
send -H 1b 5b 32 30 31 7e
wait_for "is not UTF-8"
shows "> dev" || fail "a paste at the list did something"
send -H e9 6b
wait_for "Ignored a character"
ok "a paste at the list, a Latin-1 byte"

send s
wait_for "How do you"
send 4
replies "in a field" "E-mail"
slowly "$(bytes '\033[200~to')"
read -r -t 1.2 <> <(:) || true
slowly "$(bytes 'tp@\n')"
send -H 1b 5b 32 30 31 7e
type_in "example.test"
wait_for "totp@example.test"
ok "a paste in two parts is one"
send Enter
wait_for "Its length"
type_in "sandbox-password"
wait_for "(hidden)"

# SIGSTOP from outside, and fg: taken back, painted again, hidden, without echo
pid=$(tm list-panes -t s -F '#{pane_pid}' | xargs -I{} pgrep -P {} -x keyfob-tui)
kill -STOP "$pid"
wait_for "Stopped"
send -R
type_in "fg"
send Enter
wait_for "(hidden)"
wait_for "Its length"
hasnt "after SIGSTOP: the password" "$(shown)" "sandbox-pass"
type_in "x"
send BSpace
wait_for "(hidden)"
hasnt "after SIGSTOP: no echo" "$(shown)" "sandbox-pass"
send Enter
wait_for "code"
replies "at a code" "code"
type_in "$(totp)"
wait_for "You signed in as another person"
ok "the sign-in goes on after all of it"
is "nothing was renewed" "$(stat_of grants refresh_token)" "$renewals"
send C-c
wait_for "shell>"

# bytes at random
mkdir -p "$SCRATCH/locale"
localedef -f ISO-8859-1 -i en_US "$SCRATCH/locale/en_US.ISO-8859-1" 2>/dev/null || [ -d "$SCRATCH/locale/en_US.ISO-8859-1" ] || fail "localedef made no Latin-1 locale"
for locale in C C.UTF-8 en_US.ISO-8859-1; do
    is "bytes at random, $locale" "$(LOCPATH=$SCRATCH/locale LC_ALL=$locale TERM=xterm-256color python3 "$SRC/tests/tui/noise.py" "$BIN/keyfob-tui" "${NOISE_SECONDS:-3}")" "lived, left with 130"
done
