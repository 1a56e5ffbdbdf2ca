"""Clocks that jump by hours and by 400 days while sessions are renewed, and between two agents."""
import os
import random
import struct
import threading
import time

import lib
from lib import Home, served_again, setting
from server import Workos

HOUR = 3600
JUMPS = (-400 * 24 * HOUR, -10 * HOUR, -HOUR, -61, 61, HOUR, 10 * HOUR, 400 * 24 * HOUR)


class Clock:
    """The time that the agent sees: an offset of the wall clock, and how long it was suspended."""

    def __init__(self, home):
        self.path = os.path.join(home.dir, "clock")
        self.wall = self.slept = 0
        self.write()
        self.env = {"LD_PRELOAD": os.path.join(lib.BIN, "libkf_clock.so"), "KF_CLOCK": self.path}

    def write(self):
        with open(self.path + ".new", "wb") as f:
            f.write(struct.pack("=qq", self.wall * 10 ** 9, self.slept * 10 ** 9))
        os.rename(self.path + ".new", self.path)

    def jump(self, dice):
        """Moves the wall clock. One time in four it is a suspend of some hours instead."""
        if dice.random() < 0.25:
            nap = dice.choice((HOUR, 9 * HOUR))
            self.slept += nap
            self.wall += nap
        else:
            self.wall = dice.choice(JUMPS + (0,))
        self.write()


def ask_often(home, name, over, tally, args):
    while not over.is_set():
        r = home.run("token", name, *args, timeout=60)
        if r.rc == 0:
            tally.waited(r.seconds)
        elif r.rc == lib.SIGN_IN_NEEDED:
            tally.say("%s: %s" % (name, r))  # the end shows whether it is lost
        time.sleep(0.02)


def jump(tally):
    names = {"p0": (), "p1": ("--renew",), "p2": ("--min-valid", "1s")}
    n, end = setting("N", 150), time.monotonic() + setting("SECONDS", 120)
    seed = setting("SEED", int(time.time()))
    dice = random.Random(seed)
    tally.say("seed %d" % seed)
    over = threading.Event()
    with Workos(life=3) as server, Home() as home:
        clock = Clock(home)
        home.launch(env=clock.env)
        home.signed_in(server.url, *names)
        callers = [threading.Thread(target=ask_often, args=(home, p, over, tally, args))
                   for p, args in names.items()]
        for c in callers:
            c.start()
        done = 0
        while done < n and time.monotonic() < end:
            clock.jump(dice)
            done += 1
            time.sleep(dice.random() / 2)  # the moment of the next jump is random
        over.set()
        for c in callers:
            c.join()
        # each new agent starts under another clock than the agent that wrote the records
        for wall in JUMPS:
            home.kill()
            clock.wall = wall
            clock.write()
            home.launch(env=clock.env)
            for p in names:
                tally.count()
                served_again(home, p, tally)
                served_again(home, p, tally, "--renew")
        tally.count(done)
        tally.say("%d jumps, %d rotations, %d replays" % (done, server.rotated, server.replayed))
        if server.reused:
            tally.broke("a spent token was sent %d times after its time" % server.reused)


lib.main({"jump": jump})
