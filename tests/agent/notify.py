"""on_sign_in_needed: once for each end of a session, with a clean environment, only from settings that are safe."""
import os
import signal

import varlink
from varlink import Agent, Case, KEY, Sandbox, wait_for


class Notify(Case):
    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.__exit__)
        self.agent = Agent(store="vault", env={"WORKOS_API_KEY": "sk_test_env", "https_proxy": "http://u:secret@127.0.0.1:9"})
        self.addCleanup(self.agent.__exit__, None, None, None)
        self.out = os.path.join(self.agent.dir, "out")
        self.agent.put("dev", self.sandbox.url)
        self.agent.put("two", self.sandbox.url)

    def set(self, command):
        self.agent.call("PutSettings", key="on_sign_in_needed", value=command)

    def runs(self):
        try:
            with open(self.out) as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    def log(self):
        return self.agent.log()

    def end(self, profile="dev"):
        """The session ends at WorkOS, and keyfob finds out."""
        sid = self.agent.call("GetProfile", profile=profile)["profile"]["session_id"]
        self.assertEqual(self.sandbox.post("/user_management/sessions/revoke", {"session_id": sid}, KEY).status, 200)
        self.fails("workos.invalid_grant", self.agent.token, profile, renew=True)

    def test_once_with_a_clean_environment(self):
        self.set('env >>"%s.env"; ls -l /proc/self/fd >>"%s.fd"; echo "$KEYFOB_PROFILE $KEYFOB_REASON" >>"%s"' % (self.out, self.out, self.out))
        self.agent.sign_in()
        self.end()
        wait_for(self.runs, "the command")
        self.assertEqual(self.runs(), ["dev workos.invalid_grant"])
        env = self.agent.read(self.out + ".env")
        for secret in ("WORKOS", "proxy", "secret", "PASSPHRASE", "KEYFOB_STORE"):
            self.assertNotIn(secret, env)
        self.assertIn("HOME=", env)
        fds = self.agent.read(self.out + ".fd")
        self.assertNotIn("socket", fds)
        self.assertNotIn("keyfob", fds.replace("out.fd", ""))
        # asking again, and another agent, say nothing new
        self.fails("workos.invalid_grant", self.agent.token, renew=True)
        self.agent.restart()
        self.fails("workos.invalid_grant", self.agent.token)
        self.agent.sign_in("two")
        self.end("two")
        wait_for(lambda: len(self.runs()) > 1, "what comes next")
        self.assertEqual(self.runs(), ["dev workos.invalid_grant", "two workos.invalid_grant"])

    def test_not_for_signing_out_nor_for_who_never_was(self):
        self.set('echo "$KEYFOB_PROFILE" >>"%s"' % self.out)
        self.agent.sign_in()
        self.agent.call("SignOut", profile="dev")
        self.fails("workos.not_signed_in", self.agent.token)
        self.fails("workos.not_signed_in", self.agent.token, "two")
        self.agent.sign_in("two")
        self.end("two")
        wait_for(self.runs, "the command")
        self.assertEqual(self.runs(), ["two"])

    def test_after_the_next_sign_in_again_but_not_at_once(self):
        self.set('echo "$KEYFOB_PROFILE" >>"%s"' % self.out)
        self.agent.sign_in()
        self.agent.sign_in("two")
        self.end()
        wait_for(self.runs, "the command")
        self.agent.sign_in()
        self.end()
        wait_for(lambda: "is not run: too many" in self.log(), "the limit")
        self.end("two")
        wait_for(lambda: len(self.runs()) == 2, "the other profile's")
        self.assertEqual(self.runs(), ["dev", "two"])

    def test_settings_that_others_can_change_run_nothing(self):
        self.set('echo "$KEYFOB_PROFILE" >>"%s"' % self.out)
        self.agent.sign_in()
        folder = os.path.dirname(self.agent.conf)
        sid = self.agent.call("GetProfile", profile="dev")["profile"]["session_id"]
        for path, bad, good in ((self.agent.conf, 0o660, 0o600), (folder, 0o777, 0o700)):
            os.chmod(path, bad)
            os.utime(self.agent.conf)
            self.fails("sys.owner", self.agent.token, renew=True)
            os.chmod(path, good)
            self.agent.call("GetProfile", profile="dev")
        self.sandbox.post("/user_management/sessions/revoke", {"session_id": sid}, KEY)
        os.chmod(folder, 0o777)  # the settings are those that were read before
        self.fails("workos.invalid_grant", self.agent.token, renew=True)
        wait_for(lambda: "can be changed by others" in self.log(), "the refusal")
        os.chmod(folder, 0o700)
        self.assertEqual(self.runs(), [])

    def test_a_command_that_hangs_fails_or_is_not_there(self):
        self.set('echo $$ >>"%s"; exec sleep 1000' % self.out)
        self.agent.sign_in()
        self.end()
        wait_for(self.runs, "the command")
        pid = int(self.runs()[0])
        self.assertEqual(os.getsid(pid), pid)
        self.assertTrue(self.agent.sign_in("two"), "nobody waits for it")
        self.set("exit 3")
        self.end("two")
        wait_for(lambda: "on_sign_in_needed failed" in self.log(), "its end")
        # it does not outlive the agent
        self.agent.proc.send_signal(signal.SIGTERM)
        self.assertEqual(self.agent.proc.wait(20), 0)
        wait_for(lambda: not os.path.exists("/proc/%d" % pid) or " Z " in open("/proc/%d/stat" % pid).read(), "the end of the command")
        self.agent.start()


if __name__ == "__main__":
    varlink.main()
