"""Sessions: tokens, single flight, rotation order, restart after kill -9, watchers."""
import os
import select
import time

import varlink
from varlink import Agent, Case, Conn, Failed, KEY, Sandbox, claims, wait_for

AUTH = "/user_management/authenticate"
REVOKE = "/user_management/sessions/revoke"


def refreshes(sandbox):
    return sandbox.stats()["grants"].get("refresh_token", 0)


class Session(Case):
    def start(self, *options, **kw):
        self.sandbox = Sandbox(*options)
        self.addCleanup(self.sandbox.__exit__)
        self.agent = Agent(**kw)
        self.addCleanup(self.agent.__exit__, None, None, None)
        self.agent.put("dev", self.sandbox.url)
        self.agent.sign_in()

    def profile(self):
        return self.agent.call("GetProfile", profile="dev")["profile"]

    def test_token(self):
        self.start()
        t = self.agent.token()
        c = claims(t["access_token"])
        self.assertEqual((t["name"], t["client_id"], t["org_id"]), ("dev", "client_sandbox", c["org_id"]))
        self.assertEqual(t["expires_at"], c["exp"])
        self.assertEqual(t["life_ms"], (c["exp"] - c["iat"]) * 1000)
        self.assertTrue(0 < t["left_ms"] <= t["life_ms"])
        self.assertEqual((t["renewed"], t["short"]), (False, False))
        self.assertNotIn("profile", t)
        p = self.agent.token(with_profile=True)["profile"]
        self.assertEqual((p["name"], p["state"], p["token_head"]), ("dev", "signed_in", t["access_token"][:8]))
        self.assertEqual(self.agent.token(profile=p["id"])["access_token"], t["access_token"])
        keys = harness_jwks(self.sandbox)
        self.assertTrue(varlink.harness.rs256_ok(t["access_token"], keys))
        self.assertEqual(refreshes(self.sandbox), 0)
        left = [self.agent.token()["left_ms"] for _ in range(3)]
        self.assertEqual(left, sorted(left, reverse=True))

    def test_renew(self):
        self.start()
        one = self.agent.token()["access_token"]
        two = self.agent.token(renew=True)
        self.assertTrue(two["renewed"])
        self.assertNotEqual(one, two["access_token"])
        p = self.agent.call("Renew", profile="dev")["profile"]
        self.assertEqual((p["state"], p["renewed_ok"]), ("signed_in", True))
        self.assertNotEqual(self.agent.token()["access_token"], two["access_token"])
        self.assertEqual(refreshes(self.sandbox), 2)
        self.assertEqual(self.sandbox.stats()["reused"], 0)

    def test_min_valid(self):
        self.start("--token-life", "60s")
        self.agent.token(min_valid_ms=1)
        self.assertEqual(refreshes(self.sandbox), 0)
        t = self.agent.token(min_valid_ms=3600 * 1000)
        self.assertEqual((t["short"], refreshes(self.sandbox)), (True, 0), "longer than a token lives: served")
        wait_for(lambda: self.agent.token(min_valid_ms=1)["left_ms"] < 59500, "the token to grow older")
        t = self.agent.token(min_valid_ms=59500)
        self.assertEqual((t["renewed"], refreshes(self.sandbox)), (True, 1))

    def together(self, n, **params):
        """n connections that ask at once; the set of tokens they get."""
        conns = [self.agent.connect(60) for _ in range(n)]
        for c in conns:
            c.send("GetToken", profile="dev", **params)
        return {c.answer()["access_token"] for c in conns}

    def test_200_callers_of_an_expired_session_make_one_refresh(self):
        self.start("--token-life", "2s")
        wait_for(lambda: self.profile()["left_ms"] <= 0, "the token expires")
        self.assertEqual(refreshes(self.sandbox), 0, "a sign-in is no use of the token")
        self.sandbox.faults({"path": AUTH, "grant": "refresh_token", "delay_ms": 500})
        self.assertEqual(len(self.together(200, min_valid_ms=1)), 1)
        self.assertEqual(refreshes(self.sandbox), 1)
        self.assertEqual(self.sandbox.stats()["reused"], 0)

    def test_200_callers_of_a_cold_agent(self):
        """One opening of the vault, one refresh."""
        self.start("--token-life", "2s", store="vault")
        exp = self.profile()["expires_at"]
        self.agent.restart()
        wait_for(lambda: time.time() > exp, "the token expires")
        self.assertEqual(refreshes(self.sandbox), 0)
        self.sandbox.faults({"path": AUTH, "grant": "refresh_token", "delay_ms": 500})
        self.assertEqual(len(self.together(200)), 1)
        self.assertEqual(refreshes(self.sandbox), 1)

    def test_200_callers_that_want_a_new_one(self):
        self.start()
        self.sandbox.faults({"path": AUTH, "grant": "refresh_token", "delay_ms": 1000})
        self.assertEqual(len(self.together(200, renew=True)), 1)
        self.assertEqual(refreshes(self.sandbox), 1)

    def test_pipelined_calls_of_one_connection(self):
        self.start()
        with self.agent.connect() as c:
            c.write(c.frame("GetToken", profile="dev", renew=True) + c.frame("GetToken", profile="nope") +
                    c.frame("GetToken", profile="dev") + c.frame("Hello", protocol=1, build="t"))
            one = c.answer()
            self.assertRaises(Failed, c.answer)
            self.assertEqual(c.answer()["access_token"], one["access_token"])
            self.assertIn("pid", c.answer())
        self.assertEqual(refreshes(self.sandbox), 1)

    def test_a_caller_that_leaves_takes_nothing_away(self):
        self.start()
        self.sandbox.faults({"path": AUTH, "grant": "refresh_token", "nth": 1, "delay_ms": 700})
        with self.agent.connect() as gone, self.agent.connect() as stays:
            gone.send("GetToken", profile="dev", renew=True)
            stays.send("GetToken", profile="dev", renew=True)
            wait_for(lambda: refreshes(self.sandbox) == 1, "the refresh")
            gone.close()
            self.assertTrue(stays.answer()["renewed"])
        self.assertEqual(refreshes(self.sandbox), 1)

    def test_a_server_that_hangs_delays_no_other_profile(self):
        self.start()
        self.agent.put("other", self.sandbox.url)
        self.agent.sign_in("other")
        self.sandbox.faults({"path": AUTH, "grant": "refresh_token", "delay_ms": 30000})
        with self.agent.connect() as slow:
            slow.send("GetToken", profile="dev", renew=True)
            wait_for(lambda: refreshes(self.sandbox) >= 1, "the refresh")
            for _ in range(50):
                self.agent.token("other")
                self.agent.token("dev")  # the valid token at hand
            self.assertFalse(select.select([slow.sock], [], [], 0)[0], "all of them were served before the slow one")
            self.sandbox.faults()
            slow.answer(40)  # the same request, sent again after 8 s

    def test_kill_9_and_start_again(self):
        self.start(store="vault")
        one = self.agent.token()["access_token"]
        self.agent.restart()
        self.assertEqual(self.agent.token()["access_token"], one)
        two = self.agent.token(renew=True)["access_token"]
        self.agent.restart()
        p = self.agent.token(with_profile=True)
        self.assertEqual(p["access_token"], two)
        self.assertEqual(p["profile"]["user_email"], "plain@example.test")
        self.assertEqual(refreshes(self.sandbox), 1)
        self.agent.call("Renew", profile="dev")
        stats = self.sandbox.stats()
        self.assertEqual((stats["grants"]["refresh_token"], stats["reused"], stats["replayed"]), (2, 0, 0))

    def test_orderly_end_and_start_again(self):
        self.start(store="vault")
        one = self.agent.token()["access_token"]
        self.agent.call("Quit")
        self.assertEqual(self.agent.proc.wait(20), 0)
        self.agent.start()
        self.assertEqual(self.agent.token()["access_token"], one)

    def test_killed_in_the_middle_of_renewals(self):
        """Whenever it dies, no refresh token is spent twice and the next agent goes on."""
        self.start("--replay-window", "30s", store="vault")
        for i in range(6):
            with Conn(self.agent.path) as c:
                c.send("GetToken", profile="dev", renew=True)
                time.sleep(0.01 * i)
                self.agent.restart()
            self.assertTrue(self.agent.token(renew=True)["renewed"])
            self.assertEqual(self.sandbox.stats()["reused"], 0)
        self.assertEqual(self.profile()["state"], "signed_in")

    def test_transient_trouble_keeps_the_session(self):
        self.start()
        one = self.agent.token()["access_token"]
        for fault in ({"status": 500, "content_type": "text/html", "body": "<html>"}, {"status": 429, "body": {}},
                      {"drop": "before"}, {"status": 200, "body": "not json"}):
            with self.subTest(fault=fault):
                self.sandbox.faults(dict({"path": AUTH, "grant": "refresh_token"}, **fault))
                with self.assertRaises(Failed) as c:
                    self.agent.token(renew=True)
                self.assertTrue(c.exception.name.startswith("net."), str(c.exception))
                self.assertEqual(self.agent.token()["access_token"], one)
                self.assertNotEqual(self.profile()["state"], "needs_sign_in")

    def test_an_ended_session(self):
        self.start(store="vault")
        sid = claims(self.agent.token()["access_token"])["sid"]
        r = self.sandbox.call("POST", REVOKE, {"session_id": sid}, key=KEY)
        self.assertEqual(r.status, 200)
        with self.assertRaises(Failed) as c:
            self.agent.token(renew=True)
        self.assertIn(c.exception.name, ("workos.invalid_grant", "workos.session_ended"))
        p = self.profile()
        self.assertEqual(p["state"], "needs_sign_in")
        self.assertTrue(p["failure"]["name"])
        n = refreshes(self.sandbox)
        with self.assertRaises(Failed):
            self.agent.token(renew=True)
        self.assertEqual(refreshes(self.sandbox), n, "a dead token is not sent again")
        self.agent.sign_in()
        self.assertEqual(self.profile()["state"], "signed_in")

    def test_a_changed_host_gets_nothing(self):
        self.start(store="vault")
        p = self.profile()
        with Sandbox() as evil:
            self.agent.call("PutProfile", id=p["id"], name="dev", client_id="client_sandbox", api_host=evil.url)
            for _ in range(2):
                with self.assertRaises(Failed) as c:
                    self.agent.token(renew=True)
                self.assertIn(c.exception.name, ("workos.origin_changed", "workos.not_signed_in"), str(c.exception))
                f = varlink.Flow(self.agent, "dev", email="plain@example.test")
                with self.assertRaises(Failed) as c:
                    step = f.next()
                    raise Failed("step", {"failure": step.get("failure", {"name": step["kind"]})})
                self.assertIn(c.exception.name, ("workos.origin_changed", "workos.needs_api_key"))
                f.__exit__()
                self.assertEqual(self.profile()["state"], "needs_sign_in")
                self.agent.restart()
            self.assertEqual(evil.stats()["requests"].get("POST " + AUTH, 0), 0)
        self.agent.call("PutProfile", id=p["id"], name="dev", client_id="client_sandbox", api_host=self.sandbox.url)
        self.assertTrue(self.agent.token(renew=True)["renewed"], "back again: nothing was lost")

    def test_remove_forgets(self):
        self.start(store="vault")
        p = self.profile()
        self.agent.call("RemoveProfile", profile="dev")
        self.fails("usage.no_profile", self.agent.token)
        self.agent.restart()
        self.fails("usage.no_profile", self.agent.token)
        found = [n for d, _, fs in os.walk(self.agent.data) for n in fs if p["id"] in n]
        self.assertEqual(found, [])

    def test_rename_keeps_the_session(self):
        self.start()
        one = self.agent.token()["access_token"]
        self.agent.call("PutProfile", id=self.profile()["id"], name="new", client_id="client_sandbox")
        self.assertEqual(self.agent.token("new")["access_token"], one)
        self.fails("usage.no_profile", self.agent.token, "dev")

    def test_watch(self):
        self.start()
        with self.agent.connect() as w:
            w.send("Watch", more=True)
            first = w.answer()
            self.assertTrue(w.continues)
            self.assertEqual([(p["name"], p["state"]) for p in first["profiles"]], [("dev", "signed_in")])
            self.assertEqual((first["removed"], first["store"]["kind"]), ([], "memory"))

            def until(what, fits):
                end = time.monotonic() + 20
                while time.monotonic() < end:
                    p = w.answer()
                    self.assertTrue(w.continues)
                    if fits(p):
                        return p
                self.fail(what)
            before = first["profiles"][0]["renewed_at"] if first["profiles"][0].get("renewed_at") else 0
            self.agent.call("Renew", profile="dev")
            until("renewed", lambda m: any((p.get("renewed_at") or 0) >= before and p.get("renewed_ok")
                                           for p in m["profiles"]))
            self.agent.put("second", self.sandbox.url)
            until("new profile", lambda m: any(p["name"] == "second" for p in m["profiles"]))
            self.agent.call("SignOut", profile="dev")
            until("signed out", lambda m: any(p["name"] == "dev" and p["state"] == "signed_out"
                                              for p in m["profiles"]))
            pid = self.agent.call("GetProfile", profile="second")["profile"]["id"]
            self.agent.call("RemoveProfile", profile="second")
            until("removed", lambda m: m["removed"] and m["removed"][0] in (pid, "second"))

    def test_watch_of_many_comes_in_pieces(self):
        self.agent = Agent()
        self.addCleanup(self.agent.__exit__, None, None, None)
        self.agent.call("PutProfiles", profiles=[{"name": "p%03d" % i, "client_id": "client_x"} for i in range(1001)])
        with self.agent.connect() as w:
            w.send("Watch", more=True)
            pieces = [w.answer() for _ in range(3)]
        self.assertEqual([(len(p["profiles"]), p.get("partial", False)) for p in pieces], [(500, True), (500, True), (1, False)])

    def test_watch_is_coalesced(self):
        self.start()
        with self.agent.connect() as w:
            w.send("Watch", more=True)
            w.answer()
            start = time.monotonic()
            for _ in range(40):
                self.agent.call("Renew", profile="dev")
            took = time.monotonic() - start
            n = 0
            w.sock.settimeout(0.6)
            try:
                while True:
                    w.answer()
                    n += 1
            except OSError:
                pass
            self.assertTrue(1 <= n <= 12 * (took + 1), "%d answers in %.1f s" % (n, took))

    def test_watchers_that_do_not_read(self):
        """They get the newest state later; the agent does not grow, others do not wait."""
        self.start()
        idle = [self.agent.connect() for _ in range(50)]
        for w in idle:
            w.send("Watch", more=True)
        for _ in range(20):
            self.agent.call("Renew", profile="dev")
        self.assertEqual(self.agent.token()["renewed"], False)
        for w in idle:
            w.close()

    def test_open_in_detail_renews_ahead_of_time(self):
        self.start("--token-life", "4s")
        with self.agent.connect() as w:
            w.send("Watch", more=True, open="dev")
            end = time.monotonic() + 30
            while refreshes(self.sandbox) < 2:
                self.assertLess(time.monotonic(), end)
                w.answer(20)
        with self.agent.connect() as w:
            w.send("Watch", more=True, open="nope")
            self.fails("usage.no_profile", w.answer)

    def test_short_lives_in_a_loop(self):
        """Always valid for as long as asked; no refresh token used twice."""
        self.start("--token-life", "4s", "--replay-window", "0s")
        end = time.monotonic() + 10
        while time.monotonic() < end:
            asked = time.time()  # the answer comes later, so this bound holds however busy the machine is
            t = self.agent.token(min_valid_ms=2000)
            self.assertGreaterEqual(t["left_ms"], 2000)
            self.assertGreaterEqual(claims(t["access_token"])["exp"] - asked, 1.99)  # clocks tick in ms
            time.sleep(0.05)
        stats = self.sandbox.stats()
        self.assertEqual((stats["reused"], stats["replayed"]), (0, 0))
        self.assertLess(stats["grants"]["refresh_token"], 12)


def harness_jwks(sandbox):
    return sandbox.get("/sso/jwks/client_sandbox").json


if __name__ == "__main__":
    varlink.main()
