"""Sign-in flows over the socket: steps, wrong answers, who may answer, what is left behind."""
import fcntl
import json
import os
import select

import varlink
from varlink import Agent, Case, Closed, Conn, Failed, Flow, KEY, PASSWORD, Sandbox, claims, totp, wait_for, wrong_code

AUTH = "/user_management/authenticate"


class SignIn(Case):
    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.__exit__)
        self.agent = Agent()
        self.addCleanup(self.agent.__exit__, None, None, None)
        self.url = self.sandbox.url
        self.agent.put("dev", self.url)

    def flow(self, profile="dev", **params):
        f = Flow(self.agent, profile, **params)
        self.addCleanup(f.__exit__)
        return f

    def state(self, profile="dev"):
        return self.agent.call("GetProfile", profile=profile)["profile"]["state"]

    def test_password(self):
        f = self.flow()
        step = f.until("field", "email")
        self.assertRegex(f.id, "^[0-9a-f]{32}$")
        self.assertEqual(step["acts"], ["submit"])
        f.say("plain@example.test")
        step = f.until("field", "password")
        self.assertEqual(step["acts"], ["submit", "back", "reset"])
        f.say(PASSWORD)
        step = f.until("done")
        self.assertFalse(f.conn.continues)
        p = step["profile"]
        self.assertEqual((p["state"], p["user_email"], p["method"]), ("signed_in", "plain@example.test", "Password"))
        self.assertTrue(p["session_id"].startswith("session_"))
        self.assertEqual(len({s["serial"] for s in f.seen}), len(f.seen), "each step has a serial of its own")
        self.assertEqual(self.agent.token()["org_id"], p["org_id"])
        # the flow is over
        self.fails("usage.stale_question", f.say, PASSWORD)

    def test_wrong_password_asks_again(self):
        f = self.flow(email="plain@example.test")
        first = f.until("field", "password")
        f.say("wrong")
        step = f.until("field", "password")
        self.assertEqual(step["note"], "bad_credentials")
        self.assertNotEqual(step["serial"], first["serial"])
        self.fails("usage.stale_question", f.say, PASSWORD, serial=first["serial"])
        f.say(PASSWORD)
        f.until("done")
        self.assertEqual(self.sandbox.stats()["grants"]["password"], 2)

    def test_back_to_the_address(self):
        f = self.flow(email="wrong@example.test")
        f.until("field", "password")
        f.say("x")
        f.until("field", "password")
        f.say(None, act="back")
        f.until("field", "email")
        f.say("plain@example.test")
        f.until("field", "password")
        f.say(PASSWORD)
        f.until("done")

    def test_answers_that_do_not_fit(self):
        f = self.flow(email="plain@example.test")
        f.until("field", "password")
        bad = lambda **kw: f.other.call("Answer", **dict(  # noqa: E731
            {"flow": f.id, "serial": f.step["serial"], "act": "submit", "value": PASSWORD}, **kw))
        self.fails("usage.stale_question", bad, serial=f.step["serial"] + 1)
        self.fails("usage.stale_question", bad, serial=0)
        self.fails("usage.bad_answer", bad, act="choose")
        self.fails("usage.bad_answer", bad, act="resend")
        self.fails("usage.bad_answer", bad, value="")
        self.fails("usage.bad_answer", bad, value=None)
        self.fails("usage.bad_answer", bad, value="x" * 5000)
        for kw in ({"act": "dance"}, {"flow": "0" * 32}, {"flow": ""}, {"value": 7}, {"serial": -1}, {"serial": 1 << 40}):
            with self.subTest(kw=kw), self.assertRaises(Failed):
                bad(**kw)
        self.assertNotIn("password", self.sandbox.stats()["grants"], "nothing was sent")
        f.say(PASSWORD)
        f.until("done")

    def test_two_clients_cannot_answer_one_question(self):
        f = self.flow(email="plain@example.test")
        f.until("field", "password")
        with self.agent.connect() as other:
            msg = dict(flow=f.id, serial=f.step["serial"], act="submit", value=PASSWORD)
            f.other.send("Answer", **msg)
            other.send("Answer", **msg)
            got = []
            for c in (f.other, other):
                try:
                    c.answer()
                    got.append("taken")
                except Failed as e:
                    got.append(e.name)
        self.assertEqual(sorted(got), ["taken", "usage.stale_question"])
        f.until("done")
        self.assertEqual(self.sandbox.stats()["grants"]["password"], 1)

    def test_totp(self):
        f = self.flow(email="totp@example.test")
        f.until("field", "password")
        f.say(PASSWORD)
        step = f.until("field", "totp")
        self.assertEqual(step["note"], "mfa")
        for letters in ("abcdef", "12345", "1234567"):
            self.fails("usage.bad_answer", f.say, letters)
        f.say(wrong_code())
        step = f.until("field", "totp")
        self.assertEqual(step["note"], "bad_code")
        code = totp()
        f.say(code[:3] + " " + code[3:])
        self.assertEqual(f.until("done")["profile"]["user_email"], "totp@example.test")

    def test_organization(self):
        f = self.flow(email="orgs@example.test")
        f.until("field", "password")
        f.say(PASSWORD)
        step = f.until("choose")
        self.assertEqual((len(step["choices"]), step["acts"], step["note"]), (3, ["choose"], "organization"))
        self.assertFalse(step.get("choices_more"))
        self.assertTrue(all(c["label"] and c["id"].startswith("org_") for c in step["choices"]))
        self.fails("usage.bad_answer", f.say, "org_evil", act="choose")
        want = step["choices"][1]
        f.say(want["id"], act="choose")
        p = f.until("done")["profile"]
        self.assertEqual((p["org_id"], p["org_name"]), (want["id"], want["label"]))

    def choices(self):
        f = self.flow(email="orgs@example.test")
        f.until("field", "password")
        f.say(PASSWORD)
        ids = [c["id"] for c in f.until("choose")["choices"]]
        f.cancel()
        return ids

    def test_preferred_organization(self):
        ids = self.choices()
        f = self.flow(email="orgs@example.test", organization_id=ids[2])
        f.until("field", "password")
        f.say(PASSWORD)
        self.assertEqual(f.until("done")["profile"]["org_id"], ids[2])
        self.agent.put("two", self.url, organization_id=ids[1])
        f = self.flow("two", email="orgs@example.test")
        f.until("field", "password")
        f.say(PASSWORD)
        self.assertEqual(f.until("done")["profile"]["org_id"], ids[1], "the profile's setting")
        f = self.flow("two", email="orgs@example.test", organization_id=ids[0])
        f.until("field", "password")
        f.say(PASSWORD)
        self.assertEqual(f.until("done")["profile"]["org_id"], ids[0], "the parameter wins")

    def test_1200_organizations_are_streamed(self):
        n = 1200
        seed = {"clients": [{"id": "client_sandbox", "secret": KEY}],
                "organizations": [{"id": "org_%04d" % i, "name": "Organization %d" % i} for i in range(n)],
                "users": [{"id": "user_1", "email": "many@example.test", "password": PASSWORD, "email_verified": True,
                           "memberships": [{"organization": "org_%04d" % i} for i in range(n)]}]}
        path = os.path.join(self.agent.dir, "seed.json")
        with open(path, "w") as out:
            json.dump(seed, out)
        with Sandbox("--seed", path) as s:
            self.agent.put("many", s.url)
            f = self.flow("many", email="many@example.test")
            f.until("field", "password")
            f.say(PASSWORD)
            step = f.until("choose")
            ids, serial = [c["id"] for c in step["choices"]], step["serial"]
            while step.get("choices_more"):
                self.assertLessEqual(len(step["choices"]), 500)
                step = f.next()
                self.assertEqual(step["serial"], serial)
                ids += [c["id"] for c in step["choices"]]
            self.assertEqual(sorted(ids), ["org_%04d" % i for i in range(n)])
            f.say(ids[-1], act="choose")
            self.assertEqual(f.until("done")["profile"]["org_id"], ids[-1])

    def test_what_is_asked_for_instead(self):
        for who, kind, field, note in (("sso", "open_url", "redirect_url", "sso"),
                                       ("unverified", "field", "email_code", "verify_email")):
            with self.subTest(who=who):
                f = self.flow(email=who + "@example.test")
                f.until("field", "password")
                f.say(PASSWORD)
                step = f.until(kind)
                self.assertEqual((step["field"], step["note"], step["note_arg"]), (field, note, who + "@example.test"))

    def test_wrong_key_and_unknown_client(self):
        self.agent.put("badkey", self.url, api_key="sk_test_wrong")
        self.agent.put("badclient", self.url, client_id="client_unknown")
        for profile in ("badkey", "badclient"):
            with self.subTest(profile=profile):
                f = self.flow(profile, email="plain@example.test")
                f.until("field", "password")
                f.say(PASSWORD)
                self.assertIn(f.until("failed")["failure"]["name"], ("workos.bad_api_key", "workos.invalid_client"))

    def starts(self, profile="dev", **params):
        """SignIn's first answer, or the failure's name."""
        f = self.flow(profile, **params)
        try:
            step = f.next()
            return step["failure"]["name"] if step["kind"] == "failed" else step["kind"]
        except Failed as e:
            return e.name

    def test_key_and_client_of_the_caller(self):
        self.agent.put("pub", self.url, client_id="client_sandbox_public", api_key=None)
        self.assertEqual(self.starts("pub"), "workos.needs_api_key")
        self.agent.put("nokey", self.url, api_key=None)
        p = self.agent.sign_in("nokey", api_key=KEY)
        self.assertFalse(p["confidential"], "the caller's key is not kept")
        # the profile's own wins
        p = self.agent.sign_in("dev", api_key="sk_test_wrong", client_id="client_wrong")
        self.assertEqual(p["client_id"], "client_sandbox")
        self.agent.call("SignOut", profile="nokey", local_only=True)

    def test_what_can_not_start(self):
        self.assertEqual(self.starts("nope"), "usage.no_profile")
        self.assertEqual(self.starts(""), "usage.no_profile")
        self.assertEqual(self.starts("dev", method="telepathy"), "usage.bad")
        self.agent.put("nokey", self.url, api_key=None)
        self.assertEqual(self.starts("nokey", api_key="sk_x\r\nX-Evil: 1"), "usage.bad")
        self.assertEqual(self.starts("dev", method="password"), "field")

    def test_cancel(self):
        f = self.flow(email="plain@example.test")
        f.until("field", "password")
        f.cancel()
        step = f.until("failed")
        self.assertEqual(step["failure"]["name"], "sys.cancelled")
        self.assertFalse(f.conn.continues)
        self.fails("usage.stale_question", f.say, PASSWORD)
        # the connection is free for the next call
        self.assertEqual(f.conn.call("Hello", protocol=1, build="t")["protocol"], varlink.PROTOCOL)
        with self.assertRaises(Failed):
            f.other.call("Cancel", flow="no-such-flow")

    def test_closing_cancels(self):
        f = self.flow(email="plain@example.test")
        f.until("field", "password")
        f.conn.close()

        def gone():
            try:
                f.say("wrong")
            except Failed as e:
                return e.name == "usage.stale_question"
        wait_for(gone, "the flow's end")
        self.assertEqual(self.state(), "signed_out")

    def test_closing_while_the_server_thinks(self):
        self.sandbox.faults({"path": AUTH, "grant": "password", "delay_ms": 1500})
        f = self.flow(email="plain@example.test")
        f.until("field", "password")
        f.say(PASSWORD)
        f.until("wait")
        wait_for(lambda: self.sandbox.stats()["grants"].get("password"), "the request")
        f.conn.close()
        self.assertEqual(self.agent.call("Hello", protocol=1, build="t")["protocol"], varlink.PROTOCOL)
        self.assertEqual(self.state(), "signed_out")

    def test_a_hanging_server_delays_nobody(self):
        self.sandbox.faults({"path": AUTH, "grant": "password", "delay_ms": 10000})
        f = self.flow(email="plain@example.test")
        f.until("field", "password")
        f.say(PASSWORD)
        f.until("wait")
        for _ in range(50):
            self.agent.call("GetProfile", profile="dev")
        self.assertFalse(select.select([f.conn.sock], [], [], 0)[0], "all of them were served before the hanging one")
        f.cancel()

    def test_one_flow_per_connection_in_order(self):
        """The second call waits until the first stream ends."""
        f = self.flow(email="plain@example.test")
        f.until("field", "password")
        f.conn.send("Hello", protocol=1, build="t")
        f.say(PASSWORD)
        f.until("done")
        self.assertEqual(f.conn.answer()["protocol"], varlink.PROTOCOL)

    def test_flows_do_not_mix(self):
        self.agent.put("two", self.url)
        a, b = self.flow(email="plain@example.test"), self.flow("two", email="totp@example.test")
        a.until("field", "password")
        b.until("field", "password")
        self.assertNotEqual(a.id, b.id)
        b.say(PASSWORD)
        b.until("field", "totp")
        a.say(PASSWORD)
        a.until("done")
        b.say(totp())
        b.until("done")
        self.assertNotEqual(self.agent.token("dev")["access_token"], self.agent.token("two")["access_token"])

    def test_bounded_number_of_flows(self):
        flows, busy = [], 0
        for _ in range(100):
            f = self.flow()
            try:
                f.next()
                flows.append(f)
            except Failed as e:
                self.assertEqual(e.name, "wire.busy")
                busy += 1
            except Closed:
                busy += 1
        self.assertTrue(flows)
        self.assertTrue(busy, "the agent keeps any number of half-made sign-ins")
        for f in flows:
            f.__exit__()
        wait_for(lambda: self.starts() == "field", "a place")

    def test_network_trouble_keeps_the_question(self):
        self.sandbox.faults({"path": AUTH, "nth": 1, "drop": "after"},
                            {"path": AUTH, "nth": 2, "status": 502, "content_type": "text/html", "body": "<html>no"},
                            {"path": AUTH, "nth": 3, "truncate": 20},
                            {"path": AUTH, "nth": 4, "status": 429, "headers": {"Retry-After": "7"}, "body": {}})
        f = self.flow(email="plain@example.test")
        notes = []
        for _ in range(4):
            f.until("field", "password")
            notes.append(f.step["note"])
            f.say(PASSWORD)
        f.until("field", "password")
        self.assertEqual(notes + [f.step["note"]], ["", "network", "network", "network", "slow_down"])
        self.assertEqual((f.step["note_arg"], f.step["failure"]["retry_after"]), ("7", 7))
        f.say(PASSWORD)
        f.until("done")

    def test_an_answer_that_makes_no_sense(self):
        for i, fault in enumerate(({"body": "{\"user\":"}, {"body": "[", "body_size": 200000}, {"body": "[", "body_size": 1000000}, {"body": "{}"},
                                   {"body": {"access_token": "no.jwt", "refresh_token": "r", "user": {"id": "user_1"}}},
                                   {"body_size": 1 << 20})):
            with self.subTest(i=i):
                self.sandbox.faults(dict({"path": AUTH, "status": 200, "content_type": "application/json"}, **fault))
                f = self.flow(email="plain@example.test")
                f.until("field", "password")
                f.say(PASSWORD)
                step = f.next()
                while step["kind"] == "wait":
                    step = f.next()
                self.assertIn(step["kind"], ("failed", "field"))
                self.assertTrue(step["failure"]["name"].startswith("net."), step)
                f.conn.close()
        self.assertEqual(self.state(), "signed_out")

    def test_second_sign_in_replaces_and_revokes(self):
        self.agent.sign_in()
        first = self.agent.token()["access_token"]
        self.agent.sign_in()
        second = self.agent.token()["access_token"]
        self.assertNotEqual(claims(first)["sid"], claims(second)["sid"])
        wait_for(lambda: self.sandbox.stats()["sessions"] == 1, "the old session's end at the server")

    def test_sign_out(self):
        self.agent.sign_in()
        self.assertEqual(self.sandbox.stats()["sessions"], 1)
        p = self.agent.call("SignOut", profile="dev")
        self.assertEqual((p["server_ended"], p.get("note")), (True, None))
        self.assertEqual(self.sandbox.stats()["sessions"], 0)
        self.assertEqual(self.state(), "signed_out")
        self.fails("workos.not_signed_in", self.agent.token)
        self.agent.sign_in()
        self.assertFalse(self.agent.call("SignOut", profile="dev", local_only=True)["server_ended"])
        self.assertEqual(self.sandbox.stats()["sessions"], 1)
        self.fails("workos.not_signed_in", self.agent.token)

    def test_sign_out_without_the_server(self):
        self.agent.sign_in()
        self.sandbox.faults({"path": "/user_management/sessions/revoke", "status": 500, "body": "no"})
        p = self.agent.call("SignOut", profile="dev")
        self.assertFalse(p["server_ended"])
        self.assertTrue(p["note"]["name"])
        self.fails("workos.not_signed_in", self.agent.token)

    def test_profile_removed_under_the_flow(self):
        f = self.flow(email="plain@example.test")
        f.until("field", "password")
        self.agent.call("RemoveProfile", profile="dev")
        try:
            f.say(PASSWORD)
            step = f.until("failed")
            self.assertIn(step["failure"]["name"], ("usage.no_profile", "sys.cancelled"))
        except Failed as e:
            self.assertEqual(e.name, "usage.stale_question")
        self.assertEqual(self.agent.call("ListProfiles")["profiles"], [])

    def test_profile_removed_while_the_password_is_sent(self):
        """The flow fails, and the session that WorkOS still begins is revoked."""
        f = self.flow(email="plain@example.test")
        f.until("field", "password")
        self.sandbox.faults({"path": AUTH, "grant": "password", "nth": 1, "delay_ms": 700})
        f.say(PASSWORD)
        wait_for(lambda: self.sandbox.stats()["grants"].get("password"), "the request")
        self.agent.call("RemoveProfile", profile="dev")
        self.assertEqual(f.until("failed")["failure"]["name"], "usage.no_profile")
        revoked = "POST /user_management/sessions/revoke"
        wait_for(lambda: self.sandbox.stats()["requests"].get(revoked), "the end of the session")
        self.assertEqual(self.sandbox.stats()["sessions"], 0)

    def test_profile_removed_before_the_session_is_stored(self):
        """The removal has the profile's lock first; the new session is revoked."""
        profile = self.agent.call("GetProfile", profile="dev")["profile"]["id"]
        f = self.flow(email="plain@example.test")
        f.until("field", "password")
        path = os.path.join(self.agent.state, profile + ".lock")
        with open(path, "a") as lock, self.agent.connect(40) as c:
            fcntl.flock(lock, fcntl.LOCK_EX)
            c.send("RemoveProfile", profile="dev")
            f.say(PASSWORD)
            wait_for(lambda: self.sandbox.stats()["sessions"] == 1, "the session")
            fcntl.flock(lock, fcntl.LOCK_UN)
            c.answer()
        self.assertEqual(f.until("failed")["failure"]["name"], "usage.no_profile")
        wait_for(lambda: self.sandbox.stats()["sessions"] == 0, "the end of the session")

    def test_host_changed_under_the_flow(self):
        """The password goes where the flow began, or nowhere; the session is not taken over."""
        f = self.flow(email="plain@example.test")
        f.until("field", "password")
        with Sandbox() as evil:
            p = self.agent.call("GetProfile", profile="dev")["profile"]
            self.agent.call("PutProfile", id=p["id"], name="dev", client_id="client_sandbox", api_host=evil.url)
            try:
                f.say(PASSWORD)
                step = f.next()
                while step["kind"] == "wait":
                    step = f.next()
                self.assertEqual(step["kind"], "failed")
            except (Failed, Closed):
                pass
            self.assertEqual(evil.stats()["grants"], {})
            self.assertEqual(evil.stats()["requests"].get("POST " + AUTH, 0), 0)
            with self.assertRaises(Failed):
                self.agent.token()


class Canary(Case):
    def test_nothing_secret_in_the_log_or_on_disk(self):
        with Sandbox() as s, Agent(store="vault") as a:
            a.put("dev", s.url)
            f = Flow(a, "dev", email="totp@example.test")
            f.until("field", "password")
            f.say("wrong-canary-password")
            f.until("field", "password")
            f.say(PASSWORD)
            f.until("field", "totp")
            wrong, code = wrong_code(), totp()
            f.say(wrong)
            f.until("field", "totp")
            f.say(code)
            f.until("done")
            one = a.token()["access_token"]
            two = a.token(renew=True)["access_token"]
            a.call("SignOut", profile="dev")
            self.fails("workos.not_signed_in", a.token)
            f.__exit__()
            a.proc.terminate()
            self.assertEqual(a.proc.wait(20), 0)
            log = a.log()
            self.assertIn("/user_management/authenticate", log, "requests are logged at debug level")
            canaries = [PASSWORD, "wrong-canary-password", KEY, one, two, one.split(".")[2], two.split(".")[2],
                        one.split(".")[1], varlink.PASSPHRASE, "JBSWY3DPEHPK3PXP", "refresh_token", "Bearer"]
            everywhere = {"log": log, "stderr": a.errors()}
            for base in (a.state, a.data, os.path.dirname(a.conf), a.runtime):
                for d, _, files in os.walk(base):
                    for name in files:
                        with open(os.path.join(d, name), "rb") as fd:
                            everywhere[os.path.join(d, name)] = fd.read().decode("latin-1")
            self.assertTrue(any("vault" in k for k in everywhere))
            for where, text in everywhere.items():
                for c in canaries:
                    self.assertNotIn(c, text, where)
            for c in (wrong, code):
                self.assertNotRegex(log, r"\b%s\b(?!\.)" % c)


if __name__ == "__main__":
    varlink.main()
