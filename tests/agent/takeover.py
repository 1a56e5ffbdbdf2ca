"""A running agent goes on as the keyfobd that is installed now: what survives, and what forbids it."""
import json
import os
import threading
import time

import varlink
from varlink import Agent, Case, Closed, Flow, PASSPHRASE, Sandbox, wait_for

OTHER = b"0.0.9+another"


def another_build(data):
    """The same program under the name of another build."""
    with os.popen("%s --version" % os.path.join(varlink.BIN, "keyfobd")) as f:
        build = f.read().split()[1].encode()
    assert data.count(build + b"\0") == 1 and len(OTHER) <= len(build), build
    return data.replace(build + b"\0", OTHER + b"\0" * (len(build) - len(OTHER) + 1))


class Takeover(Case):
    def agent(self, **kw):
        a = Agent(start=False, **kw)
        self.addCleanup(a.__exit__, None, None, None)
        a.install()
        return a.start()

    def hello(self, a, **kw):
        return a.call("Hello", protocol=1, build="t", **kw)

    def restart(self, a):
        """Restart ends the connection without an answer; the process stays."""
        c = a.connect()
        c.send("Restart", force=True)
        self.assertTrue(c.closed())
        self.assertIsNone(a.proc.poll())

    def test_memory_store(self):
        a = self.agent()
        with Sandbox() as s:
            a.put("dev", s.url)
            a.put("pub", s.url, client_id="client_public", api_key=None)
            a.sign_in()
            before = a.token()
            pid = self.hello(a)["pid"]
            for _ in range(3):
                self.restart(a)
                self.assertEqual(self.hello(a)["pid"], pid)
                self.assertEqual(a.token()["access_token"], before["access_token"])
            self.assertEqual([p["name"] for p in a.call("ListProfiles")["profiles"]], ["dev", "pub"])
            self.assertTrue(a.token(renew=True)["renewed"], "the refresh token and the API key came with it")
            self.assertNotEqual(a.token()["access_token"], before["access_token"])

    def test_typed_passphrase(self):
        a = self.agent(store="vault", env={"KEYFOB_PASSPHRASE_FILE": None})
        with Sandbox() as s:
            a.call("Unlock", passphrase=PASSPHRASE, create=True)
            a.put("dev", s.url)
            a.sign_in()
            self.restart(a)
            self.assertTrue(a.token(renew=True)["renewed"])
            a.call("Lock")
            self.restart(a)
            self.fails("store.vault_locked", a.token)
            a.call("Unlock", passphrase=PASSPHRASE)
            self.assertTrue(a.token()["access_token"])

    def test_locked_memory_store_stays_locked(self):
        a = self.agent()
        with Sandbox() as s:
            a.put("dev", s.url)
            a.sign_in()
            a.call("Lock")
            self.restart(a)
            self.fails("store.agent_locked", a.token)
            a.call("Unlock")
            self.assertTrue(a.token()["access_token"])

    def test_hello_after_an_upgrade(self):
        a = self.agent()
        with Sandbox() as s:
            a.put("dev", s.url)
            a.sign_in()
            token = a.token()["access_token"]
            was = self.hello(a)
            self.assertFalse(was["replaced"])
            a.install(another_build)
            wait_for(lambda: self.hello(a)["replaced"], "the agent sees that its file was replaced")
            self.assertEqual(self.hello(a)["build"], was["build"], "nobody asked it to")
            with a.connect() as c:
                c.send("Hello", protocol=1, build="t", take_over=True, read_only=True)
                c.send("ListProfiles")
                self.assertNotIn("leaving", c.answer(), "not for one who changes nothing")
                c.answer()
            c = a.connect()
            c.write(c.frame("Hello", protocol=1, build="t", take_over=True) + c.frame("GetToken", profile="dev"))
            self.assertTrue(c.answer()["leaving"])
            with self.assertRaises(Closed):
                c.answer()
            self.assertEqual(self.hello(a)["build"], OTHER.decode())
            self.assertEqual(a.token()["access_token"], token)
            with a.connect() as c:
                c.send("Hello", protocol=1, build="t", take_over=True)
                self.assertNotIn("leaving", c.answer())

    def test_a_pipelined_call_is_answered(self):
        """What was read before is not lost: its client could not know that nothing was done."""
        a = self.agent()
        with Sandbox() as s:
            a.put("dev", s.url)
            a.sign_in()
            stop = threading.Event()
            lost = []

            def ask():
                while not stop.is_set():
                    try:
                        with varlink.Conn(a.path) as c:
                            c.write(c.frame("Hello", protocol=1, build="t") + c.frame("GetToken", profile="dev"))
                            c.answer()
                            try:
                                c.answer()
                            except Closed:
                                lost.append("an answered Hello, and no answer of the call behind it")
                    except Closed:
                        pass  # neither was read
            threads = [threading.Thread(target=ask) for _ in range(3)]
            for t in threads:
                t.start()
            for _ in range(10):
                self.restart(a)
            stop.set()
            for t in threads:
                t.join()
            self.assertEqual(lost, [])

    def test_waits_for_a_renewal(self):
        a = self.agent()
        with Sandbox() as s:
            a.put("dev", s.url)
            a.sign_in()
            s.faults({"path": "/user_management/authenticate", "grant": "refresh_token", "delay_ms": 1500})
            t = threading.Thread(target=lambda: self.renewed.append(a.token(renew=True)))
            self.renewed = []
            t.start()
            wait_for(lambda: a.call("GetProfile", profile="dev")["profile"]["state"] == "renewing", "the renewal")
            self.restart(a)
            t.join()
            self.assertEqual(len(self.renewed), 1)
            self.assertEqual(a.token()["access_token"], self.renewed[0]["access_token"])

    def test_refused_while_a_person_signs_in(self):
        a = self.agent()
        with Sandbox() as s:
            a.put("dev", s.url)
            with Flow(a, "dev", email="plain@example.test") as f:
                f.until("field", "password")
                self.fails("wire.busy", a.call, "Restart", force=True)
                a.install(another_build)
                wait_for(lambda: self.hello(a)["replaced"], "replaced")
                self.assertNotIn("leaving", self.hello(a, take_over=True))
                f.say(varlink.PASSWORD)
                f.until("done")
            self.restart(a)
            self.assertEqual(self.hello(a)["build"], OTHER.decode())

    def test_refused_programs(self):
        """The agent goes on as it was, and says why."""
        a = self.agent()
        with Sandbox() as s:
            a.put("dev", s.url)
            a.sign_in()
            token, build = a.token()["access_token"], self.hello(a)["build"]
            bad = (("not a program", b"\x7fELF nonsense", None, "sys.spawn"),
                   ("another program", b"#!/bin/sh\nexit 0\n", None, "sys.spawn"),
                   ("one that hangs", b"#!/bin/sh\nexec sleep 100\n", None, "sys.spawn"),
                   ("one of another form", b"#!/bin/sh\necho 99\n", None, "sys.spawn"),
                   ("writable by others", None, lambda p: os.chmod(p, 0o777), "sys.owner"),
                   ("gone", None, os.unlink, "sys.spawn"))
            for what, data, change, name in bad:
                with self.subTest(what):
                    a.install(another_build if change else lambda _: data)
                    if change:
                        change(a.program)
                    self.fails(name, a.call, "Restart", force=True)
                    self.assertEqual(self.hello(a)["build"], build)
                    self.assertEqual(a.token()["access_token"], token)
            a.install(another_build)
            self.restart(a)
            self.assertEqual(self.hello(a)["build"], OTHER.decode())
            self.assertEqual(a.token()["access_token"], token)

    def test_only_a_person_forces_it(self):
        a = self.agent()
        e = self.fails("wire.busy", a.call, "Restart")
        self.assertIn("runs the program that is installed", e.failure["what"])

    def test_options_go_on(self):
        """However they were written, and without what was for the start alone."""
        for args in (["--idle-exit=1h", "--log-l", "debug"], ["--idle-exit", "1h", "--"], ["--foreground", "--log-file=%s"]):
            with self.subTest(args):
                a = Agent(start=False)
                a.args = [x.replace("%s", os.path.join(a.dir, "log")) for x in args]
                self.addCleanup(a.__exit__, None, None, None)
                a.install()
                a.start()
                self.restart(a)
                self.restart(a)
                with open("/proc/%d/cmdline" % a.proc.pid, "rb") as f:
                    self.assertNotIn(b"ready-fd", f.read())

    def test_a_signal_in_the_middle_ends_it(self):
        """One that comes while the installed program is asked whether it runs."""
        a = self.agent()
        with open(a.program, "rb") as f:
            real = os.path.join(a.dir, "real")
            with open(real, "wb") as g:
                g.write(f.read())
        os.chmod(real, 0o755)
        asked = os.path.join(a.dir, "asked")
        a.install(lambda _: ("#!/bin/sh\ncase \"$*\" in *--takeover-format*) : >%s; sleep 0.5;; esac\nexec %s \"$@\"\n" % (asked, real)).encode())
        c = a.connect()
        c.send("Restart", force=True)
        wait_for(lambda: os.path.exists(asked), "the question")
        a.proc.terminate()
        self.assertEqual(a.proc.wait(20), 0)

    def test_what_cannot_be_passed_on(self):
        """A path that is no UTF-8: the agent goes on as it was."""
        a = Agent(start=False)
        self.addCleanup(a.__exit__, None, None, None)
        run = os.path.join(a.dir, "r\udcff")
        os.mkdir(run, 0o700)
        a.env["XDG_RUNTIME_DIR"] = run
        a.path = os.path.join(run, "keyfob", "agent.sock")
        a.install()
        a.start()
        self.fails("sys.io", a.call, "Restart", force=True)
        self.assertIsNone(a.proc.poll())
        self.hello(a)

    def test_secrets_lie_in_no_file(self):
        """Nothing that the next program inherits can be opened through /proc while it starts."""
        a = self.agent(store="vault", env={"KEYFOB_PASSPHRASE_FILE": None})
        a.call("Unlock", passphrase=PASSPHRASE, create=True)
        seen = set()
        stop = threading.Event()

        def look():
            base = "/proc/%d/fd" % a.proc.pid
            while not stop.is_set():
                try:
                    for n in os.listdir(base):
                        seen.add(os.readlink(os.path.join(base, n)).split(":")[0])
                except OSError:
                    continue
        t = threading.Thread(target=look)
        t.start()
        for _ in range(5):
            self.restart(a)
            self.hello(a)
        stop.set()
        t.join()
        self.assertFalse([s for s in seen if "memfd" in s], seen)

    def test_state_is_only_for_itself(self):
        """What it passes on cannot come from a file, nor be changed on its way."""
        a = self.agent()
        path = os.path.join(a.dir, "state.json")
        with open(path, "w") as f:
            json.dump({"format": 1, "listen_fd": 0, "run_lock": 1, "socket": "/tmp/x/agent.sock"}, f)
        with open(path) as f:
            proc, said = a.launch("--takeover", str(f.fileno()), pass_more=[f.fileno()])
        self.assertEqual(proc.wait(20), 2)
        self.assertIn("--takeover is for keyfobd itself", said)

    def test_watchers_come_back(self):
        a = self.agent()
        with Sandbox() as s:
            a.put("dev", s.url)
            c = a.connect()
            c.send("Watch", more=True)
            c.answer()
            self.restart(a)
            self.assertTrue(c.closed())
            c = a.connect()
            c.send("Watch", more=True)
            self.assertEqual([p["name"] for p in c.answer()["profiles"]], ["dev"])

    def test_private(self):
        """The lifeline, the directory and its name go on."""
        a = Agent(start=False)
        self.addCleanup(a.__exit__, None, None, None)
        a.install()
        r, w = os.pipe()
        out_r, out_w = os.pipe()
        proc, _ = a.launch("--private", ready=False, stdin=r, stdout=out_w)
        os.close(r)
        os.close(out_w)
        with open(out_r) as out:
            path = out.readline().strip()
            a.path = path
            a.proc = proc
            self.assertTrue(self.hello(a)["private"])
            self.restart(a)
            self.assertTrue(self.hello(a)["private"])
            self.assertTrue(os.path.exists(path))
            os.close(w)
            self.assertEqual(proc.wait(20), 0)
            self.assertEqual(out.read(), "", "it says where it is once")
        self.assertFalse(os.path.exists(os.path.dirname(path)))


if __name__ == "__main__":
    varlink.main()
