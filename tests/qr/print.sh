#!/usr/bin/env bash
# Every way a QR code is printed is decoded again to exactly its text, by zbar: colours, both cell
# forms, light and dark terminals, sizes; and what does not fit is not begun.
SRC=$1 BIN=$2
set -u
D=$(mktemp -d) || exit 1
trap 'rm -rf "$D"' EXIT
command -v zbarimg >/dev/null || { echo "FAIL: zbarimg is not installed"; exit 1; }
fails=0
fail() { echo "FAIL: $*"; fails=$((fails + 1)); }

# decoded TEXT SHAPE TERMINAL ARG...: rasterised as that terminal shows it, it says TEXT; and has that shape
decoded() {
    local text=$1 shape=$2 terminal=$3 said
    shift 3
    "$BIN/qr_cells" "$text" "$@" >"$D/out" 2>"$D/shape" || { fail "$* was not drawn: $(cat "$D/out")"; return; }
    [ "$(cat "$D/shape")" = "$shape" ] || fail "$*: $(cat "$D/shape"), expected $shape"
    # shellcheck disable=SC2086
    python3 "$SRC/tests/qr/raster.py" $terminal <"$D/out" >"$D/out.ppm"
    said=$(zbarimg -q --raw "$D/out.ppm" 2>"$D/err")
    [ "$said" = "$text" ] && echo "ok: $shape ${terminal:-dark} $*" || fail "$shape $*: zbar read '$said' $(cat "$D/err")"
}
lacks() { # TEXT SAID ARG...
    local text=$1 want=$2 said
    shift 2
    said=$("$BIN/qr_cells" "$text" "$@" 2>/dev/null) && fail "$* was drawn"
    case $said in *"$want"*) echo "ok: $want" ;; *) fail "$*: said '$said', expected '$want'" ;; esac
}

U='otpauth://totp/Acme:ada%40example.test?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Acme&digits=6'
for colours in 256 16 8 0; do
    decoded "$U" "49x25 M quiet 4" "" 35 118 $colours
    decoded "$U" "45x23 L quiet 4" "" 23 80 $colours
    decoded "$U" "98x49 M quiet 4" "" 60 118 $colours wide
done
for colours in 256 16 8; do decoded "$U" "45x23 L quiet 4" --light 23 80 $colours; done
decoded "$U" "45x23 L quiet 4" --light 23 80 0 invert # one colour on a light terminal: i turns it
decoded "$U" "41x21 L quiet 2" "" 21 45 256
decoded "$U" "53x27 M quiet 6" "" 60 118 256 6
decoded "https://a.example/device?user_code=BCDF-GHJK" "41x21 M quiet 4" "" 30 80 256
lacks "$U" "1 rows and 0 columns are missing" 20 80 256
lacks "$U" "0 rows and 2 columns are missing" 60 39 256
lacks "$U" "20 rows and 2 columns are missing" 21 80 256 wide
lacks "$(printf 'x%.0s' $(seq 3000))" "too long" 500 500 256
[ "$fails" -eq 0 ] || { echo "$fails failed"; exit 1; }
