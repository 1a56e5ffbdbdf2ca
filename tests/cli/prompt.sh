#!/usr/bin/env bash
# status --prompt: for shell prompts; starts nothing, asks nobody, and is silent where keyfob is not used.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
run kf status --prompt '{profile}'
is "without profiles: nothing, and no error" "$RC$OUT$ERR" 0
run kf status nobody --prompt '{profile}'
is "no such profile: the same" "$RC$OUT$ERR" 0
run kf status --prompt '{profil}'
is "an unknown field is told also without profiles" "$RC$OUT" 2
has "with the fields there are" "$ERR" "profile state left"

sandbox
profile_dev
login_dev
is "signed in" "$(kf status dev --prompt '[{profile} {state}{alert}]{left? }')" '[dev signed_in] '
kf logout dev >/dev/null
wait_until "the list of profiles" grep -q signed_out "$XDG_STATE_HOME/keyfob/profiles"
is "signed out" "$(kf status --prompt '{profile}{alert}{left? up}')" dev
kf agent stop || fail stop
is "without an agent" "$(kf status --prompt '{profile}{alert}')" dev
is "none was started" "$(kf agent status --json | json running)" false
strace -f -o "$SCRATCH/trace" -e trace=network,process "$BIN/keyfob" status --prompt '{profile}' >/dev/null 2>&1
if grep -E 'socket\(|connect\(' "$SCRATCH/trace" || [ "$(grep -c 'execve(' "$SCRATCH/trace")" != 1 ]; then fail "it talked to somebody"; fi
ok "no socket, no process"
cp "$XDG_STATE_HOME/keyfob/profiles" "$SCRATCH/copy"
printf 'nonsense\n' >"$XDG_STATE_HOME/keyfob/profiles"
run kf status --prompt '{profile}'
is "a damaged list is told, and not on stdout" "$RC$OUT" 1
rm "$XDG_STATE_HOME/keyfob/profiles"
mkfifo "$XDG_STATE_HOME/keyfob/profiles"
run timeout 10 "$BIN/keyfob" status --prompt '{profile}'
is "a pipe in its place does not hang it" "$RC$OUT" 1
run bash -c "rm '$XDG_STATE_HOME/keyfob/profiles'; cp '$SCRATCH/copy' '$XDG_STATE_HOME/keyfob/profiles'; '$BIN/keyfob' status --prompt '{profile}' >/dev/full"
[ "$RC" -ne 0 ] || fail "a full stdout went unnoticed"
ok "a full stdout is told"
