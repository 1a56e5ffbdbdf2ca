#!/bin/sh
# Shows that each lint can fail, for the reason it names, and that it passes what is right.
here=$(cd "$(dirname "$0")" && pwd) || exit 2
tree=$(mktemp -d "${TMPDIR:-/tmp}/kf.XXXXXX") || exit 2
trap 'rm -rf "$tree"' EXIT
checks=0

fresh() {
    rm -rf "${tree:?}"/*
    mkdir -p "$tree/src/base" "$tree/src/auth" "$tree/src/door" "$tree/src/keeper" "$tree/ui/cli" \
        "$tree/ui/tui/kernel" "$tree/ui/tui/parts"
    printf '#pragma once\n#include <stdbool.h>\nbool f(void);\n' >"$tree/src/base/f.h"
    printf '#include "base/f.h"\n\nbool f(void) { return true; }\n' >"$tree/src/base/f.c"
    printf 'src/base/f.c why\n' >"$tree/peek.txt"
}
# fails WHAT STATUS PART COMMAND...: must exit with STATUS and say PART
fails() {
    what=$1 want=$2 part=$3
    shift 3
    out=$("$@" 2>&1)
    rc=$?
    case $out in *"$part"*) ;; *) rc="$rc without the words" ;; esac
    if [ "$rc" != "$want" ]; then
        echo "FAIL: $what: status $rc, want $want and '$part'; it said: $out" >&2
        exit 1
    fi
    checks=$((checks + 1))
}
arrow() { # WHAT PART FILE LINE
    fresh
    printf '%s\n' "$4" >>"$tree/$3"
    fails "$1" 1 "$2" sh "$here/arrows.sh" "$tree"
}
arrow_ok() {
    fresh
    mkdir -p "$(dirname "$tree/$2")"
    printf '%s\n' "$3" >>"$tree/$2"
    fails "$1" 0 includes sh "$here/arrows.sh" "$tree"
}
# repeat N LINE
repeat() { LINE=$2 awk -v n="$1" 'BEGIN { while (n-- > 0) print ENVIRON["LINE"] }'; }

# no files, no folder, no rules
for s in arrows length peek tops; do
    fresh
    fails "$s without files" 2 "no source files" sh "$here/$s.sh" "$here"
    fails "$s without a folder" 2 "" sh "$here/$s.sh" "$tree/absent"
    : >"$tree/src/base/odd name.c"
    fails "$s and odd names" 2 "odd characters" sh "$here/$s.sh" "$tree"
done
fresh
mkdir "$tree/lint"
cp "$here/arrows.sh" "$here/files.sh" "$tree/lint"
fails "arrows without rules" 2 "no rules" sh "$tree/lint/arrows.sh" "$tree"
: >"$tree/src/base/f.h"
: >"$tree/src/base/f.c"
fails "arrows without includes" 2 "saw no includes" sh "$here/arrows.sh" "$tree"
fails "length without functions" 2 "saw no functions" sh "$here/length.sh" "$tree"

arrow_ok "a right tree" src/base/f.c '#include "f.h"'
arrow_ok "an arrow that exists" ui/cli/a.c '#include "base/f.h"'
arrow_ok "ui from the root" ui/cli/a.c '#include "ui/common/words.h"'
arrow_ok "a foreign header at home" ui/tui/kernel/paint.c '#include <ncursesw/curses.h>'
arrow_ok "a foreign header in its folder" src/loop/loop.c '#include <glib.h>'
arrow "an arrow up" "src/base may not include src/auth" src/base/f.c '#include "auth/flow.h"'
arrow "into ui" "src/auth may not include ui/common" src/auth/a.c '#include "ui/common/words.h"'
arrow "the door into the agent" "src/door may not include src/agent" src/door/a.c '#include "agent/agent.h"'
arrow_ok "the agent through the door" src/agent/a.c '#include "door/call.h"'
arrow "between the two faces" "ui/cli may not include ui/tui" ui/cli/a.c '#include "ui/tui/tui.h"'
arrow "from the kernel up" "ui/tui/kernel may not include ui/tui/parts" ui/tui/kernel/a.c \
    '#include "ui/tui/parts/items.h"'
arrow "from the keeper to its callers" "src/keeper may not include src/agent" src/keeper/k.c \
    '#include "agent/agent.h"'
arrow "from the keeper to the wire" "src/keeper may not include src/wire" src/keeper/k.c \
    '#include "wire/msg.h"'
arrow_ok "from the agent to the keeper" src/agent/a.c '#include "keeper/keeper.h"'
arrow "blanks in the directive" "may not include src/agent" ui/cli/a.c ' #  include "agent/agent.h"'
arrow "ours in angle brackets" "may not include src/agent" ui/cli/a.c '#include <agent/agent.h>'
arrow "the way round" "write the path" src/base/f.c '#include "../auth/flow.h"'
arrow "a macro as name" "not written out" src/base/f.c '#include HEADER'
arrow "tests from sources" "may not include src/tests" src/base/f.c '#include "tests/x.h"'
arrow "a foreign header in quotes" "may not include" src/base/f.c '#include "curl/curl.h"'
for h in curses.h ncursesw/ncurses.h curl/curl.h libsecret/secret.h microhttpd.h cjson/cJSON.h \
    qrencode.h sodium.h openssl/evp.h liboath/oath.h glib.h glib-unix.h gio/gio.h; do
    arrow "$h away from home" "<$h> has its home in" src/auth/a.c "#include <$h>"
done
arrow "a neighbour of the home" "has its home in" ui/tui/kernel/app.c '#include <curses.h>'
arrow "an inside from another room" "is the inside of src/auth/flow*" src/auth/a.c \
    '#include "auth/flow_impl.h"'
arrow "an inside from another folder" "is the inside of src/auth/flow*" ui/cli/flow.c \
    '#include "auth/flow_impl.h"'
arrow_ok "an inside from its room" src/auth/flow_mfa.c '#include "auth/flow_impl.h"'
arrow_ok "a folder that is a room" src/keeper/post.c '#include "keeper/keeper_impl.h"'
arrow "a path of WorkOS" "has its home in" src/auth/a.c 'const char *p = "/user_management/x";'
arrow_ok "a path of WorkOS at home" src/auth/workos.c 'const char *p = "/user_management/x";'
fresh
mkdir "$tree/src/utils"
: >"$tree/src/utils/u.c"
echo '#include <stdio.h>' >"$tree/src/utils/u.c"
fails "a folder of no row" 1 "no row" sh "$here/arrows.sh" "$tree"

fresh
odd=$(printf '    a += "}\\"}"[0] + \047{\047; /* } */ // }')
fails "short enough" 0 "1 functions" sh "$here/length.sh" "$tree"
repeat 597 "// x" >>"$tree/src/base/f.c"
fails "a file of 600" 0 "functions" sh "$here/length.sh" "$tree"
echo "// x" >>"$tree/src/base/f.c"
fails "a file of 601" 1 "f.c:601: a file of 601 lines" sh "$here/length.sh" "$tree"
fresh
{ echo 'int g(int a,'; echo '      int b) {'; repeat 97 "$odd"; echo '}'; } >"$tree/src/base/f.c"
fails "a function of 100" 0 "1 functions" sh "$here/length.sh" "$tree"
{ echo 'int x;'; echo; echo 'int g(int a,'; echo '      int b) {'; repeat 98 '    if (a) { b++; }'; echo '}'; } >"$tree/src/base/f.c"
fails "a function of 101" 1 "f.c:3: a function of 101 lines" sh "$here/length.sh" "$tree"
{ echo 'static const int t[] = {'; repeat 150 '    1,'; echo '};'; echo 'int g(void) { return t[0]; }'; } >"$tree/src/base/f.c"
fails "a long table is no function" 0 "1 functions" sh "$here/length.sh" "$tree"
printf 'int g(void) {\n    if (1) {\n        return 0;\n}\n' >"$tree/src/base/f.c"
fails "braces that are not even" 1 "not even" sh "$here/length.sh" "$tree"
printf 'int g(void) {\n}\n}\n' >"$tree/src/base/f.c"
fails "a brace too many" 1 "more closing" sh "$here/length.sh" "$tree"

fresh
echo 'const char *p(void) { return kf_secret_peek(0); }' >>"$tree/src/base/f.c"
fails "a row for it" 0 "1 of them" sh "$here/peek.sh" "$tree" "$tree/peek.txt"
echo 'char *e(void) { return kf_secret_edit(0); }' >"$tree/ui/cli/a.c"
fails "no row for it" 1 "ui/cli/a.c:1: looks into a secret" sh "$here/peek.sh" "$tree" "$tree/peek.txt"
echo 'ui/cli/a.c' >>"$tree/peek.txt"
fails "a row without a reason" 1 "has no reason" sh "$here/peek.sh" "$tree" "$tree/peek.txt"
fresh
fails "a row not needed" 1 "looks into no secret" sh "$here/peek.sh" "$tree" "$tree/peek.txt"
: >"$tree/peek.txt"
fails "an empty list" 2 "no rows" sh "$here/peek.sh" "$tree" "$tree/peek.txt"
fails "no list" 2 "no rows" sh "$here/peek.sh" "$tree" "$tree/absent.txt"

# the comment at the top
tops() { fails "$1" "$2" "$3" sh "$here/tops.sh" "$tree"; }
fresh
tops "an include first" 1 "src/base/f.c:1: no comment at the top"
printf '/* A test. */\n#include "base/f.h"\n' >"$tree/src/base/f.c"
tops "a comment first, and headers without one" 0 "1 files"
printf '/*\n * A test. */\n' >"$tree/src/base/f.c"
tops "words in the second line" 0 "1 files"
printf '\n/* A test. */\n' >"$tree/src/base/f.c"
tops "an empty line first" 1 "f.c:1: no comment at the top"
printf '/* ---- */\n/* A test. */\n' >"$tree/src/base/f.c"
tops "a comment without words" 1 "f.c:1: no comment at the top"
printf '// A test.\n' >"$tree/src/base/f.c"
tops "a comment of another kind" 1 "f.c:1: no comment at the top"
: >"$tree/src/base/f.c"
tops "an empty file" 1 "f.c:1: no comment at the top"
printf '/* A test. */\n' >"$tree/src/base/f.c"
printf 'int a;\n' >"$tree/ui/cli/a.c"
tops "one of two" 1 "ui/cli/a.c:1: no comment at the top"
rm "$tree/src/base/f.c" "$tree/ui/cli/a.c"
tops "headers alone" 2 "no .c files"

# what a comment names
fresh
mkdir -p "$tree/tests" "$tree/data" "$tree/packaging"
printf '# x\n' >"$tree/README.md"
printf '# x\n## 1. One\n### 1.2 Two\n' >"$tree/src/auth/WORKOS.md"
printf '/* WORKOS.md §1, §1.2; README.md */\n' >"$tree/src/base/f.c"
fails "documents that are there" 0 "1 sections" sh "$here/references.sh" "$tree"
printf '/* nowhere.md §1 */\n' >"$tree/src/base/f.c"
fails "a document that is not" 1 "f.c:1: names nowhere.md" sh "$here/references.sh" "$tree"
printf '/* WORKOS.md §1.3 */\n' >"$tree/src/base/f.c"
fails "a section that is not" 1 "has no section 1.3" sh "$here/references.sh" "$tree"
fails "references without files" 2 "no files" sh "$here/references.sh" "$here/../lint"

# words
fresh
printf '# x\n' >"$tree/README.md"
fails "plain words" 0 "files" sh "$here/words.sh" "$tree"
printf '/* Whoever asks. */\n' >"$tree/src/base/f.c"
fails "a riddle" 1 "f.c:1: whoever: write the client" sh "$here/words.sh" "$tree"
printf '/* The option goes first. */\n' >"$tree/src/base/f.c"
fails "two words" 1 "write takes precedence" sh "$here/words.sh" "$tree"
printf '/* I recommend it. */\n' >"$tree/src/base/f.c"
fails "a part of a word" 0 "files" sh "$here/words.sh" "$tree"
fails "words without files" 2 "no files" sh "$here/words.sh" "$here/../lint"

# README and the guides
documents() { fails "$1" "$2" "$3" sh "$here/documents.sh" "$tree"; }
fresh
mkdir -p "$tree/data/guide" "$tree/data/pictures"
printf '# x\n[a](data/guide/a.md)\n' >"$tree/README.md"
printf '# a\n![p](../pictures/p.svg)\n[w](https://workos.com)\n' >"$tree/data/guide/a.md"
: >"$tree/data/pictures/p.svg"
documents "links that lead somewhere" 0 "2 documents, 3 links"
: >"$tree/data/pictures/q.svg"
documents "a picture that nothing shows" 1 "q.svg: no document shows it"
rm "$tree/data/pictures/q.svg"
repeat 12000 12345 >"$tree/data/pictures/p.svg"
documents "a picture too large" 1 "p.svg: 60 kB or more"
: >"$tree/data/pictures/p.svg"
printf '# x\n<img src="p.svg">\n' >"$tree/README.md"
documents "a picture that is not there" 1 "README.md: p.svg leads nowhere"
{ echo '# x'; repeat 81 ü | tr -d '\n'; echo; } >"$tree/README.md"
documents "a long line in a document" 1 "README.md:2: over 80 columns"
{ echo '# x'; repeat 80 ü | tr -d '\n'; echo; echo '```'; repeat 90 x | tr -d '\n'; echo; echo '```'; } >"$tree/README.md"
documents "long lines in code" 0 "2 documents"
rm -r "$tree/data/guide"
documents "no guides" 2 "no documents"

# the layout
format() { cp "$here/../../.clang-format" "$tree"; fails "$1" "$2" "$3" sh "$here/format.sh" "$tree"; }
fresh
format "a right layout" 0 "2 files"
printf 'int  g;\n' >"$tree/src/base/f.c"
format "two blanks" 1 "f.c:1: not as clang-format-14 writes it"
{ printf '/* '; repeat 99 x | tr -d '\n'; echo ' */'; } >"$tree/src/base/f.c"
format "a long line" 1 "f.c:1: over 100 columns"
{ printf '/* '; repeat 94 ü | tr -d '\n'; echo ' */'; } >"$tree/src/base/f.c"
format "columns are not bytes" 0 "2 files"
rm -f "$tree/.clang-format"
fails "no style" 2 "no .clang-format" sh "$here/format.sh" "$tree"
fails "format without files" 2 "no source files" sh "$here/format.sh" "$here"

mkdir -p "$tree/src/base"
{ cat "$here/../../src/base/banned.h"; echo '#undef KF_BANNED'; echo '#define KF_BANNED(f) f'; } >"$tree/src/base/banned.h"
fails "a ban that does not ban" 1 "compiles" sh "$here/banned.sh" "${CC:-cc}" "$tree"
echo "$checks checks"
[ "$checks" -ge 50 ]
