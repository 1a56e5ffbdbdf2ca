#!/usr/bin/env bash
# TLS for real, with the sandbox's own CA: trusted by ca_file or SSL_CERT_FILE, refused otherwise,
# and refused for another host name.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
sandbox --tls "$SCRATCH/tls"
CACERT=$SCRATCH/tls/ca.pem
has "the URL is https" "$U" "https://127.0.0.1:"
login() { printf sandbox-password | kf login "$1" --method password --email plain@example.test --password-stdin; }

profile_dev
run login dev
is "an unknown CA is refused" "$RC" 5
has "and named" "$ERR" "certificate"
kf agent stop || fail stop

export SSL_CERT_FILE=$CACERT
run kf agent start
profile_dev dev2
run login dev2
is "SSL_CERT_FILE is honoured" "$RC:$ERR" "0:$ERR"
kf agent stop || fail stop
unset SSL_CERT_FILE

mkdir "$SCRATCH/certs"
cp "$CACERT" "$SCRATCH/certs/ca.pem"
openssl rehash "$SCRATCH/certs" || fail "openssl rehash"
run env SSL_CERT_DIR="$SCRATCH/certs" "$BIN/keyfob" agent start
profile_dev dev4
run login dev4
is "SSL_CERT_DIR is honoured" "$RC:$ERR" "0:$ERR"
kf agent stop || fail stop

mkdir -p "$XDG_CONFIG_HOME/keyfob"
CONF=$XDG_CONFIG_HOME/keyfob/keyfob.conf
sed -i "/^\[keyfob\]/a ca_file=$CACERT" "$CONF"
grep -q ca_file "$CONF" || printf '[keyfob]\nca_file=%s\n' "$CACERT" >>"$CONF"
printf sk_test_sandbox | kf profile add dev3 --client-id client_sandbox --api-key-stdin --api-host "$U" >/dev/null || fail add
run login dev3
is "ca_file is honoured: $ERR" "$RC" 0
# 127.0.0.2 reaches the same port only if the sandbox listened there; a name that is not in the
# certificate is tried through the address instead.
H=${U/127.0.0.1/localhost.localdomain}
if getent hosts localhost.localdomain >/dev/null 2>&1; then
    printf sk_test_sandbox | kf profile add wrong --client-id client_sandbox --api-key-stdin --api-host "$H" >/dev/null || fail add
    run login wrong
    is "another host name is refused" "$RC" 5
fi
