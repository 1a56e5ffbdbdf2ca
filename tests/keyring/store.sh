#!/usr/bin/env bash
# The store by itself (test_store_keyring.c) in a real gnome-keyring, and once more with its files in
# a file system that fills up.
SRC=$1 BIN=$2
set -u
H=$(mktemp -d "${TMPDIR:-/tmp}/kfk.XXXXXX")
"$SRC/tests/keyring/gk-session.sh" "$H" test-password "$BIN/test_store_keyring" || rc=1
rm -rf "$H"
# A tmpfs needs a mount namespace, which a plain user gets together with a user namespace.
ns=(-m)
[ "$(id -u)" = 0 ] || ns+=(-r)
# where the root is no mount point (a chroot), its propagation cannot be changed
unshare "${ns[@]}" true 2>/dev/null || ns+=(--propagation unchanged)
H=$(mktemp -d "${TMPDIR:-/tmp}/kfk.XXXXXX")
export H SRC BIN KF_KEYRINGS=$H/.local/share/keyrings
unshare "${ns[@]}" bash -c 'mkdir -p "$KF_KEYRINGS" && mount -t tmpfs -o size=256k keyfob-test "$KF_KEYRINGS" &&
    exec "$SRC/tests/keyring/gk-session.sh" "$H" test-password "$BIN/test_store_keyring" full' || rc=1
rm -rf "$H"
exit "${rc:-0}"
