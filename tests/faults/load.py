"""48 callers of 30 profiles, at a server that is slow and fails in 9 of 100 answers."""
import random
import time

import lib
from lib import Home, in_parallel, served_again, setting
from server import Workos

PROFILES, CALLERS = 30, 48


def call_often(home, names, end, tally, seed):
    dice = random.Random(seed)
    while time.monotonic() < end:
        try:
            with home.connect() as c:
                while time.monotonic() < end:
                    start = time.monotonic()
                    c.call("GetToken", profile=dice.choice(names), renew=dice.random() < 0.3)
                    tally.count()
                    tally.waited(time.monotonic() - start)
        except lib.varlink.Failed as e:
            tally.count()
            if e.name.startswith("workos."):
                tally.say(str(e))  # the end shows whether the session is lost
        except (OSError, lib.varlink.Closed) as e:
            tally.broke("the agent closed a connection: %s" % e)
            return


def load(tally):
    seed = setting("SEED", int(time.time()))
    tally.say("seed %d" % seed)
    dice = random.Random(seed)

    def way(request):
        kind = dice.random()
        if kind < 0.03:  # not handled
            request.send(503, b"busy", "text/plain")
            return
        answer = request.handle()
        request.wait(dice.random() / 5)
        if kind < 0.06:
            request.hang_up()
        elif kind < 0.09:
            request.send(502, b"<html>Bad gateway", "text/html")
        else:
            request.send(*answer)
    names = ["p%d" % i for i in range(PROFILES)]
    with Workos(life=2) as server, Home() as home:
        home.signed_in(server.url, *names)
        server.way = way
        end = time.monotonic() + setting("SECONDS", 60)
        in_parallel([lambda s=s: call_often(home, names, end, tally, seed + s)
                     for s in range(CALLERS)])
        server.way = None
        in_parallel([lambda n=n: served_again(home, n, tally, "--renew") for n in names])
        tally.say("%d rotations, %d replays" % (server.rotated, server.replayed))
        if server.reused:
            tally.broke("a spent token was sent %d times after its time" % server.reused)


lib.main({"callers": load})
