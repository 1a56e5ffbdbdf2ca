#!/bin/bash
# The QR code of an enrolment as the terminal shows it is read by zbar, to the last byte of the URI: in two
# windows, in 256, 16, 8 and no colours; two-column and with letters only. Leaving takes it from the screen.
SRC=$1 BIN=$2
. "$SRC/tests/tui/lib.sh"
# A page whose code may have been scanned asks before it goes.
asks_first() {
    wait_until "an end or a question" stops_or_asks
    shows "Leave before the app is set up?"
}
stops_or_asks() { shows "Sign-in stopped" || shows "Leave before the app is set up?"; }
for tool in zbarimg tic infocmp; do command -v "$tool" >/dev/null || fail "$tool is not installed"; done
sandbox
profile_dev

# 16 colours are not in every terminal data base
export TERMINFO_DIRS=$SCRATCH/terminfo:/etc/terminfo:/lib/terminfo:/usr/share/terminfo
cat >"$SCRATCH/kf.ti" <<'T'
kf-16color|screen with 16 colours,
	colors#16, pairs#256,
	setab=\E[%?%p1%{8}%<%t%p1%{40}%+%e%p1%{92}%+%;%dm,
	setaf=\E[%?%p1%{8}%<%t%p1%{30}%+%e%p1%{82}%+%;%dm, use=screen,
T
mkdir "$SCRATCH/terminfo"
tic -x -o "$SCRATCH/terminfo" "$SCRATCH/kf.ti" || fail "tic"

# sign_in SIZE ENVIRONMENT: goes to the code of a new authenticator app
sign_in() {
    tui "$1" "env $2 '$BIN/keyfob-tui'"
    to_code
}
to_code() {
    wait_for "> dev"
    send s
    wait_for "How do you"
    send 4
    wait_for "E-mail"
    type_in "enroll@example.test"
    send Enter
    wait_for "Its length"
    type_in "sandbox-password"
    wait_for "(hidden)"
    send Enter
    wait_for "Set up an authenticator app"
    wait_for "+ quiet zone" # the last row: all of it is drawn
}
key_shown() { shown | sed -n '/type this key/,/time-based/p' | grep -oE '\b[A-Z2-7]{4}( [A-Z2-7]{1,4})*$' | tr -d ' \n'; }
# what WorkOS's stand-in would say for this key: the same factor made once more, and deleted
uri_of() {
    python3 - "$U" "$1" <<'P'
import json, sys, urllib.request
def call(method, path, body=None):
    head = {"Authorization": "Bearer sk_test_sandbox", "Content-Type": "application/json"}
    r = urllib.request.Request(sys.argv[1] + path, body, head, method=method)
    return urllib.request.urlopen(r, timeout=20).read()
body = json.dumps({"type": "totp", "totp_secret": sys.argv[2]}).encode()
made = json.loads(call("POST", "/user_management/users/user_01KSB00000000000000ENR0001/auth_factors", body))["authentication_factor"]
call("DELETE", "/auth/factors/" + made["id"])
print(made["totp"]["uri"])
P
}
# read_code [--light]: what zbar reads from the pane, drawn as a terminal would. -N: without it tmux leaves out blanks at the
# end of a row, and those are the light here
read_code() {
    tm capture-pane -e -p -N -t s | python3 "$SRC/tests/qr/raster.py" "$@" >"$SCRATCH/shot.ppm" || fail "raster.py"
    zbarimg -q --raw "$SCRATCH/shot.ppm" 2>/dev/null
}
gone() { # no part of the code, no key, neither here nor in the history
    hasnt "$1: the screen" "$(shown)" "▄"
    hasnt "$1: the key" "$(history)" "${key:0:4} ${key:4:4}"
}

for size in 80x24 120x36; do
    for how in TERM=screen-256color TERM=kf-16color TERM=screen "TERM=screen-256color NO_COLOR=1"; do
        sign_in "$size" "$how"
        key=$(key_shown)
        [ ${#key} -ge 16 ] || fail "$size $how: the key on the screen is '$key'"
        want=$(uri_of "$key")
        has "the stand-in's URI" "$want" "otpauth://totp/"
        is "$size $how: zbar reads the URI" "$(read_code)" "$want"
        case $how in
        *NO_COLOR*)
            send i # on a light terminal without colours
            inverted() { [ "$(read_code --light)" = "$want" ]; }
            wait_until "inverted for a light terminal" inverted
            ok "$size $how: i turns it for a light terminal"
            hasnt "$size: no colours" "$(tm capture-pane -e -p -t s | tr -d '\n')" $'\033[38'
            ;;
        *) is "$size $how: on a light terminal too" "$(read_code --light)" "$want" ;;
        esac
        send Escape
        if asks_first; then send y; fi
        wait_for "Sign-in stopped"
        gone "$size $how"
        send C-c
        left 130 "$size $how"
    done
done

# two columns a module: no glyph is needed, so a terminal without UTF-8 has a code too
sign_in 150x66 "TERM=screen-256color LC_ALL=C"
key=$(key_shown)
want=$(uri_of "$key")
is "letters only: zbar reads the URI" "$(read_code)" "$want"
hasnt "letters only" "$(shown)" "▄"
# smaller, then larger: nothing or the whole
resize 80x24
wait_for "This window is 80x24"
has "the key is there instead" "$(key_shown)" "$key"
is "no part of the code" "$(read_code)" ""
resize 150x66
larger() { [ "$(read_code)" = "$want" ]; }
wait_until "the code is back" larger
ok "a larger window brings the code back"
send C-c
left 130 "letters only"

# Ctrl-Z: gone from the screen, and hidden when it comes back, until v
tui 80x24 "env PS1='shell> ' bash --norc --noprofile -i"
wait_for "shell>"
type_in "TERM=screen-256color '$BIN/keyfob-tui'"
send Enter
to_code
key=$(key_shown)
want=$(uri_of "$key")
is "before Ctrl-Z: zbar reads the URI" "$(read_code)" "$want"
send C-z
wait_for "Stopped"
gone "suspended"
type_in "fg"
send Enter
wait_for "are hidden"
gone "after fg"
send v
wait_for "${key:0:4} ${key:4:4}"
is "after v: zbar reads the URI" "$(read_code)" "$want"
# a wrong code brings the same one again; the right one finishes
type_in "000000"
wait_for "is not right"
is "after a wrong code: zbar reads the URI" "$(read_code)" "$want"
type_in "$(totp "$key")"
wait_for "Signed in to dev as enroll@example.test"
gone "afterwards"
