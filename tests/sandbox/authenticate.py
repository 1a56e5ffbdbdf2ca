"""POST /user_management/authenticate: every grant and error that exists."""
import os
import subprocess
import tempfile
import time

import harness
from harness import AUTH, CLIENT, KEY, PUBLIC, URN, Case, Sandbox, claims, main, rs256_ok, totp, wrong_code


class Shared(Case):
    @classmethod
    def setUpClass(cls):
        cls.s = Sandbox()
        cls.s.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.s.__exit__()


class Success(Shared):
    def test_password_body_and_claims(self):
        before = int(time.time())
        r = self.s.password("plain")
        j = self.ok(r)
        self.assertEqual(set(j), {"user", "organization_id", "authentication_method", "access_token",
                                  "refresh_token"})
        self.assertEqual(set(j["user"]), {
            "object", "id", "email", "first_name", "last_name", "name", "profile_picture_url",
            "email_verified", "external_id", "metadata", "last_sign_in_at", "locale", "created_at",
            "updated_at"})
        self.assertEqual(j["user"]["email"], "plain@example.test")
        self.assertEqual(j["authentication_method"], "Password")
        c = claims(j["access_token"])
        self.assertEqual(set(c), {"iss", "sub", "sid", "jti", "iat", "exp", "client_id", "org_id", "role",
                                  "roles", "permissions", "auth_time"})
        self.assertEqual((c["iss"], c["sub"], c["client_id"], c["org_id"]),
                         (self.s.url, j["user"]["id"], "client_sandbox", j["organization_id"]))
        self.assertTrue(before <= c["iat"] <= time.time() + 1)
        self.assertEqual(c["exp"] - c["iat"], 300)
        self.assertEqual(len(c["jti"]), 26)
        self.assertEqual((c["role"], c["roles"]), ("admin", ["admin"]))
        self.assertEqual(r.headers["Content-Type"], "application/json")
        self.assertTrue(r.headers["X-Request-ID"].startswith("req_"))
        self.assertIn("GMT", r.headers["Date"])

    def test_signature(self):
        token = self.ok(self.s.password("plain"))["access_token"]
        jwks = self.s.get("/sso/jwks/client_sandbox")
        self.assertTrue(rs256_ok(token, jwks.json))
        with tempfile.TemporaryDirectory() as d:
            keys = os.path.join(d, "jwks.json")
            with open(keys, "wb") as f:
                f.write(jwks.raw)
            check = lambda t: subprocess.run([os.path.join(harness.BIN, "jwks_check"), keys],
                                             input=t.encode()).returncode
            self.assertEqual(check(token), 0)
            head, body, sig = token.split(".")
            other = ("A" if sig[9] != "A" else "B")
            self.assertEqual(check(".".join((head, body, sig[:9] + other + sig[10:]))), 1)
            self.assertEqual(check(".".join((head, body[:-2], sig))), 1)

    def test_form_body(self):
        j = self.ok(self.s.auth("password", form=True, email="plain@example.test", password=harness.PASSWORD))
        self.ok(self.s.auth("refresh_token", form=True, refresh_token=j["refresh_token"]))

    def test_email_ignores_case(self):
        self.ok(self.s.auth("password", email="PLAIN@Example.Test", password=harness.PASSWORD))


class Refused(Shared):
    def test_credentials(self):
        j = self.a(self.s.password("plain", "wrong"), 400, "invalid_credentials")
        self.assertIn("plain@example.test", j["message"])
        self.a(self.s.password("nobody"), 400, "invalid_credentials")
        self.a(self.s.password("plain", ""), 400, "invalid_credentials")

    def test_client(self):
        ask = dict(email="plain@example.test", password=harness.PASSWORD)
        self.b(self.s.auth("password", client={"client_id": "client_no", "client_secret": KEY}, **ask),
               "invalid_client")
        self.c(self.s.auth("password", client=dict(CLIENT, client_secret="sk_test_no"), **ask), 401)
        self.b(self.s.auth("password", client={"client_id": "client_sandbox"}, **ask), "invalid_client")
        self.b(self.s.auth("password", client=PUBLIC, **ask), "invalid_client")
        self.b(self.s.auth("password", client=dict(PUBLIC, client_secret=KEY), **ask), "unauthorized_client")
        self.b(self.s.auth("password", client={"client_secret": KEY}, **ask), "invalid_request")
        r = self.s.call("POST", AUTH, dict(CLIENT, grant_type="password", **ask), key="sk_test_no")
        self.c(r, 401)
        r = self.s.call("POST", AUTH, dict(CLIENT, grant_type="password", **ask), key=KEY)
        self.ok(r)

    def test_malformed(self):
        self.b(self.s.auth("client_credentials"), "invalid_request")
        self.b(self.s.auth(None), "invalid_request")
        self.b(self.s.auth("password", email="plain@example.test"), "invalid_request")
        self.b(self.s.auth("password", email=["plain@example.test"], password="x"), "invalid_request")
        self.b(self.s.auth("refresh_token"), "invalid_request")
        for body, kind in ((b"{", "application/json"), (b"[]", "application/json"),
                           (b'{"grant_type":"password","grant_type":"x"}', "application/json"),
                           (b'{"grant_type":"pass\\u0000word"}', "application/json"),
                           (b"grant_type=password&grant_type=password", "application/x-www-form-urlencoded"),
                           (b"grant_type=%00", "application/x-www-form-urlencoded"),
                           (b"grant_type=%zz", "application/x-www-form-urlencoded"),
                           (b"grant_type=%ff", "application/x-www-form-urlencoded"),
                           (b"&".join(b"f%d=1" % i for i in range(70)), "application/x-www-form-urlencoded"),
                           (b"[" * 5000, "application/json"), (b"", "application/json"),
                           (b'{"grant_type":"password"}', "text/plain")):
            self.b(self.s.call("POST", AUTH, body, headers={"Content-Type": kind}), "invalid_request")

    def test_step_ups(self):
        j = self.a(self.s.password("unverified"), 403, "email_verification_required")
        self.assertEqual(j["email"], "unverified@example.test")
        self.assertTrue(j["pending_authentication_token"] and j["email_verification_id"])
        j = self.a(self.s.password("enroll"), 403, "mfa_enrollment")
        self.assertEqual(j["user"]["email"], "enroll@example.test")
        self.assertTrue(j["pending_authentication_token"])
        j = self.b(self.s.password("sso"), "sso_required")
        self.assertEqual(j["email"], "sso@example.test")
        self.assertEqual(len(j["connection_ids"]), 1)
        self.assertIsNone(j["pending_authentication_token"])
        # a wrong password says nothing about any of it
        self.a(self.s.password("sso", "wrong"), 400, "invalid_credentials")


class Refresh(Case):
    def test_rotation_replay(self):
        with Sandbox() as s:
            first = self.ok(s.password("plain"))
            second = self.ok(s.refresh(first["refresh_token"]))
            self.assertNotEqual(first["refresh_token"], second["refresh_token"])
            self.assertEqual(second["organization_id"], first["organization_id"])
            self.assertEqual(claims(second["access_token"])["sid"], claims(first["access_token"])["sid"])
            self.assertEqual(claims(second["access_token"])["auth_time"],
                             claims(first["access_token"])["auth_time"])
            again = self.ok(s.refresh(first["refresh_token"]))
            self.assertEqual(again, second)
            third = self.ok(s.refresh(second["refresh_token"]))
            # two behind is spent for good, window or not
            self.b(s.refresh(first["refresh_token"]), "invalid_grant")
            self.ok(s.refresh(third["refresh_token"]))
            st = s.stats()
            self.assertEqual((st["replayed"], st["reused"], st["sessions"]), (1, 1, 1))
            self.assertEqual(st["grants"], {"password": 1, "refresh_token": 5})

    def test_window_ends(self):
        with Sandbox("--replay-window", "300ms") as s:
            first = self.ok(s.password("plain"))
            self.ok(s.refresh(first["refresh_token"]))
            harness.wait_for(lambda: s.refresh(first["refresh_token"]).status == 400, "the window's end", 5)
            j = self.b(s.refresh(first["refresh_token"]), "invalid_grant")
            self.assertEqual(j["error_description"], "Refresh token already exchanged.")

    def test_strict(self):
        for window in ("0", "0s"):
            with Sandbox("--replay-window", window) as s:
                first = self.ok(s.password("plain"))
                self.ok(s.refresh(first["refresh_token"]))
                self.b(s.refresh(first["refresh_token"]), "invalid_grant")
                self.assertEqual(s.stats()["reused"], 1)

    def test_unknown_and_altered(self):
        with Sandbox() as s:
            token = self.ok(s.password("plain"))["refresh_token"]
            flipped = ("A" if token[20] != "A" else "B")
            for bad in ("", "x", token[:-1], token + "A", token[:20] + flipped + token[21:], "A" * 43, "é" * 30):
                j = self.b(s.refresh(bad), "invalid_grant")
                self.assertEqual(j["error_description"], "Invalid refresh token.")
            self.b(s.auth("refresh_token", client=PUBLIC, refresh_token=token), "invalid_grant")
            self.c(s.auth("refresh_token", client=dict(CLIENT, client_secret="sk_no"), refresh_token=token), 401)
            # the secret is optional here (WORKOS.md §1.2)
            self.ok(s.auth("refresh_token", client={"client_id": "client_sandbox"}, refresh_token=token))
            self.assertEqual(s.stats()["reused"], 0)

    def test_switching_organizations(self):
        with Sandbox() as s:
            j = self.a(s.password("orgs"), 403, "organization_selection_required")
            orgs = [o["id"] for o in j["organizations"]]
            j = self.ok(s.auth(URN + "organization-selection", organization_id=orgs[0],
                               pending_authentication_token=j["pending_authentication_token"]))
            j = self.ok(s.refresh(j["refresh_token"], organization_id=orgs[2]))
            self.assertEqual(j["organization_id"], orgs[2])
            self.assertEqual(claims(j["access_token"])["org_id"], orgs[2])
            token = j["refresh_token"]
            self.b(s.refresh(token, organization_id="org_no"), "organization_not_found")
            acme = self.ok(s.password("plain"))["organization_id"]
            self.b(s.refresh(token, organization_id=acme), "organization_membership_not_found")
            # a refusal spends nothing, and no organization means the same one
            self.assertEqual(self.ok(s.refresh(token))["organization_id"], orgs[2])

    def test_switch_refused_by_policy(self):
        seed = """{"clients":[{"id":"client_x","secret":"sk_x"}],"organizations":[
          {"id":"org_a","name":"A"},{"id":"org_mfa","name":"M","require_mfa":true},
          {"id":"org_sso","name":"S","sso_connections":["conn_1"]},
          {"id":"org_pw","name":"P","auth_methods":{"password":false,"magic_auth":true}}],
          "users":[{"id":"user_1","email":"u@example.test","password":"p","memberships":[
          {"organization":"org_a"},{"organization":"org_mfa"},{"organization":"org_sso"},{"organization":"org_pw"}]}]}"""
        client = {"client_id": "client_x", "client_secret": "sk_x"}
        with tempfile.NamedTemporaryFile("w") as f:
            f.write(seed)
            f.flush()
            with Sandbox("--seed", f.name) as s:
                def choose(org):
                    j = self.a(s.auth("password", client=client, email="u@example.test", password="p"), 403,
                               "organization_selection_required")
                    return s.auth(URN + "organization-selection", client=client, organization_id=org,
                                  pending_authentication_token=j["pending_authentication_token"])
                token = self.ok(choose("org_a"))["refresh_token"]
                switch = lambda org: s.auth("refresh_token", client=client, refresh_token=token, organization_id=org)
                self.b(switch("org_mfa"), "mfa_enrollment")
                self.assertEqual(self.b(switch("org_sso"), "sso_required")["connection_ids"], ["conn_1"])
                j = self.b(switch("org_pw"), "organization_authentication_methods_required")
                self.assertEqual(j["auth_methods"], {"password": False, "magic_auth": True})
                self.assertEqual(j["sso_connection_ids"], [])
                self.ok(switch("org_a"))
                # the same policies meet a sign-in that chooses the organization
                self.a(choose("org_mfa"), 403, "mfa_enrollment")
                self.b(choose("org_sso"), "sso_required")
                self.b(choose("org_pw"), "organization_authentication_methods_required")


class Mfa(Case):
    def begin(self, s):
        j = self.a(s.password("totp"), 403, "mfa_challenge")
        self.assertEqual(j["user"]["email"], "totp@example.test")
        self.assertEqual([f["type"] for f in j["authentication_factors"]], ["totp"])
        c = self.ok(s.challenge(j["authentication_factors"][0]["id"]), 201)
        self.assertEqual(c["object"], "authentication_challenge")
        self.assertEqual(c["authentication_factor_id"], j["authentication_factors"][0]["id"])
        return j["pending_authentication_token"], c["id"]

    def answer(self, s, pending, challenge, code):
        return s.auth(URN + "mfa-totp", code=code, pending_authentication_token=pending,
                      authentication_challenge_id=challenge)

    def test_right_code(self):
        with Sandbox() as s:
            pending, challenge = self.begin(s)
            self.a(self.answer(s, pending, challenge, wrong_code()), 400, "invalid_one_time_code")
            for code in ("", "12345", "1234567", "abcdef"):
                self.a(self.answer(s, pending, challenge, code), 400, "invalid_one_time_code")
            code = totp()
            j = self.ok(self.answer(s, pending, challenge, code))
            self.assertEqual(j["authentication_method"], "Password")
            self.a(self.answer(s, pending, challenge, code), 400, "invalid_pending_authentication_token")
            # the same code opens no second session; the next step's does
            pending, challenge2 = self.begin(s)
            self.a(self.answer(s, pending, challenge2, code), 400, "one_time_code_previously_used")
            self.a(self.answer(s, pending, challenge, totp(1)), 422,
                   "authentication_challenge_previously_verified")
            self.ok(self.answer(s, pending, challenge2, totp(1)))

    def test_far_codes(self):
        with Sandbox() as s:
            pending, challenge = self.begin(s)
            near = {totp(i) for i in range(-2, 3)}
            for offset in (-4, 4):
                if totp(offset) not in near:
                    self.a(self.answer(s, pending, challenge, totp(offset)), 400, "invalid_one_time_code")

    def test_too_many(self):
        with Sandbox() as s:
            pending, challenge = self.begin(s)
            for _ in range(10):
                self.a(self.answer(s, pending, challenge, wrong_code()), 400, "invalid_one_time_code")
            self.a(self.answer(s, pending, challenge, totp()), 400, "one_time_code_too_many_attempts")
            pending, challenge = self.begin(s)
            self.ok(self.answer(s, pending, challenge, totp()))

    def test_wrong_tokens(self):
        with Sandbox() as s:
            pending, challenge = self.begin(s)
            self.a(self.answer(s, "nonsense", challenge, totp()), 400, "invalid_pending_authentication_token")
            self.b(self.answer(s, pending, "auth_challenge_no", totp()), "invalid_request")
            self.a(s.auth(URN + "organization-selection", organization_id="org_x",
                          pending_authentication_token=pending), 400, "invalid_pending_authentication_token")
            self.b(s.auth(URN + "mfa-totp", code="1", pending_authentication_token=pending), "invalid_request")
            self.b(s.auth(URN + "mfa-totp", client={"client_id": "client_sandbox"}, code="1",
                          pending_authentication_token=pending, authentication_challenge_id=challenge),
                   "invalid_client")
            self.ok(self.answer(s, pending, challenge, totp()))

    def test_challenge_of_another(self):
        seed = """{"clients":[{"id":"client_sandbox","secret":"sk_test_sandbox"}],"users":[
          {"id":"user_1","email":"totp@example.test","password":"sandbox-password","totp":"JBSWY3DPEHPK3PXP"},
          {"id":"user_2","email":"b@example.test","totp":"JBSWY3DPEHPK3PXP","factor_id":"auth_factor_b"}]}"""
        with tempfile.NamedTemporaryFile("w") as f:
            f.write(seed)
            f.flush()
            with Sandbox("--seed", f.name) as s:
                pending, _ = self.begin(s)
                other = self.ok(s.challenge("auth_factor_b"), 201)["id"]
                self.a(self.answer(s, pending, other, totp()), 400, "user_mismatch")


class Organizations(Shared):
    def test_choice(self):
        j = self.a(self.s.password("orgs"), 403, "organization_selection_required")
        pending = j["pending_authentication_token"]
        self.assertEqual(len(j["organizations"]), 3)
        self.assertEqual({frozenset(o) for o in j["organizations"]}, {frozenset(("id", "name"))})
        self.assertTrue(any(len(o["name"]) > 60 for o in j["organizations"]))
        self.assertTrue(any(ord(o["name"][0]) > 0x3000 for o in j["organizations"]))
        pick = lambda org: self.s.auth(URN + "organization-selection", organization_id=org,
                                       pending_authentication_token=pending)
        self.b(pick("org_no"), "organization_not_found")
        acme = self.ok(self.s.password("plain"))["organization_id"]
        self.b(pick(acme), "organization_membership_not_found")
        chosen = j["organizations"][1]["id"]
        self.assertEqual(self.ok(pick(chosen))["organization_id"], chosen)
        self.a(pick(chosen), 400, "invalid_pending_authentication_token")


if __name__ == "__main__":
    main()
