#!/usr/bin/env bash
# What keyfob costs as a whole process with a warm agent, against /bin/true, in one run; what others cost that keep a
# credential in a process or a keyring; and what keyfob links. Prints figures; only the link list is a check.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
sandbox
profile_dev
login_dev
kf token dev >/dev/null || fail token
"$BIN/warm_token" "${BENCH_RUNS:-200}" -- /bin/true -- "$BIN/keyfob" token dev -- "$BIN/keyfob" --version \
    -- "$BIN/keyfob" --help -- "$BIN/keyfob" status dev --prompt '{profile} {state}{alert} {left}' \
    -- "$BIN/keyfob" status dev --json || fail "bench"

# git's cache: the helper alone, which is what keyfob token is, and git with it
export GIT_CONFIG_GLOBAL=$HOME/gitconfig GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0
git config --global credential.helper cache
asked='protocol=https\nhost=git.example.test\n'
printf "$asked" >"$SCRATCH/question"
printf "${asked}username=u\npassword=p\n" | git credential approve || fail "git's cache"
has "git's cache" "$(git credential fill <"$SCRATCH/question")" password=p
echo "--- git's credential cache"
"$BIN/warm_token" "${BENCH_RUNS:-200}" "$SCRATCH/question" -- /bin/true -- "$BIN/keyfob" token dev \
    -- "$(git --exec-path)/git-credential-cache" get -- git credential fill || fail "bench of git's cache"
git credential-cache exit

echo "--- secret-tool and a real gnome-keyring"
mkdir "$SCRATCH/keyring"
BIN=$BIN AGENT_DIR=$XDG_RUNTIME_DIR RUNS=${BENCH_RUNS:-100} "$SRC/tests/keyring/gk-session.sh" "$SCRATCH/keyring" pw bash -c '
    printf x | secret-tool store --label=bench bench token || exit
    export KEYFOB_SOCKET=$AGENT_DIR/keyfob/agent.sock # that agent, although this session has other homes
    exec "$BIN/warm_token" "$RUNS" -- /bin/true -- "$BIN/keyfob" token dev -- secret-tool lookup bench token' 2>"$SCRATCH/keyring.err" ||
    fail "bench of secret-tool: $(cat "$SCRATCH/keyring.err")"
libs=$(ldd "$BIN/keyfob" | awk '{print $1}')
echo "keyfob links:" $libs
for lib in glib gio gobject curl secret crypto ssl ncurses tinfo sodium microhttpd; do
    hasnt "keyfob does not link $lib" "$libs" "lib$lib"
done
pid=$(kf agent status --json | json pid)
[ -r "/proc/$pid/smaps_rollup" ] && awk '/^Pss:/{print "agent PSS with one profile:", $2, "kB"}' "/proc/$pid/smaps_rollup"
