#!/usr/bin/env bash
# exec --mask at a terminal: the command has one of its own, and nobody notices (exec_tty.py drives it).
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
sandbox
profile_dev
login_dev
export T
T=$(kf token dev) || fail token
python3 "$SRC/tests/cli/exec_tty.py" "$BIN/keyfob" "$SCRATCH" || fail "exec at a terminal"
CHECKS=1
