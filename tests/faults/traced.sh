#!/usr/bin/env bash
# traced.sh SRC BIN TEST [NAME...]: runs a test of another folder with every keyfobd under strace,
# and checks the order of every renewal. TEST is a path below tests, such as agent/session.py.
if [ "$(id -u)" -ne 0 ]; then exec unshare -r "$0" "$@"; fi
SRC=$1 BIN=$2 TEST=$3
shift 3
. "$SRC/tests/lib.sh"
LOGS=$SCRATCH/logs
mkdir "$LOGS" "$SCRATCH/bin"
for program in "$BIN"/keyfob* "$BIN"/git-credential-keyfob; do
    # Copies, because the programs look for each other in their own folder.
    cp -P "$program" "$SCRATCH/bin/"
done
OPTIONS=$(python3 -B -c 'import shlex, sys; sys.path.insert(0, sys.argv[1]); import order
print(shlex.join(order.OPTIONS))' "$SRC/tests/faults") || fail "the options of strace"
# strace must not inherit a pipe: a caller that waits for its end would wait for strace.
cat >"$SCRATCH/bin/keyfobd" <<EOS
#!/usr/bin/env bash
(
    (
        for fd in /proc/\$BASHPID/fd/*; do
            fd=\${fd##*/}
            [ "\$fd" -lt 3 ] || eval "exec \$fd>&-"
        done
        exec strace -qq $OPTIONS -o "$LOGS/\$\$" -p \$\$ </dev/null >/dev/null 2>"$LOGS/\$\$.said"
    ) &
)
for ((i = 0; i < 1000; i++)); do
    while read -r key value; do
        [ "\$key" != TracerPid: ] || [ "\$value" = 0 ] || exec "$BIN/keyfobd" "\$@"
    done </proc/\$\$/status
    read -r -t 0.02 <> <(:)
done
exit 99
EOS
case $TEST in
*.py) run python3 -B "$SRC/tests/$TEST" "$SCRATCH/bin" "$@" ;;
*) run bash "$SRC/tests/$TEST" "$SRC" "$SCRATCH/bin" "$@" ;;
esac
[ "$RC" -eq 0 ] || printf '%s\n%s\n' "$OUT" "$ERR" | tail -n 40 >&2
is "$TEST under strace" "$RC" 0
for said in "$LOGS"/*.said; do
    [ -s "$said" ] && cat "$said" >&2
    rm "$said"
done
run python3 -B "$SRC/tests/faults/order.py" "$LOGS"/*
echo "${OUT/RESULT order/RESULT traced/$TEST}"
is "the order of its renewals: $ERR" "$RC" 0
