"""keyfob.conf with several writers, and a keyfob.conf that is away or half written for a while."""
import os
import threading
import time

import varlink
from varlink import Agent, Case, Conn, Failed, Flow, PASSWORD, Sandbox, wait_for

CLIENT = "client_sandbox"
GONE_S = 2  # a removal that keyfob did not make counts after this time


class Home(Case):
    """One agent with a vault, and a sandbox."""

    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.__exit__)
        self.agent = Agent(store="vault")
        self.addCleanup(self.agent.__exit__, None, None, None)
        self.conf = self.agent.conf

    def another(self):
        """A second agent in the same home; only its socket and its log are elsewhere."""
        b = Agent(store="vault", start=False)
        self.addCleanup(b.__exit__, None, None, None)
        for key in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME",
                    "KEYFOB_PASSPHRASE_FILE"):
            b.env[key] = self.agent.env[key]
        b.logfile = b.env["KEYFOB_LOG_FILE"] = os.path.join(b.dir, "log")
        b.conf, b.state, b.data = self.agent.conf, self.agent.state, self.agent.data
        return b.start()

    def names(self, agent=None):
        return {p["name"] for p in (agent or self.agent).call("ListProfiles")["profiles"]}

    def profile(self, name="dev"):
        return self.agent.call("GetProfile", profile=name)["profile"]

    def state(self, name="dev"):
        return self.profile(name)["state"]

    def signed_in(self, *names):
        for name in names or ("dev",):
            self.agent.put(name, self.sandbox.url)
            self.agent.sign_in(name)

    def text(self):
        return self.agent.read(self.conf)

    def write(self, text):
        with open(self.conf, "w") as f:
            f.write(text)

    def slow_renewal(self, ms, name="dev"):
        """A GetToken that waits for its renewal: the connection; its POST is at the server."""
        self.sandbox.faults({"path": "/user_management/authenticate", "grant": "refresh_token",
                             "nth": 1, "delay_ms": ms})
        before = self.renewals()
        c = self.agent.connect(40)
        c.send("GetToken", profile=name, renew=True)
        wait_for(lambda: self.renewals() > before, "the POST")
        return c

    def renewals(self):
        return self.sandbox.stats()["grants"].get("refresh_token", 0)

    def states_seen(self, name="dev"):
        """The states that the log says the profile came to."""
        lines = [x for x in self.agent.log().splitlines() if "profile %s: " % name in x]
        lines = [x for x in lines if " -> " in x]
        return [x.split(" -> ")[1].split(",")[0] for x in lines]


class Writers(Home):
    def together(self, *jobs):
        failed = []

        def run(job):
            try:
                job()
            except BaseException as e:  # noqa: B902
                failed.append(e)

        threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if failed:
            raise failed[0]

    def test_two_agents_add_profiles(self):
        """Each profile that was acknowledged is in the file, and both agents know it."""
        agents = (self.agent, self.another())
        each, added = 40, set()

        def add(agent, letter):
            for i in range(each):
                name = "%s%03d" % (letter, i)
                agent.put(name, api_key=None)
                added.add(name)

        jobs = zip(agents * 2, "abcd")
        self.together(*(lambda a=agent, x=letter: add(a, x) for agent, letter in jobs))
        self.assertEqual(len(added), 4 * each)
        for name in sorted(added):
            self.assertIn("[profile %s]\n" % name, self.text())
        for agent in agents:
            self.assertEqual(self.names(agent), added)

    def test_two_agents_want_the_same(self):
        """One name and one git host: one agent gets it, the other one gets an error."""
        agents = (self.agent, self.another())
        got = {}

        def add(which):
            for i in range(20):
                try:
                    agents[which].put("same%d" % i, api_key=None)
                    got.setdefault("same%d" % i, []).append(which)
                except Failed as e:
                    self.assertEqual(e.name, "usage.exists", str(e))
                try:
                    agents[which].put("host%d-%d" % (which, i), api_key=None,
                                      git_host="git%d.test" % i)
                    got.setdefault("git%d.test" % i, []).append(which)
                except Failed as e:
                    self.assertEqual(e.name, "usage.exists", str(e))

        self.together(lambda: add(0), lambda: add(1))
        self.assertEqual({k: len(v) for k, v in got.items()},
                         {k: 1 for i in range(20) for k in ("same%d" % i, "git%d.test" % i)})
        self.assertEqual(self.text().count("[profile "), 40)
        self.assertEqual(self.names(agents[0]), self.names(agents[1]))

    def test_all_kinds_of_changes_beside_each_other(self):
        """Two agents add, rename, remove and set: no change undoes another one."""
        a, b = self.agent, self.another()
        for i in range(10):
            a.put("old%d" % i, api_key=None)
        wait_for(lambda: len(self.names(b)) == 10, "the second agent to see them")
        ids = {p["name"]: p["id"] for p in a.call("ListProfiles")["profiles"]}

        def rename():
            for i in range(5):
                b.call("PutProfile", id=ids["old%d" % i], name="new%d" % i, client_id=CLIENT)

        def remove():
            for i in range(5, 10):
                a.call("RemoveProfile", profile="old%d" % i)

        def settings():
            for i in range(10):
                b.call("PutSettings", key="keepalive", value="%dh" % (i + 1))
                a.call("PutSettings", key="proxy", value="proxy%d:1" % i)

        def many():
            for i in range(5):
                a.call("PutProfiles", profiles=[{"name": "m%d-%d" % (i, k), "client_id": CLIENT}
                                                for k in range(3)])

        self.together(rename, remove, settings, many)
        want = {"m%d-%d" % (i, k) for i in range(5) for k in range(3)}
        want |= {"new%d" % i for i in range(5)}
        groups = [x for x in self.text().splitlines() if x.startswith("[profile ")]
        self.assertEqual({x[9:-1] for x in groups}, want)
        self.assertIn("keepalive=10h", self.text())
        self.assertIn("proxy=proxy9:1", self.text())
        for agent in (a, b):
            wait_for(lambda: self.names(agent) == want, "both to know it")

    def test_a_link_stays_a_link(self):
        """Dotfiles: the target of the link changes, and no other file appears beside it."""
        self.agent.put("one", api_key=None)
        real = os.path.join(self.agent.dir, "dotfiles")
        os.mkdir(real, 0o700)
        os.rename(self.conf, os.path.join(real, "kf.conf"))
        os.symlink(os.path.join(real, "kf.conf"), self.conf)
        b = self.another()
        self.together(*(lambda a=a, x=x: [a.put("%s%d" % (x, i), api_key=None) for i in range(10)]
                        for a, x in ((self.agent, "a"), (b, "b"))))
        self.assertTrue(os.path.islink(self.conf))
        self.assertEqual(os.listdir(real), ["kf.conf"])
        self.assertEqual(os.listdir(os.path.dirname(self.conf)), ["keyfob.conf"])
        self.assertEqual(self.text().count("[profile "), 21)

    def test_a_writer_that_takes_no_lock(self):
        """An editor that renames its own file into place: both texts are in the file."""
        self.agent.put("one", api_key=None)
        lost, stop = [], threading.Event()

        def edit():
            n = 0
            while not stop.is_set():
                n += 1
                text = self.text()
                with open(self.conf + ".mine", "w") as f:
                    f.write("# edit %d\n" % n + text)
                now = self.text()
                if now == text:  # else this editor would overwrite a profile, not keyfob
                    os.rename(self.conf + ".mine", self.conf)
                    if "# edit %d\n" % n not in self.text():
                        lost.append(n)
                stop.wait(0.01)  # an editor does not save all the time

        def add():
            try:
                for i in range(40):
                    self.agent.put("p%d" % i, api_key=None)
            finally:
                stop.set()

        self.together(edit, add)
        self.assertEqual(lost, [])

    def test_a_lock_that_is_held(self):
        """A change waits for the lock for a while; calls that change nothing do not wait."""
        import fcntl
        self.agent.put("one", api_key=None)
        fd = os.open(os.path.dirname(self.conf), os.O_RDONLY)
        self.addCleanup(os.close, fd)
        fcntl.flock(fd, fcntl.LOCK_EX)
        c = self.agent.connect(60)
        c.send("PutProfile", name="two", client_id=CLIENT)
        self.assertEqual(self.names(), {"one"})
        fcntl.flock(fd, fcntl.LOCK_UN)
        self.assertEqual(c.answer()["profile"]["name"], "two")
        fcntl.flock(fd, fcntl.LOCK_EX)
        c.send("PutProfile", name="three", client_id=CLIENT)
        e = self.fails("sys.lock_timeout", c.answer)
        self.assertIn("keyfob.conf", e.failure["what"])
        fcntl.flock(fd, fcntl.LOCK_UN)
        self.assertEqual(self.names(), {"one", "two"})


class Away(Home):
    def until_missed(self):
        wait_for(lambda: "is missing, incomplete or being written" in self.agent.log(), "the agent to miss it")

    def test_away_during_a_renewal(self):
        self.signed_in("dev", "other")
        old = self.agent.token()["access_token"]
        c = self.slow_renewal(1000)
        os.rename(self.conf, self.conf + ".away")
        self.until_missed()
        self.assertEqual(self.names(), {"dev", "other"})
        self.assertEqual(self.agent.token("other")["name"], "other")
        os.rename(self.conf + ".away", self.conf)
        self.assertNotEqual(c.answer()["access_token"], old)
        self.assertEqual((self.state(), self.state("other")), ("signed_in", "signed_in"))
        self.assertNotIn("signed_out", self.states_seen()[1:] + self.states_seen("other")[1:])
        self.assertTrue(self.agent.token(renew=True)["renewed"])
        self.assertEqual(self.sandbox.stats()["reused"], 0)
        self.agent.restart()
        self.assertEqual(self.state(), "signed_in")

    def test_truncated_with_an_unsaved_session(self):
        self.signed_in()
        text = self.text()
        c = self.slow_renewal(1000)
        vault = os.path.join(self.agent.data, "vault")
        os.rename(vault, vault + ".away")
        with open(vault, "w"):
            pass  # nothing can be stored now
        new = c.answer()["access_token"]
        self.assertEqual(self.state(), "unsaved")
        with open(self.conf, "r+") as f:
            f.truncate(0)
        self.until_missed()
        self.assertEqual((self.names(), self.state()), ({"dev"}, "unsaved"))
        self.assertEqual(self.agent.token()["access_token"], new)
        self.write(text)
        self.assertEqual((self.names(), self.state()), ({"dev"}, "unsaved"))
        os.unlink(vault)
        os.rename(vault + ".away", vault)
        wait_for(lambda: self.state() == "signed_in", "the session to be saved")
        self.agent.restart()
        self.assertEqual(self.agent.token()["access_token"], new)
        self.assertTrue(self.agent.token(renew=True)["renewed"])
        self.assertEqual(self.sandbox.stats()["reused"], 0)

    def test_half_written_by_a_slow_writer(self):
        """The old settings count until the writer closes the file, whatever it wrote so far."""
        self.signed_in()
        text = self.text()
        cut = text.index("client_id=") + len("client_id=client_sa")
        with open(self.conf, "w") as f:
            for part in ("", text[:20], text[20:cut], "\n[profile x\n"):
                f.write(part)
                f.flush()
                self.assertEqual((self.names(), self.state()), ({"dev"}, "signed_in"), part)
            end = time.monotonic() + GONE_S + 1  # a writer may take its time
            while time.monotonic() < end:
                self.assertEqual(self.names(), {"dev"})
            f.seek(0)
            f.truncate()
            f.write(text.replace("[profile dev]", "[profile renamed]"))
            f.flush()
            self.assertEqual(self.names(), {"dev"})
        self.assertEqual((self.names(), self.state("renamed")), ({"renamed"}, "signed_in"))
        self.assertNotIn("signed_out", self.states_seen()[1:])

    def test_away_for_good_and_back(self):
        """A missing profile is gone after two seconds. When it is back, its state is known."""
        self.signed_in()
        expires = self.profile()["expires_at"]
        os.rename(self.conf, self.conf + ".away")
        start = time.monotonic()
        wait_for(lambda: self.names() == set(), "the profile to go")
        self.assertGreater(time.monotonic() - start, GONE_S - 0.5)
        self.fails("usage.no_profile", self.agent.token)
        self.agent.call("Lock")  # nothing can be read from the store
        os.rename(self.conf + ".away", self.conf)
        p = self.profile()
        self.assertEqual((p["state"] in ("signed_in", "locked"), p["expires_at"]), (True, expires))

    def test_away_for_good_and_back_with_another_agent(self):
        """The next agent knows from the ledger that there is a session, and keeps it alive."""
        self.signed_in()
        self.agent.put("never", self.sandbox.url)
        os.rename(self.conf, self.conf + ".away")
        wait_for(lambda: self.names() == set(), "the profiles to go")
        self.agent.restart()
        self.assertEqual(self.names(), set())
        os.rename(self.conf + ".away", self.conf)
        wait_for(lambda: self.names() == {"dev", "never"}, "them to come back")
        self.agent.call("Unlock")  # the store is opened; no profile is asked for
        wait_for(lambda: self.profile().get("renews_in_ms"), "the keep-alive")
        self.assertNotEqual(self.state(), "signed_out")
        self.assertEqual(self.state("never"), "signed_out")
        self.assertNotIn("renews_in_ms", self.profile("never"))

    def test_removed_by_hand_during_a_renewal(self):
        """The renewal ends as usual, and the store has its pair."""
        self.signed_in()
        old = self.agent.token()["access_token"]
        c = self.slow_renewal(4000)
        os.rename(self.conf, self.conf + ".away")
        wait_for(lambda: self.names() == set(), "the profile to go")
        self.fails("usage.no_profile", self.agent.token)
        new = c.answer()["access_token"]
        self.assertNotEqual(new, old)
        os.rename(self.conf + ".away", self.conf)
        self.assertEqual(self.state(), "signed_in")
        self.assertEqual(self.agent.token()["access_token"], new)
        self.assertTrue(self.agent.token(renew=True)["renewed"])
        self.assertEqual(self.sandbox.stats()["reused"], 0)

    def test_removed_by_hand_while_unsaved(self):
        """The session is saved all the same, as soon as the store takes it."""
        self.signed_in()
        c = self.slow_renewal(1000)
        vault = os.path.join(self.agent.data, "vault")
        os.rename(vault, vault + ".away")
        with open(vault, "w"):
            pass
        new = c.answer()["access_token"]
        self.assertEqual(self.state(), "unsaved")
        os.rename(self.conf, self.conf + ".away")
        wait_for(lambda: self.names() == set(), "the profile to go")
        os.unlink(vault)
        os.rename(vault + ".away", vault)
        wait_for(lambda: "unsaved -> " in self.agent.log(), "the session to be saved")
        self.agent.restart()
        os.rename(self.conf + ".away", self.conf)
        self.assertEqual(self.agent.token()["access_token"], new)
        self.assertTrue(self.agent.token(renew=True)["renewed"])
        self.assertEqual(self.sandbox.stats()["reused"], 0)

    def test_a_change_while_it_is_away(self):
        """The change waits for the file and is applied to it."""
        self.agent.put("one", api_key=None)
        os.rename(self.conf, self.conf + ".away")
        c = self.agent.connect(40)
        c.send("PutProfile", name="two", client_id=CLIENT)
        self.until_missed()
        self.assertFalse(os.path.exists(self.conf))
        os.rename(self.conf + ".away", self.conf)
        c.answer()
        self.assertEqual(self.names(), {"one", "two"})
        self.assertIn("[profile one]", self.text())

    def test_removed_by_keyfob_counts_at_once(self):
        self.signed_in("dev", "other")
        self.agent.call("RemoveProfile", profile="dev")
        self.assertEqual(self.names(), {"other"})
        self.fails("usage.no_profile", self.agent.token)
        text = self.text()
        self.agent.call("ReplaceSettings", text="# none\n", before=text)
        self.assertEqual(self.names(), set())


if __name__ == "__main__":
    varlink.main()
