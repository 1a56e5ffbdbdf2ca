#!/usr/bin/env bash
# Where files are when the environment says little or nonsense: HOME that is missing, empty or no
# absolute path, relative XDG variables, and relative paths in KEYFOB_ variables.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
H=$(getent passwd "$(id -u)" | cut -d: -f6)
place() { sed -n "s/^$1 *//p" <<<"$OUT"; }
bare() { env -i PATH="$PATH" XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR" "$@"; }

# nothing here may write: these are the paths of the person who runs the test
before=$(ls -A /)
for home in "" HOME= HOME=relative HOME=/ HOME=//; do
    # shellcheck disable=SC2086
    run bare $home "$BIN/keyfob" paths
    is "'$home': the password database's home: $ERR" "$(place state)" "$H/.local/state/keyfob"
    is "'$home': settings" "$(place settings)" "$H/.config/keyfob/keyfob.conf"
    is "'$home': vault" "$(place vault)" "$H/.local/share/keyfob/vault"
done
run bare HOME="$HOME" XDG_CONFIG_HOME=a XDG_STATE_HOME=b/c XDG_DATA_HOME=./d "$BIN/keyfob" paths
is "a relative XDG_CONFIG_HOME is ignored" "$(place settings)" "$HOME/.config/keyfob/keyfob.conf"
is "a relative XDG_STATE_HOME" "$(place state)" "$HOME/.local/state/keyfob"
is "a relative XDG_DATA_HOME" "$(place vault)" "$HOME/.local/share/keyfob/vault"

# a user whom the password database does not know
nobody() { unshare --user --map-user=54321 env -u XDG_CONFIG_HOME HOME="$1" "${@:2}"; }
for home in "" relative /; do
    for command in "token dev" paths "profile list" status; do
        # shellcheck disable=SC2086
        run nobody "$home" "$BIN/keyfob" $command
        is "HOME='$home' and no entry: $command is refused" "$RC" 2
        has "with the variable's name" "$ERR" "HOME is "
        has "and what to do" "$ERR" "Set HOME to a directory of your own."
    done
done
run nobody / "$BIN/keyfobd" --private </dev/null
is "keyfobd is refused, too" "$RC" 2
has "and says so" "$ERR" "HOME is /"
run nobody "" "$BIN/keyfob" --version
is "but not what needs no files: $ERR" "$RC" 0
run env -u XDG_CONFIG_HOME -u XDG_STATE_HOME -u XDG_DATA_HOME -u HOME "$BIN/keyfob" --sandbox profile list
is "nor the sandbox: $ERR" "$RC" 0
run kf --sandbox agent stop
is "nothing was made in /" "$(ls -A /)" "$before"

# relative paths count from the caller's directory; the agent runs in /
export KEYFOB_STORE=vault
sandbox
mkdir "$SCRATCH/here"
cd "$SCRATCH/here" || exit 1
(umask 077 && echo "correct horse battery" >pass)
export KEYFOB_PASSPHRASE_FILE=pass KEYFOB_CONFIG=conf/my.conf KEYFOB_LOG_FILE=my.log
mkdir -m 700 conf
profile_dev
login_dev
has "a relative KEYFOB_CONFIG" "$(cat conf/my.conf)" "[profile dev]"
is "a relative KEYFOB_LOG_FILE" "$(test -s my.log && echo yes)" yes
kf agent stop -q
run kf token dev
is "a relative KEYFOB_PASSPHRASE_FILE opens the vault for a new agent: $ERR" "$RC" 0
openssl req -x509 -newkey ed25519 -nodes -keyout /dev/null -subj /CN=test -out ca.pem 2>/dev/null
run kf config set ca_file ca.pem
is "a relative ca_file: $ERR" "$RC" 0
is "is kept as an absolute one" "$(kf config get ca_file)" "$SCRATCH/here/ca.pem"
kf config unset ca_file || fail "config unset"
run kf export dev --format env -o token.env
is "a relative -o: $ERR" "$(test -s token.env && echo "$RC")" 0
cd / || exit 1
export KEYFOB_PASSPHRASE_FILE=$SCRATCH/here/pass KEYFOB_CONFIG=$SCRATCH/here/conf/my.conf
run env -u KEYFOB_LOG_FILE "$BIN/keyfob" token dev
is "the same paths in full mean the same: $ERR" "$RC" 0
hasnt "and differ from nothing" "$ERR" "was started with another"
unset KEYFOB_LOG_FILE

for socket in agent.sock run/agent.sock /agent.sock; do
    run env KEYFOB_SOCKET=$socket "$BIN/keyfob" token dev
    is "KEYFOB_SOCKET=$socket is refused" "$RC" 2
    has "by name" "$ERR" "KEYFOB_SOCKET is $socket"
    has "with what to do" "$ERR" "Set KEYFOB_SOCKET to an absolute path"
done
run env KEYFOB_SOCKET=agent.sock "$BIN/keyfob" doctor
has "doctor says it as well" "$OUT" "KEYFOB_SOCKET is agent.sock"
