#!/usr/bin/env bash
# kp-session.sh DIR CMD...: runs CMD in a private D-Bus session without a provider and with an X
# display of its own, for the real KeePassXC. DIR/db.kdbx is a database with the password "pw" whose
# root group is exposed to the Secret Service; tests/keyring/kp.inc starts the program.
set -eu
dir=$1
shift
mkdir -p "$dir/run" "$dir/home" "$dir/conf"
chmod 700 "$dir" "$dir/run"
export KP_DIR=$dir HOME=$dir/home XDG_RUNTIME_DIR=$dir/run XDG_CONFIG_HOME=$dir/home/.config \
    XDG_CACHE_HOME=$dir/home/.cache XDG_DATA_HOME=$dir/home/.local/share
unset DISPLAY WAYLAND_DISPLAY DBUS_SESSION_BUS_ADDRESS || true

# The exposed group is an entry of the database's custom data, which only an XML import can set.
twice() { printf 'pw\npw\n'; }
twice | keepassxc-cli db-create -p -t 100 "$dir/plain.kdbx" >/dev/null 2>&1
printf 'pw\n' | keepassxc-cli export -f xml "$dir/plain.kdbx" 2>/dev/null | python3 -c '
import base64, re, sys, uuid
xml = sys.stdin.read()
root = re.search(r"<Root>\s*<Group>\s*<UUID>([^<]+)</UUID>", xml).group(1)
item = "<Item><Key>FDO_SECRETS_EXPOSED_GROUP</Key><Value>{%s}</Value></Item>" % uuid.UUID(bytes=base64.b64decode(root))
if "<CustomData/>" in xml: xml = xml.replace("<CustomData/>", "<CustomData>" + item + "</CustomData>", 1)
elif "<CustomData>" in xml: xml = xml.replace("<CustomData>", "<CustomData>" + item, 1)
else: xml = xml.replace("</Meta>", "<CustomData>" + item + "</CustomData></Meta>", 1)
print(xml)' >"$dir/exposed.xml"
twice | keepassxc-cli import -p "$dir/exposed.xml" "$dir/db.kdbx" >/dev/null 2>&1

# Default settings: only the Secret Service itself is switched on.
cat >"$dir/conf/kp.ini" <<X
[General]
ConfigVersion=2
UpdateCheckMessageShown=true
SingleInstance=false
[GUI]
CheckForUpdates=false
[FdoSecrets]
Enabled=true
X
cp "$dir/conf/kp.ini" "$dir/conf/local.ini"
cat >"$dir/bus.conf" <<X
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:dir=$dir/run</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="false"/><allow eavesdrop="false"/><allow own="*"/></policy></busconfig>
X

mkfifo "$dir/display"
Xvfb -displayfd 3 -screen 0 1024x768x24 -nolisten tcp 3>"$dir/display" >"$dir/xvfb.log" 2>&1 &
xvfb=$!
trap 'kill $xvfb 2>/dev/null || true' EXIT
read -r number <"$dir/display"
export KP_DISPLAY=:$number
rc=0
dbus-run-session --config-file="$dir/bus.conf" -- "$@" || rc=$?
exit $rc
