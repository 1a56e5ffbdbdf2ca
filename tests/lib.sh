# shellcheck shell=bash
# For test scripts: `. "$1/tests/lib.sh"` after SRC=$1 BIN=$2. Gives a scratch home of its own, the
# sandbox on a free port, and an end that leaves nothing running. Bash, because of coproc and arrays.
set -u
: "${SRC:?}" "${BIN:?}"
export LC_ALL=C.UTF-8 TZ=UTC
# The system's own programs: a python3 that is a wrapper of a version manager takes 20 times as long
# to start, and these scripts start it for every look at an answer.
export PATH=/usr/bin:/bin:$PATH

SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/kf.XXXXXX")
chmod 700 "$SCRATCH"
PIDS=()
CHECKS=0

# A clean environment: nothing of the person who runs the tests reaches keyfob.
for v in $(env | sed -n 's/^\(\(WORKOS\|KEYFOB\|XDG\)_[A-Za-z0-9_]*\)=.*/\1/p'); do unset "$v"; done
unset DBUS_SESSION_BUS_ADDRESS DISPLAY WAYLAND_DISPLAY http_proxy https_proxy all_proxy no_proxy \
    HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY SSL_CERT_FILE SSL_CERT_DIR TMUX || true

# homes DIR: points every XDG variable into DIR
homes() {
    mkdir -p "$1/run" "$1/home"
    chmod 700 "$1/run"
    export HOME=$1/home XDG_RUNTIME_DIR=$1/run XDG_CONFIG_HOME=$1/config XDG_STATE_HOME=$1/state \
        XDG_DATA_HOME=$1/data XDG_CACHE_HOME=$1/cache
}
homes "$SCRATCH/h"
export KEYFOB_STORE=memory KEYFOB_TEST_KDF=min

finish() {
    local rc=$?
    trap - EXIT
    if [ $rc -ne 0 ]; then
        for log in "$SCRATCH"/*/state/keyfob/keyfobd.log; do
            [ -f "$log" ] && { echo "--- $log"; tail -n 30 "$log"; }
        done >&2
    fi
    local dir pid
    for dir in "$SCRATCH"/*/run; do
        [ -S "$dir/keyfob/agent.sock" ] && XDG_RUNTIME_DIR=$dir timeout 15 "$BIN/keyfob" agent stop >/dev/null 2>&1
    done
    for pid in "${PIDS[@]}"; do kill "$pid" 2>/dev/null; done
    for pid in "${PIDS[@]}"; do wait "$pid" 2>/dev/null; done
    rm -rf "$SCRATCH"
    if [ $rc -eq 0 ] && [ "$CHECKS" -eq 0 ]; then
        echo "FAIL: the test checked nothing" >&2
        rc=1
    fi
    exit $rc
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
    echo "FAIL: $*" >&2
    exit 1
}
ok() {
    CHECKS=$((CHECKS + 1))
    echo "ok: $*"
}
# is WHAT GOT WANT
is() { if [ "$2" = "$3" ]; then ok "$1"; else fail "$1: got '$2', want '$3'"; fi; }
# has WHAT TEXT PART
has() { case $2 in *"$3"*) ok "$1" ;; *) fail "$1: '$3' is not in '$2'" ;; esac; }
hasnt() { case $2 in *"$3"*) fail "$1: '$3' is in '$2'" ;; *) ok "$1" ;; esac; }
# wait_until WHAT COMMAND...: tries for 20 s
wait_until() {
    local what=$1 end=$((SECONDS + 20))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || fail "$what did not happen within 20 s"
        read -r -t 0.05 <> <(:) || true
    done
}
# run COMMAND...: OUT, ERR and RC are what it gave
run() {
    RC=0
    OUT=$("$@" 2>"$SCRATCH/err") || RC=$?
    ERR=$(cat "$SCRATCH/err")
}
kf() { "$BIN/keyfob" "$@"; }

# sandbox [OPTION...]: starts one (without rate limits, unless LIMITS is set to nothing); U is its URL, SANDBOX_PID its pid. Ends with the test.
sandbox() {
    local ready=$SCRATCH/ready.$RANDOM
    "$BIN/keyfob-sandbox" --port 0 --ready-file "$ready" ${LIMITS---no-limits} "$@" >"$SCRATCH/sandbox.out" 2>&1 &
    SANDBOX_PID=$!
    PIDS+=("$SANDBOX_PID")
    wait_until "the sandbox" test -s "$ready"
    U=$(sed -n 1p "$ready")
}
stats() { curl -sS --noproxy '*' ${CACERT:+--cacert "$CACERT"} "$U/sandbox/stats"; }
# stat grants refresh_token: a number of /sandbox/stats
stat_of() { stats | python3 -c 'import json,sys; d=json.load(sys.stdin)
for k in sys.argv[1:]: d=d.get(k,0) if isinstance(d,dict) else 0
print(d)' "$@"; }
# json KEY...: a member of the JSON on stdin
json() { python3 -c 'import json,sys; d=json.load(sys.stdin)
for k in sys.argv[1:]: d=d[int(k)] if isinstance(d,list) else d.get(k)
print(d if not isinstance(d,bool) else str(d).lower())' "$@"; }
faults() { curl -sS --noproxy '*' -X POST -d "$1" "$U/sandbox/faults" >/dev/null; }
totp() { python3 - "${1:-JBSWY3DPEHPK3PXP}" <<'P'
import base64,hashlib,hmac,struct,sys,time
k=base64.b32decode(sys.argv[1]); h=hmac.new(k,struct.pack('>Q',int(time.time())//30),hashlib.sha1).digest()
o=h[19]&15; print('%06d'%((struct.unpack('>I',h[o:o+4])[0]&0x7fffffff)%1000000))
P
}
profile_dev() { printf 'sk_test_sandbox' | kf profile add "${1:-dev}" --client-id client_sandbox --api-key-stdin --api-host "$U" >/dev/null || fail "profile add"; }
login_dev() { printf 'sandbox-password' | kf login "${1:-dev}" --method password --email "${2:-plain@example.test}" --password-stdin >/dev/null || fail "login"; }
