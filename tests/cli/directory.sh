#!/usr/bin/env bash
# The profile follows the directory: .keyfob is found upwards, used once it was allowed, and refused when it is not right.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
sandbox
profile_dev one
profile_dev two
login_dev one plain@example.test
login_dev two plain@example.test
W=$SCRATCH/work
mkdir -p "$W/a/sub/deep" "$W/b" "$W/c"

# gives WHAT EXIT WORD DIR COMMAND...: run in DIR; the exit status, a word on stderr, an empty stdout
gives() {
    local what=$1 exit=$2 word=$3 dir=$4
    shift 4
    RC=0
    OUT=$(cd "$dir" && timeout 60 "$BIN/keyfob" "$@" 2>"$SCRATCH/err" </dev/null) || RC=$?
    ERR=$(cat "$SCRATCH/err")
    [ "$RC" -eq "$exit" ] || fail "$what: exit $RC, want $exit; stderr: $ERR"
    [ -z "$OUT" ] || fail "$what: stdout is not empty: $OUT"
    case $ERR in *"$word"*) ;; *) fail "$what: '$word' is not in: $ERR" ;; esac
    case $ERR in *$'\e'*) fail "$what: an escape on stderr" ;; esac
    ok "$what: exit $exit, says '$word'"
}
in_dir() { (cd "$1" && shift && "$BIN/keyfob" "$@"); }
sid() { python3 -c 'import base64,json,sys; p=sys.argv[1].split(".")[1]; print(json.loads(base64.urlsafe_b64decode(p+"="*(-len(p)%4)))["sid"])' "$1"; }

# --- trusted on first use
is "without a file the default is used" "$(in_dir "$W/a" status --json | json profile)" one
printf '# whose tokens are used here\n\n  two  \n' >"$W/b/.keyfob"
echo one >"$W/a/.keyfob"
gives "a file that was not allowed" 2 "$W/b/.keyfob" "$W/b" token
has "it says what to run" "$ERR" "keyfob allow"
gives "status too" 2 "allow" "$W/b" status
is "a prompt says nothing of it" "$(in_dir "$W/b" status --prompt '{profile}')" ""
is "another profile can be named" "$(in_dir "$W/b" status one --json | json profile)" one
has "allow" "$(in_dir "$W/b" allow)" "$W/b/.keyfob uses the profile two"
is "allow DIR, as JSON" "$(kf allow "$W/a" --json)" '{"schema":"keyfob.allow/1","file":"'"$W/a/.keyfob"'","profile":"one","allowed":true}'
is "the list" "$(kf allow --list | tr -s ' ' | sort | tr '\n' ';')" "one $W/a/.keyfob;two $W/b/.keyfob;"
is "the list is private" "$(stat -c %a "$XDG_STATE_HOME/keyfob/allowed")" 600
is "the profile of b" "$(in_dir "$W/b" status --json | json profile)" two
is "found upwards" "$(in_dir "$W/a/sub/deep" status --json | json profile)" one

deep=$W/b/$(printf 'd/%.0s' {1..100})
mkdir -p "$deep"
is "from a hundred levels below" "$(in_dir "$deep" status --json | json profile)" two
too_deep=$(python3 -c 'import os, subprocess, sys
os.chdir(sys.argv[2])
for i in range(45):
    os.mkdir("n" * 100)
    os.chdir("n" * 100)
r = subprocess.run([sys.argv[1], "token"], capture_output=True, text=True)
print(r.returncode, r.stdout, r.stderr)' "$BIN/keyfob" "$W/b")
has "below a path that is too long it is not the default: exit 2" "$too_deep" "2  keyfob: "
has "with the reason" "$too_deep" "is longer than 4095 bytes"

# --- two shells at the same time, in two directories
shell_in() { (cd "$1" && read -r _ <"$SCRATCH/go.$2" && for _ in 1 2 3 4 5; do "$BIN/keyfob" token --min-valid 1ms || exit 1; done) >"$SCRATCH/out.$2" 2>&1; }
mkfifo "$SCRATCH/go.a" "$SCRATCH/go.b"
shell_in "$W/a/sub" a &
A=$!
shell_in "$W/b" b &
B=$!
echo go >"$SCRATCH/go.a"
echo go >"$SCRATCH/go.b"
wait $A || fail "the shell in a: $(cat "$SCRATCH/out.a")"
wait $B || fail "the shell in b: $(cat "$SCRATCH/out.b")"
is "a: five times one token" "$(sort -u "$SCRATCH/out.a" | wc -l) $(wc -l <"$SCRATCH/out.a")" "1 5"
is "b: five times one token" "$(sort -u "$SCRATCH/out.b" | wc -l) $(wc -l <"$SCRATCH/out.b")" "1 5"
is "a's is one's" "$(head -1 "$SCRATCH/out.a")" "$(kf token one --min-valid 1ms)"
is "b's is two's" "$(head -1 "$SCRATCH/out.b")" "$(kf token two --min-valid 1ms)"
[ "$(sid "$(head -1 "$SCRATCH/out.a")")" != "$(sid "$(head -1 "$SCRATCH/out.b")")" ] || fail "one session for both"
ok "they are two sessions"

# --- which rule won
has "why: the file" "$(in_dir "$W/b" status --why)" "two, by the file $W/b/.keyfob"
has "why: an argument" "$(in_dir "$W/b" status one --why)" "one, by argument"
has "why: and the file that came second" "$(in_dir "$W/b" status one --why)" "$W/b/.keyfob names two; argument takes precedence"
has "why: KEYFOB_PROFILE goes before the file" "$(KEYFOB_PROFILE=one in_dir "$W/b" status --why)" "one, by KEYFOB_PROFILE"
has "why: and names the file" "$(KEYFOB_PROFILE=one in_dir "$W/b" status --why)" "$W/b/.keyfob names two; KEYFOB_PROFILE takes precedence"
has "why: a KEYFOB_PROFILE that came second" "$(KEYFOB_PROFILE=two in_dir "$W/c" -p one status --why)" "KEYFOB_PROFILE is two; --profile takes precedence"
has "why: the default" "$(in_dir "$W/c" status --why)" "one, by default profile"
hasnt "nobody lost" "$(in_dir "$W/c" status --why)" "takes precedence"
is "a child of exec keeps its profile in another directory" \
    "$(cd "$W/a" && "$BIN/keyfob" exec -- sh -c "cd '$W/b' && '$BIN/keyfob' status --json" | json profile)" one

# --- it changes: it has to be allowed again
echo one >"$W/b/.keyfob"
gives "a changed file" 2 "was allowed when it named two" "$W/b" token
has "why names it" "$(KEYFOB_PROFILE=two in_dir "$W/b" status --why)" "not used: $W/b/.keyfob names one now"
in_dir "$W/b" allow >/dev/null || fail allow
is "allowed again" "$(in_dir "$W/b" status --json | json profile)" one
printf 'one\n# a comment more\n' >"$W/b/.keyfob"
is "a comment needs no new allow" "$(in_dir "$W/b" status --json | json profile)" one
in_dir "$W/b" allow --revoke >/dev/null || fail revoke
gives "revoked" 2 "not allowed yet" "$W/b" token
rm "$W/b/.keyfob"
in_dir "$W/b" allow >/dev/null 2>&1 && fail "allow without a file"
is "the first stays" "$(kf allow --list | wc -l)" 1
kf allow --revoke "$W/a" --json >/dev/null && echo one >"$W/a/.keyfob" && kf allow "$W/a" >/dev/null || fail "again"

# --- refused, each with the file's name; allow refuses them too
F=$W/b/.keyfob
refused() { # WHAT WORD
    gives "$1" 2 "$2" "$W/b" token
    gives "$1, allow" 2 "$2" "$W/b" allow
    rm -rf "$F"
}
ln -s "$W/a/.keyfob" "$F" && refused "a link" "is a link"
mkfifo "$F" && refused "a pipe" "regular"
mkdir "$F" && refused "a directory" "regular"
truncate -s 1G "$F" && refused "1 GB" "4 KiB"
echo one >"$F" && chmod 666 "$F" && refused "writable by everybody" "written by everybody"
: >"$F" && refused "empty" "names no profile"
printf '# only a comment\n' >"$F" && refused "only a comment" "names no profile"
printf 'one\ntwo\n' >"$F" && refused "two names" "line 2"
printf '\n\none two\n' >"$F" && refused "a blank in the name" "line 3"
printf '../one\n' >"$F" && refused "a path" "line 1"
printf 'ONE\n' >"$F" && refused "upper case" "line 1"
printf '\303\266ne\n' >"$F" && refused "a look-alike" "line 1"
printf 'o\rne\n' >"$F" && refused "a carriage return in a name" "control"
printf '# \033[31mred\none\n' >"$F" && refused "an escape in a comment" "control"
printf 'one\n\0two\n' >"$F" && refused "a NUL" "control"
printf '%065d\n' 0 >"$F" && refused "65 characters" "line 1"
mkdir "$W/b/open" && chmod 777 "$W/b/open" && echo one >"$W/b/open/.keyfob"
gives "a directory that everybody may write into" 2 "everybody" "$W/b/open" token
rm -rf "$W/b/open"
if [ "$(id -u)" -eq 0 ]; then
    echo one >"$F" && chown 65534 "$F" && refused "somebody else's file" "somebody else"
    # a shared folder as /tmp is: anybody's file there is not for us, and breaks nothing
    mkdir -p "$W/tmp/mine" && chmod 1777 "$W/tmp" && echo two >"$W/tmp/.keyfob" && chown 65534 "$W/tmp/.keyfob"
    is "anybody's file in a shared folder" "$(in_dir "$W/tmp/mine" status --json | json profile)" one
    chown 65534 "$W/c" && mkdir "$W/c/in" && echo two >"$W/c/.keyfob"
    is "the look ends at somebody else's directory" "$(in_dir "$W/c/in" status --json | json profile)" one
    chown 0 "$W/c"
    rm -rf "$W/c/.keyfob"
fi

# --- a profile that is not there
echo nope >"$F"
run in_dir "$W/b" allow
is "a name without a profile can be allowed" "$RC" 0
has "and is told" "$ERR" "no profile called nope"
gives "no such profile" 4 "$F" "$W/b" token
gives "no such profile, status" 4 "$F" "$W/b" status
rm "$F"

# --- the list
L=$XDG_STATE_HOME/keyfob/allowed
cp "$L" "$SCRATCH/list"
gives "no list, nothing allowed" 2 "not allowed" "$W/a" token --json <<<"$(rm "$L")"
printf 'keyfob-allowed 1\none\t%s\n' relative/.keyfob >"$L"
gives "a damaged list" 1 "line 2" "$W/a" token
gives "a damaged list is not written over" 1 "line 2" "$W/a" allow
cp "$SCRATCH/list" "$L"
chmod 622 "$L"
gives "a list that others can write" 6 "Bad owner or permissions on" "$W/a" token
chmod 600 "$L"
is "put back" "$(in_dir "$W/a" status --json | json profile)" one
for i in $(seq 12); do mkdir "$W/c/$i" && echo one >"$W/c/$i/.keyfob" && "$BIN/keyfob" allow "$W/c/$i" >/dev/null 2>"$SCRATCH/e.$i" & P[i]=$!; done
for i in $(seq 12); do wait "${P[i]}" || fail "allow at the same time: $(cat "$SCRATCH/e.$i")"; done
is "allowed by twelve at the same time" "$(kf allow --list | grep -c "$W/c/")" 12
is "the sandbox of --sandbox has nothing to do with it" "$(cd "$W/c/1" && "$BIN/keyfob" --sandbox status --json | json profile)" sandbox
PIDS+=("$(sed -n 2p "$XDG_RUNTIME_DIR/keyfob-sandbox/ready")")
"$BIN/keyfob" --sandbox agent stop >/dev/null || fail "stop the agent of --sandbox"
gives "--list stands alone" 2 "alone" "$W" allow --list x
