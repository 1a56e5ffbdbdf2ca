"""kill -9 of the agent: at each call of a renewal, at random, and between answer and save.

A new agent starts at once and must serve the session. The server repeats its answer to a spent
token for 30 s.
"""
import random
import re
import signal
import threading
import time

import lib
from lib import RENAMES, Home, Strace, in_parallel, served_again, setting, wait_until
from server import Workos


def renew_once(home):
    """Asks once. `keyfob token` would start the next agent and ask again."""
    try:
        with home.connect() as c:
            c.call("GetToken", profile="p0", renew=True)
    except (OSError, lib.varlink.Closed, lib.varlink.Failed):
        pass


def settle(home, server, tally):
    """A new agent starts at once. Its access token is still valid, so no caller asks for a renewal.
    The agent must fetch the lost answer by itself: 35 s later the server no longer repeats it."""
    start = time.monotonic()
    newest = server.sessions[-1].access
    while home.run("token", "p0").out.strip() != newest:
        if time.monotonic() - start > setting("WAIT", 35):
            tally.broke("the agent did not fetch the lost answer within %d s" % setting("WAIT", 35))
            break
        time.sleep(0.1)
    tally.waited(time.monotonic() - start)
    server.end_windows()
    served_again(home, "p0", tally, "--renew")


def list_calls(home):
    """Every system call of one renewal, from the client's connect on: (index of the thread, call,
    its number among the thread's calls of this name)."""
    output = home.dir + "/trace"
    tasks = home.tasks()
    with Strace(tasks[0], "-s", "0", output=output):
        renew_once(home)
    calls, seen = [], {}
    with open(output, errors="replace") as f:
        for line in f:
            task, what = line.split(None, 1)
            name = re.match(r"([a-z0-9_]+)\(", what)
            if name and int(task) in tasks and name[1] != "restart_syscall":
                key = tasks.index(int(task)), name[1]
                seen[key] = seen.get(key, 0) + 1
                calls.append((*key, seen[key]))
    return calls


def one_kill(home, server, place, name, number, later, tally):
    """kill -9 at this call of a renewal. It counts only if this renewal makes the call."""
    tasks = home.tasks()
    if place >= len(tasks):
        return
    rule = "inject=%s:signal=SIGKILL:when=%d" % (name, number)
    with Strace(tasks[place], "-e", rule, threads=False):
        renew_once(home)
        hit = not lib.alive(tasks[0])
    if not hit:
        return
    tally.count()
    if later:
        settle(home, server, tally)
    else:
        served_again(home, "p0", tally, "--renew")
    if home.state_of("p0") != "signed_in":
        home.sign_in("p0")  # for the next call


def every_call(tally, later):
    """KF_FAULTS_STEP=N tries every Nth call only."""
    end = time.monotonic() + setting("SECONDS", 3600)
    with Workos(life=300) as server, Home() as home:
        home.signed_in(server.url, "p0")
        every = list_calls(home)
        tally.say("a renewal has %d calls" % len(every))
        for place, name, number in every[::setting("STEP", 1)]:
            if time.monotonic() > end:
                tally.say("the time was over before every call was tried")
                break
            home.must("token", "p0")
            one_kill(home, server, place, name, number, later, tally)
        if server.reused:
            tally.broke("a spent token was sent %d times after its time" % server.reused)


def renew_often(home, name, tally, over, errors):
    """Renews over the socket. When the agent was killed, `agent start` starts the next one."""
    while not over.is_set():
        start = time.monotonic()
        try:
            with home.connect() as c:
                while not over.is_set():
                    start = time.monotonic()
                    c.call("GetToken", profile=name, renew=True)
                    tally.count()
                    tally.waited(time.monotonic() - start)
        except lib.varlink.Failed as e:
            if e.name.startswith("workos."):
                errors.append("%s: %s" % (name, e))
                return
        except (OSError, lib.varlink.Closed):
            home.run("agent", "start")


def at_random(tally):
    """KF_FAULTS_N kills while six profiles are renewed all the time."""
    kills, end = setting("N", 200), time.monotonic() + setting("SECONDS", 600)
    names = ["p%d" % i for i in range(6)]
    dice = random.Random(setting("SEED", int(time.time())))
    over, errors = threading.Event(), []
    with Workos(life=300) as server, Home() as home:
        home.signed_in(server.url, *names)
        callers = [threading.Thread(target=renew_often, args=(home, n, tally, over, errors))
                   for n in names]
        for c in callers:
            c.start()
        done = 0
        while done < kills and time.monotonic() < end:
            before = server.rotated
            wait_until(lambda: server.rotated >= before + 6 or errors, "renewals", 120)
            time.sleep(dice.random() / 20)  # the moment of the kill is random
            home.kill()
            done += 1
        over.set()
        for c in callers:
            c.join()
        for e in errors:
            tally.lose(e)
        for n in names:
            served_again(home, n, tally, "--renew")
        tally.say("%d kills, %d replays" % (done, server.replayed))
        if server.reused:
            tally.broke("a spent token was sent %d times after its time" % server.reused)


def kill_before_answer(home, server):
    """The server has rotated the token. Its answer never arrives."""
    rotated, over = threading.Event(), threading.Event()

    def way(request):
        request.handle()
        rotated.set()
        request.wait_for(over)
        request.hang_up()
    server.way = way
    pid = home.pid()
    c = home.connect()
    c.send("GetToken", profile="p0", renew=True)
    assert rotated.wait(60), "no request came"
    lib.kill_pid(pid)
    server.way = None
    over.set()
    c.close()


def kill_before_save(home, server):
    """The answer has arrived. The agent dies at its first rename, before the record is in place."""
    held, go = threading.Event(), threading.Event()

    def way(request):
        answer = request.handle()
        held.set()
        request.wait_for(go)
        request.send(*answer)
    server.way = way
    pid = home.pid()
    with home.connect() as c:
        c.send("GetToken", profile="p0", renew=True)
        assert held.wait(60), "no request came"
        with Strace(pid, "-e", "inject=%s:signal=SIGKILL" % RENAMES):
            go.set()
            wait_until(lambda: not lib.alive(pid), "the kill at the rename", 60)
    server.way = None


def after_kill(tally, kill):
    with Workos(life=300) as server, Home() as home:
        home.signed_in(server.url, "p0")
        kill(home, server)
        tally.count()
        settle(home, server, tally)


def after_kills(kill):
    def scenario(tally):
        in_parallel([lambda: after_kill(tally, kill)] * setting("N", 10))
    return scenario


def start(tally):
    """kill -9, and `agent start` while the kernel still closes the dead agent's files."""
    n, end = setting("N", 300), time.monotonic() + setting("SECONDS", 120)
    with Workos(life=300) as server, Home() as home:
        home.signed_in(server.url, "p0")
        while tally.tried < n and time.monotonic() < end:
            pid = home.signal(signal.SIGKILL)
            r = home.run("agent", "start")
            tally.count()
            tally.waited(r.seconds)
            wait_until(lambda: not lib.alive(pid), "the end of the agent")
            if r.rc != 0 or not home.pid():
                tally.lose("agent start: %s%s" % (r, " but no agent is running" * (r.rc == 0)))
                home.must("agent", "start")


lib.main({"start": start, "calls": lambda tally: every_call(tally, False),
          "calls-later": lambda tally: every_call(tally, True), "random": at_random,
          "before-answer": after_kills(kill_before_answer),
          "before-save": after_kills(kill_before_save)}, root=True)
