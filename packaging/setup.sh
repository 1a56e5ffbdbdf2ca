#!/bin/sh
# Installs what keyfob needs on Debian 12 or newer, by package name, and only what is missing.
#   sh packaging/setup.sh           what the build needs
#   sh packaging/setup.sh --tests   and what the tests need
set -eu

build="ca-certificates cmake gcc libc6-dev ninja-build pkg-config
  libcjson-dev libcurl4-openssl-dev libglib2.0-dev libmicrohttpd-dev liboath-dev
  libncurses-dev libqrencode-dev libqrencode4 libsecret-1-dev libsodium-dev libssl-dev"
tests="bash chromium chromium-driver clang-14 clang-format-14 curl dbus git gnome-keyring iproute2 keepassxc libclang-rt-14-dev libcmocka-dev libutf8proc-dev
  fish libsecret-tools mandoc ncurses-bin openssl procps python3 python3-dotenv socat strace systemd tmux util-linux xclip xdotool xsel xvfb xz-utils zbar-tools zsh"
tests="$tests binutils cppcheck locales"

want=$build
case "${1:-}" in
--tests)
    want="$build $tests"
    command -v npm >/dev/null 2>&1 || want="$want nodejs npm"
    ;;
"") ;;
*)
    echo "usage: setup.sh [--tests]" >&2
    exit 2
    ;;
esac

missing=""
for p in $want; do
    dpkg-query -W -f='${Status}\n' "$p" 2>/dev/null | grep -q '^install ok installed$' || missing="$missing $p"
done
if [ -z "$missing" ]; then
    echo "setup: every package is there already"
    exit 0
fi

root=""
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null 2>&1; then
        root=sudo
    else
        echo "setup: these packages are missing and there is no sudo here:$missing" >&2
        echo "setup: ask an administrator to run: apt-get install$missing" >&2
        exit 1
    fi
fi

echo "setup: installing with apt-get:$missing"
export DEBIAN_FRONTEND=noninteractive
# Package lists may be absent or old on a new machine.
$root apt-get -q update >/dev/null
# shellcheck disable=SC2086
$root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing >/dev/null
echo "setup: done"
