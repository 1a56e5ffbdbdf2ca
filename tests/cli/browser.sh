#!/bin/bash
# Which program opens an address: BROWSER is a list whose entries may have arguments and %s, and a
# browser that is missing or fails is told. The QR code on a terminal that does not know its size.
SRC=$1 BIN=$2
. "$SRC/tests/tui/lib.sh"
. "$SRC/tests/tui/signin.sh"
sandbox
profile_dev
kf profile add open --client-id client_sandbox_public --api-host "$U" >/dev/null || fail "profile add"
mkdir "$SCRATCH/bin"
for p in kfbrowser wslview xdg-open 'with blank'; do
    printf '#!/bin/sh\nprintf "%%s\\n" "${0##*/}" "$@" >"%s/opened.new"\nmv "%s/opened.new" "%s/opened"\n' \
        "$SCRATCH" "$SCRATCH" "$SCRATCH" >"$SCRATCH/bin/$p"
    chmod +x "$SCRATCH/bin/$p"
done
at() { tui 250x30 "trap : INT; PATH='$SCRATCH/bin:$PATH' $1 '$BIN/keyfob' login open --method browser --no-qr; rc=\$?; echo; (exit \$rc)"; }
# opens ENVIRONMENT WANTED-LINE...: @ is the address
opens() {
    local env=$1 url want
    shift
    rm -f "$SCRATCH/opened"
    at "$env"
    wait_for "b Enter opens it here"
    url=$(tm capture-pane -p -J -t s | grep -oE 'http://127[^ ]*/user_management/authorize[^ ]*' | tail -1)
    send b Enter
    wait_until "$env" test -e "$SCRATCH/opened"
    want=$(printf '%s\n' "$@")
    is "$env" "$(cat "$SCRATCH/opened")" "${want//@/"$url"}"
    send C-c
    wait_for "left with"
}
opens "BROWSER=kfbrowser" kfbrowser @
opens "BROWSER='kfbrowser %s'" kfbrowser @
opens "BROWSER='kfbrowser --new-window %s --last'" kfbrowser --new-window @ --last
opens "BROWSER='kfbrowser --new-window'" kfbrowser --new-window @
opens "BROWSER='kfbrowser --app=%s'" kfbrowser --app=@
opens "BROWSER='kfbrowser \"two words\" &'" kfbrowser "two words" @
opens "BROWSER='kf-not-installed:kfbrowser'" kfbrowser @
opens "BROWSER='kf-not-installed --x %s::$SCRATCH/bin:kfbrowser -P'" kfbrowser -P @
opens "BROWSER='\"$SCRATCH/bin/with blank\" -n'" "with blank" -n @
opens "env -u BROWSER DISPLAY=:9" xdg-open @
opens "env -u BROWSER -u DISPLAY -u WAYLAND_DISPLAY WSL_DISTRO_NAME=Debian" wslview @

# says ENVIRONMENT TEXT...
says() {
    at "$1"
    wait_for "b Enter opens it here"
    send b Enter
    for text in "${@:2}"; do wait_for "$text"; done
    ok "$1: $2"
    send C-c
    wait_for "left with"
}
says "BROWSER=/bin/false" "/bin/false ended with status 1" "set BROWSER to another program"
says "BROWSER='sh -c \"kill -9 \\\$\\\$\"'" "sh was ended by signal 9"
says "BROWSER='kf-not-installed:kf-neither -x'" "BROWSER names no program that is here: kf-not-installed:kf-neither -x"
says "BROWSER='kfbrowser \"open'" "BROWSER names no program that is here"
says "env -u BROWSER -u DISPLAY -u WAYLAND_DISPLAY" "there is no display here"

# the screen says it, too
tui 100x30 "env BROWSER=/bin/false '$BIN/keyfob-tui'"
wait_for "open  localhost"
start open 9 # no such row
send 1
wait_for "waiting for the browser"
send b
wait_for "/bin/false ended with status 1"
ok "the screen: a browser that fails"
send C-c
left 130 "Ctrl-C"

tui 100x45 "stty rows 0 cols 0; trap : INT; LC_ALL=C.UTF-8 '$BIN/keyfob' login open --method device; stty rows 45 cols 100"
wait_for "Ctrl-C cancels"
hasnt "a terminal of 0x0 is not too small" "$(shown)" "does not fit"
[ "$(shown | grep -c '[█▀▄]')" -gt 8 ] || fail "no QR code"
ok "the QR code is drawn there"
send C-c
wait_for "left with"
