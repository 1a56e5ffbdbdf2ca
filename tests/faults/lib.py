"""Common parts of the fault programs: a home with its agent, callers, and what was lost.

A program runs as `python3 NAME.py BIN SCENARIO...`. For each scenario it prints
`RESULT <scenario> <tried> <lost> <worst wait>`. It exits with 1 if something was lost or if another
condition failed. KF_FAULTS_N and KF_FAULTS_SECONDS limit how much it does.
"""
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "agent"))
import varlink  # noqa: E402

BIN = None  # build/bin, set by main()
HOMES = []  # those that must be cleaned up
STOPPING = threading.Event()  # nothing may be started
KEPT = ("PATH", "TMPDIR", "LD_LIBRARY_PATH")
SIGN_IN_NEEDED = 3
NOT_SAVED = re.compile(r"not (saved|stored)")  # what keyfob says of an unsaved session
RENAMES = "rename,renameat,renameat2"


def setting(name, default):
    """KF_FAULTS_<name>, a whole number."""
    return int(os.environ.get("KF_FAULTS_" + name) or default)


def wait_until(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("%s did not happen within %d s" % (what, seconds))
        time.sleep(0.02)


def in_parallel(calls):
    """Runs the functions in parallel. Raises the first exception of any of them."""
    errors = []

    def run(call):
        try:
            call()
        except BaseException as e:  # raised below
            errors.append(e)
    threads = [threading.Thread(target=run, args=(c,)) for c in calls]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]


class Tally:
    """Counts what was tried and what was lost. Any thread may call it."""

    def __init__(self, name):
        self.name, self.tried, self.lost, self.worst = name, 0, 0, 0.0
        self.broken = []
        self.lock = threading.Lock()

    def count(self, n=1):
        with self.lock:
            self.tried += n

    def waited(self, seconds):
        with self.lock:
            self.worst = max(self.worst, seconds)

    def lose(self, why):
        with self.lock:
            self.lost += 1
            self.say("lost: " + why)

    def broke(self, why):
        """Another condition of the scenario failed."""
        with self.lock:
            self.broken.append(why)
            self.say(why)

    def say(self, text):
        print("%s: %s" % (self.name, text), file=sys.stderr, flush=True)

    def run(self, scenario):
        """Runs the scenario. An exception, such as a wait that timed out, is a failure."""
        try:
            scenario(self)
        except Exception as e:
            traceback.print_exc()
            self.broke("the scenario ended early: %s" % e)

    def close(self):
        print("RESULT %s %d %d %.1f" % (self.name, self.tried, self.lost, self.worst), flush=True)
        if not self.tried:
            self.broke("nothing was tried")
        if not self.lost and not self.broken:
            return 0
        print("FAILED " + self.name, file=sys.stderr)
        return 1


class Run:
    """The result of a command. rc 124: it did not end in time."""

    def __init__(self, rc, out, err, seconds):
        self.rc, self.out, self.err, self.seconds = rc, out, err, seconds

    def __str__(self):
        said = " ".join(self.err.split())[-300:]
        return "exit %d after %.1f s: %s" % (self.rc, self.seconds, said)


class Home:
    """A scratch home: `with Home() as h`. Its agent starts when a command needs it."""

    def __init__(self, store="vault", of=None, env=None):
        self.owner = of
        self.dir = of.dir if of else tempfile.mkdtemp(prefix="kf-faults-")
        os.chmod(self.dir, 0o700)
        self.runtime = tempfile.mkdtemp(prefix="run-", dir=self.dir)
        self.data = os.path.join(self.dir, "data", "keyfob")
        self.state = os.path.join(self.dir, "state", "keyfob")
        self.vault = os.path.join(self.data, "vault")
        self.socket = os.path.join(self.runtime, "keyfob", "agent.sock")
        self.env = {k: v for k, v in os.environ.items() if k in KEPT or k.endswith("SAN_OPTIONS")}
        place = {"HOME": "home", "XDG_CONFIG_HOME": "config", "XDG_STATE_HOME": "state",
                 "XDG_DATA_HOME": "data", "XDG_CACHE_HOME": "cache"}
        for name, folder in place.items():
            self.env[name] = os.path.join(self.dir, folder)
        os.makedirs(self.env["HOME"], 0o700, exist_ok=True)
        self.env.update(XDG_RUNTIME_DIR=self.runtime, LC_ALL="C.UTF-8", TZ="UTC",
                        KEYFOB_STORE=store, KEYFOB_TEST_KDF="min",
                        KEYFOB_PASSPHRASE_FILE=os.path.join(self.dir, "pass"))
        with open(self.env["KEYFOB_PASSPHRASE_FILE"], "w",
                  opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(varlink.PASSPHRASE + "\n")
        self.env.update(env or {})
        self.proc = None  # of launch()
        HOMES.append(self)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            sys.stderr.write(self.log(40))
        try:
            self.run("agent", "stop", timeout=60)
            self.kill()
        finally:
            self.remove()

    def remove(self):
        if self in HOMES:
            HOMES.remove(self)
        if not self.owner:
            shutil.rmtree(self.dir, ignore_errors=True)

    def beside(self):
        """A second login on the same home: the same files, another runtime directory and agent."""
        return Home(self.env["KEYFOB_STORE"], of=self)

    def log(self, lines):
        try:
            with open(os.path.join(self.state, "keyfobd.log"), errors="replace") as f:
                return "--- the agent's log\n" + "".join(f.readlines()[-lines:])
        except FileNotFoundError:
            return ""

    # commands
    def run(self, *args, text="", timeout=150):
        while STOPPING.is_set():
            time.sleep(1)  # until the program ends
        start = time.monotonic()
        p = subprocess.Popen([os.path.join(BIN, "keyfob"), *args], env=self.env, text=True,
                             errors="replace", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        try:
            out, err = p.communicate(text, timeout)
        except subprocess.TimeoutExpired:
            p.kill()
            p.communicate()
            return Run(124, "", "no end within %d s" % timeout, time.monotonic() - start)
        return Run(p.returncode, out, err, time.monotonic() - start)

    def must(self, *args, **more):
        r = self.run(*args, **more)
        assert r.rc == 0, "keyfob %s: %s" % (" ".join(args), r)
        return r

    def add(self, name, url):
        self.must("profile", "add", name, "--client-id", "client_sandbox", "--api-key-stdin",
                  "--api-host", url, text=varlink.KEY)

    def sign_in(self, name, email="plain@example.test"):
        # the server makes a user for each sign-in
        self.must("login", name, "--method", "password", "--email", email, "--password-stdin",
                  "--as-other-user", text=varlink.PASSWORD)

    def signed_in(self, url, *names):
        for name in names:
            self.add(name, url)
            self.sign_in(name)
        return self

    def profiles(self):
        """The items of `profile list --json`, by name."""
        items = json.loads(self.must("profile", "list", "--json").out)["items"]
        return {p["name"]: p for p in items}

    def state_of(self, name):
        """The state that `status --json` shows. It does not start an agent."""
        r = self.run("status", name, "--json")
        try:
            return json.loads(r.out)["state"]
        except ValueError:
            return ""

    def record(self, name="p0"):
        return os.path.join(self.vault, self.profiles()[name]["id"] + ".session")

    # the agent
    def pid(self):
        """The process that listens at the socket, also when it is stopped. 0: no agent runs."""
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(self.socket)
            except OSError:
                return 0
            cred = s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            return struct.unpack("3i", cred)[0]

    def signal(self, how):
        """Sends a signal to the agent, which must be running. Returns its pid."""
        pid = self.pid()
        assert pid > 1, "no agent is running"  # 0 would mean the whole process group
        os.kill(pid, how)
        return pid

    def tasks(self):
        """The agent's threads, the main one first."""
        pid = self.pid()
        return sorted(int(t) for t in os.listdir("/proc/%d/task" % pid)) if pid else []

    def launch(self, *prefix, env=None):
        """Starts keyfobd under a program such as strace."""
        self.proc = subprocess.Popen(
            [*prefix, os.path.join(BIN, "keyfobd"), "--foreground"],
            env={**self.env, **(env or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        wait_until(lambda: self.proc.poll() is not None or self.pid(), "the start of the agent")
        return self

    def kill(self):
        """Sends SIGKILL and waits until the agent is gone."""
        pid = self.pid()
        if pid:
            kill_pid(pid)
        if self.proc:
            self.proc.wait(60)
            self.proc = None

    def restart(self):
        self.kill()
        self.must("agent", "start")

    def connect(self):
        return varlink.Conn(self.socket, 120)


def clean_up(signum, _):
    """The program is stopped. Leaves no agent and no home."""
    STOPPING.set()
    for home in HOMES[::-1]:
        try:
            home.kill()
            home.remove()
        except Exception:
            traceback.print_exc()
    os._exit(128 + signum)


def kill_pid(pid):
    assert pid > 1, "not the pid of an agent: %d" % pid  # 0 would mean the whole process group
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    wait_until(lambda: not alive(pid), "the end of process %d" % pid, 60)


def alive(pid):
    """Whether any thread of the process lives. Until the last one ends, the locks are held."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            ended = f.read().rsplit(")", 1)[1].split()[0] in "ZX"
        return not ended or len(os.listdir("/proc/%d/task" % pid)) > 1
    except OSError:
        return False


def served_again(home, name, tally, *args, bound=120):
    """After the trouble: asks until keyfob prints a token. The session is lost if keyfob asks for a
    sign-in three times in a row, or if the time is over."""
    start = time.monotonic()
    refused = 0
    while True:
        r = home.run("token", name, *args, timeout=bound)
        seconds = time.monotonic() - start
        if r.rc == 0 and r.out.strip():
            tally.waited(seconds)
            return True
        refused = refused + 1 if r.rc == SIGN_IN_NEEDED else 0
        if refused == 3 or seconds > bound:
            tally.lose("%s: %s" % (name, r))
            return False
        time.sleep(0.3)


def as_root():
    """Runs the program again in a user namespace if the user is not root: strace needs it."""
    if os.geteuid() != 0:
        os.execvp("unshare", ["unshare", "-r", sys.executable, "-B", *sys.argv])


class Strace:
    """strace on a running agent: `with Strace(pid, "-e", "inject=…")`. Detaches at the end."""

    def __init__(self, pid, *options, threads=True, output=os.devnull):
        self.lines = []
        self.there = threading.Event()
        self.proc = subprocess.Popen(
            ["strace", *(["-f"] if threads else []), "-o", output, *options, "-p", str(pid)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        assert self.there.wait(30), "strace does not attach: %s" % "".join(self.lines)
        assert self.attached(), "strace: %s" % "".join(self.lines)

    def read(self):
        for line in self.proc.stderr:
            self.lines.append(line)
            if "attached" in line:
                self.there.set()
        self.there.set()

    def attached(self):
        return any("attached" in line for line in self.lines)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        try:
            if self.proc.poll() is None:
                self.proc.send_signal(signal.SIGTERM)
            self.proc.wait(10)
        except subprocess.TimeoutExpired:  # strace can hang on the zombie of a killed agent
            self.proc.kill()
            self.proc.wait(60)
        self.reader.join()
        self.proc.stderr.close()


def set_bin(path):
    global BIN
    BIN = varlink.BIN = varlink.harness.BIN = os.path.abspath(path)


def main(scenarios, root=False):
    """argv: BIN SCENARIO... A scenario is a function of a Tally. Several run in parallel. root: the
    scenarios use strace."""
    if len(sys.argv) < 3 or set(sys.argv[2:]) - set(scenarios):
        print("usage: %s BIN SCENARIO...\nscenarios: %s"
              % (os.path.basename(sys.argv[0]), " ".join(scenarios)), file=sys.stderr)
        sys.exit(2)
    if root:
        as_root()
    set_bin(sys.argv[1])
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, clean_up)
    module = os.path.basename(sys.argv[0]).rsplit(".", 1)[0]
    tallies = [Tally("%s/%s" % (module, name)) for name in sys.argv[2:]]
    in_parallel([lambda t=t: t.run(scenarios[t.name.split("/")[1]]) for t in tallies])
    sys.exit(max(t.close() for t in tallies))
