"""A session that cannot be saved, and an agent that must end in this state.

While the answer is on its way, a folder that is not empty takes the place of the record. So no
file can be renamed to it. The rest of the disk works.
"""
import os
import shutil
import signal
import threading

import lib
from lib import NOT_SAVED, Home, in_parallel, served_again, setting, wait_until
from server import Workos

NEEDS_ATTENTION = 6


class Block:
    """A folder in place of a record."""

    def __init__(self, record):
        self.record, self.aside = record, record + "-aside"

    def begin(self):
        os.rename(self.record, self.aside)
        os.makedirs(os.path.join(self.record, "full"))

    def end(self):
        shutil.rmtree(self.record)
        try:
            os.link(self.aside, self.record)  # a rename would replace what the agent has just saved
        except FileExistsError:
            pass
        os.unlink(self.aside)


def renew_unsaved(home, server, tally):
    """A renewal whose tokens cannot be saved. The caller must be told."""
    block = Block(home.record())
    held, go = threading.Event(), threading.Event()

    def way(request):
        answer = request.handle()
        held.set()
        request.wait_for(go)
        request.send(*answer)
    server.way = way
    got = []
    caller = threading.Thread(target=lambda: got.append(home.run("token", "p0", "--renew")))
    caller.start()
    assert held.wait(60), "no request came"
    block.begin()
    server.way = None
    go.set()
    caller.join()
    if home.state_of("p0") != "unsaved":
        tally.broke("the state is %s, want unsaved" % home.state_of("p0"))
    if not NOT_SAVED.search(got[0].err):
        tally.broke("the caller is not told: %s" % got[0])
    return block


def stop(home, block, tally):
    """`agent stop` either fails and names the profile, or ends the agent and nothing is lost."""
    r = home.run("agent", "stop")
    block.end()
    if r.rc == 0:
        return
    if r.rc != NEEDS_ATTENTION or "p0" not in r.err:
        tally.broke("agent stop failed without exit 6 and the name of the profile: %s" % r)
    if not home.pid():
        tally.broke("agent stop failed, but the agent is gone")
    wait_until(lambda: home.state_of("p0") == "signed_in", "the save", 120)
    home.must("agent", "stop")


def signalled(how):
    def end(home, block, tally):
        pid = home.signal(how)
        wait_until(lambda: not lib.alive(pid), "the end of the agent", 120)
        block.end()
    return end


def recovered(home, block, tally):
    """The record's place is free again. The agent must save without being asked."""
    block.end()
    wait_until(lambda: home.state_of("p0") == "signed_in", "the save", 120)
    home.kill()


def unsaved(end):
    """Afterwards the server no longer repeats its answer, so an unsaved session is lost."""
    def once(tally):
        with Workos(life=300) as server, Home() as home:
            home.signed_in(server.url, "p0")
            block = renew_unsaved(home, server, tally)
            end(home, block, tally)
            server.end_windows()
            tally.count()
            served_again(home, "p0", tally, "--renew")
    return lambda tally: in_parallel([lambda: once(tally)] * setting("N", 5))


lib.main({"stop": unsaved(stop), "term": unsaved(signalled(signal.SIGTERM)),
          "kill": unsaved(signalled(signal.SIGKILL)), "recovered": unsaved(recovered)})
