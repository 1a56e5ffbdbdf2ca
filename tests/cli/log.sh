#!/usr/bin/env bash
# log: what the agent did, without an agent, without a secret, and with a file that is not what it should be.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
LOG=$XDG_STATE_HOME/keyfob/keyfobd.log
run kf log
is "none yet" "$RC$OUT" 0
is "none yet, as JSON" "$(kf log --json)" '{"schema":"keyfob.log/1","items":[]}'
sandbox
profile_dev
login_dev
T=$(kf token dev) || fail token
kf agent stop -q
has "a sign-in is there" "$(kf log)" "sign-in: dev by password"
hasnt "its token is not" "$(kf log)" "$T"
is "no agent was started" "$(kf agent status --json | json running)" false
is "as JSON" "$(kf log --json | python3 -c 'import json,sys
d=json.load(sys.stdin); print(d["schema"], any("signed_out -> signed_in" in i["text"] and i["level"]=="info" for i in d["items"]))')" "keyfob.log/1 True"
printf '2020-01-01T00:00:00.000Z info  long ago\n' >"$LOG.1"
hasnt "a day is the usual" "$(kf log)" "long ago"
has "--since" "$(kf log --since 5000d | head -1)" "long ago"
run kf log --since yesterday
is "no duration" "$RC$OUT" 2
printf 'nonsense\n2099-01-01T00:00:00.000Z info  \033[31mred\033[0m\n2099\n\n%s' "$(head -c 30000 /dev/zero | tr '\0' x)" >"$LOG"
is "what is no line of a log is left out" "$(kf log)" "2099-01-01T00:00:00.000Z  info   [31mred[0m"
rm "$LOG"
mkfifo "$LOG"
run timeout 10 "$BIN/keyfob" log
is "a pipe in its place" "$RC" 1
