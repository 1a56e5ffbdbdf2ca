#!/usr/bin/env bash
# exec with real children: where the token is, where it is not, what passes through, and how it ends.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
# what started this test may have left descriptors open (255 is bash's own)
for f in /proc/$$/fd/*; do f=${f##*/}; [ "$f" -le 2 ] || [ "$f" -eq 255 ] || eval "exec $f>&-"; done
sandbox
profile_dev
login_dev
T=$(kf token dev) || fail token
EXP=$(kf token dev --json | json expires_at)

# --- as it always was: exec replaces itself ---
is "the variables" "$(kf exec dev -- sh -c 'echo "$WORKOS_ACCESS_TOKEN $KEYFOB_PROFILE $KEYFOB_EXPIRES_AT $WORKOS_CLIENT_ID"')" "$T dev $EXP client_sandbox"
is "the time as a number" "$(kf exec dev -- sh -c 'date -u -d @"$KEYFOB_EXPIRES_EPOCH" +%FT%TZ')" "$EXP"
is "--env" "$(kf exec dev --env MY_TOKEN -- sh -c 'echo "$MY_TOKEN${WORKOS_ACCESS_TOKEN-none}"')" "${T}none"
is "the token of an exec around it is gone" "$(WORKOS_ACCESS_TOKEN=old KEYFOB_TOKEN_FILE=old kf exec dev --env MY_TOKEN -- env | grep -c '=old$')" 0
is "it becomes the command" "$(sh -c 'echo $$; exec "$0" exec dev -- sh -c "echo \$\$"' "$BIN/keyfob" | uniq | wc -l | tr -d ' ')" 1
is "a signal of the command" "$(kf exec dev -- sh -c 'kill -TERM $$'; echo $?)" 143
is "closed stdout" "$(kf exec dev -- true >&-; echo $?)" 0

# --- --fd and --file: in no environment, readable again, not writable ---
cat >"$SCRATCH/look.py" <<'P'
import os, re, sys
environ, token = open('/proc/self/environ', 'rb').read(), sys.stdin.read().encode()
assert token and token not in environ, 'the token is in the environment'
assert b'WORKOS_ACCESS_TOKEN' not in environ
kind, name = sys.argv[1:]
if kind == 'fd':
    fd = int(os.environ[name])
    again = f'/proc/self/fd/{fd}'
    assert os.read(fd, 65536) == token, 'not from its start'
else:
    again = os.environ[name]
    fd = int(re.fullmatch(r'/proc/self/fd/(\d+)', again)[1])
for _ in range(2):
    assert open(again, 'rb').read() == token
os.lseek(fd, 0, 0)
assert os.read(fd, 65536) == token
for wrong in (lambda: os.write(fd, b'x'), lambda: os.truncate(fd, 0), lambda: os.truncate(fd, 1 << 20)):
    try: wrong()
    except OSError: continue
    sys.exit('the descriptor can be changed')
link = os.readlink(f'/proc/self/fd/{fd}')
others = [l for n in os.listdir('/proc/self/fd') if n != str(fd) and os.path.lexists(p := f'/proc/self/fd/{n}') and 'keyfob' in (l := os.readlink(p))]
assert 'keyfob-token' in link and not others, others
print('good', fd)
P
look() { printf %s "$T" | kf exec dev "${@:3}" -- python3 "$SCRATCH/look.py" "$1" "$2"; }
is "--fd 3" "$(look fd KEYFOB_TOKEN_FD --fd 3)" "good 3"
is "--fd 1023" "$(ulimit -n 2048; look fd KEYFOB_TOKEN_FD --fd 1023)" "good 1023"
for n in 4 5 6 7 8; do is "--fd $n, whatever keyfob itself has there" "$(look fd N --fd $n --env N)" "good $n"; done
has "--file" "$(look file KEYFOB_TOKEN_FILE --file)" good
has "--file with a name of its own" "$(look file MY_FILE --file --env MY_FILE)" good
has "inside an exec that has it in the environment" "$(printf %s "$T" | kf exec dev -- "$BIN/keyfob" exec dev --file -- python3 "$SCRATCH/look.py" file KEYFOB_TOKEN_FILE)" good
is "from sh" "$(kf exec dev --fd 9 -- sh -c 'cat <&9; echo; cat /dev/fd/9; echo $KEYFOB_TOKEN_FD')" "$T"$'\n'"${T}9"
is "a path that tools take" "$(kf exec dev --file -- sh -c 'cat "$KEYFOB_TOKEN_FILE"')" "$T"

# --- bad input: 125, one line that says what, nothing run ---
bad() {
    local what=$1 word=$2
    shift 2
    run timeout 20 "$BIN/keyfob" "$@"
    [ "$RC" -eq 125 ] || fail "$what: exit $RC; $ERR"
    is "$what: nothing on stdout" "$OUT" ""
    has "$what: says so" "$ERR" "$word"
}
bad "no command" "needs a command" exec dev
bad "no command behind --" "needs a command" exec dev --
bad "no --" "too many" exec dev echo ran
bad "an unknown option" "no option" exec dev --nope -- echo ran
bad "no such profile" "nope" exec nope -- echo ran
bad "a profile name with a slash" "name" exec 'a/b' -- echo ran
bad "no duration" "min-valid" exec dev --min-valid 5 -- echo ran
for n in 0 1 2 1024 99999999999999999999 -1 +5 05 3x ''; do bad "--fd '$n'" "from 3 to 1023" exec dev "--fd=$n" -- echo ran; done
bad "--fd without a number" "too many" exec dev --fd -- echo ran
exec 7</dev/null
bad "--fd of an open descriptor" "open already" exec dev --fd 7 -- echo ran
exec 7<&-
bad "--fd and --file" "name one" exec dev --fd 7 --file -- echo ran
bad "--file takes no value" "takes no value" exec dev --file=x -- echo ran
is "--fd above the limit" "$(ulimit -n 64; kf exec dev --fd 900 -- echo ran 2>/dev/null; echo $?)" 125
for n in '' 1A 'A B' 'A=B' $'A\nB' 'é' 'A-B' "$(printf 'x%.0s' {1..300})="; do bad "--env '${n:0:9}'" "no name of a variable" exec dev "--env=$n" -- echo ran; done
for n in PATH KEYFOB_PROFILE WORKOS_CLIENT_ID; do bad "--env $n" "another use" exec dev --env $n -- echo ran; done
run kf exec dev --json -- /nonexistent/x
is "no such command" "$RC$OUT" 127
run kf exec dev -- $'/nonexistent/\e[31mx'
hasnt "its name is shown without its controls" "$ERR" $'\e'
is "a folder is no command" "$(kf exec dev -- / 2>/dev/null; echo $?)" 126
run kf exec nope --json -- true
is "an error as JSON says 125 as well" "$RC$(printf %s "$ERR" | json exit)" 125125
