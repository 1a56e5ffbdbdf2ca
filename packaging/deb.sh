#!/bin/sh
# Builds the Debian package from the last commit: sh packaging/deb.sh [DIR] (default build/deb). It
# needs debhelper, and what packaging/setup.sh installs. The version is CMake's, with the commit.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
dir=${1:-$top/build/deb}
version=$(sed -n 's/^project(keyfob VERSION \([0-9.]*\).*/\1/p' "$top/CMakeLists.txt")
commit=$(git -C "$top" rev-parse --short=8 HEAD)
stamp=$(git -C "$top" log -1 --format=%ct)
export SOURCE_DATE_EPOCH="$stamp"
rm -rf "$dir"
mkdir -p "$dir/keyfob-$version"
git -C "$top" archive HEAD | tar -x -C "$dir/keyfob-$version"
cd "$dir/keyfob-$version"
mv packaging/debian debian
cat >debian/changelog <<L
keyfob ($version~git$(date -u -d "@$stamp" +%Y%m%d%H%M).$commit) unstable; urgency=medium

  * packaging/CHANGELOG.md has the changes.

 -- keyfob maintainers <keyfob@localhost>  $(date -u -R -d "@$stamp")
L
dpkg-buildpackage -b -us -uc >"$dir/build.log" 2>&1 || {
    tail -n 40 "$dir/build.log" >&2
    exit 1
}
ls "$dir"/*.deb
