"""Lock and Unlock: locked means locked, whatever the store is, and no session is lost by it."""
import subprocess

import varlink
from varlink import Agent, Case, Failed, Flow, KEY, PASSPHRASE, PASSWORD, Sandbox, wait_for

AUTH = "/user_management/authenticate"
REVOKE = "/user_management/sessions/revoke"


class Locking(Case):
    def start(self, store, **kw):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.__exit__)
        self.agent = Agent(store=store, **kw)
        self.addCleanup(self.agent.__exit__, None, None, None)
        self.agent.put("dev", self.sandbox.url)
        self.agent.sign_in()
        self.error = "store.vault_locked" if store == "vault" else "store.agent_locked"

    def profile(self, name="dev"):
        return self.agent.call("GetProfile", profile=name)["profile"]

    def unlock(self):
        return self.agent.call("Unlock", passphrase=PASSPHRASE)

    def refreshes(self):
        return self.sandbox.stats()["grants"].get("refresh_token", 0)

    def delay(self, path, ms, **kw):
        self.sandbox.faults(dict(path=path, nth=1, delay_ms=ms, **kw))

    def nothing_is_given(self):
        calls = [("GetToken", {}), ("GetToken", {"renew": True}), ("Renew", {}), ("GetApiKey", {}),
                 ("Claims", {}), ("ListSessions", {}), ("CheckSession", {}), ("SignOut", {}),
                 ("SwitchOrganization", {"organization_id": "org_1"}),
                 ("Seal", {"password": "p" * 32}),
                 ("TakeToken", {"refresh_token": "x"}), ("RemoveProfile", {})]
        for method, params in calls:
            with self.subTest(method=method):
                e = self.agent.failure(method, profile="dev", **params)
                self.assertEqual(e.name, self.error)
        for method in ("SignIn", "EnrollFactor"):
            with self.agent.connect() as c:
                c.send(method, more=True, profile="dev", method="device")
                self.fails(self.error, c.answer)

    def test_locked_means_locked(self):
        for store in ("memory", "vault"):
            with self.subTest(store=store):
                self.start(store)
                one = self.agent.token()["access_token"]
                self.assertTrue(self.agent.call("Lock")["store"]["locked"])
                self.nothing_is_given()
                self.assertEqual(self.profile()["state"], "locked")
                self.assertNotIn("token_head", self.profile())
                self.assertNotIn("renews_in_ms", self.profile())
                self.assertEqual(self.profile()["failure"]["name"], self.error)
                hello = self.agent.call("Hello", protocol=1, build="t")["store"]
                self.assertIs(hello["locked"], True)
                checks = {c["id"]: c for c in self.agent.call("Doctor")["checks"]}
                self.assertEqual(checks["store"]["result"], "warn")
                self.assertIn("keyfob unlock", checks["store"]["todo"])
                self.assertEqual(self.refreshes(), 0)
                self.assertNotIn("locked", self.unlock()["store"])
                self.assertEqual(self.agent.token()["access_token"], one, "the same session")
                self.assertTrue(self.agent.token(renew=True)["renewed"])
                self.assertEqual(self.profile()["state"], "signed_in")

    def test_settings_are_no_secrets(self):
        self.start("memory")
        self.agent.call("Lock")
        self.agent.put("more", "http://127.0.0.1:1", api_key=None)
        e = self.agent.failure("PutProfile", name="x", client_id="client_x", api_key=KEY)
        self.assertEqual(e.name, "store.agent_locked")
        self.unlock()
        names = [p["name"] for p in self.agent.call("ListProfiles")["profiles"]]
        self.assertEqual(names, ["dev", "more"])

    def test_only_the_passphrase_opens_the_vault(self):
        self.start("vault")  # with a passphrase file
        self.agent.call("Lock")
        e = self.agent.failure("Unlock")
        self.assertEqual(e.name, "store.vault_locked")
        e = self.agent.failure("Unlock", passphrase="wrong")
        self.assertEqual(e.name, "store.bad_passphrase")
        self.nothing_is_given()
        self.unlock()
        self.agent.token()

    def test_watchers_are_told(self):
        self.start("memory")
        with self.agent.connect() as w:
            w.send("Watch", more=True, open="dev")
            self.assertEqual(w.answer()["profiles"][0]["state"], "signed_in")

            def until(state, locked):
                while True:
                    p = w.answer()
                    states = [x["state"] for x in p["profiles"]]
                    if states == [state] and p["store"].get("locked", False) is locked:
                        return
            self.agent.call("Lock")
            until("locked", True)
            self.unlock()
            until("signed_in", False)

    def test_a_renewal_under_way_is_finished_and_not_given(self):
        for store in ("memory", "vault"):
            with self.subTest(store=store):
                self.start(store)
                self.delay(AUTH, 1500, grant="refresh_token")
                with self.agent.connect() as caller, self.agent.connect() as locker:
                    caller.send("GetToken", profile="dev", renew=True)
                    wait_for(lambda: self.refreshes() == 1, "the refresh")
                    locker.send("Lock")
                    self.fails(self.error, caller.answer)
                    self.nothing_is_given()
                    self.assertIs(locker.answer()["store"]["locked"], True)
                self.assertEqual(self.profile()["state"], "locked")
                self.unlock()
                self.assertFalse(self.agent.token()["renewed"])
                self.assertTrue(self.agent.token(renew=True)["renewed"])
                stats = self.sandbox.stats()
                self.assertEqual((stats["reused"], stats["replayed"]), (0, 0))
                self.assertNotIn("unsaved", self.agent.log())

    def test_unlock_waits_for_the_lock(self):
        """While a renewal finishes, the vault is still open, but not for a wrong passphrase."""
        self.start("vault")
        self.delay(AUTH, 1500, grant="refresh_token")
        with self.agent.connect() as caller, self.agent.connect() as locker, \
                self.agent.connect() as wrong, self.agent.connect() as right:
            caller.send("GetToken", profile="dev", renew=True)
            wait_for(lambda: self.refreshes() == 1, "the refresh")
            locker.send("Lock")
            self.fails(self.error, caller.answer)
            wrong.send("Unlock", passphrase="wrong")
            self.fails("store.bad_passphrase", wrong.answer)
            self.assertIs(locker.answer()["store"]["locked"], True)
            self.nothing_is_given()
            right.send("Unlock", passphrase=PASSPHRASE)
            self.assertNotIn("locked", right.answer()["store"])
        self.agent.token()

    def test_an_unlock_asked_before_the_lock_is_void(self):
        """Keys are derived one after the other: the lock comes while the last ones still wait."""
        self.start("vault", env={"KEYFOB_TEST_KDF": None})
        self.agent.call("Lock")
        conns = [self.agent.connect() for _ in range(6)]
        for c in conns:
            c.send("Unlock", passphrase=PASSPHRASE)
        self.agent.call("Hello", protocol=1, build="t")  # by now they are read
        self.agent.call("Lock")
        self.fails("store.vault_locked", self.agent.token)
        self.fails("store.vault_locked", conns[-1].answer)
        self.nothing_is_given()
        self.unlock()
        self.agent.token()

    def test_a_lock_while_the_passphrase_file_opens_the_vault(self):
        self.start("vault", env={"KEYFOB_TEST_KDF": None})
        self.agent.restart()
        with self.agent.connect() as c:
            c.send("GetToken", profile="dev")
            self.agent.call("Hello", protocol=1, build="t")
            self.agent.call("Lock")
            self.fails("store.vault_locked", c.answer)
        self.nothing_is_given()
        self.unlock()
        self.agent.token()

    def test_a_sign_out_that_races_a_lock_is_no_alarm(self):
        for store in ("memory", "vault"):
            with self.subTest(store=store):
                self.start(store)
                self.delay(REVOKE, 1500)
                with self.agent.connect() as out, self.agent.connect() as locker:
                    out.send("SignOut", profile="dev")
                    wait_for(lambda: self.sandbox.stats()["requests"].get("POST " + REVOKE),
                             "the sign-out")
                    locker.send("Lock")
                    self.assertIs(out.answer()["server_ended"], True)
                    locker.answer()
                self.assertEqual(self.profile()["state"], "signed_out")
                self.unlock()
                e = self.agent.failure("GetToken", profile="dev")
                self.assertEqual(e.name, "workos.not_signed_in")
                self.assertNotIn("stale", self.agent.log())

    def test_a_sign_in_is_given_up(self):
        self.start("memory")
        with Flow(self.agent, "dev", email="plain@example.test") as f:
            f.until("field", "password")
            self.agent.call("Lock")
            self.assertEqual(f.next()["kind"], "failed")
            self.assertEqual(f.step["failure"]["name"], "store.agent_locked")
            self.fails("usage.stale_question", f.say, PASSWORD)
        self.unlock()
        self.agent.sign_in()

    def test_a_sign_in_that_is_being_stored_is_kept(self):
        self.start("vault")
        self.agent.put("two", self.sandbox.url)
        self.delay(AUTH, 1000, grant="password")
        with Flow(self.agent, "two", email="plain@example.test") as f:
            f.until("field", "password")
            f.say(PASSWORD)
            wait_for(lambda: self.sandbox.stats()["grants"].get("password", 0) == 2, "the sign-in")
            self.agent.call("Lock")
        self.unlock()
        self.assertIn(self.profile("two")["state"], ("signed_out", "signed_in"))
        wait_for(lambda: self.sandbox.stats()["sessions"] == 1, "the clean-up of the other session")
        self.assertEqual(self.profile()["state"], "signed_in")

    def test_a_locked_agent_does_not_leave(self):
        self.start("memory", args=("--idle-exit", "1s"))
        self.agent.call("Lock")
        with self.assertRaises(subprocess.TimeoutExpired):
            self.agent.proc.wait(4)
        self.unlock()
        self.agent.token()

    def test_sessions_in_memory_keep_the_agent(self):
        self.start("memory", args=("--idle-exit", "1s"))
        self.agent.call("PutSettings", key="keepalive", value="never")
        self.agent.call("Lock")
        self.unlock()
        with self.assertRaises(subprocess.TimeoutExpired):
            self.agent.proc.wait(4)
        self.agent.token()

    def test_ahead_of_time_again_after_the_unlock(self):
        self.sandbox = Sandbox("--token-life", "6s")
        self.addCleanup(self.sandbox.__exit__)
        self.agent = Agent()
        self.addCleanup(self.agent.__exit__, None, None, None)
        self.agent.put("dev", self.sandbox.url)
        self.agent.sign_in()
        self.agent.token()
        self.agent.call("Lock")
        n = self.refreshes()
        self.unlock()
        wait_for(lambda: self.refreshes() > n, "a renewal that nobody asked for")

    def test_a_retry_comes_back_with_the_unlock(self):
        self.start("memory")
        self.sandbox.faults(dict(path=AUTH, grant="refresh_token", status=503))
        self.agent.failure("Renew", profile="dev")
        self.assertEqual(self.profile()["state"], "offline")
        self.agent.call("Lock")
        self.assertEqual(self.profile()["state"], "locked")
        self.sandbox.faults()
        self.unlock() # the answer that was lost to the 503 can still be had, and is fetched at once
        wait_for(lambda: self.profile()["state"] == "signed_in", "the renewal")
        self.assertTrue(self.agent.token(renew=True)["renewed"])

    def test_read_only(self):
        self.start("memory")
        with self.agent.connect() as c:
            c.call("Hello", protocol=1, build="t", read_only=True)
            with self.assertRaises(Failed) as e:
                c.call("Lock")
            self.assertEqual(e.exception.name, "usage.read_only")
        self.agent.token()

    def test_ends_while_it_locks(self):
        self.start("vault")
        self.delay(AUTH, 1500, grant="refresh_token")
        with self.agent.connect() as caller, self.agent.connect() as locker, \
                self.agent.connect() as late:
            caller.send("GetToken", profile="dev", renew=True)
            wait_for(lambda: self.refreshes() == 1, "the refresh")
            locker.send("Lock")
            self.fails(self.error, caller.answer)
            late.send("Unlock", passphrase=PASSPHRASE)
            self.agent.call("Quit")
            self.assertEqual(self.agent.proc.wait(30), 0)
        self.agent.start()
        self.assertTrue(self.agent.token(renew=True)["renewed"])
        self.assertEqual(self.sandbox.stats()["reused"], 0)


if __name__ == "__main__":
    varlink.main()
