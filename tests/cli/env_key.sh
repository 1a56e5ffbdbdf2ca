#!/usr/bin/env bash
# WORKOS_API_KEY counts wherever an API key counts, for a profile that has none of its own, and it is
# never stored.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
export KEYFOB_STORE=vault KEYFOB_PASSPHRASE_FILE=$SCRATCH/pass
(umask 077 && printf 'correct horse battery\n' >"$SCRATCH/pass")
sandbox
host=${U#http://}
export WORKOS_API_KEY=sk_test_sandbox WORKOS_CLIENT_ID=client_sandbox WORKOS_API_HTTPS=false \
    WORKOS_API_HOSTNAME=${host%:*} WORKOS_API_PORT=${host#*:}

# no profile at all
run kf login --email totp@example.test --answers-stdin < <(printf 'password=sandbox-password\ntotp=%s\n' "$(totp)")
is "login: $ERR" "$RC" 0
P=$(kf profile list --json | json items 0 name)
is "the profile it made has no key" "$(kf profile show "$P" --json | json confidential)" false
run kf token
is "token: $ERR" "$RC" 0
for command in "session list" "factor list" "org list" "token --check"; do
    # shellcheck disable=SC2086
    run kf $command
    is "$command: $ERR" "$RC" 0
    [ -n "$OUT" ] || fail "$command: nothing"
    # shellcheck disable=SC2086
    run env -u WORKOS_API_KEY "$BIN/keyfob" $command
    case $command in
    token*) is "without the variable it asks in another way: $ERR" "$RC" 0 ;;
    *)
        is "$command without the variable" "$RC" 7
        has "says what would do" "$ERR" "or set WORKOS_API_KEY"
        ;;
    esac
done
F=$(kf factor list --json | json items 0 id)
has "the factor" "$F" auth_factor_
run kf session revoke --others --yes
is "session revoke: $ERR" "$RC" 0

# it is for one environment, and must be a key
run env WORKOS_CLIENT_ID=client_other "$BIN/keyfob" session list
is "a key of another client is not sent" "$RC" 7
run env WORKOS_API_KEY=nonsense "$BIN/keyfob" session list
is "what is no key is refused" "$RC" 2
has "by name" "$ERR" "WORKOS_API_KEY is not an API key"
run env -u WORKOS_CLIENT_ID "$BIN/keyfob" session list
is "without WORKOS_CLIENT_ID it counts: $ERR" "$RC" 0
run env WORKOS_API_KEY=sk_test_wrong "$BIN/keyfob" session list
is "a wrong key is WorkOS's to refuse" "$RC" 7

# a profile's own key takes precedence
printf 'sk_test_sandbox' | kf profile add own --client-id client_sandbox --api-key-stdin >/dev/null 2>&1 || fail "profile add"
printf 'sandbox-password' | kf login own --email plain@example.test --password-stdin >/dev/null || fail login
run env WORKOS_API_KEY=sk_test_wrong "$BIN/keyfob" session list own
is "the stored key is used: $ERR" "$RC" 0

# stored nowhere, logged nowhere
kf agent stop -q
is "the key is in no file" "$(grep -rl sk_test "$XDG_CONFIG_HOME" "$XDG_STATE_HOME" "$XDG_DATA_HOME" 2>/dev/null)" ""
run kf logout "$P"
is "logout: $ERR" "$RC" 0
