#!/usr/bin/env bash
# The real KeePassXC with its default settings: it asks a person before it gives a program an item,
# for each start of either side. One dialog each, never one that no person asked for, and no sign-in.
SRC=$1 BIN=$2
if [ "${KF_IN_KEYRING:-}" != 1 ]; then
    H=$(mktemp -d "${TMPDIR:-/tmp}/kfx.XXXXXX")
    KF_IN_KEYRING=1 "$SRC/tests/keyring/kp-session.sh" "$H" "$0" "$@"
    rc=$?
    rm -rf "$H"
    exit $rc
fi
BUS=$DBUS_SESSION_BUS_ADDRESS
. "$SRC/tests/lib.sh"
. "$SRC/tests/keyring/kp.inc"
export DBUS_SESSION_BUS_ADDRESS=$BUS KEYFOB_STORE=secret-service
checks() { printf %s "$OUT" | python3 -c 'import json,sys
for c in json.load(sys.stdin)["checks"]:
    if c["id"] == sys.argv[1]: print(c["result"], c["finding"], "->", c.get("todo"))' "$1"; }
sign_ins() { stat_of grants password; }
kp_start
sandbox
profile_dev
profile_dev other
login_dev
login_dev other
T=$(kf token dev) || fail token
kf token dev --renew >/dev/null || fail "a renewal"
T=$(kf token dev)
is "the items are keyfob's own: no dialog" "$(dialogs "$ACCESS")" 0

# another agent is another program to KeePassXC
kf agent stop || fail stop
run kf token dev
is "without a person" "$RC" 6
has "it says why" "$ERR" "asks a person before it gives keyfob this item"
has "and names what helps" "$ERR" "keyfob unlock"
has "also where there is no display" "$ERR" "keyfob store move --to vault"
is "no dialog was opened" "$(dialogs "$ACCESS")" 0
is "the state is locked" "$(kf status dev --json | json state)" locked
is "so is the store's" "$(kf agent status --json | json store state)" locked
run kf doctor --json
has "doctor tells of locked items" "$(checks collection)" "warn"
has "how many" "$(checks collection)" "asks before it gives keyfob 5 of its 5 items -> run keyfob unlock"
has "and that the store is locked" "$(checks store)" "warn secret-service is locked"
is "store status lists them all the same" "$(kf store status --json | json sessions)" 2
is "still no dialog" "$(dialogs "$ACCESS")" 0

kf unlock 2>"$SCRATCH/unlock" &
U1=$!
wait_until "the dialog" access_is_open
is "store state says that it asks" "$(kf agent status --json | json store state)" prompt_open
allow
wait $U1
is "allowed" "$?" 0
is "the same token" "$(kf token dev)" "$T"
for p in dev other dev; do kf token $p --renew >/dev/null || fail "renew $p"; done
T=$(kf token dev)
is "one dialog was for all items" "$(dialogs "$ACCESS")" 0
run kf doctor --json
has "doctor has nothing to say" "$(checks collection)" "ok "
has "the store can be written" "$(checks store)" "ok "

# denied, and denied for good: KeePassXC forgets that only with the agent
kf agent stop || fail stop
kf unlock 2>"$SCRATCH/unlock" &
U1=$!
deny_and_remember
wait $U1
is "denied" "$?" 6
has "is said" "$(cat "$SCRATCH/unlock")" "did not allow it"
run kf token dev
is "nothing is given" "$RC" 6
run kf unlock
is "it does not ask again" "$RC$(dialogs "$ACCESS")" 60
has "which has a remedy" "$ERR" "keyfob agent stop"
kf agent stop || fail stop

# left alone: the client may go, the agent serves others, and a late answer counts
timeout 2 "$BIN/keyfob" unlock 2>/dev/null
is "a client does not have to wait" "$?" 124
wait_until "the dialog" access_is_open
run kf token dev
is "who cannot ask is told at once" "$RC" 6
is "no second dialog" "$(dialogs "$ACCESS")" 1
allow
wait_until "the late answer" kf token dev
is "the late answer counts" "$(kf token dev)" "$T"
kf agent stop || fail stop
timeout 2 "$BIN/keyfob" unlock 2>/dev/null
wait_until "the dialog" access_is_open
start=$SECONDS
kf agent stop || fail stop
[ $((SECONDS - start)) -lt 10 ] || fail "stopping took $((SECONDS - start)) s"
ok "an agent with an open dialog stops"
answer Escape

# a person at a terminal is not told what to type
script -qec "'$BIN/keyfob' token dev" /dev/null >"$SCRATCH/typed" </dev/null &
U1=$!
allow
wait $U1
has "keyfob token on a terminal" "$(cat "$SCRATCH/typed")" "$T"
run kf token dev --no-input
is "afterwards a script gets it, too" "$OUT" "$T"

# several at once see one dialog
kf agent stop || fail stop
kf agent start >/dev/null
pids=()
for i in 1 2 3; do
    kf unlock 2>/dev/null &
    pids+=($!)
done
wait_until "the dialog" access_is_open
is "three of them: one dialog" "$(dialogs "$ACCESS")" 1
allow
for i in "${pids[@]}"; do wait "$i" || fail "one of three"; done
ok "which opens it for all of them"
is "no other dialog followed" "$(dialogs "$ACCESS")" 0

# a sign-in of a person at a terminal asks by itself
kf agent stop || fail stop
mkfifo "$SCRATCH/keys"
script -qec "'$BIN/keyfob' login other --method password --email plain@example.test" /dev/null \
    >"$SCRATCH/typed" <"$SCRATCH/keys" &
U1=$!
exec 9>"$SCRATCH/keys"
allow
wait_until "the question" grep -q -i password "$SCRATCH/typed"
printf 'sandbox-password\n' >&9
wait $U1
is "login on a terminal: $(cat "$SCRATCH/typed")" "$?" 0
exec 9>&-
is "both are signed in" "$(kf token other >/dev/null && kf token dev)" "$T"

# the other side: KeePassXC ends and starts again
kp_stop
run kf token dev --renew
is "no KeePassXC" "$RC" 6
kp_start
run kf token dev --renew
is "a new KeePassXC asks again" "$RC" 6
has "and is called locked" "$ERR" "keyfob unlock"
is "valid tokens are served" "$(kf token dev)" "$T"
kf unlock 2>/dev/null &
U1=$!
allow
wait $U1
is "allowed" "$?" 0
kf token dev --renew >/dev/null || fail "renew"
T=$(kf token dev)

# its database is locked: a search would open KeePassXC's window
call_secrets $SECRETS org.freedesktop.Secret.Service.Lock "array:objpath:$(kp_collection)" |
    tr -s ' \n' '\n' | grep /prompt/ >"$SCRATCH/prompt"
call_secrets "$(cat "$SCRATCH/prompt")" org.freedesktop.Secret.Prompt.Prompt string: >/dev/null
wait_until "the database's lock" kp_is_shut
start=$SECONDS
run kf token dev --renew
is "a locked database" "$RC" 6
has "is called locked" "$ERR" "Your keyring is locked"
is "no window opened" "$(dialogs 'Unlock Database - KeePassXC')" 0
run kf doctor --json
has "doctor: locked" "$(checks collection)" "is locked"
is "no window, again" "$(dialogs 'Unlock Database - KeePassXC')" 0
kp_stop
kp_start
kf unlock 2>/dev/null &
U1=$!
allow
wait $U1

kf logout dev >/dev/null || fail "logout"
is "logout leaves none, and the other one" \
    "$(secret-tool search --all application keyfob kind session 2>&1 | grep -c 'attribute.kind')" 1
is "no other sign-in in all that" "$(sign_ins)" 3
is "no token was spent twice" "$(stat_of reused)" 0
