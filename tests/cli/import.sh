#!/usr/bin/env bash
# profile import --from: the official CLIs' files and .env files as they are found on disk. Keys get into the store, the
# CLI's own tokens get nowhere, and a file changes only on a word, in exactly the bytes that were shown.
SRC=$1 BIN=$2
. "$SRC/tests/lib.sh"
sandbox
export KEYFOB_STORE=vault KEYFOB_PASSPHRASE_FILE=$SCRATCH/pass
printf 'a passphrase' >"$SCRATCH/pass"
chmod 600 "$SCRATCH/pass"
K1=sk_test_a1b2c3d4e5f6g7h8abcd K2=sk_live_a1b2c3d4e5f6g7h8wxyz RT=their-connect-refresh-token AT=their-connect-access-token
imp() { run kf profile import --from "$@"; }
names() { kf profile list --json | python3 -c 'import json,sys; print(" ".join(sorted(i["name"] for i in json.load(sys.stdin)["items"])))'; }
key_of() { kf export "$1" --what api-key --format raw --reveal; }
everything=

# --- the workos CLI: config.json and credentials.json
mkdir -p "$HOME/.workos"
chmod 700 "$HOME/.workos"
cat >"$HOME/.workos/config.json" <<X
{
  "activeEnvironment": "staging",
  "environments": {
    "staging": {
      "name": "staging",
      "type": "sandbox",
      "apiKey": "sk_test_sandbox",
      "clientId": "client_sandbox",
      "endpoint": "$U"
    },
    "Prod EU": {
      "name": "Prod EU",
      "type": "production",
      "apiKey": "$K2",
      "clientId": "client_prod"
    },
    "half": { "name": "half", "type": "unclaimed", "apiKey": "$K1", "claimToken": "their-claim-token" }
  }
}
X
printf '{"accessToken":"%s","expiresAt":1760000000000,"userId":"user_1","email":"a@b.c","refreshToken":"%s","staging":{"clientId":"client_A","apiKey":"%s","fetchedAt":1760000000000}}' $AT $RT $K1 >"$HOME/.workos/credentials.json"
chmod 600 "$HOME"/.workos/*.json
cp -a "$HOME/.workos" "$SCRATCH/before"

imp workos --dry-run
everything+=$OUT$ERR
is "a dry run: $ERR" "$RC" 0
has "names what there is" "$OUT" "Would add prod-eu: production, client_prod, sk_live_…wxyz, from $HOME/.workos/config.json"
has "a short key is masked whole" "$OUT" "sk_test_…,"
has "the address is shown when it is not the usual one" "$OUT" "at $U"
has "an environment gets the client ID of the sign-in with the same key" "$OUT" "half: unclaimed, client_A"
is "and adds nothing" "$(names)" ""
imp workos
is "without a choice it does not guess" "$RC" 3
has "and says what to give" "$ERR" "--name NAME, or --all"
imp workos --name nobody
is "a name that is not there" "$RC" 2
imp workos --name staging --name "Prod EU" --json
everything+=$OUT$ERR
is "two by name: $ERR" "$RC" 0
is "are there" "$(names)" "prod-eu staging"
is "as the answer says" "$(printf %s "$OUT" | json added)" "['staging', 'prod-eu']"
has "the plain-text key is not forgotten" "$ERR" "still stands in plain text"
is "with the key" "$(key_of prod-eu)" "$K2"
is "and the client ID" "$(kf profile show prod-eu --json | json client_id)" client_prod
is "nothing of the files changed" "$(cd "$HOME" && diff -r .workos "$SCRATCH/before" && echo same)" same
imp workos --all
is "what is there already stops all" "$RC" 2
has "by its name" "$ERR" "called staging"
is "nothing came in" "$(names)" "prod-eu staging"
imp workos --all --skip-existing
is "or is left alone: $ERR" "$RC" 0
is "the rest came" "$(names)" "half prod-eu staging"
is "the key is in the other tool's file and in the store" "$(key_of half)" "$K1"
imp workos --all --prefix w-
is "with a prefix all of them again: $ERR" "$RC" 0
has "under those names" "$(names)" "w-half w-prod-eu w-staging"
is "no request went anywhere: none with their tokens" "$(stats | python3 -c 'import json,sys
print(sum(v for v in json.load(sys.stdin).get("grants",{}).values()))')" 0
printf 'sandbox-password' | kf login staging --method password --email plain@example.test --password-stdin >/dev/null || fail "login with what was imported"
is "and the imported profile signs in by itself" "$(kf token staging -q | tr -dc . | wc -c)" 2

# --- clean-up
chmod 640 "$HOME/.workos/config.json"
imp workos --all --skip-existing --clean-up --dry-run
everything+=$OUT$ERR
has "the preview is a diff: $ERR" "$ERR" "--- $HOME/.workos/config.json
+++ $HOME/.workos/config.json
@@ -7 +7 @@
-      \"apiKey\": \"sk_test_…\",
+      \"apiKey\": \"\",
@@ -14 +14 @@
-      \"apiKey\": \"sk_live_…wxyz\",
+      \"apiKey\": \"\",
@@ -17 +17 @@
-…\"apiKey\": \"sk_test_…abcd\"…
+…\"apiKey\": \"\"…"
has "of a line with tokens only the key is shown" "$ERR" '-…"apiKey":"sk_test_…abcd"…
+…"apiKey":""…'
imp workos --all --skip-existing --clean-up
is "nobody is there to be asked" "$RC" 3
is "and nothing changed" "$(cd "$HOME" && diff -r .workos "$SCRATCH/before" && echo same)" same
imp workos --name "Prod EU" --skip-existing --clean-up --yes
is "one of them: $ERR" "$RC" 0
sed "s/$K2//" "$SCRATCH/before/config.json" >"$SCRATCH/want"
cmp "$SCRATCH/want" "$HOME/.workos/config.json" || fail "more or less than the one key went"
ok "exactly its bytes went"
is "the mode stayed" "$(stat -c %a "$HOME/.workos/config.json")" 640
is "the other file is untouched" "$(cmp "$HOME/.workos/credentials.json" "$SCRATCH/before/credentials.json" && echo same)" same
imp workos --all --skip-existing --clean-up --yes --json
everything+=$OUT$ERR
is "the rest: $ERR" "$RC" 0
for f in config credentials; do
    sed "s/$K1//; s/$K2//; s/\"sk_test_sandbox\"/\"\"/" "$SCRATCH/before/$f.json" >"$SCRATCH/want"
    cmp "$SCRATCH/want" "$HOME/.workos/$f.json" || fail "$f.json: not exactly the keys"
done
ok "both files without keys, byte for byte"
has "their tokens are still theirs" "$(cat "$HOME/.workos/credentials.json")" "$RT"
is "no file is left beside them" "$(find "$HOME/.workos" -type f | wc -l)" 2
is "the keys are in the store" "$(kf agent stop -q && key_of half)" "$K1"
for t in $RT $AT their-claim-token $K1 $K2; do hasnt "no secret was ever shown" "$everything" "$t"; done
if grep -rl -e $RT -e $AT -e $K1 -e $K2 "$XDG_STATE_HOME" "$XDG_DATA_HOME" "$XDG_CONFIG_HOME" "$XDG_RUNTIME_DIR"; then fail "a secret lies about"; fi
ok "no file of keyfob has one of them in plain text"

# only what keyfob has is taken out
printf '{"environments":{"staging":{"apiKey":"sk_test_another_key_of_mine_0","clientId":"client_sandbox"}}}' >"$HOME/.workos/config.json"
imp workos --name staging --skip-existing --clean-up --yes
is "a key that keyfob does not have: $ERR" "$RC" 0
has "stays where it is" "$(cat "$HOME/.workos/config.json")" sk_test_another_key_of_mine_0
rm -r "$HOME/.workos"

# --- the older Go CLI
cat >"$HOME/.workos.json" <<X
{
    "active_environment": "staging",
    "environments": {
        "staging": {
            "endpoint": "https://api.workos.com",
            "name": "staging",
            "type": "Sandbox",
            "api_key": "$K1"
        },
        "live": { "type": "Production", "apikey": "$K2" }
    }
}
X
chmod 644 "$HOME/.workos.json"
imp workos-go --name staging --as old
is "it knows no client IDs: $ERR" "$RC" 2
has "which is said" "$ERR" "client ID"
imp workos-go --all
is "with all of them left out nothing is done" "$RC" 2
imp workos-go --name staging --as old --client-id client_old
is "one is given: $ERR" "$RC" 0
is "and it is there" "$(kf profile show old --json | json client_id)" client_old
is "its key too" "$(key_of old)" "$K1"
imp workos-go --name live --client-id nonsense
is "a wrong one is refused" "$RC" 2

# --- .env
D=$SCRATCH/Shop
mkdir "$D"
printf '# local\r\nOTHER="two\nWORKOS_API_KEY=sk_test_inside_of_another_value"\nexport WORKOS_API_KEY="%s" # mine\nWORKOS_CLIENT_ID='"'client_env'"'\nWORKOS_API_HOSTNAME=localhost\nWORKOS_API_HTTPS=false\nWORKOS_API_PORT=4000\nWORKOS_COOKIE_PASSWORD=their-cookie-password-of-32-bytes-\nLAST=x' "$K1" >"$D/.env"
chmod 600 "$D/.env"
cp "$D/.env" "$SCRATCH/env"
run bash -c 'cd "$1" && "$2/keyfob" profile import --from env --clean-up --yes' - "$D" "$BIN"
is "a .env file of the working directory: $ERR" "$RC" 0
has "the name is the folder's" "$OUT" "Added shop: client_env, sk_test_…abcd, at http://localhost:4000, from $D/.env"
has "the cookie password is seen and not taken" "$ERR" "WORKOS_COOKIE_PASSWORD"
hasnt "nor shown" "$OUT$ERR" their-cookie
has "the preview leaves the comment out" "$ERR" '-export WORKOS_API_KEY="sk_test_…abcd"…
+export WORKOS_API_KEY=""…'
sed "s/$K1//" "$SCRATCH/env" >"$SCRATCH/want"
cmp "$SCRATCH/want" "$D/.env" || fail ".env: not exactly the key"
ok "the file is byte for byte the same without the key"
is "the key is in the store" "$(key_of shop)" "$K1"
env_is() { # WHAT TEXT STATUS SAYS
    printf "$2" >"$D/e"
    chmod 600 "$D/e"
    run kf profile import --from env "$D/e" --as bad --dry-run
    is "$1: $ERR" "$RC" "$3"
    has "$1 says so" "$OUT$ERR" "$4"
}
env_is "no variables" 'A=1\n' 2 "no WorkOS environment"
env_is "a reference" 'WORKOS_API_KEY=$KEY\n' 2 "does not expand"
env_is "an open quote" 'WORKOS_API_KEY="sk_test_x\n' 2 "line 1, WORKOS_API_KEY: the quote is not closed"
env_is "a NUL" 'WORKOS_API_KEY=sk_\0test\n' 2 "NUL"
env_is "http to elsewhere" 'WORKOS_CLIENT_ID=client_a\nWORKOS_API_HOSTNAME=evil.example\nWORKOS_API_HTTPS=0\n' 2 "http"
env_is "no key" 'WORKOS_CLIENT_ID=client_a\n' 0 "no API key"
env_is "the last one counts" "WORKOS_CLIENT_ID=client_a\nWORKOS_API_KEY=sk_test_first_of_the_two_0001\nWORKOS_API_KEY=$K1\n" 0 abcd
imp env "$D/none"
is "no such file" "$RC" 2
run kf profile import --from env "$D"
is "a directory" "$RC" 2
has "is named" "$ERR" "not a regular file"

# --- bad files
bad() { # WHAT SAYS [STATUS]
    imp workos-go --all
    is "$1: $ERR" "$RC" "${3:-2}"
    has "$1 is said" "$ERR" "$2"
}
F=$HOME/.workos.json
before=$(names)
printf '{"environments":{"a":' >"$F"; bad "broken JSON" "no JSON"
printf '[]' >"$F"; bad "a list" "no JSON object"
printf '{"environments":[]}' >"$F"; bad "environments that are a list" "no object"
printf '{"environments":{"a":{},"a":{}}}' >"$F"; bad "a name twice" "no JSON"
printf '{"environments":{"a":7}}' >"$F"; bad "an environment that is a number" "no object"
printf '\xff' >"$F"; bad "no UTF-8" "no JSON"
: >"$F"; bad "nothing" "no JSON"
printf '{}' >"$F"; bad "an empty object" "no WorkOS environment"
python3 -c 'import json,sys; json.dump({"environments":{"e%d"%i:{"apiKey":"sk_test_x"} for i in range(201)}}, open(sys.argv[1],"w"))' "$F"; bad "too many" "201 environments"
head -c 1048577 /dev/zero | tr '\0' ' ' >"$F"; bad "over 1 MiB" "1048577 bytes"
truncate -s 3G "$F"; bad "3 GB" "3221225472 bytes"
printf '{"environments":{"a":{"apiKey":"%s","clientId":"client_a"}}}' $K1 >"$F"
chmod 666 "$F"; bad "world-writable" "other users can write it" 6
chmod 644 "$F"
if [ "$(id -u)" -eq 0 ]; then
    chown 65534 "$F"; bad "of another owner" "it belongs to user 65534" 6
fi
rm "$F"; mkdir "$F"; bad "a directory" "not a regular file"
rmdir "$F"; mkfifo "$F"; bad "a FIFO" "not a regular file"
rm "$F"; ln -s "$F" "$F"; bad "a link to itself" "Too many levels" 1
rm "$F"; ln -s "$HOME/none" "$F"; bad "a link to nothing" "no WorkOS environment"
is "nothing came in" "$(names)" "$before"

# --- names
python3 - "$F" $K1 <<'P'
import json, sys
names = ["a/b", "two\nlines", "\u0430cme", "x" * 65, "y" * 300, "..", "-", "", "Good One", "good-one", "\u202Eevil\x1b[2J"]
json.dump({"environments": {n: {"apiKey": sys.argv[2], "clientId": "client_n"} for n in names}}, open(sys.argv[1], "w"))
P
chmod 600 "$F"
imp workos-go --all
is "two with the same name stop all: $ERR" "$RC" 2
has "both are named" "$ERR" "Good One and good-one would both be called good-one"
is "nothing came in" "$(names)" "$before"
hasnt "no control character came through" "$ERR" $'\x1b'
imp workos-go --name "Good One" --json
is "alone it can be: $ERR" "$RC" 0
is "under its name" "$(printf %s "$OUT" | json added)" "['good-one']"
for n in a/b "$(printf 'two\nlines')" "$(printf '\u0430cme')" "$(printf 'x%.0s' {1..65})" .. - ""; do
    imp workos-go --name "$n"
    is "no name is guessed for $(printf %q "$n")" "$RC" 2
done
imp workos-go --name "$(printf '\u0430cme')" --as acme
is "a person chooses one: $ERR" "$RC" 0
imp workos-go --name "$(printf 'y%.0s' {1..300})" --as yyy
is "300 characters are too many" "$RC" 2
imp workos-go --all --as z
is "--as is for one" "$RC" 2
for o in "--from nothing" "--from workos FILE" "--from env --name a --all" "--all" "--clean-up"; do
    # shellcheck disable=SC2086 # words
    run kf profile import $o
    is "$o is a usage error" "$RC" 2
done

# --- clean-up is careful
one() { printf '{"environments":{"a":{"apiKey":"%s","clientId":"client_a"}}}' $K1 >"$F"; }
rm -f "$F"; one; chmod 600 "$F"
mkdir "$HOME/dotfiles"
mv "$F" "$HOME/dotfiles/workos.json"
ln -s dotfiles/workos.json "$F"
imp workos-go --all --clean-up --yes
is "a link is followed: $ERR" "$RC" 0
has "to the file that changes" "$OUT" "Changed $HOME/dotfiles/workos.json"
[ -L "$F" ] || fail "the link is gone"
is "that file has no key" "$(cat "$HOME/dotfiles/workos.json")" '{"environments":{"a":{"apiKey":"","clientId":"client_a"}}}'
rm "$F"; one; chmod 600 "$F"
ln "$F" "$HOME/second"
imp workos-go --all --skip-existing --clean-up --yes
is "a second name would keep the key: $ERR" "$RC" 2
has "so it is refused" "$ERR" "hard link"
has "and nothing changed" "$(cat "$F")" "$K1"
rm "$HOME/second"
printf '{"environments":{"a":{"apiKey":"\\u0073%s","clientId":"client_a"}}}' ${K1#s} >"$F"
imp workos-go --all --skip-existing --clean-up --yes
has "a key that is written with escapes is not touched" "$ERR" "nothing is to be cleaned up"
one
kf agent stop -q
run env KEYFOB_STORE=memory "$BIN/keyfob" profile import --from workos-go --all --prefix m- --clean-up --yes
is "a key that only memory has is not taken out of a file: $ERR" "$RC" 2
has "with the reason" "$ERR" "memory"
has "the file has it" "$(cat "$F")" "$K1"
