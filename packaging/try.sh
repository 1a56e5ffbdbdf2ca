#!/bin/sh
# Try keyfob without an account: installs what is missing, builds, and opens it on the built-in
# sandbox. Without a terminal it runs the main job once and prints each step.
set -eu
cd "$(dirname "$0")/.."

echo "try: checking packages (packaging/setup.sh)"
sh packaging/setup.sh
echo "try: building into build/"
sh packaging/build.sh build -DTESTS=OFF
keyfob=$PWD/build/bin/keyfob

if [ -t 0 ] && [ -t 1 ]; then
    exec "$keyfob" --sandbox
fi

# --- the plain run: everything in a scratch directory that is removed at the end
scratch=$(mktemp -d)
chmod 700 "$scratch"
export XDG_RUNTIME_DIR="$scratch"
finish() {
    rc=$?
    trap - EXIT INT TERM
    "$keyfob" --sandbox agent stop >/dev/null 2>&1 || true
    if [ -f "$scratch/keyfob-sandbox/ready" ]; then
        pid=$(sed -n 2p "$scratch/keyfob-sandbox/ready")
        [ -n "$pid" ] && kill "$pid" 2>/dev/null || true
    fi
    rm -rf "$scratch"
    [ "$rc" -eq 0 ] && echo "try: all of it worked" || echo "try: FAILED (status $rc)" >&2
    exit "$rc"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# field NAME: the first string or number called NAME in the JSON on stdin
field() { sed -n 's/.*"'"$1"'":"\{0,1\}\([^",}]*\).*/\1/p' | head -n 1; }
step() { printf '%-22s %s\n' "$1" "$2"; }
need() { [ -n "$2" ] || { echo "try: $1 is missing" >&2; exit 1; }; }

echo
echo "No terminal here, so this is the main job as plain steps, on the sandbox:"
printf 'sandbox-password' | "$keyfob" --sandbox login sandbox --method password \
    --email plain@example.test --password-stdin >/dev/null
status=$("$keyfob" --sandbox status sandbox --json)
email=$(printf '%s' "$status" | field email)
org=$(printf '%s' "$status" | sed -n 's/.*"organization":{"id":"\([^"]*\)".*/\1/p')
need "the user" "$email"
need "the organization" "$org"
step "signed in as" "$email"
step "organization" "$org"
first=$("$keyfob" --sandbox token sandbox)
need "the token" "$first"
until=$("$keyfob" --sandbox status sandbox --json | field expires_at)
need "the expiry" "$until"
step "token valid until" "$until"
"$keyfob" --sandbox renew sandbox >/dev/null
second=$("$keyfob" --sandbox token sandbox)
[ "$first" != "$second" ] || { echo "try: renewing gave the same token" >&2; exit 1; }
step "renewed once" "a new token"
again=$("$keyfob" --sandbox exec sandbox -- sh -c 'printf %s "$WORKOS_ACCESS_TOKEN"')
[ "$again" = "$second" ] || { echo "try: exec and token differ" >&2; exit 1; }
step "token again" "the same for \`keyfob token\` and \`keyfob exec\`"
"$keyfob" --sandbox logout sandbox >/dev/null
if "$keyfob" --sandbox token sandbox >/dev/null 2>&1; then
    echo "try: a token after signing out" >&2
    exit 1
fi
step "signed out" "no token any more"
