#!/usr/bin/env bash
# doctor in a real gnome-keyring: bus, provider, collection, locked, frozen, no bus.
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
of() { printf %s "$OUT" | python3 -c 'import json,sys
r=[c for c in json.load(sys.stdin)["checks"] if c["id"]==sys.argv[1]]
print(max((c["result"] for c in r), key=["ok","warn","fail"].index) if r else "none")' "$1"; }
finding() { printf %s "$OUT" | python3 -c 'import json,sys
print("; ".join(c["finding"] for c in json.load(sys.stdin)["checks"] if c["id"]==sys.argv[1]))' "$1"; }

run kf doctor --json
is "an open keyring: $OUT" "$RC$(of bus)$(of provider)$(of collection)$(of store)" 0okokokok
has "the provider by its name" "$(finding provider)" gnome-keyring
has "the collection" "$(finding collection)" /org/freedesktop/secrets/collection/login
is "nothing is left of the probe" "$(secret-tool search --all application keyfob 2>&1)" ""
dbus-send --session --print-reply=literal --dest=org.freedesktop.secrets /org/freedesktop/secrets \
    org.freedesktop.Secret.Service.Lock array:objpath:/org/freedesktop/secrets/collection/login >/dev/null || fail lock
run kf doctor --json
is "locked" "$RC$(of collection)$(of store)" 0warnwarn
kf agent stop -q

DAEMON=$(dbus-send --session --print-reply=literal --dest=org.freedesktop.DBus /org/freedesktop/DBus \
    org.freedesktop.DBus.GetConnectionUnixProcessID string:org.freedesktop.secrets | awk '{print $2}')
kill -STOP "$DAEMON"
start=$SECONDS
run kf doctor --json
kill -CONT "$DAEMON"
is "frozen" "$RC$(of provider)$(of collection)$(of store)" 1okfailfail
has "is called so" "$(finding collection)" "no answer within 3 s"
[ $((SECONDS - start)) -lt 25 ] || fail "it took $((SECONDS - start)) s: D-Bus's own time-out, once at least"
kf agent stop -q
run env -u DBUS_SESSION_BUS_ADDRESS "$BIN/keyfob" doctor --json
is "no bus" "$RC$(of bus)$(of store)" 1warnfail
has "is called so" "$(finding bus)" "no session bus"
kf agent stop -q
run env -u DBUS_SESSION_BUS_ADDRESS KEYFOB_STORE=auto "$BIN/keyfob" doctor --json
is "auto that has not picked yet" "$RC$(of bus)$(of store)" 0warnok
is "and did not pick now" "$(ls "$XDG_CONFIG_HOME" "$XDG_DATA_HOME" 2>/dev/null)" ""
