"""Servers that answer late, stall or drip. An agent that is stopped while its answer waits.

The server rotates the token when the request arrives. 30 s later the old token is useless.
"""
import os
import signal
import threading
import time

import lib
from lib import Home, in_parallel, served_again, setting
from server import Workos
from varlink import Sandbox


def ask_until(home, name, end):
    """A caller that asks for a token in a loop."""
    while time.monotonic() < end:
        home.run("token", name, timeout=90)
        time.sleep(0.2)


def trouble(tally, home, server, names, seconds, begin, finish):
    """Callers ask during the trouble. Afterwards every profile must be served."""
    begin()
    end = time.monotonic() + seconds
    callers = [threading.Thread(target=ask_until, args=(home, n, end)) for n in names]
    for c in callers:
        c.start()
    time.sleep(seconds)  # the length of the trouble is the scenario
    finish()
    for c in callers:
        c.join()
    tally.count(len(names))
    in_parallel([lambda n=n: served_again(home, n, tally) for n in names])


def way_scenario(tally, way, seconds):
    names = ["p%d" % i for i in range(setting("N", 20))]
    with Workos() as server, Home() as home:
        server.profile = {"metadata": {"notes": "x" * 1500}}  # an answer of 2 KB, as WorkOS's are
        home.signed_in(server.url, *names)

        def set_way(value):
            server.way = value
        trouble(tally, home, server, names, setting("SECONDS", seconds),
                lambda: set_way(way), lambda: set_way(None))


def late(delay):
    def way(request):
        answer = request.handle()
        request.wait(delay)
        request.send(*answer)
    return lambda tally: way_scenario(tally, way, 40)


def drip(tally):
    def way(request):
        request.drip(*request.handle(), rate=100)
    way_scenario(tally, way, 40)


def stall(tally):
    """Requests are handled at once, and answered when the stall is over."""
    over = threading.Event()

    def way(request):
        answer = request.handle()
        request.wait_for(over)
        request.send(*answer)
    names = ["p%d" % i for i in range(setting("N", 20))]
    with Workos() as server, Home() as home:
        home.signed_in(server.url, *names)

        def begin():
            server.way = way

        def finish():
            server.way = None
            over.set()
        trouble(tally, home, server, names, setting("SECONDS", 60), begin, finish)


def frozen(tally):
    """The server's process is stopped. The kernel accepts connections; nothing reads them."""
    names = ["p%d" % i for i in range(setting("N", 20))]
    with Sandbox("--token-life", "3s", "--replay-window", "30s") as server, Home() as home:
        server.life = 3
        home.signed_in(server.url, *names)
        trouble(tally, home, server, names, setting("SECONDS", 60),
                lambda: server.proc.send_signal(signal.SIGSTOP),
                lambda: server.proc.send_signal(signal.SIGCONT))


def stopped(seconds):
    """The agent is stopped. Its answer arrives in the meantime."""
    def scenario(tally):
        names = ["p%d" % i for i in range(setting("N", 5))]
        come, go = threading.Semaphore(0), threading.Event()

        def way(request):
            answer = request.handle()
            come.release()
            request.wait_for(go)
            request.send(*answer)
        with Workos() as server, Home() as home:
            home.signed_in(server.url, *names)
            server.way = way
            callers = [threading.Thread(target=home.run, args=("token", n, "--renew"))
                       for n in names]
            for c in callers:
                c.start()
            for _ in names:
                assert come.acquire(timeout=60)
            pid = home.signal(signal.SIGSTOP)
            server.way = None
            go.set()
            time.sleep(setting("SECONDS", seconds))  # the length of the stop is the scenario
            os.kill(pid, signal.SIGCONT)
            for c in callers:
                c.join()
            tally.count(len(names))
            in_parallel([lambda n=n: served_again(home, n, tally, "--renew") for n in names])
    return scenario


lib.main({"late-9": late(9), "late-12": late(12), "late-29": late(29), "stall": stall,
          "frozen": frozen, "stopped-12": stopped(12), "stopped-35": stopped(35), "drip": drip})
