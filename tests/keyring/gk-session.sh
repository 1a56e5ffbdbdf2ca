#!/usr/bin/env bash
# gk-session.sh DIR PASSWORD CMD...: runs CMD in a private D-Bus session with an unlocked gnome-keyring.
# Everything lives under DIR; the daemon leaves with the bus.
set -eu
dir=$1
export KF_KEYRING_PASSWORD=$2
shift 2
mkdir -p "$dir/run"
chmod 700 "$dir" "$dir/run"
export HOME=$dir XDG_DATA_HOME=$dir/.local/share XDG_CONFIG_HOME=$dir/.config XDG_CACHE_HOME=$dir/.cache XDG_RUNTIME_DIR=$dir/run
unset DISPLAY WAYLAND_DISPLAY GNOME_KEYRING_CONTROL DBUS_SESSION_BUS_ADDRESS || true
mkdir -p "$XDG_DATA_HOME/keyrings"
# shellcheck disable=SC2016
exec dbus-run-session -- bash -c '
    eval "$(printf %s "$KF_KEYRING_PASSWORD" | gnome-keyring-daemon --daemonize --unlock --components=secrets 2>"$HOME/gkd.err")"
    unset KF_KEYRING_PASSWORD
    "$@"' session "$@"
