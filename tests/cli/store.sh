#!/usr/bin/env bash
# store status, moving out of memory into a vault, and the vault's passphrase, also killed in between.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
CONF=$XDG_CONFIG_HOME/keyfob/keyfob.conf
vault=$XDG_DATA_HOME/keyfob/vault
sandbox
run kf store move --to memory
is "not into memory" "$RC" 2
run kf store move --to vault
is "KEYFOB_STORE decides" "$RC" 2
has "which is said" "$ERR" KEYFOB_STORE
kf agent stop -q
unset KEYFOB_STORE
mkdir -p "${CONF%/*}"
printf '# mine\n[keyfob]\nstore = memory\n' >"$CONF"
profile_dev
login_dev
T=$(kf token dev) || fail token
is "status" "$(kf store status --json | json sessions)$(kf store status --json | json api_keys)$(kf store status --json | json store kind)" 11memory

run kf store move --to vault
is "a vault needs a passphrase, and nobody is there" "$RC" 3
is "nothing was moved" "$(kf store status --json | json store kind)" memory
run kf store move --to vault --passphrase-stdin </dev/null
is "an empty one is none" "$RC" 2
run kf store move --to vault --passphrase-stdin <<<'one two three'
is "moved: $ERR" "$RC$OUT" "0Moved 2 secrets from memory to vault"
is "status" "$(kf store status --json | json sessions)$(kf store status --json | json api_keys)$(kf store status --json | json store kind)" 11vault
is "the settings say so" "$(kf config get store)$(grep -c store_moved_from "$CONF")" vault0
has "comments stay" "$(cat "$CONF")" "# mine"
is "the session goes on" "$(kf token dev)$(kf renew dev >/dev/null && echo renewed)" "${T}renewed"
T=$(kf token dev)
run kf store move --to vault
is "there already" "$RC$OUT" "0Secrets are in vault already"

# another passphrase
kf agent stop -q
run kf token dev
is "the next agent needs the passphrase" "$RC$OUT" 6
run kf vault passphrase --passphrase-stdin < <(printf 'wrong\nthree four five\n')
is "the old one must be right" "$RC" 7
for bad in 'one two three\n' 'one two three\n\n' '\nthree\n' 'one two three\nthree\nfour\n'; do
    run kf vault passphrase --passphrase-stdin < <(printf "$bad")
    is "not two lines" "$RC" 2
done
run kf vault passphrase --passphrase-stdin < <(printf 'one two three\nthree four\n')
is "a short one is refused" "$RC" 2
has "with the reason" "$ERR" "fewer than 12 characters"
run kf vault passphrase
is "nobody to ask" "$RC" 3
is "the header has its copy" "$(cmp "$vault/header" "$vault/header.copy" 2>&1)" ""
before=$(cksum "$vault"/*.session "$vault"/*.api-key)
run kf vault passphrase --passphrase-stdin < <(printf 'one two three\nthree four five\n')
is "changed: $ERR" "$RC" 0
is "no record was written again" "$(cksum "$vault"/*.session "$vault"/*.api-key)" "$before"
is "the copy is that of the new header" "$(cmp "$vault/header" "$vault/header.copy" 2>&1)" ""
printf 'one two three' >"$SCRATCH/pass"
chmod 600 "$SCRATCH/pass"
export KEYFOB_PASSPHRASE_FILE=$SCRATCH/pass
kf agent stop -q
run kf token dev
is "the old one opens nothing" "$RC$OUT" 7
kf agent stop -q
printf 'three four five\n' >"$SCRATCH/pass"
is "the new one does" "$(kf token dev)" "$T"
run kf vault passphrase --passphrase-stdin < <(printf 'three four five\nfive hundred miles\n')
is "an open vault" "$RC" 0
has "the file has the old one, which is said" "$ERR" "still has the old one"
is "the agent goes on" "$(kf token dev)" "$T"
printf "five hundred miles" >"$SCRATCH/pass"
kf agent stop -q
is "so does the next one" "$(kf token dev)" "$T"

# a short one, said aloud
run kf vault passphrase --weak --passphrase-stdin < <(printf 'five hundred miles\nfive\n')
is "--weak takes a short one: $ERR" "$RC" 0
has "doctor tells" "$(kf doctor)" "fewer than 12 characters"
kf agent stop -q
printf five >"$SCRATCH/pass"
has "also the next agent's" "$(kf doctor)" "fewer than 12 characters"
kf vault passphrase --passphrase-stdin -q < <(printf 'five\nfive hundred miles\n') || fail "back"
is "and no longer" "$(kf doctor | grep -c 'fewer than 12')" 0
printf 'five hundred miles' >"$SCRATCH/pass"
kf agent stop -q
mv "$vault" "$vault.away"
printf 'eleven char' >"$SCRATCH/pass"
run env -u KEYFOB_PASSPHRASE_FILE "$BIN/keyfob" unlock --passphrase-stdin <"$SCRATCH/pass"
isnt_made() { [ ! -e "$vault/header" ]; }
isnt_made || fail "a typed short one made a vault"
run env -u KEYFOB_PASSPHRASE_FILE "$BIN/keyfob" unlock --weak --passphrase-stdin <"$SCRATCH/pass"
is "unlock --weak makes it: $ERR" "$RC" 0
isnt_made && fail "no vault was made"
kf agent stop -q
rm -r "$vault"
run kf token dev
is "one of a file makes it, whatever its length: the session is not in it" "$RC" 3
isnt_made && fail "no vault was made of the file"
has "doctor tells" "$(kf doctor)" "fewer than 12 characters"
kf agent stop -q
rm -r "$vault"
mv "$vault.away" "$vault"

# killed, or out of luck, while it writes the header: one of the two opens it, never none
for call in fsync rename; do
    for n in 1 2 3 4 5 6 7 8; do
        kf agent stop -q
        printf "five hundred miles" >"$SCRATCH/pass"
        strace -f -qq -o /dev/null -e trace=$call -e inject=$call:signal=SIGKILL:when=$n "$BIN/keyfobd" --foreground 2>/dev/null &
        wait_until "the agent" kf agent status
        wait_until "its socket" test -S "$XDG_RUNTIME_DIR/keyfob/agent.sock"
        run kf vault passphrase --passphrase-stdin < <(printf 'five hundred miles\nsix hundred miles\n')
        wait $! 2>/dev/null
        opens=
        for pass in "five hundred miles" "six hundred miles"; do
            kf agent stop -q
            printf %s "$pass" >"$SCRATCH/pass"
            if [ "$(kf token dev 2>/dev/null)" = "$T" ]; then opens=$pass; fi
        done
        [ -n "$opens" ] || fail "killed at $call $n: nothing opens the vault"
        is "killed at $call $n: $opens opens it, and so does the copy" "$(cmp "$vault/header" "$vault/header.copy" 2>&1)" ""
        if [ "$opens" = "six hundred miles" ]; then
            kf agent stop -q
            printf "six hundred miles" >"$SCRATCH/pass"
            kf vault passphrase --passphrase-stdin -q < <(printf 'six hundred miles\nfive hundred miles\n') || fail "back"
        fi
    done
done
kf vault passphrase --passphrase-stdin -q < <(printf 'five hundred miles\nsix hundred miles\n') || fail last
is "nothing is left beside it" "$(ls "$vault" | grep 'header\.')" header.copy
