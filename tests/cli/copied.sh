#!/usr/bin/env bash
# What people copy and what editors on Windows write: a line that ends with CR LF means the same as
# one that ends with LF, and blanks around an address, a code or an ID do not count. A password
# keeps its blanks.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
export KEYFOB_STORE=vault KEYFOB_PASSPHRASE_FILE=$SCRATCH/pass
(umask 077 && printf 'correct horse battery\n' >"$SCRATCH/pass")
sandbox

printf 'sk_test_sandbox\r\n' | kf profile add dev --client-id ' client_sandbox ' \
    --api-key-stdin --api-host " $U" >/dev/null 2>"$SCRATCH/err" || fail "profile add: $(cat "$SCRATCH/err")"
ok "--api-key-stdin, --client-id and --api-host"
is "the key is the one without the line end" "$(kf export dev --what api-key --format raw)" sk_test_sandbox
printf '  sk_test_sandbox \n' | kf profile edit dev --api-key-stdin >/dev/null || fail "profile edit"
is "nor with blanks" "$(kf export dev --what api-key --format raw)" sk_test_sandbox

sign_in() { # OPTION...: what is on stdin
    kf logout dev --local-only >/dev/null 2>&1
    run kf login dev "$@"
}
sign_in --email ' plain@example.test ' --password-stdin < <(printf 'sandbox-password\r\n')
is "--password-stdin: $ERR" "$RC" 0
for line_end in '\n' '\r\n'; do
    sign_in --answers-stdin < <(printf "email= plain@example.test \t${line_end}password=sandbox-password$line_end")
    is "--answers-stdin, lines end with '$line_end': $ERR" "$RC" 0
done
sign_in --as-other-user --answers-stdin < <(printf 'email=totp@example.test\r\npassword=sandbox-password\r\ntotp= %s \r\n' "$(totp)")
is "a code: $ERR" "$RC" 0
sign_in --as-other-user --answers-stdin < <(printf 'email=orgs@example.test\r\npassword=sandbox-password\r\norganization= org_01KSB0000000000000000GX002 \r\n')
is "an organization: $ERR" "$RC" 0
kf login dev --as-other-user --email plain@example.test --password-stdin < <(printf 'sandbox-password') >/dev/null || fail login
for password in ' sandbox-password' 'sandbox-password '; do
    sign_in --answers-stdin < <(printf 'email=plain@example.test\npassword=%s\n' "$password")
    is "a password is taken as it is: '$password'" "$RC" 7
    sign_in --email plain@example.test --password-stdin < <(printf '%s\n' "$password")
    is "on stdin as well" "$RC" 7
done
sign_in --email plain@example.test --password-stdin < <(printf 'sandbox-password')
is "without a line end at all" "$RC" 0

kf agent stop -q
printf 'correct horse battery\r\n' >"$SCRATCH/pass"
run kf token dev
is "KEYFOB_PASSPHRASE_FILE: $ERR" "$RC" 0
run kf vault passphrase --passphrase-stdin < <(printf 'correct horse battery\r\nanother long passphrase\r\n')
is "vault passphrase: $ERR" "$RC" 0
kf agent stop -q
printf 'another long passphrase\n' >"$SCRATCH/pass"
run kf token dev
is "the new one has no CR in it: $ERR" "$RC" 0

run env WORKOS_CLIENT_ID=$'client_sandbox\r' "$BIN/keyfob" profile add env1 --api-host "$U"
is "WORKOS_CLIENT_ID: $ERR" "$RC" 0
is "without the CR" "$(kf profile show env1 --json | json client_id)" client_sandbox
printf 'WORKOS_CLIENT_ID=client_sandbox\r\nWORKOS_API_KEY=sk_test_sandbox\r\n' >"$SCRATCH/.env"
run kf profile import --from env "$SCRATCH/.env" --as env2
is ".env: $ERR" "$RC" 0
is "its key" "$(kf export env2 --what api-key --format raw)" sk_test_sandbox
mkdir "$SCRATCH/work" && cd "$SCRATCH/work" || exit 1
printf 'dev\r\n' >.keyfob
kf allow >/dev/null || fail allow
is ".keyfob" "$(kf token)" "$(kf token dev)"
sed -i 's/$/\r/' "$XDG_CONFIG_HOME/keyfob/keyfob.conf"
run kf config set keepalive 6h
is "keyfob.conf: $ERR" "$RC" 0
is "its values" "$(kf profile show dev --json | json client_id)" client_sandbox
