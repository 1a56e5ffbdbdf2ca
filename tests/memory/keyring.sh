#!/bin/sh
# keyring.sh SRC COMMAND...: runs it where a real gnome-keyring keeps the sessions: libsecret and GDBus have their own copies.
src=$1
shift
dir=$(mktemp -d "${TMPDIR:-/tmp}/kf.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
KF_MEMORY_STORE=secret-service "$src/tests/keyring/gk-session.sh" "$dir" "a keyring's password" "$@"
