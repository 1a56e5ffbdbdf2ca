#!/usr/bin/env bash
# Providers that misbehave, and store = auto: each state is told by its name, nothing hangs, nothing
# falls back silently.
SRC=$1 BIN=$2
if [ "${KF_BUS:-}" = "" ]; then
    rc=0
    for kind in keyring bare; do
        H=$(mktemp -d "${TMPDIR:-/tmp}/kfp.XXXXXX")
        if [ $kind = keyring ]; then
            KF_BUS=keyring "$SRC/tests/keyring/gk-session.sh" "$H" test-password "$0" "$@" || rc=1
        else
            mkdir -p "$H/run"
            chmod 700 "$H/run"
            cat >"$H/bus.conf" <<X
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:dir=$H/run</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="false"/><allow eavesdrop="false"/><allow own="*"/></policy></busconfig>
X
            KF_BUS=bare dbus-run-session --config-file="$H/bus.conf" -- "$0" "$@" || rc=1
        fi
        rm -rf "$H"
    done
    exit $rc
fi
BUS=$DBUS_SESSION_BUS_ADDRESS
. "$SRC/tests/lib.sh"
export DBUS_SESSION_BUS_ADDRESS=$BUS
sandbox
add() { printf sk_test_sandbox | kf profile add dev --client-id client_sandbox --api-key-stdin --api-host "$U"; }

if [ "$KF_BUS" = bare ]; then
    export KEYFOB_STORE=secret-service
    run add
    is "a bus without a provider is exit 6" "$RC" 6
    has "and says that no store is there" "$ERR" "secret store is not there"
    is "the store's state is absent" "$(kf agent status --json | json store state)" absent
    kf agent stop || fail stop
    is "nothing was saved" "$(kf profile list --json | json items)" "[]"
    # auto takes the vault and remembers it; its passphrase comes from a file here
    export KEYFOB_STORE=auto KEYFOB_PASSPHRASE_FILE=$SCRATCH/pass
    printf 'a passphrase' >"$SCRATCH/pass"
    chmod 600 "$SCRATCH/pass"
    run add
    is "auto without a keyring works: $ERR" "$RC" 0
    is "with the vault" "$(kf agent status --json | json store kind)" vault
    has "and says why" "$(kf agent status --json | json store why)" "Secret Service"
    login_dev
    T=$(kf token dev) || fail token
    kf agent stop || fail stop
    is "which is remembered" "$(grep -c '^store_picked=vault' "$XDG_CONFIG_HOME/keyfob/keyfob.conf")" 1
    is "and the session is there again" "$(kf token dev)" "$T"
    exit 0
fi

export KEYFOB_STORE=auto
add || fail add
is "auto with a keyring takes it" "$(kf agent status --json | json store kind)" secret-service
login_dev
T=$(kf token dev) || fail token
kf agent stop || fail stop

DAEMON=$(dbus-send --session --print-reply=literal --dest=org.freedesktop.DBus /org/freedesktop/DBus \
    org.freedesktop.DBus.GetConnectionUnixProcessID string:org.freedesktop.secrets | awk '{print $2}')
[ -n "$DAEMON" ] || fail "the keyring daemon's pid"
kill -STOP "$DAEMON"
start=$SECONDS
run kf token dev
kill -CONT "$DAEMON"
is "a frozen provider is exit 6" "$RC" 6
has "and is called silent" "$ERR" "does not answer"
[ $((SECONDS - start)) -le 20 ] || fail "it took $((SECONDS - start)) s"
ok "within its deadline"
hasnt "it is not taken for a vault" "$(kf agent status --json | json store kind)" vault
kf agent stop || fail stop
is "afterwards the session is there" "$(kf token dev)" "$T"
