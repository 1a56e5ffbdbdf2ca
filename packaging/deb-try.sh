#!/bin/sh
# Tries a package as a person would, in a new Debian that debootstrap makes: installs it, signs in on
# the sandbox without a question, installs it again under the running agent, uses the session, and
# purges it. Needs root, debootstrap and the network.
#   sh packaging/deb-try.sh keyfob_*.deb [SUITE]     (default: bookworm)
set -eu
deb=$(readlink -f "${1:?deb-try.sh DEB [SUITE]}")
suite=${2:-bookworm}
root=$(mktemp -d)
chmod 755 "$root" # the person in it, too
trap 'rm -rf --one-file-system "$root"' EXIT
debootstrap --variant=minbase "$suite" "$root" >"$root.log" 2>&1 || {
    tail -n 20 "$root.log" >&2
    exit 1
}
rm -f "$root.log"
cp "$deb" "$root/root/keyfob.deb"
[ -f /etc/resolv.conf ] && cp -L /etc/resolv.conf "$root/etc/resolv.conf"
cat >"$root/root/try.sh" <<'T'
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
mount -t proc proc /proc
step() { echo "deb-try: $*"; }
as_person() { su person -c "$1"; }
found() { find / -xdev -path /proc -prune -o -iname '*keyfob*' -print | grep -v -e '^/root/keyfob.deb$' -e '^/home/person/' -e '^/tmp/keyfob-' || true; }
apt-get -q update >/dev/null
step "install"
apt-get -q -y --no-install-recommends install /root/keyfob.deb >/tmp/apt.log 2>&1 || { tail -n 20 /tmp/apt.log; exit 1; }
useradd -m person
as_person 'keyfob version && man_pages=$(ls /usr/share/man/man1/keyfob*.1.gz 2>/dev/null | wc -l) && echo "man pages: $man_pages"'
step "sign in on the sandbox"
as_person 'printf sandbox-password | keyfob --sandbox login sandbox --email plain@example.test --password-stdin'
first=$(as_person 'keyfob --sandbox token sandbox')
[ "$(printf %s "$first" | tr -cd . )" = .. ] || { echo "not a token"; exit 1; }
pid=$(as_person 'keyfob --sandbox agent status --json' | sed 's/.*"pid":\([0-9]*\).*/\1/')
step "install again under the running agent (pid $pid)"
apt-get -q -y --reinstall --no-install-recommends install /root/keyfob.deb >/tmp/apt.log 2>&1 || { tail -n 20 /tmp/apt.log; exit 1; }
second=$(as_person 'keyfob --sandbox token sandbox --renew')
[ -n "$second" ] && [ "$second" != "$first" ] || { echo "no new token"; exit 1; }
as_person 'keyfob --sandbox agent stop'
step "purge"
apt-get -q -y purge keyfob >/tmp/apt.log 2>&1 || { tail -n 20 /tmp/apt.log; exit 1; }
rm -f /var/cache/apt/archives/*.deb
left=$(found)
[ -z "$left" ] || { echo "left behind:"; echo "$left"; exit 1; }
step "all of it worked"
T
unshare --mount --pid --fork --kill-child chroot "$root" sh /root/try.sh
