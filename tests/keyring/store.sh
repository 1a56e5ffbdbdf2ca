#!/usr/bin/env bash
# The store by itself (test_store_keyring.c) in a real gnome-keyring, and once more with its files in
# a file system that fills up.
SRC=$1 BIN=$2
set -u
H=$(mktemp -d "${TMPDIR:-/tmp}/kfk.XXXXXX")
"$SRC/tests/keyring/gk-session.sh" "$H" test-password "$BIN/test_store_keyring" || rc=1
rm -rf "$H"
# A tmpfs needs a mount namespace, which a plain user gets together with a user namespace.
own=(unshare -m)
[ "$(id -u)" = 0 ] || own=(unshare -rm)
H=$(mktemp -d "${TMPDIR:-/tmp}/kfk.XXXXXX")
export H SRC BIN KF_KEYRINGS=$H/.local/share/keyrings
"${own[@]}" bash -c 'mkdir -p "$KF_KEYRINGS" && mount -t tmpfs -o size=256k keyfob-test "$KF_KEYRINGS" &&
    exec "$SRC/tests/keyring/gk-session.sh" "$H" test-password "$BIN/test_store_keyring" full' || rc=1
rm -rf "$H"
exit "${rc:-0}"
