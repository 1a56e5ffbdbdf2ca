"""Starts the real keyfobd in a scratch home and talks to its socket. Standard library only."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "sandbox"))
from interface import Interface  # noqa: E402
import harness  # noqa: E402  the sandbox, TOTP, JWTs
from harness import Sandbox, claims, totp, wait_for, wrong_code  # noqa: E402,F401

IFACE = "io.keyfob.Agent"
KEY = harness.KEY
PASSWORD = harness.PASSWORD
PASSPHRASE = "correct horse battery staple"
with open(os.path.join(HERE, "..", "..", "src", "wire", "msg.h")) as _f:
    PROTOCOL = int(_f.read().split("#define KF_PROTOCOL ")[1].split()[0])
BIN = None  # build/bin, set by main()
with open(os.path.join(HERE, "..", "..", "data", IFACE + ".varlink")) as _f:
    INTERFACE = Interface(_f.read())


class Failed(Exception):
    """An error answer. name is the failure's ("net.tls"), or varlink's own error."""

    def __init__(self, error, parameters):
        self.error = error
        self.parameters = parameters or {}
        self.failure = self.parameters.get("failure") or {}
        self.name = self.failure.get("name", error)
        super().__init__("%s %s" % (error, json.dumps(self.parameters)))


class Closed(Exception):
    """The agent closed the connection."""


class Conn:
    """One connection. Everything has a time-out; a hanging agent is a failure, not a hang."""

    def __init__(self, path, timeout=20):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        end = time.monotonic() + timeout
        while True:
            try:
                self.sock.settimeout(timeout)
                self.sock.connect(path)
                break
            except BlockingIOError:  # the queue is full; one who waits without a time-out would block
                if time.monotonic() > end:
                    raise
                time.sleep(0.001)
        self.buf = b""
        self.asked = []  # calls without their answer: each answer is held against the interface

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def write(self, data):
        for raw in data.split(b"\0"):
            try:
                msg = json.loads(raw)
                self.asked.append((str(msg["method"]), msg.get("parameters") or {}, msg.get("oneway")))
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                continue  # what is wrong on purpose, or a part
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            raise Closed()

    @staticmethod
    def frame(method, /, more=False, **params):
        if "." not in method:
            method = IFACE + "." + method
        msg = {"method": method, "parameters": params}
        if more:
            msg["more"] = True
        return json.dumps(msg).encode() + b"\0"

    def send(self, method, /, more=False, **params):
        self.write(self.frame(method, more, **params))

    def read(self, timeout=None):
        """The next frame as it came."""
        if timeout is not None:
            self.sock.settimeout(timeout)
        while b"\0" not in self.buf:
            try:
                part = self.sock.recv(1 << 16)
            except ConnectionResetError:
                part = b""
            if not part:
                raise Closed()
            self.buf += part
        raw, self.buf = self.buf.split(b"\0", 1)
        assert len(raw) <= 1 << 20, "the agent's frame is over 1 MiB"
        msg = json.loads(raw)
        self.hold(msg)
        return msg

    def hold(self, msg):
        """The answer, and what was asked, are what the interface says. Wrong parameters get an error, or are a bug."""
        while self.asked and self.asked[0][2]:
            self.asked.pop(0)
        method, params, _ = self.asked[0] if self.asked else ("", None, None)
        if self.asked and not msg.get("continues"):
            self.asked.pop(0)
        prefix, _, name = method.rpartition(".")
        error = msg.get("error", "")
        if error.startswith(IFACE + "."):
            INTERFACE.check_error(error.rpartition(".")[2], msg.get("parameters"))
        if error or prefix != IFACE or params is None:
            return
        INTERFACE.check_call(name, params)
        INTERFACE.check_answer(name, msg.get("parameters"))

    def answer(self, timeout=None):
        """The next answer's parameters; .continues says whether another follows."""
        msg = self.read(timeout)
        if msg.get("error"):
            raise Failed(msg["error"], msg.get("parameters"))
        self.continues = bool(msg.get("continues"))
        return msg.get("parameters") or {}

    def call(self, method, /, **params):
        self.send(method, **params)
        return self.answer()

    def closed(self, timeout=20):
        """Waits for the end of the connection; answers on the way are dropped."""
        try:
            while True:
                self.read(timeout)
        except Closed:
            return True


class Flow:
    """A SignIn: its own connection, the present step, and answers over another one."""

    def __init__(self, agent, profile, **params):
        self.agent = agent
        self.conn = agent.connect()
        params.setdefault("method", "password")
        self.conn.send("SignIn", more=True, profile=profile, **params)
        self.other = agent.connect()
        self.seen = []
        self.id = self.step = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.conn.close()
        self.other.close()

    def next(self, timeout=20):
        p = self.conn.answer(timeout)
        self.id, self.step = p["flow"], p["step"]
        self.seen.append(self.step)
        return self.step

    def until(self, kind, field=None):
        """Steps on until one of this kind that was not answered yet."""
        while True:
            step = self.next()
            if step["kind"] == kind and (field is None or step["field"] == field):
                return step
            assert step["kind"] == "wait", "wanted %s %s, got %s" % (kind, field or "", step)

    def say(self, value, act="submit", serial=None):
        self.other.call("Answer", flow=self.id, serial=self.step["serial"] if serial is None else serial, act=act,
                        value=value)

    def cancel(self):
        self.other.call("Cancel", flow=self.id)


class Agent:
    """One home, and the agent that runs in it: `with Agent() as a`. Ends orderly with the test; a status
    other than 0 (a sanitizer's, a crash) fails it."""

    def __init__(self, store="memory", env=None, args=(), start=True):
        self.dir = tempfile.mkdtemp(prefix="kf-agent-")
        os.chmod(self.dir, 0o700)
        d = lambda *p: os.path.join(self.dir, *p)  # noqa: E731
        os.mkdir(d("run"), 0o700)
        os.mkdir(d("home"), 0o700)
        self.env = {k: v for k, v in os.environ.items()
                    if k in ("PATH", "TMPDIR", "LD_LIBRARY_PATH") or k.endswith("SAN_OPTIONS") or k.startswith("LLVM_")}
        self.env.update(HOME=d("home"), XDG_RUNTIME_DIR=d("run"), XDG_CONFIG_HOME=d("config"),
                        XDG_STATE_HOME=d("state"), XDG_DATA_HOME=d("data"), LC_ALL="C.UTF-8", TZ="UTC",
                        KEYFOB_TEST_KDF="min", KEYFOB_LOG="debug")
        if store:
            self.env["KEYFOB_STORE"] = store
        if store == "vault":
            with open(d("pass"), "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
                f.write(PASSPHRASE + "\n")
            self.env["KEYFOB_PASSPHRASE_FILE"] = d("pass")
        if os.geteuid() != 0:  # the agent is not dumpable, so only root's can look for its leaks
            self.env["ASAN_OPTIONS"] = ":".join(filter(None, [self.env.get("ASAN_OPTIONS"), "detect_leaks=0"]))
        self.env.update(env or {})
        for k in [k for k, v in self.env.items() if v is None]:
            del self.env[k]
        self.args = list(args)
        self.runtime = d("run", "keyfob")
        self.path = d("run", "keyfob", "agent.sock")
        self.conf = d("config", "keyfob", "keyfob.conf")
        self.state = d("state", "keyfob")
        self.data = d("data", "keyfob")
        self.logfile = os.path.join(self.state, "keyfobd.log")
        self.program = os.path.join(BIN, "keyfobd")
        self.proc = None
        self.expect_status = 0
        self.conns = []
        if start:
            try:
                self.start()
            except BaseException:
                shutil.rmtree(self.dir, ignore_errors=True)
                raise

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for c in self.conns:
            c.close()
        try:
            if self.proc and self.proc.poll() is None:
                self.proc.send_signal(signal.SIGTERM)
            status = self.proc.wait(60) if self.proc else 0
            if kind or status != self.expect_status:
                sys.stderr.write("--- agent's log\n%s\n--- stderr\n%s\n" % (self.log()[-6000:], self.errors()[-6000:]))
            if not kind:
                assert status == self.expect_status, "keyfobd ended with %d" % status
        finally:
            if self.proc and self.proc.poll() is None:
                self.proc.kill()
                self.proc.wait()
            shutil.rmtree(self.dir, ignore_errors=True)

    def launch(self, *args, ready=True, pass_more=(), **kw):
        """Starts the program; (process, what came on the ready fd)."""
        r, w = os.pipe()
        with open(os.path.join(self.dir, "stderr"), "ab") as err:
            proc = subprocess.Popen(
                [self.program, *(["--ready-fd", str(w)] if ready else []), *args], env=self.env,
                pass_fds=[w, *pass_more], stdin=kw.pop("stdin", subprocess.DEVNULL), stdout=kw.pop("stdout", subprocess.DEVNULL),
                stderr=err, **kw)
        os.close(w)
        said = b""
        end = time.monotonic() + 20
        with open(r, "rb", buffering=0) as f:
            while ready:
                assert time.monotonic() < end
                part = f.read(4096)
                if not part:
                    break
                said += part
        return proc, said.decode()

    def start(self):
        self.proc, said = self.launch("--foreground", *self.args)
        if len(said) != 1 or said == "E":
            self.proc.kill()
            self.proc.wait()
            raise AssertionError("keyfobd did not start: %r\n%s" % (said, self.errors()))
        return self

    def restart(self):
        self.proc.kill()
        self.proc.wait()
        return self.start()

    def install(self, change=lambda data: data):
        """A keyfobd of this home's own, in place of the one before; change makes another program of it."""
        with open(os.path.join(BIN, "keyfobd"), "rb") as f:
            data = change(f.read())
        self.program = os.path.join(self.dir, "bin", "keyfobd")
        os.makedirs(os.path.dirname(self.program), exist_ok=True)
        with open(self.program + ".new", "wb") as f:
            f.write(data)
        os.chmod(self.program + ".new", 0o755)
        os.rename(self.program + ".new", self.program)

    def connect(self, timeout=20):
        c = Conn(self.path, timeout)
        self.conns.append(c)
        return c

    def call(self, method, /, **params):
        with Conn(self.path) as c:
            return c.call(method, **params)

    def failure(self, method, /, **params):
        """The failure that the call must give."""
        try:
            got = self.call(method, **params)
        except Failed as e:
            return e
        raise AssertionError("%s should fail, but answers %s" % (method, got))

    def read(self, path):
        try:
            with open(path, "rb") as f:
                return f.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def log(self):
        return self.read(self.logfile + ".1") + self.read(self.logfile)

    def errors(self):
        return self.read(os.path.join(self.dir, "stderr"))

    def status(self, field):
        with open("/proc/%d/status" % self.proc.pid) as f:
            for line in f:
                if line.startswith(field + ":"):
                    return line.split()[1]
        raise AssertionError(field)

    # the main job
    def put(self, name="dev", url=None, client_id="client_sandbox", api_key=KEY, **more):
        params = dict(name=name, client_id=client_id, **more)
        if url:
            params["api_host"] = url
        if api_key:
            params["api_key"] = api_key
        return self.call("PutProfile", **params)["profile"]

    def sign_in(self, profile="dev", who="plain", organization=None, **params):
        with Flow(self, profile, email=who + "@example.test", **params) as f:
            f.until("field", "password")
            f.say(PASSWORD)
            while True:
                step = f.next()
                if step["kind"] == "field":
                    assert step["field"] == "totp", step
                    f.say(totp())
                elif step["kind"] == "choose":
                    f.say(organization or step["choices"][0]["id"], act="choose")
                elif step["kind"] == "done":
                    return step["profile"]
                else:
                    assert step["kind"] == "wait", step

    def token(self, profile="dev", **params):
        return self.call("GetToken", profile=profile, **params)


class Case(unittest.TestCase):
    maxDiff = None

    def fails(self, name, call, /, *args, **params):
        """call(...) fails with this name; what is said is for a person."""
        with self.assertRaises(Failed) as c:
            call(*args, **params)
        self.assertEqual(c.exception.name, name, str(c.exception))
        self.assertEqual(c.exception.error, IFACE + ".Failed")
        return c.exception


def main():
    global BIN
    BIN = harness.BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main(module="__main__")
