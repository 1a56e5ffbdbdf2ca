#!/usr/bin/python3
"""noise.py PROGRAM SECONDS: random bytes for the screen. It has to live, to paint and to leave."""
import os, pty, random, select, subprocess, sys, time

# What leaves or stops by itself: Ctrl-C, Ctrl-Z, Ctrl-\, q, Q, and Enter, which may run either. Ctrl-S is the kernel's:
# it holds the output. M: Enter of the keypad ends in it.
LEAVING = b"\x03\x1a\x1cqQ\r\n\x13M"
seed = int(os.environ.get("NOISE_SEED") or time.time_ns())
dice = random.Random(seed)
master, end = pty.openpty()
p = subprocess.Popen([sys.argv[1]], stdin=end, stdout=end, stderr=end, start_new_session=True)
os.close(end)


def piece():
    kind = dice.randrange(4)
    if kind == 0:
        b = dice.randbytes(dice.randrange(1, 200))
    elif kind == 1:
        b = bytes(dice.randrange(0x80, 0x100) for _ in range(dice.randrange(1, 20)))
    elif kind == 2:
        b = "é€😀\u009b\u202e".encode()[: dice.randrange(1, 14)]
    else:
        b = b"\x1b" + dice.choice([b"[", b"O", b"]", b"P", b"_", b"^", b""]) + dice.randbytes(dice.randrange(5))
    return bytes(c for c in b if c not in LEAVING)


def fail(what):
    print(f"{what}, seed {seed}, status {p.poll()}")
    p.kill()
    sys.exit(1)


def drain(until, seconds):
    seen, stop = b"", time.monotonic() + seconds
    while until not in seen:
        if time.monotonic() > stop:
            return False
        if select.select([master], [], [], 0.05)[0]:
            try:
                seen = (seen + os.read(master, 65536))[-200000:]
            except OSError:
                return False
    return True


if not drain(b"dev", 20):
    fail("did not start")
stop = time.monotonic() + float(sys.argv[2])
while time.monotonic() < stop:
    if p.poll() is not None:
        fail("ended")
    if select.select([], [master], [], 0.01)[1]:
        os.write(master, piece())
    try:
        while select.select([master], [], [], 0)[0]:
            last = os.read(master, 65536)
    except OSError:
        p.wait(20)
        fail("ended, " + repr(last[-300:]))
# out of what began and did not end, then a whole painting
os.write(master, b"\x18\x1b[201~\x0c\x0c")
if not drain(b"\x1b[H\x1b[2J", 20):
    fail("paints no more")
stop = time.monotonic() + 20
while p.poll() is None and time.monotonic() < stop:
    os.write(master, b"\x03")  # alone, three times, if a paste has begun
    drain(b"\x1b[?1049l", 0.3)
if p.poll() is None:
    fail("does not leave")
print(f"lived, left with {p.returncode}")
