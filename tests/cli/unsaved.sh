#!/usr/bin/env bash
# The store refuses a pair that WorkOS has just given: its disk turns read-only while the answer is on
# its way. The session is told as unsaved, a sealed copy lets the agent stop, the next agent stores
# it; and an agent that has the only copy does not stop.
SRC=$1 BIN=$2
. "$SRC/tests/cli/mounts.inc"
own_mounts "$0" "$@"
. "$SRC/tests/lib.sh"
mkdir "$SCRATCH/data" "$SCRATCH/state"
mount -t tmpfs -o size=1m keyfob-data "$SCRATCH/data" || fail "mount"
mount -t tmpfs -o size=1m keyfob-state "$SCRATCH/state" || fail "mount"
leave() {
    local rc=$?
    [ $rc -eq 0 ] || tail -n 30 "$SCRATCH/agent.log" >&2
    "$BIN/keyfob" agent stop --force >/dev/null 2>&1
    umount -l "$SCRATCH/data" "$SCRATCH/data" "$SCRATCH/state" "$SCRATCH/state" 2>/dev/null
    (exit $rc)
    finish
}
trap leave EXIT
export XDG_DATA_HOME=$SCRATCH/data XDG_STATE_HOME=$SCRATCH/state KEYFOB_LOG_FILE=$SCRATCH/agent.log
export KEYFOB_STORE=vault KEYFOB_PASSPHRASE_FILE=$SCRATCH/pass
printf 'correct horse battery\n' >"$SCRATCH/pass"
chmod 600 "$SCRATCH/pass"
# A second mount on top: the agent has files below it open for writing.
read_only() {
    mount --bind "$SCRATCH/$1" "$SCRATCH/$1" || fail "bind $1"
    mount -o remount,bind,ro "$SCRATCH/$1" || fail "remount $1"
}
writable() { umount "$SCRATCH/$1" || fail "umount $1"; }
grants() { stat_of grants refresh_token; }
state() { kf status dev --json | json state; }
is_state() { [ "$(state)" = "$1" ]; }
asked_more_than() { [ "$(grants)" -gt "$1" ]; }
# renew_while_turning DIR...: OUT, ERR and RC are those of a renewal whose answer finds DIR read-only
renew_while_turning() {
    local n d
    n=$(grants)
    faults '[{"path":"/user_management/authenticate","grant":"refresh_token","nth":1,"delay_ms":3000}]'
    "$BIN/keyfob" token dev --renew >"$SCRATCH/token" 2>"$SCRATCH/token.err" &
    local pid=$!
    wait_until "the renewal" asked_more_than "$n"
    for d; do read_only "$d"; done
    RC=0
    wait "$pid" || RC=$?
    OUT=$(cat "$SCRATCH/token") ERR=$(cat "$SCRATCH/token.err")
}
sandbox
profile_dev
login_dev
first=$(kf token dev) || fail token

renew_while_turning data
is "a renewal that cannot be stored gives its token: $ERR" "$RC" 0
[ "$OUT" != "$first" ] || fail "the old token"
has "and says so" "$ERR" "not stored yet"
is "the state" "$(state)" unsaved
run kf exec dev -- true
has "exec says so, too" "$ERR" "not stored yet"
run kf doctor --json
has "doctor names it" "$OUT" "a sealed copy is in the state directory"
is "the sealed copy" "$(find "$SCRATCH/state/keyfob" -name '*.session.sealed' | wc -l)" 1
is "holds no token" "$(grep -c "$(printf %s "$OUT" | cut -c1-40)" "$SCRATCH"/state/keyfob/*.sealed)" 0
second=$(kf token dev 2>/dev/null)
run kf agent stop
is "the agent stops: $ERR" "$RC" 0
has "and says what waits" "$ERR" "a sealed copy waits"
is "the next agent has the session" "$(kf token dev 2>/dev/null)" "$second"
is "which is not in the store yet" "$(state)" unsaved
writable data
wait_until "it is stored" is_state signed_in
is "the copy is gone" "$(find "$SCRATCH/state/keyfob" -name '*.session.sealed' | wc -l)" 0
kf agent stop || fail stop
is "it is in the store" "$(kf token dev)" "$second"

renew_while_turning data state
is "no place at all: $ERR" "$RC" 0
third=$OUT
run kf doctor --json
has "doctor names that" "$OUT" "in the agent's memory alone"
run kf agent stop
is "the agent does not stop" "$RC" 6
has "it names the profile" "$ERR" "the only copy of dev"
has "and what would end it" "$ERR" "agent stop --force"
is "it still runs, and serves" "$(kf token dev 2>/dev/null)" "$third"
run kf agent stop --force
is "--force ends it: $ERR" "$RC" 0
has "and says what is lost" "$ERR" "dev: the session was never stored"
writable data
writable state
faults '[]'
is "no token was spent out of turn" "$(stat_of reused)" 0
