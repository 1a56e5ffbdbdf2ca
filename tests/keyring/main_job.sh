#!/usr/bin/env bash
# The main job with the Secret Service, inside a headless gnome-keyring: the items are there for
# every keyring program, and a new agent needs no sign-in.
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
found=$(secret-tool search --all application keyfob 2>&1)
has "secret-tool finds the session" "$found" "attribute.kind = session"
has "secret-tool finds the API key" "$found" "attribute.kind = api-key"
kf agent stop || fail stop
is "after agent stop the same token" "$(kf token dev)" "$T"
is "no renewal was needed" "$(stat_of grants refresh_token)" 0
kf renew dev >/dev/null || fail renew
T=$(kf token dev)
kf agent stop || fail stop
is "the renewed token survives too" "$(kf token dev)" "$T"

# locked: said as such, nothing is lost, nobody is asked
kf agent stop || fail stop
dbus-send --session --print-reply=literal --dest=org.freedesktop.secrets /org/freedesktop/secrets \
    org.freedesktop.Secret.Service.Lock array:objpath:/org/freedesktop/secrets/collection/login >/dev/null || fail "lock"
run kf token dev
is "a locked keyring is exit 6" "$RC" 6
has "and is named" "$ERR" "locked"
is "state says locked" "$(kf status dev --json | json state)" locked
is "store state says locked" "$(kf agent status --json | json store state)" locked
kf agent stop || fail stop

# no bus at all
run env -u DBUS_SESSION_BUS_ADDRESS "$BIN/keyfob" token dev
is "no bus is exit 6" "$RC" 6
hasnt "and is not called locked" "$ERR" "is locked"

# --help, --version, status never open the bus
run strace -f -e trace=connect -o "$SCRATCH/trace" "$BIN/keyfob" status dev
strace -f -e trace=connect -o "$SCRATCH/trace2" "$BIN/keyfob" --version >/dev/null 2>&1
if cat "$SCRATCH/trace" "$SCRATCH/trace2" | grep -i dbus; then fail "the bus was opened"; fi
ok "status and --version do not open the bus"
