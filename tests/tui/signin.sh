# shellcheck shell=bash
# For tests of signing in on the screen, after lib.sh.
mail() { # KIND: the newest code of this kind
    curl -sS --noproxy '*' "$U/sandbox/mail" | python3 -c 'import json,sys
print([m["code"] for m in json.load(sys.stdin)["mail"] if m["kind"] == sys.argv[1]][-1])' "$1"
}
# page ADDRESS STEP...: a person in a browser; a step is NAME=VALUE,FIELD=TYPED,... for a button and what is typed before
page() {
    PYTHONPATH=$SRC/tests/agent python3 - "$@" <<'P'
import sys
from web import Web
w = Web(sys.argv[1])
for step in sys.argv[2:]:
    (name, value), *typed = [p.split("=", 1) for p in step.split(",")]
    w.press(name or None, value or None, **dict(typed))
print(w.text)
P
}
# landing ADDRESS: plain@example.test signs in there; the address that the browser would go to, which is not loaded
landing() {
    PYTHONPATH=$SRC/tests/agent python3 - "$1" <<'P'
import sys, urllib.request
from web import Web
class Stop(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req, fp, code, msg, headers, to):
        if "/callback?" in to:
            print(to)
            raise SystemExit
        return super().redirect_request(req, fp, code, msg, headers, to)
urllib.request.install_opener(urllib.request.build_opener(Stop))
Web(sys.argv[1]).press("action", "password", email="plain@example.test", password="sandbox-password")
P
}
pick() { # PROFILE: puts the list's cursor on it, by the filter
    send Escape
    read -r -t 0.3 <> <(:) || true # a key that follows at once is one with Alt
    type_in "/$1"
    send Enter
    wait_row "$1"
}
start() { # PROFILE ROW: the chooser's row
    pick "$1"
    send s
    wait_for "How do you want to sign in to $1"
    send "$2"
}
with_password() { # PROFILE ADDRESS
    start "$1" 4
    wait_for "E-mail"
    type_in "$2"
    send Enter
    wait_for "Its length is not shown"
    type_in "sandbox-password"
    wait_for "(hidden)"
    send Enter
}
# another: the profile was another person's, and is this one's now
another() {
    wait_for "You signed in as another person"
    send Down Enter
}
signed_in() { wait_for "Signed in to $1 as $2"; ok "$3"; }
# the address that is on the screen, which may take several rows
address() { shown | sed -n '/^ *https*:/,/^ *$/p' | tr -d ' \n' | grep -oE 'https?://[^ ]*'; }
