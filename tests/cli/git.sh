#!/usr/bin/env bash
# The git credential helper, with git itself: `git credential fill`, and a repository behind a server that wants the token.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
export PATH=$BIN:$PATH GIT_TERMINAL_PROMPT=0 GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=$SCRATCH/gitconfig GIT_ASKPASS=/bin/false SSH_ASKPASS=
git config --file "$GIT_CONFIG_GLOBAL" credential.helper keyfob
ask() { printf 'protocol=%s\nhost=%s\n\n' "$1" "$2" | git-credential-keyfob get; }

# nothing is bound: nothing is answered, and nothing is started
is "no profiles: silence" "$(ask https git.example.test; echo $?)" 0
[ ! -e "$XDG_RUNTIME_DIR/keyfob/agent.sock" ] || fail "the agent was started for nothing"
ok "no agent was started"

# a repository that only the token opens
git init -q --bare "$SCRATCH/web/repo.git"
git -C "$SCRATCH/web/repo.git" update-server-info
echo none >"$SCRATCH/token"
DIR=$SCRATCH/web python3 -c 'import base64,http.server,os
class H(http.server.SimpleHTTPRequestHandler):
    def __init__(s,*a): super().__init__(*a, directory=os.environ["DIR"])
    def do_GET(s):
        if s.headers.get("Authorization") != "Basic " + base64.b64encode(b"oauth2:" + open(os.environ["DIR"] + "/../token","rb").read().strip()).decode():
            s.send_response(401); s.send_header("WWW-Authenticate","Basic realm=x"); s.send_header("Content-Length","0"); s.end_headers()
        else: super().do_GET()
    def log_message(s,*a): pass
v=http.server.ThreadingHTTPServer(("127.0.0.1",0),H)
print(v.server_port, flush=True)
v.serve_forever()' >"$SCRATCH/web.port" &
PIDS+=($!)
wait_until "the server" test -s "$SCRATCH/web.port"
host=127.0.0.1:$(cat "$SCRATCH/web.port")

sandbox
profile_dev
is "a profile without a host: silence" "$(ask https git.example.test; echo $?)" 0
run git ls-remote "http://$host/repo.git"
[ "$RC" -ne 0 ] || fail "the server let git in without a token"
login_dev
sed -i "/^\[profile dev\]/a git_host=git.example.test;$host" "$XDG_CONFIG_HOME/keyfob/keyfob.conf"
noticed() { kf profile show dev && cut -f14 "$XDG_STATE_HOME/keyfob/profiles" | grep -qx 1; }
wait_until "the changed settings" noticed
T=$(kf token dev) || fail token
printf %s "$T" >"$SCRATCH/token"

filled=$(printf 'protocol=https\nhost=git.example.test\n\n' | git credential fill) || fail "git credential fill"
has "git has the token" "$filled" "password=$T"
has "and a user name" "$filled" "username=oauth2"
is "when it ends" "$(ask https git.example.test | sed -n 's/^password_expiry_utc=//p')" "$(kf export dev --format '{expires_epoch}')"
has "a user name of git's stays" "$(printf 'protocol=https\nhost=git.example.test\nusername=maya\n\n' | git-credential-keyfob get)" "username=maya"
has "the port that is meant anyway" "$(ask https git.example.test:443)" "password=$T"
has "the command of keyfob" "$(printf 'protocol=https\nhost=git.example.test\n\n' | kf git-credential get)" "password=$T"

for other in "https evil.test" "https example.test" "https git.example.test.evil.test" "https xgit.example.test" "https git.example.test:8443" \
    "http git.example.test" "ssh git.example.test" "ftp git.example.test" "https git.example.test;evil.test" "https git.example.test/x" \
    "https evil.test@git.example.test"; do
    # shellcheck disable=SC2086
    is "nothing for $other" "$(ask $other; echo $?)" 0
done
# older gits pass a %0d of an address on, and some helpers end a line there (CVE-2024-52006)
is "nothing for a carriage return" "$(printf 'protocol=https\nhost=git.example.test\r.evil.test\n\n' | git-credential-keyfob get; echo $?)" 0
is "nothing for two lines in a user name" "$(printf 'protocol=https\nhost=git.example.test\nusername=x\rhost=evil.test\n\n' | git-credential-keyfob get; echo $?)" 0
is "what comes behind the question is none" "$(printf 'protocol=https\nhost=evil.test\n\nhost=git.example.test\n' | git-credential-keyfob get; echo $?)" 0
is "nothing for no host" "$(ask https ""; echo $?)" 0
is "store is nothing" "$(printf 'protocol=https\nhost=git.example.test\npassword=x\n\n' | git-credential-keyfob store; echo $?)" 0
is "erase is nothing" "$(printf 'protocol=https\nhost=git.example.test\n\n' | git-credential-keyfob erase; echo $?)" 0
is "a word of a later git" "$(git-credential-keyfob capability </dev/null; echo $?)" 0
is "a question without an end" "$(head -c 70000 /dev/zero | tr '\0' a | git-credential-keyfob get 2>/dev/null; echo $?)" 2
is "a broken question" "$(printf '=\n==\nhost\nprotocol' | git-credential-keyfob get; echo $?)" 0

run git ls-remote "http://$host/repo.git"
is "git reads the repository" "$RC" 0

# a git that knows authtype (2.46) gets the token as what it is
new=$(printf 'capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=git.example.test\n\n' | git-credential-keyfob get)
is "authtype" "$(grep -v password_expiry_utc <<<"$new")" "capability[]=authtype
authtype=Bearer
credential=$T
ephemeral=true"

# the host refused the token: another one next time, but only for the very token
erase() { printf 'protocol=https\nhost=git.example.test\n%s\n\n' "$1" | git-credential-keyfob erase; }
run erase "password=something-else"
is "another password: nothing happens" "$RC$OUT$ERR$(kf token dev)" "0$T"
run erase "username=oauth2"
is "nor without one" "$RC$OUT$ERR$(kf token dev)" "0$T"
KEYFOB_READ_ONLY=1 run erase "password=$T"
is "nor with --read-only: $ERR" "$RC$OUT$(kf token dev)" "0$T"
run erase "password=$T"
is "our token: $ERR" "$RC$OUT" 0
N=$(ask https git.example.test | sed -n 's/^password=//p')
[ -n "$N" ] && [ "$N" != "$T" ] || fail "the same token after erase"
ok "the next answer is another token"
run erase "password=$T"
is "the old one is nothing any more" "$RC$(kf token dev)" "0$N"
run erase "credential=$N"
is "a credential is the same: $ERR" "$RC" 0
[ "$(kf token dev)" != "$N" ] || fail "the same token after erase of a credential"
ok "another token"
printf 'protocol=http\nhost=%s\nusername=oauth2\n\n' "$host" | git credential fill | git credential reject
[ "$(kf token dev)" != "$T" ] || fail "git credential reject"
ok "git itself: reject"

kf logout dev >/dev/null
run sh -c "printf 'protocol=http\nhost=$host\n\n' | git-credential-keyfob get"
is "signed out: an error and no answer" "$RC$OUT" 3
has "and what to do" "$ERR" "keyfob login"
