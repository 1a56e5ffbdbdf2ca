#!/usr/bin/env bash
# Help fits the screen, every command has it, completions are valid, mistakes are told.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
run kf --help
is "--help" "$RC" 0
# fits WHAT TEXT [ROWS]: 80 columns, and as many rows, of which a prompt needs one more
fits() { printf '%s\n' "$2" | awk -v most="${3:-23}" 'length > 80 {print; bad = 1} END {exit bad || NR > most}' || fail "$1 does not fit"; }
fits --help "$OUT"
for word in $(kf help --commands | cut -d" " -f1 | sort -u); do
    printf '%s\n' "$OUT" | sed -n '/^  Tokens/,/^$/p' | grep -qw -- "$word" || fail "--help does not name $word"
done
has "help commands has those of a group in one line" "$(kf help commands)" "profile ...      add list"
commands=$(kf help --man | sed -n '/^.SH COMMANDS/,/^.SH OPTIONS/s/^\.B //p' | grep -v '^ui$')
run kf profile
is "half a command" "$RC" 2
has "half a command: says so" "$ERR" "keyfob help profile"
run kf profile --help
has "half a command with --help: its other halves" "$RC$ERR$OUT" "0usage: keyfob profile COMMAND"
has "every one of them" "$OUT" "keyfob profile rename       give a profile"
run kf profile renam x
has "a wrong other half: the near one" "$RC$OUT$ERR" "2keyfob: there is no command profile renam; did you mean: keyfob profile rename"
run kf profile destroy x
has "or all of them" "$RC$OUT$ERR" "2keyfob: there is no command profile destroy; there are add, list, show, rm, default, edit, "
[ "$(printf '%s\n' "$commands" | wc -l)" -ge 15 ] || fail "too few commands were found: $commands"
while read -r c; do
    # shellcheck disable=SC2086
    run kf $c --help
    is "keyfob $c --help" "$RC" 0
    fits "keyfob $c --help" "$OUT"
    has "keyfob $c --help has its usage" "$OUT" "usage: keyfob $c"
    # shellcheck disable=SC2086
    fits "keyfob help $c" "$(kf help $c)" 40
    # shellcheck disable=SC2086
    run kf help $c --man
    has "man page of $c" "$OUT" ".SH EXIT STATUS"
done <<<"$commands"
sh "$SRC/data/man/make.sh" "$BIN/keyfob" "$SCRATCH/doc" || fail "the man pages cannot be made"
pages=0
for page in "$SCRATCH"/doc/man?/* "$SRC"/data/man/*.[0-9]; do
    found=$(mandoc -T lint -W warning "$page") || fail "$page: $found"
    for section in NAME "EXIT STATUS" ENVIRONMENT FILES; do grep -q "^.SH $section\$" "$page" || fail "$page has no $section"; done
    name=$(basename "$page" | sed 's/\.[0-9]$//; s/-/\\\\-/g')
    sed -n '/^.SH NAME/{n;p;}' "$page" | grep -q "^$name \\\\- ." || fail "$page has another NAME"
    sed -n 's/^\.SH //p' "$page" | tr '\n' '|' | grep -q 'EXIT STATUS|.*ENVIRONMENT|FILES|\(.*|\)*SEE ALSO|$' || fail "$page has its sections in another order"
    pages=$((pages + 1))
done
[ $pages -ge 37 ] || fail "only $pages man pages"
ok "$pages man pages without a warning of mandoc, with their sections"
for c in token exec allow status keyfob; do
    page=$SCRATCH/doc/man1/keyfob-$c.1
    [ "$c" = keyfob ] && page=$SCRATCH/doc/man1/keyfob.1
    sed -n '/^.SH FILES/,/^.fi/p' "$page" >"$SCRATCH/files"
    has "FILES of $c" "$(cat "$SCRATCH/files")" '$XDG_STATE_HOME/keyfob/allowed'
    grep -q '^\\&\.keyfob ' "$SCRATCH/files" || fail "FILES of $c lacks .keyfob"
done
hasnt "FILES of paths" "$(kf help paths --man)" keyfob/allowed
has "git's helper says how git calls it" "$(mandoc -T utf8 "$SCRATCH/doc/man1/git-credential-keyfob.1" | col -b)" "git-credential-keyfob get|store|erase"
for word in $(kf help --commands | sed -n 's/ .*//p' | sort -u); do fits "keyfob $word --help" "$(kf $word --help)"; done
for topic in commands exit-codes states environment formats keys security qr; do
    text=$(kf help "$topic") || fail "no topic $topic"
    fits "the topic $topic" "$text" 200
    has "the topics name $topic" "$(kf help help)" "$topic"
done
for format in $(kf completion words -- export --format ''); do
    kf help formats | grep -q "^$format  *[^ ]" || fail "the topic of formats has no $format"
    has "export names the format $format" "$(kf export --help | tr '\n' ' ')" " $format"
done
hasnt "a rare option is not in the way" "$(kf export --help)" --hand-over
has "but where it is told of" "$(kf help export)" "--hand-over"
is "a topic" "$(kf help exit-codes | sed -n 's/^ *5  //p')" "network or WorkOS not reachable, a proxy answered instead, time-out"
has "the keys of the screen" "$(kf help keys)" "Goes back, cancels, clears a filter; never quits."
run kf help nonsense
is "no such topic" "$RC$OUT" 2
has "the topics there are" "$ERR" "commands exit-codes states environment formats keys security qr"
mkdir -p "$XDG_STATE_HOME/keyfob"
printf 'keyfob-profiles 1\n0123456789abcdef\tacme\t1\tsigned_in\t0\t\tclient_x\n' >"$XDG_STATE_HOME/keyfob/profiles"
is "profile list starts nothing" "$(kf profile list --json | json items 0 name)" acme
is "no agent was started" "$(kf agent status --json)" '{"schema":"keyfob.agent/1","running":false}'
run kf completion tcsh
is "another shell is refused" "$RC" 2
run kf
is "no command and no terminal: help, exit 2" "$RC" 2
run kf token --json nosuch
is "an error as JSON has stdout empty" "$OUT" ""
is "its schema" "$(printf %s "$ERR" | json schema)" keyfob.error/1
is "its exit is the exit" "$(printf %s "$ERR" | json exit)" "$RC"
run bash -c "'$BIN/keyfob' --version >/dev/full"
[ "$RC" -ne 0 ] || fail "a full stdout went unnoticed"
ok "a full stdout is told"
