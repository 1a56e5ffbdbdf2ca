#!/usr/bin/env bash
# Completion: what can come next, said by keyfob, and carried by bash, zsh and fish as a person has them.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
PATH=$BIN:$PATH
next() { kf completion words -- "$@" | cut -f1 | tr '\n' ' '; } # what the last word could become
mkdir -p "$XDG_STATE_HOME/keyfob"
{
    echo "keyfob-profiles 1"
    printf '0123456789abcdef\tacme\t1\tsigned_in\t0\t\tclient_x\n'
    printf '0123456789abcde0\tacme-test\t0\tneeds_sign_in\t0\t\tclient_y\n'
} >"$XDG_STATE_HOME/keyfob/profiles"
is "commands" "$(next ex)" "exec export "
has "the first words, each once" " $(next "")" " allow profile agent "
is "a command's second word" "$(next profile re)" "rename "
is "profiles" "$(next token '')" "acme acme-test "
is "with what they are" "$(kf completion words -- token acme-)" "acme-test	not signed in"
is "behind options and their values" "$(next -p acme --json token --min-valid 2m acme-)" "acme-test "
is "not where there is no argument left" "$(next token acme '')" ""
is "nor for a value that only its user knows" "$(next token --min-valid '')" ""
is "options" "$(next export --for)" "--format --force "
is "global ones, in front of the command" "$(next --sand)" "--sandbox "
is "the profile of -p" "$(next -p acme-)" "acme-test "
is "an option's values" "$(next export --format e)" "env exec-credential "
is "behind =, as zsh and fish have it" "$(next export --format=e)" "--format=env --format=exec-credential "
is "behind =, as bash has it" "$(next export --format = e)" "env exec-credential "
is "and with nothing behind it" "$(next store move --to =)" "vault secret-service "
is "an argument's words" "$(next completion '')" "bash zsh fish "
is "commands and topics" "$(next help comp) $(next help exi)" "completion  exit-codes "
is "the other half of a command" "$(next help profile re) $(next help agent '')" "rename  start stop restart status enable disable "
is "nothing behind a whole one" "$(next help token '') $(next help exit-codes '')" " "
is "what a setting takes" "$(next config set store '') $(next config set -q store v)" "auto secret-service vault memory  vault "
is "a profile" "$(next config set default acme-)" "acme-test "
is "a file" "$(next config set ca_file '')" ":files "
is "what only its user knows" "$(next config set proxy '') $(next config set label '')" " "
is "a file" "$(next profile import '')" ":files "
is "a directory" "$(next allow x)" ":dirs "
is "somebody else's command" "$(next exec acme --mask -- ma)" ":command 4 "
is "no command: nothing" "$(next nosuch '')" ""
is "nothing at all" "$(kf completion words; kf completion words --)" ""
is "no agent was started" "$(kf agent status --json | json running)" false
mv "$XDG_STATE_HOME/keyfob/profiles" "$SCRATCH/profiles"
printf 'broken\n' >"$XDG_STATE_HOME/keyfob/profiles"
is "a damaged list is no profiles, and no noise" "$(next token '' 2>&1)" ""
mv "$SCRATCH/profiles" "$XDG_STATE_HOME/keyfob/profiles"
B='source <(keyfob completion bash)'
Z='autoload -Uz compinit; compinit -D -u; source <(keyfob completion zsh)'
mkdir -p "$SCRATCH/fpath" "$SCRATCH/here"
kf completion zsh >"$SCRATCH/fpath/_keyfob"
A="fpath=('$SCRATCH/fpath' \$fpath); autoload -Uz compinit; compinit -D -u" # as the package installs it
tab() { (cd "$SCRATCH/here" && python3 "$SRC/tests/cli/tab.py" "$@") || fail "tab $*"; }
touch "$SCRATCH/here/some file.json"
for shell in "bash:$B" "zsh:$Z" "zsh:$A"; do
    s=${shell%%:*} setup=${shell#*:}
    is "$s: a command" "$(tab "$s" "$setup" 'keyfob expo')" "keyfob export "
    is "$s: a profile" "$(tab "$s" "$setup" 'keyfob token acme-')" "keyfob token acme-test "
    is "$s: a value" "$(tab "$s" "$setup" 'keyfob export --format po')" "keyfob export --format powershell "
    is "$s: a value behind =" "$(tab "$s" "$setup" 'keyfob export --format=po')" "keyfob export --format=powershell "
    is "$s: a file" "$(tab "$s" "$setup" 'keyfob profile import so')" 'keyfob profile import some\ file.json '
    is "$s: what exec runs" "$(tab "$s" "$setup" 'keyfob exec acme -- cat so')" 'keyfob exec acme -- cat some\ file.json '
done
fish_says() { (cd "$SCRATCH/here" && fish --no-config -c 'keyfob completion fish | source; complete -C "$argv[1]"' "$1") | cut -f1 | tr '\n' ' '; }
is "fish: commands" "$(fish_says 'keyfob tok')" "token "
is "fish: profiles" "$(fish_says 'keyfob token ')" "acme acme-test "
is "fish: options" "$(fish_says 'keyfob export --for')" "--force --format "
is "fish: values" "$(fish_says 'keyfob export --format po')" "powershell "
is "fish: values behind =" "$(fish_says 'keyfob export --format=po')" "--format=powershell "
is "fish: files" "$(fish_says 'keyfob profile import so')" "some file.json "
is "fish: what exec runs" "$(fish_says 'keyfob exec acme -- cat so')" "some file.json "
run kf completion tcsh
is "no other shell" "$RC$OUT" 2
sandbox
profile_dev
is "every setting has its name here" "$(next config get '' | tr ' ' '\n' | sort | xargs)" "$(kf config list --json | python3 -c '
import json, sys
print(" ".join(sorted(i["key"] for i in json.load(sys.stdin)["items"] if i["key"] not in ("store_picked", "store_moved_from"))))')"
