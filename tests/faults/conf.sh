#!/usr/bin/env bash
# conf.sh SOURCE BIN: two agents add profiles; keyfob.conf is missing or truncated during renewals.
# Prints "RESULT scenario tried lost worst_wait_s" for each, and exits 1 if something was lost.
# KF_FAULTS_N: number of profiles (160). KF_FAULTS_ROUNDS: renewals of each kind (20).
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
N=${KF_FAULTS_N:-160} ROUNDS=${KF_FAULTS_ROUNDS:-20}
export KEYFOB_STORE=vault KEYFOB_PASSPHRASE_FILE=$SCRATCH/pass
printf 'correct horse battery\n' >"$SCRATCH/pass"
chmod 600 "$SCRATCH/pass"
CONF=$XDG_CONFIG_HOME/keyfob/keyfob.conf
TOTAL=0
ms() { echo $((${EPOCHREALTIME/./} / 1000)); }
# result SCENARIO TRIED LOST WORST_MS
result() {
    printf 'RESULT %s %d %d %d.%03d\n' "$1" "$2" "$3" $(($4 / 1000)) $(($4 % 1000))
    TOTAL=$((TOTAL + $3))
    CHECKS=$((CHECKS + 1))
}
log() { cat "$XDG_STATE_HOME/keyfob/keyfobd.log"{.1,} 2>/dev/null; }
# instant SECONDS: for how long the file is missing
instant() { read -r -t "$1" <> <(:) || true; }

# --- two agents in one home: each has its own socket
mkdir -p "$SCRATCH/b/run"
chmod 700 "$SCRATCH/b/run"
adder() { # RUNTIME_DIR LETTER COUNT
    export XDG_RUNTIME_DIR=$1
    local i start
    for ((i = 0; i < $3; i++)); do
        start=$(ms)
        "$BIN/keyfob" profile add "$2$i" --client-id client_1 >/dev/null 2>&1 || continue
        printf '%s %s\n' "$2$i" $(($(ms) - start)) >>"$SCRATCH/added.$2"
    done
}
two_agents() {
    local pids=() p run letter lost=0 worst=0 n=0 name took
    kf profile list >/dev/null 2>&1
    XDG_RUNTIME_DIR=$SCRATCH/b/run KEYFOB_LOG_FILE=$SCRATCH/b/log \
        "$BIN/keyfob" profile list >/dev/null 2>&1
    for letter in a b c d; do
        run=$XDG_RUNTIME_DIR
        case $letter in c | d) run=$SCRATCH/b/run ;; esac
        : >"$SCRATCH/added.$letter"
        adder "$run" "$letter" $((N / 4)) &
        pids+=($!)
    done
    for p in "${pids[@]}"; do wait "$p"; done
    while read -r name took; do
        n=$((n + 1))
        [ "$took" -le "$worst" ] || worst=$took
        grep -qx "\[profile $name\]" "$CONF" || lost=$((lost + 1))
    done < <(cat "$SCRATCH"/added.?)
    [ "$n" -gt 0 ] || fail "nothing was added"
    result conf-two-agents "$n" "$lost" "$worst"
    kf agent stop -q
    XDG_RUNTIME_DIR=$SCRATCH/b/run "$BIN/keyfob" agent stop -q
}

# --- away and truncated: one profile with a session
# asked: waits up to 20 s for a token
asked() {
    local end=$((SECONDS + 20))
    until kf token dev >"$SCRATCH/last" 2>/dev/null; do
        [ $SECONDS -lt $end ] || return 1
        instant 0.2
    done
}
# begin: a renewal is on its way, its answer comes a second later
begin() {
    local before
    LOGGED=$(log | wc -l)
    before=$(stat_of grants refresh_token)
    faults '[{"path":"/user_management/authenticate","grant":"refresh_token","nth":1,
        "delay_ms":1000}]'
    (
        start=$(ms)
        "$BIN/keyfob" token dev --renew >"$SCRATCH/got" 2>"$SCRATCH/why" || exit 1
        echo $(($(ms) - start)) >"$SCRATCH/took"
    ) &
    RENEWAL=$!
    for _ in $(seq 1000); do
        case $(stats) in *"\"refresh_token\":$((before + 1))"[,}]*) return 0 ;; esac
        instant 0.01
    done
}
# ended STATES: the renewal gave a token, the session is there, and the log behind line LOGGED has
# no other states
ended() {
    wait "$RENEWAL" || return 1
    asked || return 1
    [ "$(cat "$SCRATCH/took")" -le "$WORST" ] || WORST=$(cat "$SCRATCH/took")
    ! log | tail -n +$((LOGGED + 1)) | grep 'profile dev: .* -> ' |
        grep -vE -- "-> ($1)(,|\$)" | grep -q .
}
state() { kf status dev --json | json state; }

away() {
    local i good lost=0
    WORST=0
    for ((i = 0; i < ROUNDS; i++)); do
        begin
        mv "$CONF" "$CONF.away"
        if ! kill -0 "$RENEWAL" 2>/dev/null; then # too late: once more
            mv "$CONF.away" "$CONF"
            i=$((i - 1))
            continue
        fi
        good=1
        [ -n "$(kf profile list 2>/dev/null)" ] || good=0
        instant 0.2
        mv "$CONF.away" "$CONF"
        ended 'renewing|signed_in' || good=0
        lost=$((lost + 1 - good))
    done
    result conf-away "$ROUNDS" "$lost" "$WORST"
}

truncated() {
    local i good lost=0 vault=$XDG_DATA_HOME/keyfob/vault
    WORST=0
    cp "$CONF" "$SCRATCH/conf"
    for ((i = 0; i < ROUNDS; i++)); do
        begin
        mv "$vault" "$vault.away"
        : >"$vault" # nothing can be saved
        if ! kill -0 "$RENEWAL" 2>/dev/null; then
            rm "$vault"
            mv "$vault.away" "$vault"
            i=$((i - 1))
            continue
        fi
        wait_until "the answer" sh -c "! kill -0 $RENEWAL"
        good=1
        [ "$(state)" = unsaved ] || good=0
        : >"$CONF"
        instant 0.2
        cat "$SCRATCH/conf" >"$CONF"
        rm "$vault"
        mv "$vault.away" "$vault"
        ended 'renewing|signed_in|unsaved' || good=0
        cmp -s "$SCRATCH/got" "$SCRATCH/last" || good=0 # the renewed one, and no older one
        lost=$((lost + 1 - good))
    done
    for ((i = 0; i < 200; i++)); do
        [ "$(state)" != signed_in ] || break
        instant 0.1
    done
    kf agent stop -q
    kf renew dev >/dev/null 2>&1 || lost=$((lost + 1))
    [ "$(stat_of reused)" -eq 0 ] || lost=$((lost + 1))
    result conf-truncated-unsaved "$ROUNDS" "$lost" "$WORST"
}

two_agents
rm "$CONF"
sandbox
profile_dev 2>/dev/null
login_dev
kf token dev >/dev/null || fail token
away
truncated
[ "$TOTAL" -eq 0 ]
