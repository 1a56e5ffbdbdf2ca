"""Second factors: enrolment, in a sign-in and outside of one, lists, challenges (WORKOS.md §6)."""
import urllib.parse

import harness
from harness import KEY, PUBLIC, URN, Case, Sandbox, main, totp, wrong_code

ENROLL = "user_01KSB00000000000000ENR0001"
PLAIN = "user_01KSB0000000000000000PLAIN"


def path(user):
    return "/user_management/users/%s/auth_factors" % user


class Enrolment(Case):
    def enrol(self, s, user=ENROLL, **more):
        j = self.ok(s.post(path(user), dict({"type": "totp"}, **more)), 201)
        return j["authentication_factor"], j["authentication_challenge"]

    def listed(self, s, user=ENROLL):
        return self.ok(s.get(path(user), KEY))["data"]

    def grant(self, s, pending, challenge, code, **more):
        return s.auth(URN + "mfa-totp", code=code, pending_authentication_token=pending, authentication_challenge_id=challenge,
                      **more)

    def must(self, s):
        j = self.a(s.password("enroll"), 403, "mfa_enrollment")
        self.assertEqual(j["user"]["id"], ENROLL)
        self.assertNotIn("authentication_factors", j)
        return j["pending_authentication_token"]

    def test_in_a_sign_in(self):
        with Sandbox() as s:
            pending = self.must(s)
            factor, challenge = self.enrol(s)
            self.assertEqual(set(factor), {"object", "id", "type", "user_id", "totp", "created_at", "updated_at"})
            self.assertEqual((factor["object"], factor["type"], factor["user_id"]), ("authentication_factor", "totp", ENROLL))
            self.assertEqual(challenge["authentication_factor_id"], factor["id"])
            t = factor["totp"]
            self.assertEqual(set(t), {"issuer", "user", "secret", "uri"})
            self.assertRegex(t["secret"], r"^[A-Z2-7]{32}$")
            uri = urllib.parse.urlsplit(t["uri"])
            self.assertEqual((uri.scheme, uri.netloc, urllib.parse.unquote(uri.path)),
                             ("otpauth", "totp", "/keyfob sandbox:enroll@example.test"))
            self.assertEqual(dict(urllib.parse.parse_qsl(uri.query)), {"secret": t["secret"], "issuer": "keyfob sandbox"})
            # half made, and to be seen; without its secret
            self.assertEqual([f["id"] for f in self.listed(s)], [factor["id"]])
            self.assertNotIn(t["secret"], s.get(path(ENROLL), KEY).raw.decode())
            self.must(s)
            self.a(self.grant(s, pending, challenge["id"], wrong_code()), 400, "invalid_one_time_code")
            self.a(self.grant(s, pending, challenge["id"], ""), 400, "invalid_one_time_code")
            self.b(self.grant(s, pending, challenge["id"], totp(secret=t["secret"]), client=PUBLIC), "invalid_client")
            self.ok(self.grant(s, pending, challenge["id"], totp(secret=t["secret"])))
            # from now on it is asked for
            j = self.a(s.password("enroll"), 403, "mfa_challenge")
            self.assertEqual(j["authentication_factors"], [{"id": factor["id"], "type": "totp"}])
            c = self.ok(s.challenge(factor["id"]), 201)
            self.ok(self.grant(s, j["pending_authentication_token"], c["id"], totp(1, secret=t["secret"])))

    def test_left_half_made(self):
        with Sandbox() as s:
            pending = self.must(s)
            factor, challenge = self.enrol(s)
            r = s.call("DELETE", "/auth/factors/" + factor["id"], key=KEY)
            self.assertEqual((r.status, r.raw), (204, b""))
            self.assertEqual(self.listed(s), [])
            self.c(s.call("DELETE", "/auth/factors/" + factor["id"], key=KEY), 404)
            self.c(s.get("/auth/factors/" + factor["id"], KEY), 404)
            self.b(self.grant(s, pending, challenge["id"], totp(secret=factor["totp"]["secret"])), "invalid_request")
            self.c(s.post("/auth/challenges/%s/verify" % challenge["id"], {"code": "123456"}), 404)
            factor, challenge = self.enrol(s)
            self.ok(self.grant(s, pending, challenge["id"], totp(secret=factor["totp"]["secret"])))

    def test_outside_a_sign_in(self):
        with Sandbox() as s:
            factor, challenge = self.enrol(s, PLAIN, totp_issuer="Acmé & Søns: 1/2", totp_user="paula+x@example.test")
            t = factor["totp"]
            self.assertEqual((t["issuer"], t["user"]), ("Acmé & Søns: 1/2", "paula+x@example.test"))
            label, query = t["uri"][len("otpauth://totp/"):].split("?")
            self.assertEqual([urllib.parse.unquote(x) for x in label.split(":")], [t["issuer"], t["user"]])
            self.assertEqual(urllib.parse.parse_qs(query)["issuer"], [t["issuer"]])
            self.assertTrue(t["uri"].isascii())
            self.ok(s.password("plain"))  # not verified yet: not asked for
            verify = "/auth/challenges/%s/verify" % challenge["id"]
            j = self.ok(s.post(verify, {"code": wrong_code()}), 201)
            self.assertEqual((j["valid"], j["challenge"]["id"]), (False, challenge["id"]))
            self.a(s.post(verify, {}), 422, "invalid_request_parameters")
            self.a(s.post(verify, {"code": 123456}), 422, "invalid_request_parameters")
            self.c(s.post(verify, {"code": "1"}, key=None), 401)
            self.assertIs(self.ok(s.post(verify, {"code": totp(secret=t["secret"])}), 201)["valid"], True)
            self.a(s.post(verify, {"code": totp(1, secret=t["secret"])}), 422, "authentication_challenge_previously_verified")
            self.a(s.password("plain"), 403, "mfa_challenge")
            self.ok(s.get("/auth/factors/" + factor["id"], KEY))
            self.assertEqual(s.call("DELETE", "/auth/factors/" + factor["id"], key=KEY).status, 204)
            self.ok(s.password("plain"))

    def test_imported_secret(self):
        with Sandbox() as s:
            factor, challenge = self.enrol(s, PLAIN, totp_secret="jbsw y3dp ehpk 3pxp")
            self.assertEqual(factor["totp"]["secret"], harness.SECRET)
            self.assertTrue(self.ok(s.post("/auth/challenges/%s/verify" % challenge["id"], {"code": totp()}), 201)["valid"])
            for bad in ("", "AAAA", "JBSWY3DPEHPK3PX!", "A" * 400, 7):
                self.a(s.post(path(PLAIN), {"type": "totp", "totp_secret": bad}), 422, "invalid_request_parameters")
            self.assertEqual(len(self.listed(s, PLAIN)), 1)

    def test_bad_requests(self):
        with Sandbox() as s:
            for body in ({}, {"type": "sms"}, {"type": 1}, {"type": "totp", "totp_issuer": ""}, {"type": "totp", "totp_user": 1},
                         {"type": "totp", "totp_user": "a\x1b[2J"}, {"type": "totp", "totp_issuer": "x" * 300}, []):
                self.a(s.post(path(PLAIN), body), 422, "invalid_request_parameters")
            self.c(s.post(path("user_no"), {"type": "totp"}), 404)
            self.c(s.get(path("user_no"), KEY), 404)
            for method, where in (("POST", path(PLAIN)), ("GET", path(PLAIN)), ("GET", "/auth/factors/auth_factor_x"),
                                  ("DELETE", "/auth/factors/auth_factor_x"), ("POST", "/auth/challenges/x/verify")):
                self.c(s.call(method, where, {"type": "totp"}), 401)
            self.c(s.post("/auth/challenges/auth_challenge_no/verify", {"code": "123456"}), 404)
            self.assertEqual(self.listed(s, PLAIN), [])

    def test_too_many(self):
        with Sandbox() as s:
            for _ in range(8):
                factor, challenge = self.enrol(s, PLAIN)
            self.a(s.post(path(PLAIN), {"type": "totp"}), 400, "too_many_factors")
            verify = "/auth/challenges/%s/verify" % challenge["id"]
            for _ in range(10):
                self.assertFalse(self.ok(s.post(verify, {"code": wrong_code()}), 201)["valid"])
            self.a(s.post(verify, {"code": totp(secret=factor["totp"]["secret"])}), 400, "one_time_code_too_many_attempts")
            self.ok(s.password("plain"))

    def test_another_factor_does_not_do(self):
        """One who has a factor answers with it, and not with a fresh one."""
        with Sandbox() as s:
            j = self.a(s.password("totp"), 403, "mfa_challenge")
            factor, challenge = self.enrol(s, j["user"]["id"])
            secret = factor["totp"]["secret"]
            self.b(self.grant(s, j["pending_authentication_token"], challenge["id"], totp(secret=secret)), "invalid_request")
            c = self.ok(s.challenge(j["authentication_factors"][0]["id"]), 201)
            self.ok(self.grant(s, j["pending_authentication_token"], c["id"], totp()))


if __name__ == "__main__":
    main()
