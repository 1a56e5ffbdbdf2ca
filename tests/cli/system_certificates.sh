#!/usr/bin/env bash
# ca_file and SSL_CERT_FILE replace the system's certificates: a server whose certificate only the
# system's store knows is refused. The store is this test's own, over /etc/ssl/certs.
SRC=$1 BIN=$2
. "$SRC/tests/cli/mounts.inc"
own_mounts "$0" "$@"
. "$SRC/tests/lib.sh"
STORE=/etc/ssl/certs
[ -d "$STORE" ] || fail "no $STORE"
sandbox --tls "$SCRATCH/tls"
mkdir -m 755 "$SCRATCH/store"
cp "$SCRATCH/tls/ca.pem" "$SCRATCH/store/ca-certificates.crt"
cp "$SCRATCH/tls/ca.pem" "$SCRATCH/store/sandbox.pem"
openssl rehash "$SCRATCH/store" || fail "openssl rehash"
mount --bind "$SCRATCH/store" "$STORE" || fail "mount"
"$BIN/keyfob-sandbox" --port 0 --tls "$SCRATCH/other" --ready-file "$SCRATCH/other.ready" >/dev/null 2>&1 &
PIDS+=($!)
wait_until "another CA" test -s "$SCRATCH/other.ready"
OTHER=$SCRATCH/other/ca.pem
login() { printf sandbox-password | kf login "dev$N" --method password --email plain@example.test --password-stdin; }
N=0
# a new agent, and a new profile, because the key of the old one was in memory
again() {
    kf agent stop || fail stop
    kf agent start || fail start
    profile_dev dev$((N += 1))
}

profile_dev dev0
run login
is "the system's store counts: $ERR" "$RC" 0
export SSL_CERT_FILE=$OTHER
again
run login
is "SSL_CERT_FILE replaces it" "$RC" 5
has "the certificate is named" "$ERR" "certificate"
unset SSL_CERT_FILE
again
run kf config set ca_file "$OTHER"
is "ca_file is set: $ERR" "$RC" 0
run login
is "ca_file replaces it" "$RC" 5
export SSL_CERT_DIR=$STORE
again
run login
is "ca_file replaces SSL_CERT_DIR, too" "$RC" 5
unset SSL_CERT_DIR
again
run kf config set ca_file "$SCRATCH/tls/ca.pem"
run login
is "the right ca_file is enough: $ERR" "$RC" 0

# certificates that another user can change
chmod 666 "$SCRATCH/tls/ca.pem"
run login
is "a file that others can write" "$RC" 6
has "is named" "$ERR" "Bad owner or permissions on $SCRATCH/tls/ca.pem"
run kf config set ca_file "$SCRATCH/tls/ca.pem"
is "and not set" "$RC" 2
run kf doctor
has "and told" "$OUT" "can be written by others"
chmod 644 "$SCRATCH/tls/ca.pem"
run login
is "put right: $ERR" "$RC" 0
