#!/usr/bin/env bash
# Bad input and bad luck, one by one: each gives a clear error with its exit status, and the stored
# session is untouched afterwards.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
export KEYFOB_STORE=vault KEYFOB_PASSPHRASE_FILE=$SCRATCH/pass
printf 'correct horse battery\n' >"$SCRATCH/pass"
chmod 600 "$SCRATCH/pass"
sandbox --replay-window 0s
profile_dev
login_dev
T=$(kf token dev)
AUTH=/user_management/authenticate

# gives WHAT EXIT WORD COMMAND...: the exit status, a word on stderr, an empty stdout
gives() {
    local what=$1 exit=$2 word=$3
    shift 3
    [ "$1" != kf ] || set -- "$BIN/keyfob" "${@:2}"
    run timeout 60 "$@"
    [ "$RC" -eq "$exit" ] || fail "$what: exit $RC, want $exit; stderr: $ERR"
    [ -z "$OUT" ] || fail "$what: stdout is not empty: $OUT"
    case $ERR in *"$word"*) ;; *) fail "$what: '$word' is not in: $ERR" ;; esac
    case $ERR in *$'\e'*) fail "$what: an escape on stderr" ;; esac
    ok "$what: exit $exit, says '$word'"
}
untouched() { is "the session is untouched after $1" "$(kf token dev --min-valid 1ms)" "$T"; }
login() { printf '%s' "$1" | "$BIN/keyfob" login "$2" --method password --email "${3:-plain@example.test}" --password-stdin; }
export -f login
export BIN

gives "wrong password" 7 "password" bash -c "login wrong dev"
untouched "a wrong password"
gives "unknown profile" 4 "nope" kf token nope
gives "bad profile name" 2 "name" kf profile add 'Bad/Name' --client-id client_sandbox --api-host "$U"
gives "bad client ID" 2 "client" kf profile add ok --client-id 'sk_test_oops' --api-host "$U"
gives "http to a host that is not this machine" 2 "https" kf profile add ok --client-id client_x --api-host http://example.test
gives "unknown command" 2 "profile" kf profle
gives "bad duration" 2 "min-valid" kf token dev --min-valid 10
gives "no secret as an argument" 2 "password" kf login dev --method password --password x

printf sk_test_sandbox | kf profile add unknown --client-id client_unknown --api-key-stdin --api-host "$U" >/dev/null || fail add
gives "unknown client ID" 7 "client_unknown" bash -c "login sandbox-password unknown"
printf sk_test_wrong | kf profile add wrongkey --client-id client_sandbox --api-key-stdin --api-host "$U" >/dev/null || fail add
gives "wrong API key" 7 "API key" bash -c "login sandbox-password wrongkey"
kf profile add pub --client-id client_sandbox_public --api-host "$U" >/dev/null || fail add
gives "password without an API key" 7 "API key" bash -c "login sandbox-password pub"
gives "code needed but not given" 3 "code" bash -c "login sandbox-password dev totp@example.test"
gives "SSO only" 3 "" bash -c "login sandbox-password dev sso@example.test"
untouched "refused sign-ins"

# a port that nobody listens on
DEAD=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
printf sk_test_sandbox | kf profile add dead --client-id client_sandbox --api-key-stdin --api-host "http://127.0.0.1:$DEAD" >/dev/null || fail add
gives "nobody listens" 5 "127.0.0.1" bash -c "login sandbox-password dead"
gives "nobody listens, another device" 5 "127.0.0.1" kf login dead --method device
printf sk_test_sandbox | kf profile add nodns --client-id client_sandbox --api-key-stdin --api-host "https://keyfob-test.invalid" >/dev/null || fail add
gives "no such host" 5 "keyfob-test.invalid" bash -c "login sandbox-password nodns"

# renewals that go wrong: the session stays and the still valid token is served
fault() { faults "$1"; }
fault '[{"path":"'$AUTH'","grant":"refresh_token","from":1,"to":99,"status":500,"content_type":"text/html","body":"<html>oops</html>"}]'
gives "500 with HTML" 5 "" kf token dev --renew
untouched "a 500"
fault '[{"path":"'$AUTH'","grant":"refresh_token","from":1,"to":99,"status":429,"headers":{"Retry-After":"30"},"body":"{\"error\":\"too_many_requests\"}"}]'
gives "429" 9 "" kf token dev --renew
untouched "a 429"
fault '[]'
kf agent stop || fail stop # forget the back-off
fault '[{"path":"'$AUTH'","grant":"refresh_token","from":1,"to":99,"status":401,"body":"{\"message\":\"Unauthorized\"}"}]'
gives "401 on a renewal" 7 "" kf token dev --renew
untouched "a 401"
is "state is error" "$(kf status dev --json | json state)" error
fault '[{"path":"'$AUTH'","grant":"password","from":1,"to":99,"truncate":40}]'
gives "truncated JSON" 5 "" bash -c "login sandbox-password dev"
untouched "truncated JSON"
fault '[{"path":"'$AUTH'","grant":"password","from":1,"to":99,"status":200,"body":"'"$(printf '[%.0s' $(seq 20000))"'"}]'
gives "deep nesting" 5 "" bash -c "login sandbox-password dev"
fault '[{"path":"'$AUTH'","grant":"password","from":1,"to":99,"status":200,"body_size":1048576}]'
gives "1 MB of answer" 5 "" bash -c "login sandbox-password dev"
fault '[{"path":"'$AUTH'","grant":"password","from":1,"to":99,"replace":{"access_token":"not-a-jwt"}}]'
gives "a token that is no JWT" 5 "" bash -c "login sandbox-password dev"
fault '[{"path":"'$AUTH'","grant":"password","from":1,"to":99,"remove":["refresh_token"]}]'
gives "a sign-in without a refresh token" 5 "refresh" bash -c "login sandbox-password dev"
fault '[{"path":"'$AUTH'","grant":"password","from":1,"to":99,"drop":"after"}]'
gives "the connection drops" 5 "" bash -c "login sandbox-password dev"
untouched "all of that"

fault '[{"path":"'$AUTH'","grant":"refresh_token","from":1,"to":1,"remove":["refresh_token"]}]'
kf renew dev >/dev/null || fail "renewal without a refresh token in the answer"
T=$(kf token dev)
ok "a renewal may bring no refresh token"
fault '[]'

# a proxy in the environment never sees loopback
kf agent stop || fail stop
run env https_proxy="http://127.0.0.1:$DEAD" http_proxy="http://127.0.0.1:$DEAD" all_proxy="http://127.0.0.1:$DEAD" "$BIN/keyfob" renew dev
is "loopback does not go through a proxy" "$RC" 0
T=$(kf token dev)
kf agent stop || fail stop

# settings
CONF=$XDG_CONFIG_HOME/keyfob/keyfob.conf
cp "$CONF" "$SCRATCH/conf.good"
{ cat "$SCRATCH/conf.good"; echo 'this is no setting'; } >"$CONF"
sum=$(sha256sum <"$CONF")
line=$(wc -l <"$CONF")
gives "a syntax error in keyfob.conf" 2 "keyfob.conf:$line" kf profile add late --client-id client_x --api-host "$U"
is "keyfob.conf was not overwritten" "$(sha256sum <"$CONF")" "$sum"
cp "$SCRATCH/conf.good" "$CONF"
untouched "a broken keyfob.conf"

# origin binding: the settings point elsewhere, the secrets do not go there
"$BIN/keyfob-sandbox" --port 0 --ready-file "$SCRATCH/other" >/dev/null 2>&1 &
PIDS+=($!)
wait_until "the other sandbox" test -s "$SCRATCH/other"
OTHER=$(sed -n 1p "$SCRATCH/other")
sed -i "s|$U|$OTHER|" "$CONF"
kf agent stop || fail stop
gives "a changed api_host" 3 "" kf token dev
is "nothing was sent there" "$(curl -sS "$OTHER/sandbox/stats" | json requests | tr -d '\n' | grep -c authenticate)" 0
cp "$SCRATCH/conf.good" "$CONF"
kf agent stop || fail stop
untouched "a changed api_host"

# the vault
kf agent stop || fail stop
VAULT=$XDG_DATA_HOME/keyfob/vault
cp -a "$VAULT" "$SCRATCH/vault.good"
for f in "$VAULT"/*; do
    case $f in */header | *lock) continue ;; esac
    python3 -c 'import sys; p=sys.argv[1]; b=bytearray(open(p,"rb").read()); b[len(b)//2]^=1; open(p,"wb").write(b)' "$f"
done
gives "a flipped bit in a record" 6 "" kf token dev
kf agent stop || fail stop
rm -rf "$VAULT"
cp -a "$SCRATCH/vault.good" "$VAULT"
untouched "a damaged record that was put back"
kf agent stop || fail stop
printf 'not the passphrase\n' >"$SCRATCH/pass"
gives "a wrong passphrase" 7 "passphrase" kf token dev
kf agent stop || fail stop
run env -u KEYFOB_PASSPHRASE_FILE "$BIN/keyfob" token dev
is "no passphrase and nobody to ask" "$RC" 6
kf agent stop || fail stop
printf 'correct horse battery\n' >"$SCRATCH/pass"
untouched "a wrong passphrase"

# the socket directory belongs to somebody else, or is open to others
kf agent stop || fail stop
chmod 777 "$XDG_RUNTIME_DIR/keyfob"
gives "a socket directory open to others" 6 "keyfob" kf token dev
chmod 700 "$XDG_RUNTIME_DIR/keyfob"
if [ "$(id -u)" -eq 0 ]; then
    chown 65534 "$XDG_RUNTIME_DIR/keyfob"
    gives "a socket directory of another user" 6 "keyfob" kf token dev
    chown 0 "$XDG_RUNTIME_DIR/keyfob"
fi
gives "a socket path that is too long" 2 "107" env XDG_RUNTIME_DIR="$SCRATCH/$(printf 'x%.0s' $(seq 120))" "$BIN/keyfob" agent start
untouched "all of it"
