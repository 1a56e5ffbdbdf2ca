"""Renewals of a traced agent. order.py checks their order."""
import os
import tempfile
import threading

import lib
import order
from lib import Home, in_parallel, setting
from server import Workos


def start(home, path):
    home.launch("strace", "-D", "-qq", *order.OPTIONS, "-o", path)


def renew(home, name, n):
    for _ in range(n):
        home.must("token", name, "--renew")


def one_profile(path, n):
    with Workos(life=300) as server, Home() as home:
        start(home, path)
        home.signed_in(server.url, "p0")
        renew(home, "p0", n)


def several(paths, n):
    """Five profiles in parallel, and ten callers who wait for the same renewal."""
    names = ["p%d" % i for i in range(5)]
    with Workos(life=300) as server, Home() as home:
        start(home, paths[0])
        home.signed_in(server.url, *names)
        in_parallel([lambda p=p: renew(home, p, n) for p in names])
        in_parallel([lambda: renew(home, "p0", 1)] * 10)


def two_agents(paths, n):
    with Workos(life=300) as server, Home() as home, home.beside() as other:
        start(home, paths[0])
        start(other, paths[1])
        home.signed_in(server.url, "p0", "p1")
        in_parallel([lambda h=h, p=p: renew(h, p, n) for h in (home, other) for p in ("p0", "p1")])


def lost_answers(paths, n):
    """Every second answer is lost, so the agent sends the same token again."""
    lock, seen = threading.Lock(), []

    def way(request):
        answer = request.handle()
        with lock:
            seen.append(1)
            lost = len(seen) % 2
        if lost:
            request.hang_up()
        else:
            request.send(*answer)
    with Workos(life=300) as server, Home() as home:
        start(home, paths[0])
        home.signed_in(server.url, "p0")
        server.way = way
        renew(home, "p0", n)


def killed(paths, n):
    """kill -9 while an answer is on its way. The next agent replays. Each agent has a log."""
    with Workos(life=300) as server, Home() as home:
        start(home, paths[0])
        home.signed_in(server.url, "p0")
        for path in paths[1:]:
            come, over = threading.Event(), threading.Event()

            def way(request):
                request.handle()
                come.set()
                request.wait_for(over)
                request.hang_up()
            server.way = way
            with home.connect() as c:
                c.send("GetToken", profile="p0", renew=True)
                assert come.wait(60), "no request came"
                home.kill()
            server.way = None
            over.set()
            start(home, path)
            renew(home, "p0", n)


def traced(what, logs, profiles):
    """Each profile is renewed N times one by one, so the logs must have that many renewals."""
    def scenario(tally):
        with tempfile.TemporaryDirectory() as d:
            paths = [os.path.join(d, "log%d" % i) for i in range(logs)]
            what(paths, setting("N", 10))
            answered, broken = order.check_files(paths)
        tally.count(answered)
        for b in broken:
            tally.lose(b)
        if answered < profiles * setting("N", 10):
            tally.broke("only %d renewals are in the logs" % answered)
    return scenario


SCENARIOS = {"one": traced(lambda paths, n: one_profile(paths[0], n), 1, 1),
             "several": traced(several, 1, 5), "agents": traced(two_agents, 2, 2),
             "lost-answers": traced(lost_answers, 1, 1), "killed": traced(killed, 4, 3)}
if __name__ == "__main__":
    lib.main(SCENARIOS, root=True)
