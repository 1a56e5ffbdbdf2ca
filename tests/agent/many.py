"""1,000 profiles: what is asked of one is right, and what is due together does not go out together."""
import json
import os
import resource
import signal
import subprocess
import time
import unittest

import varlink
from crowd import Crowd, name
from varlink import Agent, Case, wait_for

N = 1000
IN_FLIGHT = 16


class Many(Case):
    def keyfob(self, agent, *args):
        p = subprocess.run([os.path.join(varlink.BIN, "keyfob"), *args], env=agent.env, stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, timeout=60)
        self.assertEqual((p.returncode, p.stderr), (0, ""), args)
        return p.stdout

    def test_a_thousand(self):
        # what a login shell gives: a descriptor for each timer or profile would not do
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        with Agent(env={"KEYFOB_LOG": "info"}, start=False) as agent:
            resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
            try:
                agent.start()
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, before)
            with Crowd(agent, N, life=12, delay=0.003) as crowd:
                self.run_crowd(agent, crowd)

    def run_crowd(self, agent, crowd):
        self.assertEqual(len(crowd.make()), N)
        took = time.monotonic()
        crowd.sign_in()
        took = time.monotonic() - took
        self.assertLessEqual(crowd.most, IN_FLIGHT)
        # the list, a token and a status are of the profile that was asked for
        items = json.loads(self.keyfob(agent, "profile", "list", "--json"))["items"]
        self.assertEqual([p["name"] for p in items], [name(i) for i in range(N)])
        self.assertEqual([p["name"] for p in items if p["default"]], [name(0)])
        self.assertEqual({p["state"] for p in items}, {"signed_in"})
        self.assertEqual(len(self.keyfob(agent, "profile", "list").splitlines()), N)
        for i in (0, 1, N // 2, N - 1):
            token = self.keyfob(agent, "token", name(i)).strip()
            self.assertEqual(varlink.claims(token)["sub"], "user_%d" % i)
            status = json.loads(self.keyfob(agent, "status", name(i), "--json"))
            self.assertEqual((status["profile"], status["user"]["id"], status["session"]["id"]), (name(i), "user_%d" % i, "session_%d" % i))
        # all of them in use, and all due while the agent is stopped
        end = self.stop_before_any_is_due(agent, crowd, max(12, 1.6 * took))
        time.sleep(max(0, end - time.time()))
        crowd.counters()
        agent.proc.send_signal(signal.SIGCONT)
        with agent.connect() as c:
            served, done, end = 0, 0, time.monotonic() + 60
            while done < N:
                if crowd.renewed(3600)[0] > done:
                    done, end = crowd.renewed(3600)[0], time.monotonic() + 60
                self.assertEqual(varlink.claims(c.call("GetToken", profile=name(0))["access_token"])["sub"], "user_0")
                served += 1
                self.assertLess(time.monotonic(), end, "renewals stand still")
        self.assertGreater(served, 10, "a caller of a valid token is served meanwhile")
        self.assertLessEqual(crowd.most, IN_FLIGHT)
        self.assertGreater(crowd.most, 1)
        wait_for(lambda: all(p["state"] == "signed_in" for p in self.listed(agent)), "all are signed in")
        self.assertEqual(crowd.renewed(3600), (N, 1), "one renewal each")
        # one of them changes: the others stay as they are
        ids = {p["name"]: p["id"] for p in self.listed(agent)}
        agent.call("PutProfile", id=ids[name(500)], name="renamed")
        agent.call("RemoveProfile", profile=name(7))
        got = [p["name"] for p in json.loads(self.keyfob(agent, "profile", "list", "--json"))["items"]]
        self.assertEqual(sorted(got), sorted([name(i) for i in range(N) if i not in (7, 500)] + ["renamed"]))
        self.assertEqual(varlink.claims(self.keyfob(agent, "token", "renamed").strip())["sub"], "user_500")
        self.assertEqual(agent.failure("GetToken", profile=name(7)).name, "usage.no_profile")

    def stop_before_any_is_due(self, agent, crowd, room):
        """Renews them all and stops the agent; when all the tokens are over. One that is renewed ahead of time, when a fifth of
        its life is left, is in use no more and would not be renewed again: where 1,000 renewals take long, there is more room."""
        while True:
            crowd.forget_renewals()
            began = time.time()
            crowd.until = began + room
            crowd.each("GetToken", range(1, N), renew=True)
            crowd.until, crowd.life = None, 3600
            agent.call("GetToken", profile=name(0), renew=True)  # this one is valid for long
            agent.proc.send_signal(signal.SIGSTOP)
            if time.time() - began < 0.8 * room - 2:  # whole seconds
                return began + room
            agent.proc.send_signal(signal.SIGCONT)
            room *= 2
            self.assertLess(room, 300, "1,000 renewals take minutes")

    def listed(self, agent):
        with agent.connect() as c:
            c.send("ListProfiles", more=True)
            got = c.answer()["profiles"]
            while c.continues:
                got += c.answer()["profiles"]
            return got


if __name__ == "__main__":
    unittest.util._MAX_LENGTH = 400
    varlink.main()
