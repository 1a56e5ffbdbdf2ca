"""Clients whose agent is killed in the middle of a call. They start the next one themselves."""
import os
import signal
import subprocess

import varlink
from varlink import Agent, Case, Sandbox, wait_for

AUTH = "/user_management/authenticate"
REVOKE = "/user_management/sessions/revoke"


class Dies(Case):
    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.__exit__)
        self.agent = Agent(store="vault")
        self.addCleanup(self.agent.__exit__, None, None, None)
        self.addCleanup(self.run_, "agent", "stop")
        self.agent.put("dev", self.sandbox.url)
        self.agent.sign_in()
        self.agent.expect_status = -signal.SIGKILL
        self.pid = self.agent.proc.pid

    def begin(self, *args):
        return subprocess.Popen([os.path.join(varlink.BIN, "keyfob"), *args], env=self.agent.env,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def end(self, proc):
        out, err = proc.communicate(timeout=60)
        return proc.returncode, out.decode(), err.decode()

    def run_(self, *args):
        return self.end(self.begin(*args))

    def refreshes(self):
        return self.sandbox.stats()["grants"].get("refresh_token", 0)

    def connections(self):
        with open("/proc/net/unix") as f:
            paths = [line.split()[-1] for line in f]
        return paths.count(self.agent.path) - 1  # one listens

    def hello_pid(self):
        return self.agent.call("Hello", protocol=1, build="t")["pid"]

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)

    def test_killed_while_it_renews(self):
        """Hello is answered, the call is not."""
        for args in (("token", "dev", "--renew"), ("renew", "dev")) * 3:
            with self.subTest(args=args):
                self.sandbox.faults(dict(path=AUTH, grant="refresh_token", nth=1, delay_ms=4000))
                before = self.refreshes()
                proc = self.begin(*args)
                wait_for(lambda: self.refreshes() > before, "the refresh")
                self.kill()
                rc, out, err = self.end(proc)
                self.assertEqual(rc, 0, err)
                self.assertTrue(out)
                self.assertNotEqual(self.hello_pid(), self.pid)
                self.pid = self.hello_pid()
        self.assertEqual(self.sandbox.stats()["reused"], 0)

    def test_killed_before_it_reads(self):
        """Whatever the call is: it was not read, so it was not done."""
        add = ("profile", "add", "new", "--client-id", "client_x")
        for args in (("token", "dev"), add, ("logout", "dev")):
            with self.subTest(args=args):
                os.kill(self.pid, signal.SIGSTOP)
                proc = self.begin(*args)
                wait_for(lambda: self.connections() > 0, "the client's connection")
                self.kill()
                rc, _, err = self.end(proc)
                self.assertEqual(rc, 0, err)
                self.assertNotEqual(self.hello_pid(), self.pid)
                self.pid = self.hello_pid()
        names = {p["name"]: p["state"] for p in self.agent.call("ListProfiles")["profiles"]}
        self.assertEqual(names, {"dev": "signed_out", "new": "signed_out"})
        self.assertEqual(self.sandbox.stats()["sessions"], 0, "the session was ended at WorkOS")

    def test_what_may_have_been_done_is_not_repeated(self):
        self.sandbox.faults(dict(path=REVOKE, nth=1, delay_ms=30000))
        proc = self.begin("logout", "dev")
        wait_for(lambda: self.sandbox.stats()["requests"].get("POST " + REVOKE), "the sign-out")
        self.kill()
        rc, _, err = self.end(proc)
        self.assertEqual(rc, 6, err)
        self.assertEqual(self.sandbox.stats()["requests"]["POST " + REVOKE], 1)


if __name__ == "__main__":
    varlink.main()
