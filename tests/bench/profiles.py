"""Figures with 1,000 profiles: profiles.py BIN. Prints, and asserts nothing about time (tests/agent/many.py asserts
what must hold). BENCH_PROFILES and BENCH_RUNS change the numbers."""
import os
import signal
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "agent"))
import varlink  # noqa: E402
from crowd import Crowd, name  # noqa: E402

N = int(os.environ.get("BENCH_PROFILES", "1000"))
RUNS = os.environ.get("BENCH_RUNS", "200")


def pss(agent):
    with open("/proc/%d/smaps_rollup" % agent.proc.pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss:"))


def say(what, value):
    print("%-58s %s" % (what, value), flush=True)


def ms(times):
    times = sorted(times)
    return "median %.2f ms, p99 %.2f ms, most %.2f ms" % tuple(
        1000 * x for x in (statistics.median(times), times[int(len(times) * 0.99)], times[-1]))


def took(what, call):
    t = time.monotonic()
    got = call()
    say(what, "%.0f ms" % (1000 * (time.monotonic() - t)))
    return got


def processes(bin_dir, agent, what):
    """Whole processes in turn, against /bin/true."""
    print(what, flush=True)
    keyfob = os.path.join(bin_dir, "keyfob")
    middle = name(N // 2)
    cmd = [os.path.join(bin_dir, "warm_token"), RUNS, "--", "/bin/true"]
    for args in (["token", middle], ["status", middle, "--json"], ["profile", "list"], ["profile", "list", "--json"]):
        cmd += ["--", keyfob] + args
    subprocess.run(cmd, env=agent.env, check=True)


def waiting(agent, stop, out, who):
    """How long a caller of a valid token waits meanwhile."""
    with agent.connect(60) as c:
        while not stop.is_set():
            t = time.monotonic()
            c.call("GetToken", profile=who)
            out.append(time.monotonic() - t)
            time.sleep(0.001)


def due_at_once(agent, crowd):
    """All tokens come to their end while the agent is stopped: then every renewal is due."""
    crowd.life, life = 25, crowd.life
    crowd.each("GetToken", range(1, N), renew=True)
    crowd.life = life
    agent.proc.send_signal(signal.SIGSTOP)
    time.sleep(21)  # a token of 25 s is renewed at 20 s
    crowd.counters()
    crowd.delay = 0.005
    stop, times = threading.Event(), []
    t = threading.Thread(target=waiting, args=(agent, stop, times, name(0)))
    start = time.monotonic()
    agent.proc.send_signal(signal.SIGCONT)
    t.start()
    while crowd.served < N - 1 and time.monotonic() - start < 120:
        time.sleep(0.01)
    say("%d renewals due at once, all done after" % (N - 1), "%.2f s" % (time.monotonic() - start))
    stop.set()
    t.join()
    say("  served; most in flight", "%d; %d" % (crowd.served, crowd.most))
    say("  meanwhile a caller of a valid token waits", ms(times))
    crowd.delay = 0.0


def main(bin_dir):
    varlink.BIN = varlink.harness.BIN = os.path.abspath(bin_dir)
    with varlink.Agent(env={"KEYFOB_LOG": "warn"}) as agent, Crowd(agent, N) as crowd:
        agent.call("PutProfiles", profiles=[dict(crowd.profiles()[0], name=name(0))])
        crowd.sign_in([0])
        agent.call("GetToken", profile=name(0))
        one = pss(agent)
        say("agent PSS, 1 profile, signed in", "%d KiB" % one)
        took("PutProfiles, %d at once" % (N - 1), lambda: agent.call("PutProfiles", profiles=crowd.profiles()[1:]))
        idle = pss(agent)
        say("agent PSS, %d profiles, 1 signed in" % N, "%d KiB, %.2f KiB a profile beyond the first" % (idle, (idle - one) / (N - 1)))
        took("%d sessions by TakeToken, a renewal each" % (N - 1), lambda: crowd.sign_in(range(1, N)))
        full = pss(agent)
        say("agent PSS, %d profiles, all signed in" % N, "%d KiB, %.2f KiB a profile beyond the first" % (full, (full - one) / (N - 1)))
        with agent.connect() as c:
            def change(i):
                t = time.monotonic()
                c.call("PutProfile", id=ids[i], name=name(i), label="changed")
                return time.monotonic() - t
            ids = [c.call("GetProfile", profile=name(i))["profile"]["id"] for i in range(50)]
            say("one PutProfile among %d" % N, ms([change(i) for i in range(50)]))
        quiet, stop = [], threading.Event()
        t = threading.Thread(target=waiting, args=(agent, stop, quiet, name(0)))
        t.start()
        time.sleep(1)
        stop.set()
        t.join()
        say("GetToken on an open connection, nothing else going on", ms(quiet))
        due_at_once(agent, crowd)
        processes(bin_dir, agent, "whole processes, agent warm with %d profiles:" % N)
        agent.call("Quit")
        agent.proc.wait(30)
        took("start of an agent that knows %d profiles" % N, agent.start)
        agent.call("GetProfile", profile=name(0))
        full = pss(agent)
        say("agent PSS after that, none of them used yet", "%d KiB, %.2f KiB a profile" % (full, (full - one) / (N - 1)))


main(sys.argv[1])
