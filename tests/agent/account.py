"""What belongs to a session at WorkOS: organizations, other sessions, factors, claims, a refresh token from
elsewhere, the end. Against the sandbox where it can, else against a WorkOS whose answers the test says."""
import json
import urllib.parse

import fake as fakes
import varlink
from fake import DROP, Fake, Gate, session
from varlink import Agent, Case, KEY, Sandbox, claims, wait_for

AUTH = "/user_management/authenticate"
SESSIONS = "/user_management/sessions"


class WithSandbox(Case):
    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.__exit__)
        self.agent = Agent()
        self.addCleanup(self.agent.__exit__, None, None, None)
        self.agent.put("dev", self.sandbox.url)
        self.agent.put("pub", self.sandbox.url, api_key=None)

    def profile(self, name="dev"):
        return self.agent.call("GetProfile", profile=name)["profile"]

    def organizations(self):
        return self.agent.call("ListOrganizations", profile="dev")["organizations"]

    def test_organizations(self):
        p = self.agent.sign_in(who="orgs")
        orgs = self.organizations()
        self.assertEqual(len(orgs), 3)
        self.assertTrue(all(o["id"].startswith("org_") and o["name"] and o["role"] and o["status"] == "active" for o in orgs))
        self.assertIn(p["org_id"], [o["id"] for o in orgs])

    def test_switch(self):
        p = self.agent.sign_in(who="orgs")
        other = next(o for o in self.organizations() if o["id"] != p["org_id"])
        before = self.agent.token()
        q = self.agent.call("SwitchOrganization", profile="dev", organization_id=other["id"])["profile"]
        self.assertEqual((q["org_id"], q["state"], q["session_id"]), (other["id"], "signed_in", p["session_id"]))
        t = self.agent.token()
        self.assertNotEqual(t["access_token"], before["access_token"])
        self.assertEqual((t["org_id"], claims(t["access_token"])["org_id"]), (other["id"], other["id"]))
        # renewals stay there, also those of the next agent
        self.assertEqual(claims(self.agent.token(renew=True)["access_token"])["org_id"], other["id"])
        refreshes = self.sandbox.stats()["grants"]["refresh_token"]
        self.agent.call("SwitchOrganization", profile="dev", organization_id=other["id"])
        self.assertEqual(self.sandbox.stats()["grants"]["refresh_token"], refreshes, "it is there already")
        self.assertEqual(self.sandbox.stats()["reused"], 0)

    def test_switch_refused(self):
        p = self.agent.sign_in(who="orgs")
        before = self.agent.token()
        self.fails("workos.no_organization", self.agent.call, "SwitchOrganization", profile="dev", organization_id="org_nowhere")
        for code in ("sso_required", "mfa_enrollment", "organization_authentication_methods_required"):
            self.sandbox.faults({"path": AUTH, "grant": "refresh_token", "status": 400, "body": {
                "error": code, "error_description": "no"}})
            e = self.fails(self.name_of(code), self.agent.call, "SwitchOrganization", profile="dev", organization_id="org_x")
            self.assertEqual(e.failure["upstream"], code)
        self.sandbox.faults()
        q = self.profile()
        self.assertEqual((q["state"], q["org_id"], q.get("failure")), ("signed_in", p["org_id"], None))
        self.assertEqual(self.agent.token()["access_token"], before["access_token"])
        self.assertEqual(claims(self.agent.token(renew=True)["access_token"])["org_id"], p["org_id"])
        for bad in ("", "org_1/../x", "org 1", "x" * 96, "\x1b[2J"):
            self.fails("usage.bad", self.agent.call, "SwitchOrganization", profile="dev", organization_id=bad)

    @staticmethod
    def name_of(code):
        return {"sso_required": "workos.sso_required", "mfa_enrollment": "workos.mfa_enrollment"}.get(code, "workos.organization")

    def test_switch_whose_answer_is_lost(self):
        p = self.agent.sign_in(who="orgs")
        other = next(o for o in self.organizations() if o["id"] != p["org_id"])
        self.sandbox.faults({"path": AUTH, "grant": "refresh_token", "nth": 1, "drop": "after"})
        q = self.agent.call("SwitchOrganization", profile="dev", organization_id=other["id"])["profile"]
        self.assertEqual(q["org_id"], other["id"])
        stats = self.sandbox.stats()
        self.assertEqual((stats["reused"], stats["replayed"]), (0, 1))

    def test_switch_of_nobody(self):
        self.fails("workos.not_signed_in", self.agent.call, "SwitchOrganization", profile="dev", organization_id="org_1")
        self.fails("usage.no_profile", self.agent.call, "SwitchOrganization", profile="nobody", organization_id="org_1")

    def test_sessions(self):
        p = self.agent.sign_in()
        others = [self.sandbox.password("plain").json for _ in range(3)]
        self.sandbox.password("totp")
        got = self.agent.call("ListSessions", profile="dev")["sessions"]
        self.assertEqual(len(got), 4)
        self.assertEqual([s["id"] for s in got if s["current"]], [p["session_id"]])
        self.assertTrue(all(s["status"] == "active" and s["created_at"] and s["expires_at"] for s in got))
        revoke = lambda **kw: self.agent.call("RevokeSession", **dict({"profile": "dev", "session": ""}, **kw))  # noqa: E731
        self.fails("usage.bad", revoke)
        self.fails("usage.bad", revoke, session=p["session_id"])
        self.fails("usage.bad", revoke, session=p["session_id"], others=True)
        self.fails("usage.not_found", revoke, session="session_of_somebody_else")
        one = next(s["id"] for s in got if not s["current"])
        self.assertEqual(revoke(session=one)["revoked"], 1)
        self.assertEqual(revoke(others=True)["revoked"], 2)
        self.assertEqual(revoke(others=True)["revoked"], 0)
        got = self.agent.call("ListSessions", profile="dev")["sessions"]
        self.assertEqual([s["id"] for s in got if s["status"] == "active"], [p["session_id"]])
        self.assertTrue(self.agent.token(renew=True)["renewed"])
        self.assertTrue(all(self.sandbox.refresh(o["refresh_token"]).status == 400 for o in others))

    def test_without_a_key(self):
        self.agent.call("TakeToken", profile="pub", refresh_token=self.token())
        for method, more in (("ListOrganizations", {}), ("ListSessions", {}), ("RevokeSession", {"session": "session_1"}),
                             ("ListFactors", {}), ("DeleteFactor", {"factor": "auth_factor_1"})):
            with self.subTest(method=method):
                self.fails("workos.needs_api_key", self.agent.call, method, profile="pub", **more)
                self.fails("workos.not_signed_in", self.agent.call, method, profile="dev", **more)
                self.fails("usage.no_profile", self.agent.call, method, profile="nobody", **more)

    def token(self):
        """A refresh token that somebody got elsewhere."""
        r = self.sandbox.password("plain")
        self.assertEqual(r.status, 200, r.raw)
        return r.json["refresh_token"]

    def test_claims(self):
        self.agent.sign_in()
        t = self.agent.token()["access_token"]
        got = self.agent.call("Claims", profile="dev")
        self.assertEqual(got["claims"], claims(t))
        self.assertEqual((got["header"]["alg"], got.get("verified"), got["kid"]), ("RS256", None, got["header"]["kid"]))
        for _ in range(3):
            got = self.agent.call("Claims", profile="dev", verify=True)
            self.assertEqual((got["verified"], got["valid"], got.get("failure")), (True, True, None))
        self.assertEqual(self.sandbox.stats()["requests"]["GET /sso/jwks/{id}"], 1, "kept")
        self.fails("workos.not_signed_in", self.agent.call, "Claims", profile="pub", verify=True)

    def test_claims_of_an_ended_token(self):
        with Sandbox("--token-life", "2s") as short, Agent() as a:
            a.put("dev", short.url)
            a.sign_in()
            wait_for(lambda: not a.call("Claims", profile="dev", verify=True)["valid"], "its end")
            got = a.call("Claims", profile="dev", verify=True)
            self.assertEqual((got["verified"], got["valid"], got["failure"]["name"]), (True, False, "workos.token_invalid"))
            self.assertIn("the token ended", got["failure"]["what"])

    def test_claims_without_keys(self):
        self.agent.sign_in()
        self.sandbox.faults({"path": "/sso/jwks/{id}", "nth": 1, "status": 502, "body": "<html>"},
                            {"path": "/sso/jwks/{id}", "nth": 2, "body": "{\"keys\":7}"})
        for name in ("net.server", "net.bad_answer"):
            got = self.agent.call("Claims", profile="dev", verify=True)
            self.assertEqual((got.get("verified"), got["failure"]["name"]), (None, name))
        self.assertTrue(self.agent.call("Claims", profile="dev", verify=True)["verified"])

    def test_sign_out_is_proved_without_a_key(self):
        self.agent.call("TakeToken", profile="pub", refresh_token=self.token())
        end = self.agent.call("SignOut", profile="pub")
        self.assertEqual((end["server_ended"], end.get("note")), (True, None))
        stats = self.sandbox.stats()
        self.assertEqual(stats["requests"]["GET " + SESSIONS + "/logout"], 1)
        self.assertEqual(stats["sessions"], 0)

    def test_sign_out_that_is_not_proved(self):
        self.agent.call("TakeToken", profile="pub", refresh_token=self.token())
        self.sandbox.faults({"path": SESSIONS + "/logout", "status": 302, "headers": {"Location": "https://example.test/"}})
        end = self.agent.call("SignOut", profile="pub")
        self.assertFalse(end["server_ended"])
        self.assertIn("still answers", end["note"]["what"])
        self.assertEqual(self.profile("pub")["state"], "signed_out")

    # --- a token from elsewhere

    def test_take(self):
        token = self.token()
        p = self.agent.call("TakeToken", profile="dev", refresh_token=token)["profile"]
        self.assertEqual((p["state"], p["user_email"]), ("signed_in", "plain@example.test"))
        self.assertGreater(self.agent.token()["left_ms"], 0)
        self.assertEqual(self.sandbox.stats()["reused"], 0)
        self.assertNotIn(token, self.agent.log())
        self.agent.token(renew=True)

    def test_take_replaces_and_ends_the_one_before(self):
        self.agent.sign_in()
        self.assertEqual(self.sandbox.stats()["sessions"], 1)
        p = self.agent.call("TakeToken", profile="dev", refresh_token=self.token())["profile"]
        self.assertEqual(p["state"], "signed_in")
        wait_for(lambda: self.sandbox.stats()["sessions"] == 1, "the end of the replaced session")

    def test_take_of_a_bad_one_leaves_what_was_there(self):
        before = self.agent.sign_in()
        for again in range(2):
            e = self.fails("workos.invalid_grant", self.agent.call, "TakeToken", profile="dev", refresh_token="nonsense-%d" % again)
            self.assertEqual(e.failure["status"], 400)
            p = self.profile()
            self.assertEqual((p["state"], p["session_id"]), ("signed_in", before["session_id"]))
        self.agent.token()
        self.assertTrue(self.agent.token(renew=True)["renewed"])
        self.assertEqual((self.sandbox.stats()["sessions"], self.sandbox.stats()["reused"]), (1, 0))

    def test_take_of_a_bad_one_where_nothing_was(self):
        self.fails("workos.invalid_grant", self.agent.call, "TakeToken", profile="dev", refresh_token="nonsense")
        self.assertEqual(self.profile()["state"], "needs_sign_in")
        self.fails("workos.invalid_grant", self.agent.token)
        self.agent.sign_in()
        self.agent.token()

    def test_take_while_the_server_is_away(self):
        """It is kept, and tried when the server answers again; never spent without being stored."""
        token = self.token()
        self.sandbox.faults({"path": AUTH, "grant": "refresh_token", "to": 100, "from": 1, "drop": "before"})
        e = self.fails("net.broken", self.agent.call, "TakeToken", profile="dev", refresh_token=token)
        self.assertTrue(e.failure["what"])
        self.sandbox.faults()
        self.assertGreater(self.agent.token(renew=True)["left_ms"], 0)
        self.assertEqual(self.profile()["user_email"], "plain@example.test")

    def test_sign_out_with_a_token_that_was_not_tried(self):
        """The session before it is ended; nothing of either is left."""
        self.agent.sign_in()
        token = self.token()
        self.sandbox.faults({"path": AUTH, "grant": "refresh_token", "from": 1, "to": 100, "drop": "before"})
        self.fails("net.broken", self.agent.call, "TakeToken", profile="dev", refresh_token=token)
        self.sandbox.faults()
        self.assertTrue(self.agent.call("SignOut", profile="dev")["server_ended"])
        self.assertEqual(self.profile()["state"], "signed_out")
        self.assertEqual(self.sandbox.stats()["sessions"], 1, "that of the token, which nobody can name")

    def test_take_survives_kill_9_between_storing_and_trying(self):
        a = Agent(store="vault")
        self.addCleanup(a.__exit__, None, None, None)
        a.put("dev", self.sandbox.url)
        token = self.token()
        self.sandbox.faults({"path": AUTH, "grant": "refresh_token", "nth": 1, "delay_ms": 5000, "drop": "before"})
        with a.connect() as c:
            c.send("TakeToken", profile="dev", refresh_token=token)
            wait_for(lambda: self.sandbox.stats()["grants"].get("refresh_token"), "the first try")
            a.restart()
        self.sandbox.faults()
        self.assertGreater(a.token()["left_ms"], 0)
        self.assertEqual(self.sandbox.stats()["reused"], 0)

    def test_tokens_that_are_none(self):
        for bad in ("", " ", "a b", "a\nb", "\xe4", "x" * 4097, "sk_test_1"):
            with self.subTest(bad=bad[:10]):
                self.fails("usage.bad", self.agent.call, "TakeToken", profile="dev", refresh_token=bad)
        self.assertNotIn("refresh_token", self.sandbox.stats()["grants"])


class WithFake(Case):
    USER = "/user_management/users/user_1"

    def setUp(self):
        self.fake = Fake()
        self.addCleanup(self.fake.__exit__)
        self.agent = Agent()
        self.addCleanup(self.agent.__exit__, None, None, None)
        self.agent.put("dev", self.fake.url)
        self.fake.on("password", session(1, "org_1"))
        self.agent.sign_in()

    def pages(self, path, items, key="id"):
        """A list as WorkOS gives it, in pages."""
        def page(r):
            q = dict(urllib.parse.parse_qsl(r.query))
            self.assertEqual(r.key, KEY)
            at = next((i + 1 for i, x in enumerate(items) if x["id"] == q.get("after")), 0)
            part = items[at:at + int(q["limit"])]
            more = at + len(part) < len(items)
            return 200, {"object": "list", "data": part, "list_metadata": {"before": None, "after": part[-1]["id"] if more else None}}
        self.fake.on("GET " + path, page)

    def memberships(self, n, name="Organization %d"):
        self.pages("/user_management/organization_memberships", [
            {"id": "om_%d" % i, "organization_id": "org_%d" % i, "organization_name": name % i, "status": "active",
             "role": {"slug": "member"}} for i in range(n)])

    def test_5000_organizations(self):
        self.memberships(5000)
        got = self.agent.call("ListOrganizations", profile="dev")["organizations"]
        self.assertEqual([o["id"] for o in got], ["org_%d" % i for i in range(5000)])
        self.memberships(5000, "x" * 600 + "%d")
        with self.agent.connect() as c:
            c.send("ListOrganizations", profile="dev", more=True)
            seen = []
            while True:
                seen += c.answer()["organizations"]
                if not c.continues:
                    break
        self.assertEqual(len({o["id"] for o in seen}), 5000)
        self.assertTrue(seen[0]["name"].endswith("…"))
        self.memberships(5001)
        self.fails("net.bad_answer", self.agent.call, "ListOrganizations", profile="dev")

    def test_lists_that_make_no_sense(self):
        for body in ({"data": 7}, [], {"data": [{"id": "x"}], "list_metadata": {"after": "a/b"}},
                     {"data": [], "list_metadata": {"after": "om_1"}}, {"data": [{"id": "x"}], "list_metadata": {"after": "om_1"}}):
            self.fake.on("GET /user_management/organization_memberships", (200, body))
            self.fails("net.bad_answer", self.agent.call, "ListOrganizations", profile="dev")
        for answer, name in (((401, {"message": "Unauthorized"}), "workos.bad_api_key"), (DROP, "net.broken"),
                             ((500, None), "net.server"), ((429, {"code": "rate_limit_exceeded", "message": "m"}), "net.rate_limited")):
            self.fake.on("GET /user_management/organization_memberships", answer)
            self.fails(name, self.agent.call, "ListOrganizations", profile="dev")

    def test_items_too_large_for_a_page_of_many(self):
        self.pages("/user_management/organization_memberships", [
            {"id": "om_%d" % i, "organization_id": "org_%d" % i, "organization_name": "n", "custom_attributes": {"x": "y" * 5000}}
            for i in range(120)])
        self.assertEqual(len(self.agent.call("ListOrganizations", profile="dev")["organizations"]), 120)

    def test_terminal_characters_travel_as_they_are(self):
        self.memberships(1, "\x1b[2J\r\nX%d")
        self.assertEqual(self.agent.call("ListOrganizations", profile="dev")["organizations"][0]["name"], "\x1b[2J\r\nX0")

    def test_name_of_the_organization(self):
        """Known by its id alone after the sign-in; looked up with the key behind everybody's back."""
        self.assertIsNone(self.agent.call("GetProfile", profile="dev")["profile"].get("org_name"))
        wait_for(lambda: self.fake.asked("GET /organizations/org_1"), "a look-up, which failed")
        self.agent.call("SignOut", profile="dev", local_only=True)
        self.agent.restart()
        self.agent.put("dev2", self.fake.url)
        self.fake.on("GET /organizations/org_1", (200, {"object": "organization", "id": "org_1", "name": "Acme & Söhne"}))
        self.agent.sign_in("dev2")
        name = lambda: self.agent.call("GetProfile", profile="dev2")["profile"].get("org_name")  # noqa: E731
        wait_for(name, "the name")
        self.assertEqual(name(), "Acme & Söhne")
        self.fake.on("refresh_token", session(2, "org_1"))
        self.agent.token("dev2", renew=True)
        self.assertEqual(name(), "Acme & Söhne", "a renewal keeps it")
        self.assertEqual({r.key for r in self.fake.asked("GET /organizations/org_1")}, {KEY})

    # --- factors

    FACTOR = {"object": "authentication_factor", "id": "auth_factor_1", "type": "totp", "created_at": "2026-01-01T00:00:00Z",
              "totp": {"issuer": "Acme", "user": "ada", "secret": "JBSWY3DPEHPK3PXP",
                       "uri": "otpauth://totp/Acme:ada?secret=JBSWY3DPEHPK3PXP&issuer=Acme"}}
    DELETE = "DELETE /auth/factors/auth_factor_1"
    VERIFY = "POST /auth/challenges/auth_challenge_[12]/verify"

    def test_factors(self):
        self.pages(self.USER + "/auth_factors", [dict(self.FACTOR), {"id": "auth_factor_2", "type": "sms"}])
        got = self.agent.call("ListFactors", profile="dev")["factors"]
        self.assertEqual([(f["id"], f["type"]) for f in got], [("auth_factor_1", "totp"), ("auth_factor_2", "sms")])
        self.assertNotIn("JBSWY", json.dumps(got))
        self.fake.on(self.DELETE, (204, None))
        self.fails("usage.not_found", self.agent.call, "DeleteFactor", profile="dev", factor="auth_factor_of_somebody_else")
        self.assertEqual(self.fake.asked("DELETE .*"), [])
        self.agent.call("DeleteFactor", profile="dev", factor="auth_factor_1")
        self.assertEqual([r.key for r in self.fake.asked("DELETE .*")], [KEY])

    def enroll(self, answer=None):
        """EnrollFactor up to its first answer: (connection, that answer)."""
        self.fake.on("POST " + self.USER + "/auth_factors", answer or (201, {
            "authentication_factor": self.FACTOR, "authentication_challenge": {"id": "auth_challenge_1"}}))
        self.fake.on(self.DELETE, (204, None))
        c = self.agent.connect()
        c.send("EnrollFactor", profile="dev", more=True)
        return c

    def test_enrolment(self):
        self.fake.on(self.VERIFY, (201, {"challenge": {}, "valid": False}), (201, {"challenge": {}, "valid": True}))
        c = self.enroll()
        first = c.answer()
        self.assertEqual((first["factor_id"], first["secret"], first["uri"], first["verified"], c.continues),
                         ("auth_factor_1", "JBSWY3DPEHPK3PXP", self.FACTOR["totp"]["uri"], False, True))
        verify = lambda code: self.agent.call("VerifyFactor", enrollment=first["enrollment"], code=code)  # noqa: E731
        self.fails("usage.bad_answer", verify, "letters")
        self.fails("workos.invalid_code", verify, "000000")
        self.assertEqual(self.fake.asked(self.VERIFY)[0].body, {"code": "000000"})
        verify(" 123-４56")  # a full-width digit
        last = c.answer()
        self.assertEqual((last["verified"], last["factor_id"], c.continues), (True, "auth_factor_1", False))
        self.assertEqual(self.fake.asked(self.VERIFY)[1].body, {"code": "123456"})
        c.close()
        self.fails("usage.stale_question", verify, "123456")
        self.assertEqual(self.fake.asked("DELETE .*"), [])
        self.assertNotIn("JBSWY", self.agent.log())

    def test_enrolment_without_a_challenge(self):
        """None came with the factor; and one that was used up is replaced once."""
        self.fake.on("POST /auth/factors/auth_factor_1/challenge", (201, {"id": "auth_challenge_1"}), (201, {"id": "auth_challenge_2"}))
        expired = (422, {"code": "authentication_challenge_expired", "message": "m"})
        self.fake.on(self.VERIFY, (201, {"valid": False}), expired, (201, {"valid": True}))
        c = self.enroll((201, dict(self.FACTOR)))
        first = c.answer()
        verify = lambda: self.agent.call("VerifyFactor", enrollment=first["enrollment"], code="123456")  # noqa: E731
        self.fails("workos.invalid_code", verify)
        verify()
        self.assertTrue(c.answer()["verified"])
        self.assertEqual([r.path.split("/")[3] for r in self.fake.asked(self.VERIFY)], ["auth_challenge_1", "auth_challenge_1", "auth_challenge_2"])
        self.fake.on(self.VERIFY, expired)
        c = self.enroll()
        first = c.answer()
        self.fails("workos.expired", verify)

    def test_enrolment_whose_client_leaves(self):
        c = self.enroll()
        c.answer()
        self.fake.on(self.DELETE, DROP, (204, None))
        c.close()
        wait_for(lambda: len(self.fake.asked("DELETE .*")) == 2, "the half-made factor is deleted, at the second try")

    def test_enrolment_whose_clean_up_meets_a_page(self):
        c = self.enroll()
        c.answer()
        self.fake.on(self.DELETE, (200, b"<html>Sign in to the network</html>"), (204, None))
        c.close()
        wait_for(lambda: len(self.fake.asked("DELETE .*")) == 2, "the page is not taken for WorkOS")

    def test_enrolment_whose_client_leaves_at_once(self):
        gate = Gate((201, {"authentication_factor": self.FACTOR, "authentication_challenge": {"id": "auth_challenge_1"}}))
        c = self.enroll(gate)
        gate.wait()
        c.close()
        self.agent.call("ListProfiles")
        gate.go.set()
        wait_for(lambda: self.fake.asked("DELETE .*"), "the factor nobody heard of is deleted")

    def test_enrolment_and_the_end_of_the_agent(self):
        c = self.enroll()
        c.answer()
        gate = Gate((204, None))
        self.fake.on(self.DELETE, gate)
        self.agent.call("Quit")
        gate.wait()
        with self.assertRaises(varlink.Failed) as e:
            c.answer()
        self.assertEqual(e.exception.name, "wire.closed")
        gate.go.set()
        self.assertEqual(self.agent.proc.wait(20), 0)

    def test_enrolment_verified_while_the_client_leaves(self):
        gate = Gate((201, {"valid": True}))
        self.fake.on(self.VERIFY, gate)
        c = self.enroll()
        first = c.answer()
        v = self.agent.connect()
        v.send("VerifyFactor", enrollment=first["enrollment"], code="123456")
        gate.wait()
        c.close()
        self.agent.call("ListProfiles")
        gate.go.set()
        wait_for(lambda: "POST /auth/challenges/auth_challenge_1/verify -> 201" in self.agent.log(), "the answer")
        self.agent.call("ListProfiles")
        self.assertEqual(self.fake.asked("DELETE .*"), [], "it is whole: the person has the app and typed its code")

    def test_enrolment_refused(self):
        for answer, name in (((422, {"code": "invalid_request_parameters", "message": "m"}), "workos.refused"),
                             ((201, {"authentication_factor": {"id": "../x"}}), "net.bad_answer")):
            c = self.enroll(answer)
            with self.assertRaises(varlink.Failed) as e:
                c.answer()
            self.assertEqual(e.exception.name, name)
        self.assertEqual(self.fake.asked("DELETE .*"), [])
        bad = dict(self.FACTOR, totp={"uri": "otpauth://totp/x?secret=JBSWY3DP&i=" + "y" * 4096})
        c = self.enroll((201, {"authentication_factor": bad}))
        with self.assertRaises(varlink.Failed):
            c.answer()
        wait_for(lambda: self.fake.asked("DELETE .*"), "the factor whose key cannot be shown is deleted")

    # --- claims

    def test_wrong_signature_and_unknown_key(self):
        n = fakes.b64(b"\xc3" * 255 + b"\x01")
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "k1", "n": n, "e": "AQAB"}
        self.fake.on("GET /sso/jwks/client_sandbox", (200, {"keys": [dict(key, kid="other")]}), (200, {"keys": [key]}))
        verify = lambda: self.agent.call("Claims", profile="dev", verify=True)  # noqa: E731
        got = verify()
        self.assertEqual((got["verified"], got["claims"]["sub"]), (False, "user_1"))
        self.assertTrue(got["failure"]["what"])
        for _ in range(3):
            self.assertIs(verify()["verified"], False)
        self.assertEqual(len(self.fake.asked("GET /sso/jwks/.*")), 1, "an unknown key is not looked for again for five minutes")
        self.agent.restart()
        self.agent.put("again", self.fake.url)
        self.agent.sign_in("again")
        self.fake.on("GET /sso/jwks/client_sandbox", (200, {"keys": [key]}))
        verify = lambda: self.agent.call("Claims", profile="again", verify=True)  # noqa: E731
        got = verify()
        self.assertIs(got["verified"], False)
        self.assertIn("signature", got["failure"]["what"])

    def test_many_ask_for_the_keys_at_once(self):
        gate = Gate((200, {"keys": []}))
        self.fake.on("GET /sso/jwks/client_sandbox", gate)
        conns = [self.agent.connect() for _ in range(20)]
        for c in conns:
            c.send("Claims", profile="dev", verify=True)
        gate.wait()
        self.agent.call("ListProfiles")
        gate.go.set()
        self.assertEqual([c.answer()["verified"] for c in conns], [False] * 20)
        self.assertEqual(len(self.fake.asked("GET /sso/jwks/.*")), 1)


if __name__ == "__main__":
    varlink.main()
