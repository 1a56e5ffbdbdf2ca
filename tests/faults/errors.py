"""EIO and ENOSPC at each call of a save, then kill -9.

The server holds its answer until strace is attached to the thread that writes. So strace counts the
calls of the save. Inside the server's replay window no session may be lost. Outside the window a
session may be lost only if every write failed, and if the command or the state said so.
"""
import re
import threading
import time

import lib
from lib import NOT_SAVED, Home, Strace, served_again, setting
from server import Workos

CALLS = ("open,openat,write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,ftruncate,"
         "fallocate,read,pread64,newfstatat,fstat,link,linkat,unlink,unlinkat")


class Held:
    """A server that rotates at once and holds its answer until release()."""

    def __init__(self, server):
        self.server = server
        self.come, self.go = threading.Event(), threading.Event()
        server.way = self.way

    def way(self, request):
        answer = request.handle()
        self.come.set()
        request.wait_for(self.go)
        request.send(*answer)

    def release(self):
        self.server.way = None
        self.go.set()


def renew(home, held, attach):
    """Renews, and attaches strace between the POST and its answer. Returns the command's result
    and strace."""
    got = []
    caller = threading.Thread(target=lambda: got.append(home.run("token", "p0", "--renew")))
    caller.start()
    assert held.come.wait(60), "no request came"
    strace = attach()
    held.release()
    caller.join()
    return got[0], strace


def list_calls(home, server):
    """Every call of a save on a file: (index of the thread, call, its number, path)."""
    output = home.dir + "/trace"
    tasks = home.tasks()
    options = "-y", "-s", "400", "-e", "trace=" + CALLS
    _, strace = renew(home, Held(server), lambda: Strace(tasks[0], *options, output=output))
    strace.end()
    calls, seen, writer = [], {}, 0
    with open(output, errors="replace") as f:
        for line in f:
            task, what = line.split(None, 1)
            name = re.match(r"([a-z0-9]+)\(", what)
            if not name or int(task) not in tasks:
                continue
            key = tasks.index(int(task)), name[1]
            seen[key] = seen.get(key, 0) + 1
            path = re.search(re.escape(home.dir) + r"/(data|state)/[^>\"]*", what)
            if path:
                calls.append((*key, seen[key], path[0][len(home.dir):]))
            if name[1] in ("fsync", "fdatasync"):
                writer = key[0]
    return [c for c in calls if c[0] == writer]


def one_error(home, server, call, error, always, inside, tally):
    place, name, number, path = call
    what = "%s at %s %d%s (%s), %s the window" % (error, name, number, " and later" * always, path,
                                                  "inside" if inside else "outside")
    home.must("token", "p0")
    rule = "inject=%s:error=%s:when=%d%s" % (name, error, number, "+" * always)
    task = home.tasks()[place]
    r, strace = renew(home, Held(server), lambda: Strace(task, "-e", rule, threads=False))
    said = NOT_SAVED.search(r.err) or home.state_of("p0") == "unsaved"
    home.kill()
    strace.end()
    if not inside:
        server.end_windows()
    tally.count()
    lost = tally.lost
    if not served_again(home, "p0", tally, "--renew", bound=60):
        if not inside and always and said:
            tally.lost = lost
            tally.say("%s: lost, as keyfob had said" % what)
        else:
            tally.say("^ %s; keyfob %s that it was not saved" % (what, "said" if said else "hid"))
        home.run("agent", "stop")
        home.sign_in("p0")


def save(error):
    """KF_FAULTS_STEP=N tries every Nth case only."""
    def scenario(tally):
        end = time.monotonic() + setting("SECONDS", 3600)
        with Workos(life=300) as server, Home() as home:
            home.signed_in(server.url, "p0")
            calls = list_calls(home, server)
            assert calls, "strace shows no call of a save"
            cases = [(c, always, inside) for c in calls
                     for always in (False, True) for inside in (True, False)]
            tally.say("a save has %d calls on files" % len(calls))
            for call, always, inside in cases[::setting("STEP", 1)]:
                if time.monotonic() > end:
                    tally.say("the time was over before every call was tried")
                    break
                one_error(home, server, call, error, always, inside, tally)
    return scenario


lib.main({"eio": save("EIO"), "enospc": save("ENOSPC")}, root=True)
