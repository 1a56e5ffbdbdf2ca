"""Two agents on one home: one person who is logged in twice."""
import threading
import time

import lib
from lib import Home, served_again, setting
from server import Workos


def renew_many(home, name, tally, n, end, errors):
    with home.connect() as c:
        for _ in range(n):
            if time.monotonic() > end:
                return
            start = time.monotonic()
            try:
                c.call("GetToken", profile=name, renew=True)
            except lib.varlink.Failed as e:
                errors.append("%s: %s" % (name, e))
                return
            tally.count()
            tally.waited(time.monotonic() - start)


def spend(tally):
    """Both agents renew the same three profiles all the time. No token may be spent twice, not even
    as a replay: the second agent must see that the first one rotated the token."""
    names = ["p0", "p1", "p2"]
    n, end = setting("N", 4500) // 6, time.monotonic() + setting("SECONDS", 600)
    errors = []
    with Workos(life=300) as server, Home() as home, home.beside() as other:
        home.signed_in(server.url, *names)
        other.must("agent", "start")
        callers = [threading.Thread(target=renew_many, args=(h, p, tally, n, end, errors))
                   for h in (home, other) for p in names]
        for c in callers:
            c.start()
        for c in callers:
            c.join()
        for e in errors:
            tally.lose(e)
        for h in (home, other):
            for p in names:
                served_again(h, p, tally)
        tally.say("%d requests, %d rotations" % (server.refreshes, server.rotated))
        if server.refreshes != server.rotated:
            tally.broke("%d tokens were spent twice" % (server.refreshes - server.rotated))


def add_many(home, prefix, n, end, added, tally):
    for i in range(n):
        if time.monotonic() > end:
            return
        name = "%s%d" % (prefix, i)
        r = home.run("profile", "add", name, "--client-id", "client_" + name, "--api-key-stdin",
                     "--api-host", "http://127.0.0.1:9", text=lib.varlink.KEY)
        tally.waited(r.seconds)
        if r.rc == 0:
            added.append(name)
        else:
            tally.say("profile add %s failed: %s" % (name, r))


def add(tally):
    """Both agents add profiles. If `profile add` succeeded, the profile must be listed with its
    client ID, and its API key must be in the vault."""
    n, end = setting("N", 160), time.monotonic() + setting("SECONDS", 600)
    added = []
    with Home() as home, home.beside() as other:
        home.must("agent", "start")
        other.must("agent", "start")
        callers = [threading.Thread(target=add_many, args=(h, p, n // 4, end, added, tally))
                   for h, p in ((home, "a"), (home, "b"), (other, "c"), (other, "d"))]
        for c in callers:
            c.start()
        for c in callers:
            c.join()
        home.kill()
        other.kill()
        there = home.profiles()
        for name in added:
            tally.count()
            p = there.get(name)
            if not p:
                tally.lose("%s was acknowledged and is not there" % name)
            elif p["client_id"] != "client_" + name:
                tally.lose("%s has the client ID %s" % (name, p["client_id"]))
        keys = {f.split(".")[0] for f in lib.os.listdir(home.vault) if f.endswith(".api-key")}
        for name in set(added) & set(there):
            if there[name]["id"] not in keys:
                tally.lose("the API key of %s is not in the vault" % name)


lib.main({"spend": spend, "add": add})
