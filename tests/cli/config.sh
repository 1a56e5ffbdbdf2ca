#!/usr/bin/env bash
# config: settings one by one and in an editor; comments stay, mistakes are named with their line, nothing is lost,
# and a running agent follows without losing its sessions.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
CONF=$XDG_CONFIG_HOME/keyfob/keyfob.conf
is "the path" "$(kf config path)" "$CONF"
is "paths" "$(kf paths --json | json settings)" "$CONF"
is "no agent was started for that" "$(kf agent status --json | json running)" false
is "a default value" "$(kf config get keepalive)" 12h
sandbox
profile_dev
login_dev
T=$(kf token dev) || fail token
sed -i '1i # mine, at the top' "$CONF"
printf '\n# mine, at the end\n' >>"$CONF"
kf config set keepalive 6h || fail set
is "set" "$(kf config get keepalive)" 6h
is "as JSON" "$(kf config get keepalive --json)" '{"key":"keepalive","value":"6h","set":true,"schema":"keyfob.setting/1"}'
has "in the file" "$(cat "$CONF")" "keepalive=6h"
has "comments stay" "$(cat "$CONF")" "# mine, at the top"
has "all of them" "$(cat "$CONF")" "# mine, at the end"
is "the session too" "$(kf token dev)" "$T"
kf config unset keepalive || fail unset
is "unset" "$(kf config list --json | python3 -c 'import json,sys; print([(i["value"],i["set"]) for i in json.load(sys.stdin)["items"] if i["key"]=="keepalive"])')" "[('12h', False)]"

before=$(cat "$CONF")
for bad in "keepalive soon" "keepalive 5s" "store nowhere" "proxy ftp://x" "ca_file relative.pem" "ca_file /nonexistent.pem" "store_picked vault" "nothing x"; do
    # shellcheck disable=SC2086
    run kf config set $bad
    is "config set $bad" "$RC$OUT" 2
done
run kf config set default nobody
is "a default that is not there" "$RC" 4
run kf config set on_sign_in_needed $'two\nlines'
is "two lines" "$RC" 2
run kf config get nothing
is "no such setting" "$RC$OUT" 2
is "the file is as it was" "$(cat "$CONF")" "$before"

# by hand: the agent follows at once, and tells nobody to sign in again
run env EDITOR=false "$BIN/keyfob" config edit
is "an editor that fails" "$RC" 8
run env EDITOR=true "$BIN/keyfob" config edit
is "an editor that changes nothing" "$RC" 0
has "which is said" "$ERR" "nothing was changed"
is "the file is as it was" "$(cat "$CONF")" "$before"
run env VISUAL="sed -i -e 's/^\[keyfob\]/[keyfob]\nproxy = http:\/\/127.0.0.1:9/'" EDITOR=false "$BIN/keyfob" config edit
is "VISUAL takes precedence, and may have options: $ERR" "$RC" 0
is "it counts" "$(kf config get proxy)" http://127.0.0.1:9
has "exactly as it was typed" "$(cat "$CONF")" "proxy = http://127.0.0.1:9"
is "no copy stays" "$(ls "$XDG_CONFIG_HOME/keyfob")" keyfob.conf
is "the session is still there" "$(kf token dev)" "$T"
is "and this machine is asked without the proxy" "$(kf renew dev >/dev/null && echo renewed)" renewed

before=$(cat "$CONF")
run env EDITOR="printf '[keyfob]\nkeepalive = soon\n' >" "$BIN/keyfob" config edit
is "a bad value: exit 2" "$RC" 2
has "with its line" "$ERR" "keyfob.conf:2: [keyfob] keepalive"
is "the file is as it was" "$(cat "$CONF")" "$before"
copy=$(ls "$CONF".edit-*)
has "what was typed is kept, and where is said" "$ERR" "$copy"
has "it is all there" "$(cat "$copy")" "keepalive = soon"
is "and private" "$(stat -c %a "$copy")" 600
rm "$copy"
run env EDITOR="printf '# later\n' >>'$CONF'; printf '# mine\n' >>" "$BIN/keyfob" config edit
is "the file changed meanwhile" "$RC" 2
has "it stays as the other wrote it" "$(cat "$CONF")" "# later"
is "the copy is kept" "$(ls "$CONF".edit-* | wc -l)" 1
rm "$CONF".edit-*
run kf config edit --no-input
is "nobody there" "$RC" 3

# twice wrong, then right, at a terminal
cat >"$SCRATCH/ed" <<'X'
#!/bin/sh
n=$(cat "$SCRATCH/n" 2>/dev/null || echo 0)
echo $((n + 1)) >"$SCRATCH/n"
if [ "$n" -lt 2 ]; then echo "nonsense $n" >>"$1"; else sed -i '/^nonsense/d' "$1"; echo "# right" >>"$1"; fi
X
chmod +x "$SCRATCH/ed"
export SCRATCH
OUT=$(EDITOR=$SCRATCH/ed script -qec "'$BIN/keyfob' config edit" /dev/null <<<$'y\ny\n')
has "it asks" "$OUT" "Edit it again?"
is "three times" "$(cat "$SCRATCH/n")" 3
has "until it is right" "$(tail -1 "$CONF")" "# right"

# a broken file can be edited; other commands name the line
printf '[keyfob]\nkeepalive = soon\n' >"$CONF"
run kf config get keepalive
is "broken" "$RC$OUT" 2
has "where" "$ERR" "keyfob.conf:2:"
run env EDITOR="printf '%s\n' '$before' >" "$BIN/keyfob" config edit
is "and corrected" "$RC$(kf token dev >/dev/null && echo there)" 0there

# live: nobody calls, and the list of profiles follows
id=$(sed -n 's/^id=//p' "$CONF" | head -1)
sed -i 's/^\[profile dev\]/[profile renamed]/' "$CONF"
wait_until "the agent to notice" grep -q "^$id	renamed	" "$XDG_STATE_HOME/keyfob/profiles"
ok "a change by hand is noticed"
is "with its session" "$(kf status renamed --json | json state)" signed_in

# none yet: a template
kf agent stop -q
rm "$CONF"
run env EDITOR="cat >'$SCRATCH/seen' <" "$BIN/keyfob" config edit
is "without a file" "$RC$(ls "$CONF" 2>/dev/null)" 0
has "the editor begins with what there is" "$(cat "$SCRATCH/seen")" "#keepalive = 12h"
run env EDITOR="sed -i 's/^#keepalive.*/keepalive = 1h/'" "$BIN/keyfob" config edit
is "it is made" "$RC$(stat -c %a "$CONF")$(kf config get keepalive)" 06001h

# the password of a proxy is not in a list
kf config set proxy http://maya:hunter2-canary@127.0.0.1:9 || fail "set proxy"
is "masked" "$(kf config list | grep ^proxy | tr -s ' ')" "proxy http://maya:****@127.0.0.1:9"
hasnt "nor in JSON" "$(kf config list --json)" hunter2-canary
kf config unset proxy || fail "unset proxy"
