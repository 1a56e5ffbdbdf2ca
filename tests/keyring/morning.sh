#!/usr/bin/env bash
# The second morning with a GNOME keyring: what is known is shown while it is locked; t opens the keyring's dialog and
# goes on; an unlocked keyring needs no dialog.
SRC=$1 BIN=$2
if [ "${KF_IN_KEYRING:-}" != 1 ]; then
    H=$(mktemp -d "${TMPDIR:-/tmp}/kfk.XXXXXX")
    KF_IN_KEYRING=1 "$SRC/tests/keyring/gk-session.sh" "$H" test-password "$0" "$@"
    rc=$?
    rm -rf "$H"
    exit $rc
fi
BUS=$DBUS_SESSION_BUS_ADDRESS
. "$SRC/tests/tui/lib.sh"
export DBUS_SESSION_BUS_ADDRESS=$BUS KEYFOB_STORE=secret-service KEYFOB_CLIPBOARD=osc52
lock_keyring() {
    dbus-send --session --print-reply=literal --dest=org.freedesktop.secrets /org/freedesktop/secrets \
        org.freedesktop.Secret.Service.Lock array:objpath:/org/freedesktop/secrets/collection/login >/dev/null ||
        fail "lock the keyring"
}
sandbox
profile_dev
printf 'password=sandbox-password\norganization=Globex\n' |
    kf login dev --email orgs@example.test --answers-stdin >/dev/null || fail "login"

# unlocked: nobody is asked
kf agent stop -q
has "whoami" "$(kf whoami dev)" "user_01"
kf agent stop -q
tui 80x24 "'$BIN/keyfob-tui'"
wait_for "orgs@example.test"
send t
wait_for "Sent the access token"
ok "t copies without a dialog"
send q
left 0 "the first look"

# locked
kf agent stop -q
lock_keyring
run kf whoami dev
is "whoami with a locked keyring" "$RC$ERR" 0
has "the person" "$OUT" "orgs@example.test"
run kf status dev --check
is "the check" "$RC" 6
has "says why" "$ERR" "Your keyring is locked"
kf agent stop -q
tui 80x24 "'$BIN/keyfob-tui'"
wait_for "orgs@example.test"
for text in Globex localhost "signed in"; do shows "$text" || fail "the list lacks '$text'"; done
send t
wait_for "Your keyring is locked"
"$BIN/open_keyring" test-password || fail "open the keyring"
wait_for "Esc back" # the dialog: gnome-keyring has no window here, so it was refused
wait_for "not allow it"
send Enter
wait_for "Sent the access token"
ok "t goes on after the keyring's dialog"
shows_not "Your keyring is locked" || fail "the dialog stays"
send Q
left 0 "the end"
