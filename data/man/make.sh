#!/bin/sh
# make.sh KEYFOB OUT: keyfob(1), a page for every command and topic, and the completions, from the program itself.
set -eu
keyfob=$1 out=$2
mkdir -p "$out/man1" "$out/man7"
"$keyfob" help --man >"$out/man1/keyfob.1"
"$keyfob" help --commands | while read -r command; do
    # shellcheck disable=SC2086 # two words are two arguments
    "$keyfob" help $command --man >"$out/man1/keyfob-$(echo "$command" | tr ' ' '-').1"
done
# git calls it by this name, and so does its page
sed -e '/^\.TH /s/KEYFOB-GIT-CREDENTIAL/GIT-CREDENTIAL-KEYFOB/' -e 's/^keyfob\\-git\\-credential /git\\-credential\\-keyfob /' \
    -e '/^\.B keyfob$/{N;s/keyfob\ngit-credential /git\\-credential\\-keyfob\n/;}' \
    "$out/man1/keyfob-git-credential.1" >"$out/man1/git-credential-keyfob.1"
"$keyfob" help keys --man >"$out/man7/keyfob-keys.7"
for shell in bash zsh fish; do "$keyfob" completion $shell >"$out/keyfob.$shell"; done
