#!/usr/bin/env python3
"""raster.py [--light] < TEXT > IMAGE: text with SGR sequences (from keyfob, or from tmux capture-pane -e) as a
PPM image, a cell of 8x16 pixels, with the colours a terminal would show. Letters are left out: only
backgrounds and the lower half block matter to a QR code. --light: the terminal is black on white."""
import re
import sys

BASE = [(0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229),
        (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255), (255, 255, 255)]


def colour(n):
    if n < 16:
        return BASE[n]
    if n < 232:
        n -= 16
        return tuple(0 if v == 0 else 55 + 40 * v for v in (n // 36, n // 6 % 6, n % 6))
    return (8 + 10 * (n - 232),) * 3


class Pen:
    def __init__(self, light):
        self.plain = ((0, 0, 0), (255, 255, 255)) if light else ((229, 229, 229), (0, 0, 0))
        self.fg, self.bg = self.plain
        self.reverse = False

    def sgr(self, codes):
        codes = [int(c or 0) for c in codes.split(";")]
        while codes:
            c = codes.pop(0)
            if c == 0:
                self.fg, self.bg = self.plain
                self.reverse = False
            elif c in (7, 27):
                self.reverse = c == 7
            elif c in (38, 48) and len(codes) >= 2 and codes[0] == 5:
                value = colour(codes[1])
                codes = codes[2:]
                if c == 38:
                    self.fg = value
                else:
                    self.bg = value
            elif 30 <= c <= 37 or 90 <= c <= 97:
                self.fg = colour(c - 30 if c < 90 else c - 82)
            elif 40 <= c <= 47 or 100 <= c <= 107:
                self.bg = colour(c - 40 if c < 100 else c - 92)
            elif c == 39:
                self.fg = self.plain[0]
            elif c == 49:
                self.bg = self.plain[1]

    def pair(self):
        return (self.bg, self.fg) if self.reverse else (self.fg, self.bg)


def main():
    pen = Pen("--light" in sys.argv)
    rows = []
    for line in sys.stdin.buffer.read().decode().split("\n"):
        row = []
        for part in re.split(r"(\x1b\[[0-9;]*m)", line):
            if part.startswith("\x1b["):
                pen.sgr(part[2:-1])
                continue
            for ch in part:
                fg, bg = pen.pair()
                row.append((bg, fg if ch == "\u2584" else bg))
        rows.append(row)
    while rows and not rows[-1]:
        rows.pop()
    width = max(len(r) for r in rows)
    out = bytearray(b"P6 %d %d 255\n" % (width * 8, len(rows) * 16))
    for row in rows:
        row = row + [(pen.plain[1],) * 2] * (width - len(row))
        for half in (0, 1):
            line = b"".join(bytes(cell[half]) * 8 for cell in row)
            out += line * 8
    sys.stdout.buffer.write(out)


main()
