"""keyfobd as a program: options, start, logs, hardening, the ways it ends."""
import fcntl
import os
import re
import signal
import socket
import stat
import subprocess
import time

import varlink
from varlink import Agent, Case, Conn, Failed, Flow, PASSWORD, Sandbox, wait_for


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def running(pid):
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


class Program(Case):
    def agent(self, **kw):
        a = Agent(**kw)
        self.addCleanup(a.__exit__, None, None, None)
        return a

    def run_(self, *args, **kw):
        return subprocess.run([os.path.join(varlink.BIN, "keyfobd"), *args], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=30, **kw)

    def test_options(self):
        for args, status, out in ((["--version"], 0, b"keyfobd"), (["--help"], 0, b"--ready-fd"),
                                  (["--nonsense"], 2, b""), (["extra"], 2, b""), (["--idle-exit", "10"], 2, b""),
                                  (["--ready-fd", "x"], 2, b""), (["--log-level", "loud"], 2, b"")):
            with self.subTest(args=args):
                r = self.run_(*args)
                self.assertEqual(r.returncode, status, r)
                self.assertIn(out, r.stdout)
                self.assertEqual(bool(r.stderr), status != 0)

    def test_modes_of_what_it_makes(self):
        a = self.agent()
        self.assertEqual((mode(a.runtime), mode(a.path), mode(a.state), mode(a.logfile)), (0o700, 0o600, 0o700, 0o600))
        self.assertEqual(a.status("Umask"), "0077")

    def test_hardened(self):
        a = self.agent()
        self.assertEqual(a.status("NoNewPrivs"), "1")
        with open("/proc/%d/limits" % a.proc.pid) as f:
            self.assertRegex(f.read(), r"Max core file size\s+0\s+0")

    def index_of(self, a):
        return os.path.join(a.state, "profiles")

    def test_index_of_a_newer_version_stays(self):
        a = self.agent(start=False)
        os.makedirs(a.state, 0o700)
        newer = "keyfob-profiles 3\nwhatever a newer keyfob writes\n"
        with open(self.index_of(a), "w") as f:
            f.write(newer)
        a.start()
        a.put("dev")
        a.restart()
        self.assertEqual([p["name"] for p in a.call("ListProfiles")["profiles"]], ["dev"])
        a.call("Quit")
        a.proc.wait(20)
        self.assertEqual(a.read(self.index_of(a)), newer)

    def test_index_that_cannot_be_read_is_not_lost(self):
        a = self.agent(store="vault")
        with Sandbox() as s:
            a.put("dev", s.url)
            a.sign_in()
            a.call("Quit")
            a.proc.wait(20)
            good = a.read(self.index_of(a))
            row = r"\tdev\t.\tsigned_in\t[1-9]"
            self.assertRegex(good, row)
            os.unlink(self.index_of(a))
            os.symlink("profiles", self.index_of(a))  # as EIO: there, and not to be read
            a.start()
            a.put("other", s.url)
            self.assertTrue(os.path.islink(self.index_of(a)), "it is not replaced")
            os.unlink(self.index_of(a))
            with open(self.index_of(a), "w") as f:
                f.write(good)
            a.put("third", s.url)
            wait_for(lambda: a.read(self.index_of(a)).count("\n") == 4, "the index to be written")
            self.assertRegex(a.read(self.index_of(a)), row, "what it knew is still there")

    def test_what_kills_left_beside_its_files(self):
        a = self.agent()
        a.put("dev")
        goes = [self.index_of(a) + ".tmp-aB3dE9", self.index_of(a) + ".aB3dE9", a.conf + ".tmp-abcdef"]
        stays = [a.conf + ".backup", a.conf + ".aB3dE9", self.index_of(a) + ".backup"]
        for path in goes + stays:
            with open(path, "w") as f:
                f.write("x")
        with open(goes[0]) as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            a.restart()
            self.assertEqual([p for p in goes if os.path.exists(p)], goes[:1], "one has a living writer")
        a.restart()
        self.assertEqual([p for p in goes + stays if os.path.exists(p)], stays)

    def test_second_agent_leaves_the_first_alone(self):
        a = self.agent()
        proc, said = a.launch("--foreground")
        self.assertNotEqual(proc.wait(20), 0)
        self.assertEqual(said[:1], "E")
        self.assertEqual(said.count("\n"), 1)
        self.assertEqual(a.call("Hello", protocol=1, build="t")["pid"], a.proc.pid)

    def test_says_why_it_can_not_start(self):
        a = self.agent(start=False)
        os.mkdir(a.runtime, 0o700)
        os.chmod(a.runtime, 0o777)
        proc, said = a.launch("--foreground")
        self.assertNotEqual(proc.wait(20), 0)
        self.assertTrue(said.startswith("E") and "keyfob" in said, said)
        self.assertFalse(os.path.exists(a.path))
        os.chmod(a.runtime, 0o700)
        a.env["XDG_RUNTIME_DIR"] = os.path.join(a.dir, "x" * 120)
        os.mkdir(a.env["XDG_RUNTIME_DIR"], 0o700)
        proc, said = a.launch("--foreground")
        self.assertNotEqual(proc.wait(20), 0)
        self.assertTrue(said.startswith("E"), said)

    def test_unknown_store_is_refused(self):
        a = self.agent(start=False, store="floppy")
        proc, said = a.launch("--foreground")
        if said.startswith("E"):
            self.assertNotEqual(proc.wait(20), 0)
            self.assertIn("floppy", said)
        else:  # it runs and says so at the first need
            a.proc = proc
            self.assertIn("floppy", str(a.failure("PutProfile", name="x", client_id="client_x", api_key="sk_test_x")))

    def test_a_socket_left_behind_is_replaced(self):
        a = self.agent()
        a.restart()
        self.assertEqual(a.call("Hello", protocol=1, build="t")["pid"], a.proc.pid)

    def test_quit_frees_socket_and_locks(self):
        a = self.agent()
        with a.connect() as c, a.connect() as idle:
            c.call("Quit")
            self.assertTrue(idle.closed())
            self.assertEqual(a.proc.wait(20), 0)
        self.assertFalse(os.path.exists(a.path))
        for d in (a.runtime, a.state):
            for name in os.listdir(d):
                if name.endswith((".lock", ".run")):
                    with open(os.path.join(d, name)) as f:
                        fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        a.start()

    def test_quit_waits_for_a_renewal(self):
        with Sandbox() as s:
            a = self.agent(store="vault")
            a.put("dev", s.url)
            a.sign_in()
            s.faults({"path": "/user_management/authenticate", "grant": "refresh_token", "nth": 1, "delay_ms": 1500})
            c = a.connect()
            c.send("GetToken", profile="dev", renew=True)
            wait_for(lambda: s.stats()["grants"].get("refresh_token"), "the refresh")
            a.call("Quit")
            self.assertEqual(a.proc.wait(30), 0)
            a.start()
            t = a.token()
            self.assertGreater(varlink.claims(t["access_token"])["exp"], 0)
            self.assertTrue(a.token(renew=True)["renewed"])
            self.assertEqual(s.stats()["reused"], 0)

    def test_ends_although_a_server_hangs(self):
        with Sandbox() as s:
            a = self.agent()
            a.put("dev", s.url)
            a.sign_in()
            s.faults({"path": "/user_management/authenticate", "grant": "refresh_token", "delay_ms": 12000})
            with a.connect(30) as c:
                c.send("GetToken", profile="dev", renew=True)
                wait_for(lambda: s.stats()["grants"].get("refresh_token"), "the refresh")
                start = time.monotonic()
                a.proc.send_signal(signal.SIGTERM)
                self.assertEqual(a.proc.wait(30), 0)
                self.assertLess(time.monotonic() - start, 15)

    def test_signals_end_it_orderly(self):
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            a = self.agent()
            with Sandbox() as s:
                a.put("dev", s.url)
                f = Flow(a, "dev", email="plain@example.test")
                f.until("field", "password")
                w = a.connect()
                w.send("Watch", more=True)
                w.answer()
                a.proc.send_signal(sig)
                self.assertEqual(a.proc.wait(20), 0)
                self.assertFalse(os.path.exists(a.path))
                f.__exit__()

    def test_signals_of_a_logout_let_a_renewal_finish(self):
        """A login that ends sends SIGHUP and SIGTERM together."""
        hup, term = signal.SIGHUP, signal.SIGTERM
        for sigs in ((hup,), (hup, term), (term, hup)):
            with self.subTest(sigs=sigs), Sandbox() as s, Agent(store="vault") as a:
                a.put("dev", s.url)
                a.sign_in()
                s.faults(dict(path="/user_management/authenticate", grant="refresh_token", nth=1,
                              delay_ms=1500))
                c = a.connect()
                c.send("GetToken", profile="dev", renew=True)
                wait_for(lambda: s.stats()["grants"].get("refresh_token"), "the refresh")
                for sig in sigs:
                    a.proc.send_signal(sig)
                self.assertEqual(a.proc.wait(30), 0)
                a.start()
                a.token()
                self.assertTrue(a.token(renew=True)["renewed"])
                stats = s.stats()
                self.assertEqual((stats["reused"], stats["replayed"]), (0, 0))
                self.assertEqual(stats["grants"]["refresh_token"], 2)

    def test_sigpipe_does_not_kill(self):
        a = self.agent()
        a.proc.send_signal(signal.SIGPIPE)
        self.assertEqual(a.call("Hello", protocol=1, build="t")["protocol"], varlink.PROTOCOL)

    def test_sighup_that_was_ignored_stays_ignored(self):
        a = self.agent(start=False)
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        try:
            a.start()
        finally:
            signal.signal(signal.SIGHUP, before)
        a.proc.send_signal(signal.SIGHUP)
        self.assertEqual(a.call("Hello", protocol=1, build="t")["pid"], a.proc.pid)

    def test_idle_exit(self):
        a = self.agent(args=("--idle-exit", "1s"))
        with a.connect() as c:
            c.call("Hello", protocol=1, build="t")
            with self.assertRaises(subprocess.TimeoutExpired):
                a.proc.wait(3)  # a client is there
        self.assertEqual(a.proc.wait(20), 0)
        self.assertFalse(os.path.exists(a.path))

    def test_not_idle_with_a_session_to_keep(self):
        with Sandbox() as s:
            a = self.agent(args=("--idle-exit", "1s"))
            a.put("dev", s.url)
            a.sign_in()
            with self.assertRaises(subprocess.TimeoutExpired):
                a.proc.wait(4)
            a.call("SignOut", profile="dev")
            self.assertEqual(a.proc.wait(20), 0)

    def test_private(self):
        a = self.agent(start=False)
        lifeline_r, lifeline_w = os.pipe()
        proc, said = a.launch("--private", stdin=lifeline_r, stdout=subprocess.PIPE)
        os.close(lifeline_r)
        path = proc.stdout.readline().decode().rstrip("\n")
        self.assertEqual(len(said), 1)
        self.assertNotEqual(path, a.path)
        self.assertEqual((mode(os.path.dirname(path)), mode(path)), (0o700, 0o600))
        with Conn(path) as c:
            self.assertIs(c.call("Hello", protocol=1, build="t")["private"], True)
            # it neither disturbs nor is disturbed by the usual one
            a.start()
            self.assertIs(a.call("Hello", protocol=1, build="t")["private"], False)
            os.close(lifeline_w)
            self.assertEqual(proc.wait(20), 0)
        proc.stdout.close()
        self.assertFalse(os.path.exists(os.path.dirname(path)))
        self.assertEqual(a.call("Hello", protocol=1, build="t")["protocol"], varlink.PROTOCOL)

    def test_private_ends_with_a_killed_parent(self):
        a = self.agent(start=False)
        parent = subprocess.Popen(["sh", "-c", 'mkfifo "$0/life"; "$1" --private <"$0/life" >"$0/out" & '
                                   'exec 3>"$0/life"; echo $! ; exec sleep 600 3>&3', a.dir,
                                   os.path.join(varlink.BIN, "keyfobd")], env=a.env, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL)
        pid = int(parent.stdout.readline())
        wait_for(lambda: a.read(os.path.join(a.dir, "out")).endswith("\n"), "the path")
        path = a.read(os.path.join(a.dir, "out")).strip()
        parent.kill()
        parent.wait()
        parent.stdout.close()
        wait_for(lambda: not os.path.exists(os.path.dirname(path)), "the end of the private agent")
        wait_for(lambda: not running(pid) or open("/proc/%d/stat" % pid).read().split()[2] == "Z", "the process")

    def test_log_is_bounded(self):
        a = self.agent()
        os.makedirs(a.state, 0o700, exist_ok=True)
        conn = a.connect()
        for _ in range(200):
            conn.write(conn.frame("Hello", protocol=1, build="t") * 100)
            for _ in range(100):
                conn.answer()
        files = [n for n in os.listdir(a.state) if n.startswith("keyfobd.log")]
        self.assertLessEqual(set(files), {"keyfobd.log", "keyfobd.log.1"})
        for n in files:
            self.assertLess(os.path.getsize(os.path.join(a.state, n)), (1 << 20) + 65536)

    def test_log_that_grew_is_turned(self):
        a = self.agent(start=False)
        os.makedirs(a.state, 0o700)
        with open(a.logfile, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write("old line\n" * 200000)
        a.start()
        a.call("Hello", protocol=1, build="t")
        self.assertLess(os.path.getsize(a.logfile), 1 << 20)
        self.assertTrue(a.read(a.logfile + ".1").startswith("old line"))

    def test_log_is_no_way_to_write_elsewhere(self):
        a = self.agent(start=False)
        os.makedirs(a.state, 0o700)
        victim = os.path.join(a.dir, "victim")
        with open(victim, "w") as f:
            f.write("mine")
        os.symlink(victim, a.logfile)
        proc, said = a.launch("--foreground")
        if not said.startswith("E"):
            a.proc = proc
        else:
            proc.wait(20)
        self.assertEqual(a.read(victim), "mine")

    def test_no_bus_before_it_is_needed(self):
        """store = auto: profiles, status and Watch touch no bus; a key does, and the pick is remembered."""
        a = self.agent(start=False, store=None)
        calls = []
        bus = socket.socket(socket.AF_UNIX)
        path = os.path.join(a.dir, "bus")
        bus.bind(path)
        bus.listen(8)
        bus.settimeout(0.2)
        a.env["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=" + path
        with open(os.path.join(a.dir, "pass"), "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write("vault passphrase\n")
        a.env["KEYFOB_PASSPHRASE_FILE"] = os.path.join(a.dir, "pass")
        a.start()
        hello = a.call("Hello", protocol=1, build="t")["store"]
        self.assertEqual((hello["kind"], hello["choice"]), ("", "auto"))
        a.put("pub", api_key=None)
        a.call("ListProfiles")
        with a.connect() as w:
            w.send("Watch", more=True)
            w.answer()
        with self.assertRaises(socket.timeout):
            bus.accept()
        bus.close()
        os.unlink(path)
        self.assertTrue(a.put("dev", "http://127.0.0.1:1")["confidential"])
        store = a.call("Hello", protocol=1, build="t")["store"]
        self.assertEqual((store["kind"], store["state"], store["choice"]), ("vault", "ok", "auto"))
        self.assertTrue(store["why"])
        self.assertRegex(a.read(a.conf), r"store_picked\s*=\s*vault")
        self.assertEqual(calls, [])

    def test_passphrase_file_of_others_is_refused(self):
        a = self.agent(store="vault")
        os.chmod(a.env["KEYFOB_PASSPHRASE_FILE"], 0o644)
        a.restart()
        with self.assertRaises(Failed) as c:
            a.put("dev")
        self.assertIn("pass", c.exception.failure["what"] + c.exception.failure["hint"])
        os.chmod(a.env["KEYFOB_PASSPHRASE_FILE"], 0o600)
        a.restart()
        a.put("dev")

    def test_systemd_credential(self):
        a = self.agent(start=False, store="vault")
        os.mkdir(os.path.join(a.dir, "cred"), 0o700)
        os.rename(a.env.pop("KEYFOB_PASSPHRASE_FILE"), os.path.join(a.dir, "cred", "keyfob-passphrase"))
        a.env["CREDENTIALS_DIRECTORY"] = os.path.join(a.dir, "cred")
        a.start()
        a.put("dev")
        self.assertEqual(a.call("Hello", protocol=1, build="t")["store"]["state"], "ok")


class SocketMoved(Case):
    def test_an_agent_whose_socket_is_gone_leaves(self):
        with Agent() as a:
            os.unlink(a.path)
            self.assertEqual(a.proc.wait(90), 0)


if __name__ == "__main__":
    varlink.main()
