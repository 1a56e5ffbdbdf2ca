#!/usr/bin/env bash
# keyfob lock with the Secret Service: the keyring stays open for other programs, and keyfob gives
# nothing out. Unlocking asks the keyring only if it is locked itself.
SRC=$1 BIN=$2
if [ "${KF_IN_KEYRING:-}" != 1 ]; then
    H=$(mktemp -d "${TMPDIR:-/tmp}/kfk.XXXXXX")
    KF_IN_KEYRING=1 "$SRC/tests/keyring/gk-session.sh" "$H" test-password "$0" "$@"
    rc=$?
    rm -rf "$H"
    exit $rc
fi
BUS=$DBUS_SESSION_BUS_ADDRESS
. "$SRC/tests/lib.sh"
export DBUS_SESSION_BUS_ADDRESS=$BUS KEYFOB_STORE=secret-service
sandbox
profile_dev
login_dev
T=$(kf token dev) || fail token
run kf lock
is "lock" "$RC$OUT" 0
has "what it does to the keyring" "$ERR" "the system keyring stays as it is"
run kf token dev
is "no token" "$RC$OUT" 6
has "that keyfob itself is locked" "$ERR" "keyfob is locked"
has "and what opens it" "$ERR" "keyfob unlock"
run kf renew dev
is "no renewal" "$RC" 6
is "the state" "$(kf status dev --json | json state)" locked
found=$(secret-tool search --all application keyfob 2>&1)
has "the keyring is open for others" "$found" "attribute.kind = session"
run kf unlock
is "unlock" "$RC$OUT" 0
is "the same session" "$(kf token dev)" "$T"
kf renew dev >/dev/null || fail renew
T=$(kf token dev)

# both are locked: without a prompt the keyring cannot be opened, so keyfob stays locked
kf lock || fail lock
SECRETS=/org/freedesktop/secrets
dbus-send --session --print-reply=literal --dest=org.freedesktop.secrets $SECRETS \
    org.freedesktop.Secret.Service.Lock array:objpath:$SECRETS/collection/login >/dev/null ||
    fail "lock the keyring"
run kf unlock
is "a locked keyring" "$RC" 6
run kf token dev
is "keyfob stays locked" "$RC$OUT" 6
has "and says so" "$ERR" "keyfob is locked"
"$BIN/open_keyring" test-password || fail "open the keyring"
run kf token dev
is "an open keyring does not unlock keyfob" "$RC$OUT" 6
kf unlock || fail unlock
is "the same session" "$(kf token dev)" "$T"
