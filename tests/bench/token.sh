#!/usr/bin/env bash
# What `keyfob token` costs as a whole process with a warm agent, against /bin/true, in one run; and
# what it links. Prints figures; only the link list is a check.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
sandbox
profile_dev
login_dev
kf token dev >/dev/null || fail token
"$BIN/warm_token" "${BENCH_RUNS:-200}" -- /bin/true -- "$BIN/keyfob" token dev -- "$BIN/keyfob" --version \
    -- "$BIN/keyfob" status dev --json || fail "bench"
libs=$(ldd "$BIN/keyfob" | awk '{print $1}')
echo "keyfob links:" $libs
for lib in glib gio gobject curl secret crypto ssl ncurses tinfo sodium microhttpd; do
    hasnt "keyfob does not link $lib" "$libs" "lib$lib"
done
pid=$(kf agent status --json | json pid)
[ -r "/proc/$pid/smaps_rollup" ] && awk '/^Pss:/{print "agent PSS with one profile:", $2, "kB"}' "/proc/$pid/smaps_rollup"
