#!/bin/sh
# The same as token.c from a shell, to show the interface; in earnest `keyfob token` is shorter and starts the agent.
#     sh token.sh acme
# Needs socat, and jq or python3 to read the answer.
set -eu
profile=${1:?usage: token.sh PROFILE}
socket=${KEYFOB_SOCKET:-${XDG_RUNTIME_DIR:-/tmp/keyfob-$(id -u)}/keyfob/agent.sock}
[ -n "${XDG_RUNTIME_DIR:-}${KEYFOB_SOCKET:-}" ] || socket=/tmp/keyfob-$(id -u)/agent.sock

# One JSON object and a NUL; the answer is one, too.
call() { printf '%s\0' "$1" | socat -t 60 - "UNIX-CONNECT:$socket" | tr -d '\0'; }

call "{\"method\":\"io.keyfob.Agent.GetToken\",\"parameters\":{\"profile\":\"$profile\",\"min_valid_ms\":120000}}" |
    python3 -c 'import json, sys
answer = json.load(sys.stdin)
if "error" in answer: sys.exit("no token: " + answer["parameters"].get("failure", answer)["name"])
print(answer["parameters"]["access_token"])'
