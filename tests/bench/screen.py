"""How fast the screen is: screen.py BIN. From the start of keyfob-tui to the list on the terminal, and from a key to
what it changes, with an agent that is warm. Prints, and asserts nothing about time. BENCH_SCREENS: how many starts."""
import fcntl
import os
import pty
import re
import select
import statistics
import struct
import subprocess
import sys
import termios
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "agent"))
import varlink  # noqa: E402

RUNS = int(os.environ.get("BENCH_SCREENS", "15"))
ROWS, COLS, BATCH = 24, 80, 500


class Terminal:
    """A program on a pseudo-terminal of 80x24."""

    def __init__(self, args, env):
        self.fd, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLS, 0, 0))
        self.began = time.monotonic()
        self.proc = subprocess.Popen(args, env=dict(env, TERM="xterm-256color"), stdin=end, stdout=end, stderr=end,
                                     start_new_session=True)
        os.close(end)

    def until(self, text, since):
        """Seconds from since until what the pattern text means was written."""
        seen, last = b"", time.monotonic() + 30
        while not re.search(text, seen):
            if not select.select([self.fd], [], [], max(0, last - time.monotonic()))[0]:
                sys.exit("no %r within 30 s; seen: %r" % (text, seen[-2000:]))
            seen += os.read(self.fd, 65536)
        return time.monotonic() - since

    def key(self, key):
        """Seconds to the first bytes of the paint that the key brings; ncurses writes one in one go."""
        while select.select([self.fd], [], [], 0.05)[0]:  # what is left of the paint before
            os.read(self.fd, 65536)
        since = time.monotonic()
        os.write(self.fd, key)
        if not select.select([self.fd], [], [], 30)[0]:
            sys.exit("nothing was painted for %r within 30 s" % key)
        return time.monotonic() - since

    def end(self, key):
        os.write(self.fd, key)
        try:
            while os.read(self.fd, 65536):
                pass
        except OSError:  # the other end is closed
            pass
        status = self.proc.wait(30)
        os.close(self.fd)
        assert status == 0, status


def say(what, times):
    times = sorted(1000 * t for t in times)
    print("%-44s median %7.2f ms, most %7.2f ms" % (what, statistics.median(times), times[-1]), flush=True)


def starts(args, env, text):
    times = []
    for _ in range(RUNS):
        t = Terminal(args, env)
        times.append(t.until(text, t.began))
        t.end(b"q")
    return times


def counted(n):
    """The list comes in pieces of 500, and ncurses writes only what is new of a count on row 23."""
    number = format(n, ",").encode()
    return number + rb" profiles,|\x1b\[23;\d+H" + number[:2] + rb"(?=[,0]*\D)"


def keys(tui, env, n):
    t = Terminal([tui], env)
    t.until(counted(n), t.began)
    say("  a key down", [t.key(b"j") for _ in range(30)])
    say("  to the end and back", [t.key(k) for k in (b"G", b"g") * 15])
    t.key(b"/")
    say("  the filter, while typing", [t.key(c) for c in (b"p", b"0", b"0", b"9", b"1", b"\x15") * 5])
    t.key(b"\x1b")
    t.end(b"q")


def main(bin_dir):
    varlink.BIN = varlink.harness.BIN = os.path.abspath(bin_dir)
    tui = os.path.join(varlink.BIN, "keyfob-tui")
    with varlink.Agent(env={"KEYFOB_LOG": "warn"}) as agent:
        say("ncurses alone, first paint", starts([os.path.join(varlink.BIN, "initscr")], agent.env, b"p0000"))
        have = 0
        for n in (100, 1000, 10000):
            while have < n:
                more = range(have, min(have + BATCH, n))
                agent.call("PutProfiles", profiles=[{"name": "p%05d" % i, "client_id": "client_bench"} for i in more])
                have = more[-1] + 1
            # The list comes in pieces of 500: the first one is on the screen before the rest is there.
            say("%d profiles: first paint of the list" % n, starts([tui], agent.env, b"not signed in"))
            say("  all of them counted", starts([tui], agent.env, counted(n)))
            keys(tui, agent.env, n)


main(sys.argv[1])
