#!/usr/bin/env bash
# store move between a real gnome-keyring and a vault, there and back; killed at every lock and every write, with a
# locked and a frozen keyring, and while tokens are asked for. Nothing is ever lost, and asking again finishes it.
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
export DBUS_SESSION_BUS_ADDRESS=$BUS KEYFOB_PASSPHRASE_FILE=$SCRATCH/pass
unset KEYFOB_STORE
printf 'a passphrase' >"$SCRATCH/pass"
chmod 600 "$SCRATCH/pass"
CONF=$XDG_CONFIG_HOME/keyfob/keyfob.conf
mkdir -p "${CONF%/*}"
printf '[keyfob]\nstore = secret-service\n' >"$CONF"
in_keyring() { secret-tool search --all application keyfob 2>&1 | grep -c 'attribute.kind'; }
in_vault() { find "$XDG_DATA_HOME/keyfob/vault" 2>/dev/null | grep -cE '/[0-9a-f]{16}\.(session|api-key)$'; } # not what a kill left half written
sandbox
profile_dev
profile_dev other
login_dev
login_dev other
A=$(kf token dev) && B=$(kf token other) || fail token
is "four secrets in the keyring" "$(in_keyring)$(in_vault)" 40

run kf store move --to vault
is "moved: $ERR" "$RC$OUT" "0Moved 4 secrets from secret-service to vault"
is "all of them, and nothing else" "$(in_keyring)$(in_vault)" 04
is "the same tokens" "$(kf token dev)$(kf token other)" "$A$B"
kf agent stop -q
is "also for the next agent" "$(kf token dev)$(kf token other)" "$A$B"
kf renew dev >/dev/null || fail "renew"
run kf store move --to secret-service
is "and back: $ERR" "$RC$(in_keyring)$(in_vault)" 040
A=$(kf token dev)
kf agent stop -q
is "with what was renewed in between" "$(kf token dev)$(kf token other)" "$A$B"
is "the note is gone" "$(grep -c store_moved_from "$CONF")" 0

# killed at each lock (one an item, twice) and at each flush: the secrets are all there, and asking again finishes it
copying=0 clearing=0
for point in flock:{2,3,5,7,8,9,10,11,12,13,14,15,16,17,18} fsync:{3,4,5,6,8,10,12,14,16,18}; do
    call=${point%:*} n=${point#*:}
    kf agent stop -q || fail stop
    strace -f -qq -o /dev/null -e trace="$call" -e inject="$call:signal=SIGKILL:when=$n" "$BIN/keyfobd" --foreground 2>/dev/null &
    tracer=$!
    wait_until "the agent's socket, or its end" bash -c "[ -S '$XDG_RUNTIME_DIR/keyfob/agent.sock' ] || ! [ -d /proc/$tracer ]"
    "$BIN/keyfob" store move --to vault >/dev/null 2>&1
    kf agent stop -q
    { wait $tracer; } 2>/dev/null
    sum=$(($(in_keyring) + $(in_vault)))
    if grep -q store_moved_from "$CONF"; then clearing=$((clearing + 1)); elif [ "$(in_vault)" -gt 0 ]; then copying=$((copying + 1)); fi
    [ "$sum" -ge 4 ] || fail "killed at $point: only $sum secrets are left"
    [ "$(kf token dev)$(kf token other)" = "$A$B" ] || fail "killed at $point: the tokens are not the same"
    run kf store move --to vault
    [ "$RC$(in_keyring)$(in_vault)" = 004 ] || fail "killed at $point, asked again: $RC$(in_keyring)$(in_vault) $OUT$ERR"
    [ "$(kf token dev)$(kf token other)" = "$A$B" ] || fail "killed at $point, asked again: the tokens are not the same"
    [ "$(grep -c store_moved_from "$CONF")" = 0 ] || fail "killed at $point, asked again: the note is still there"
    run kf store move --to secret-service
    [ "$RC$(in_keyring)$(in_vault)" = 040 ] || fail "killed at $point, and back: $RC$(in_keyring)$(in_vault) $OUT$ERR"
    ok "killed at $point"
done
[ $copying -ge 2 ] && [ $clearing -ge 2 ] || fail "too few were killed in the middle: $copying while copying, $clearing while clearing"
ok "$copying while copying, $clearing while clearing"
kf renew dev >/dev/null && kf renew other >/dev/null || fail "a renewal after all that"
is "no token was spent twice" "$(stat_of reused)" 0
A=$(kf token dev) B=$(kf token other)

# a renewal that is asked for meanwhile waits, and is not lost
kf store move --to vault >/dev/null &
mover=$!
for i in 1 2 3 4 5; do kf token dev --renew >/dev/null || fail "a renewal while it moved"; done
wait $mover || fail "the move"
A=$(kf token dev)
kf agent stop -q
is "the newest token counts" "$(kf token dev)" "$A"
is "nothing is left behind" "$(in_keyring)" 0
is "no token was spent twice" "$(stat_of reused)" 0

# a keyring that is locked, or does not answer: nothing is moved, nothing is lost
dbus-send --session --print-reply=literal --dest=org.freedesktop.secrets /org/freedesktop/secrets \
    org.freedesktop.Secret.Service.Lock array:objpath:/org/freedesktop/secrets/collection/login >/dev/null || fail lock
run kf store move --to secret-service
is "a locked keyring" "$RC$(in_vault)$(kf config get store)" 64vault
is "the tokens are served" "$(kf token dev)" "$A"
DAEMON=$(dbus-send --session --print-reply=literal --dest=org.freedesktop.DBus /org/freedesktop/DBus \
    org.freedesktop.DBus.GetConnectionUnixProcessID string:org.freedesktop.secrets | awk '{print $2}')
kill -STOP "$DAEMON"
run kf store move --to secret-service
kill -CONT "$DAEMON"
is "a frozen one" "$RC$(in_vault)$(kf config get store)" 64vault
is "renewals go on" "$(kf token dev --renew >/dev/null && echo renewed)" renewed
