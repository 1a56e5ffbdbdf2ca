#!/usr/bin/env bash
# A full disk under the vault and the ledger: a renewal is refused before the refresh token is spent, the
# token at hand is still served, and when there is room again everything goes on.
SRC=$1 BIN=$2
. "$SRC/tests/cli/mounts.inc"
own_mounts "$0" "$@"
. "$SRC/tests/lib.sh"
mkdir "$SCRATCH/disk"
mount -t tmpfs -o size=512k keyfob-test "$SCRATCH/disk" || fail "mount"
leave() {
    local rc=$?
    [ $rc -eq 0 ] || tail -n 30 "$SCRATCH/disk/state/keyfob/keyfobd.log" >&2
    "$BIN/keyfob" agent stop >/dev/null 2>&1
    umount "$SCRATCH/disk"
    (exit $rc)
    finish
}
trap leave EXIT
export XDG_DATA_HOME=$SCRATCH/disk/data XDG_STATE_HOME=$SCRATCH/disk/state
export KEYFOB_STORE=vault KEYFOB_PASSPHRASE_FILE=$SCRATCH/pass
printf 'correct horse battery\n' >"$SCRATCH/pass"
chmod 600 "$SCRATCH/pass"
sandbox
profile_dev
login_dev
T=$(kf token dev) || fail token

dd if=/dev/zero of="$SCRATCH/disk/full" bs=1k 2>/dev/null
before=$(stat_of grants refresh_token)
run kf token dev --renew
is "a renewal on a full disk is exit 6: $ERR" "$RC" 6
is "stdout is empty" "$OUT" ""
is "no refresh token was spent" "$(stat_of grants refresh_token)" "$before"
is "the token at hand is served" "$(kf token dev --min-valid 1ms)" "$T"

rm "$SCRATCH/disk/full"
run kf token dev --renew
is "with room again it renews: $ERR" "$RC" 0
[ "$OUT" != "$T" ] || fail "the same token"
kf agent stop || fail stop
is "and it was stored" "$(kf token dev)" "$OUT"
is "no reuse" "$(stat_of reused)" 0
