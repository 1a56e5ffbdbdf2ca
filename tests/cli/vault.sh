#!/usr/bin/env bash
# The vault loses nothing: a header that cannot be read, is damaged or is gone; a folder that goes away under a
# running agent; errors and kills at each call of a save; what kills leave.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
export KEYFOB_STORE=vault KEYFOB_PASSPHRASE_FILE=$SCRATCH/pass
(umask 077 && printf 'correct horse battery\n' >"$SCRATCH/pass")
VAULT=$XDG_DATA_HOME/keyfob/vault STATE=$XDG_STATE_HOME/keyfob
sandbox
profile_dev
login_dev
T=$(kf token dev) || fail token
R=$(echo "$VAULT"/*.session)
kf agent stop -q

# traced [OPTION...]: an agent whose system calls strace changes; AGENT is strace's pid
traced() {
    strace -f -qq -o /dev/null "$@" "$BIN/keyfobd" --foreground 2>/dev/null &
    AGENT=$!
    PIDS+=("$AGENT")
    wait_until "the agent" test -S "$XDG_RUNTIME_DIR/keyfob/agent.sock"
}
over() {
    kf agent stop -q 2>/dev/null
    wait "$AGENT" 2>/dev/null
}
headers() { (cd "$VAULT" && cksum header* 2>&1); }

# the header cannot be read
good=$(headers)
is "the header has a copy" "$(cmp "$VAULT/header" "$VAULT/header.copy" 2>&1)" ""
for e in EIO EACCES ESTALE EMFILE; do
    traced -P "$VAULT/header" -e trace=%file -e inject=%file:error=$e
    is "$e on the header: the copy is used" "$(kf token dev)" "$T"
    has "which doctor says" "$(kf doctor)" "$VAULT/header cannot be read; its copy header.copy is used"
    has "and store status" "$(kf store status)" "$VAULT/header cannot be read; its copy header.copy is used"
    over
    is "$e: nothing was replaced" "$(headers)" "$good"
    traced -P "$VAULT/header" -P "$VAULT/header.copy" -e trace=%file -e inject=%file:error=$e
    run kf token dev
    is "$e on both: exit 6, $ERR" "$RC$OUT" 6
    has "which is what it is" "$ERR" "The secret store cannot be read now: open $VAULT/header"
    run kf login dev --method password --email plain@example.test --password-stdin <<<sandbox-password
    is "$e on both: no sign-in makes a new one" "$RC" 6
    over
    is "$e on both: nothing was replaced" "$(headers)" "$good"
    is "$e: the session is there afterwards" "$(kf token dev)" "$T"
    kf agent stop -q
done
# a folder whose owner and mode cannot be seen is not used, and nothing else happens to it
traced -P "$VAULT" -e trace=%file -e inject=%file:error=EIO
run kf token dev
is "EIO on the folder" "$RC" 6
has "is told as that" "$ERR" "cannot be read now"
over
is "EIO on the folder: nothing was replaced" "$(headers)" "$good"
is "EIO on the folder: the session is there afterwards" "$(kf token dev)" "$T"
kf agent stop -q

# it is damaged, or gone
damage() { printf x | dd of="$VAULT/$1" bs=1 seek=40 conv=notrunc status=none; }
damage header
is "a damaged header" "$(kf token dev)" "$T"
is "is put back from its copy" "$(headers)" "$good"
has "which doctor says" "$(kf doctor)" "$VAULT/header is damaged; it was put back from its copy header.copy"
has "and the log" "$(cat "$STATE/keyfobd.log")" "header is damaged; it was put back"
kf agent stop -q
rm "$VAULT/header"
is "a missing header" "$(kf token dev)" "$T"
is "too" "$(headers)" "$good"
kf agent stop -q
mkdir "$SCRATCH/away"
mv "$VAULT"/header* "$SCRATCH/away"
run kf token dev
is "both are missing beside records: exit 6" "$RC$OUT" 6
has "what is wrong" "$ERR" "$VAULT/header is missing, and its copy header.copy is missing"
has "what to do" "$ERR" "Put header or header.copy back from a backup."
run kf login dev --method password --email plain@example.test --password-stdin <<<sandbox-password
is "nor does a sign-in make a new one" "$RC$(ls "$VAULT" | grep -c header)" 60
mv "$SCRATCH/away"/header* "$VAULT"
is "back, and so is the session" "$(kf token dev)" "$T"
kf agent stop -q
cp "$VAULT/header" "$SCRATCH/away"
printf 'KFVAULT2 and what a later version has' >"$VAULT/header"
run kf token dev
is "a header of a later version: exit 6" "$RC$OUT" 6
has "which is said" "$ERR" "A file was written by a newer keyfob: $VAULT/header is of a later version"
is "it stays" "$(head -c 8 "$VAULT/header")" KFVAULT2
cp "$SCRATCH/away/header" "$VAULT/header"
is "the session" "$(kf token dev)" "$T"

# a record that cannot be read is neither damaged nor absent; the keep-alive tries again by itself
kf agent stop -q
sed -i 's/\tsigned_in\t[0-9]*\t/\tsigned_in\t1000\t/' "$STATE/profiles"
before=$(stat_of grants refresh_token)
traced -P "$R" -e trace=openat -e inject=openat:error=EIO:when=1..3
run kf token dev --min-valid 1ms
is "EIO on the record: exit 6" "$RC$OUT" 6
has "which is what it is" "$ERR" "The secret store cannot be read now: open $R: Input/output error"
wait_until "a try by itself that can read it" sh -c "'$BIN/keyfob' status dev --json | grep -q signed_in"
is "and the token is served" "$(kf token dev)" "$T"
over
is "nothing was spent for it" "$(stat_of grants refresh_token)" "$before"

# the folder goes away under a running agent, which holds the key
is "an open vault" "$(kf token dev)" "$T"
mv "$VAULT" "$SCRATCH/vault"
run kf token dev --renew
is "the folder is gone: exit 6" "$RC$OUT" 6
has "which is said" "$ERR" "The secret store is not there: the vault in $VAULT is gone"
run kf logout dev
is "nobody is signed out" "$RC" 6
is "nor asked to sign in" "$(kf status dev --json | json state)" locked
is "no other folder was made" "$(ls "$VAULT" 2>&1 | grep -c header)" 0
kf lock -q
run kf unlock --passphrase-stdin <<<'correct horse battery'
is "locked: it is not new either" "$RC$(ls "$VAULT" 2>&1 | grep -c header)" 60
mv "$SCRATCH/vault" "$VAULT"
kf unlock --passphrase-stdin -q <<<'correct horse battery' || fail unlock
is "it is back" "$(kf token dev)" "$T"
kf agent stop -q

# each call of a renewal on the record's files fails, or is the last: the session goes on with the next agent
alive() {
    run kf token dev
    [ "$RC" -eq 0 ] || fail "$1: $ERR"
    run kf token dev --renew
    [ "$RC" -eq 0 ] || fail "$1, and renewed: $ERR"
    kf agent stop -q
    left=$(ls "$VAULT" | grep -v '^header$\|^header.copy$\|^vault.lock$\|\.session$\|\.api-key$')
    [ -z "$left" ] || fail "$1: left $left"
}
# one OPTION: the renewal of an agent that strace changes, which is then killed
one() {
    traced -P "$R" -P "$R.next" -P "$VAULT" "$@"
    kf token dev --renew >/dev/null 2>&1
    pid=$(kf agent status --json | json pid) # killed already: that of the next one
    kill -9 "$pid" "$AGENT" 2>/dev/null
    wait "$AGENT" 2>/dev/null
}
# CALLS=%file,%desc takes all of them, and minutes
CALLS=${CALLS:-pwrite64,ftruncate,fsync,rename}
trace=$(mktemp "$SCRATCH/calls.XXXXXX")
strace -f -qq -o "$trace" -P "$R" -P "$R.next" -P "$VAULT" -e trace="$CALLS" "$BIN/keyfobd" --foreground 2>/dev/null &
AGENT=$!
wait_until "the agent" test -S "$XDG_RUNTIME_DIR/keyfob/agent.sock"
kf token dev --renew >/dev/null || fail renew
over
n=$(wc -l <"$trace")
[ "$n" -ge 7 ] || fail "a renewal with $n calls: $(cat "$trace")"
for i in $(seq "${SHORT:-$n}"); do
    one -e trace="$CALLS" -e inject="$CALLS":signal=SIGKILL:when="$i"
    alive "killed at call $i"
done
ok "killed at each of $n calls"
for i in $(seq "${SHORT:-$n}"); do
    one -e trace="$CALLS" -e inject="$CALLS":error=EIO:when="$i"
    alive "EIO at call $i"
done
ok "EIO at each of $n calls, then killed"
for i in $(seq "${SHORT:-$n}"); do
    one -e trace="$CALLS" -e inject="$CALLS":error=ENOSPC:when="$i+"
    alive "ENOSPC from call $i on"
done
ok "ENOSPC from each of $n calls on, then killed"
is "no refresh token was used twice" "$(stat_of reused)" 0
