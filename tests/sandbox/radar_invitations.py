"""Radar's challenges (WORKOS.md §1.7) and invitations (§5) at the API."""
from harness import KEY, PASSWORD, PUBLIC, URN, Case, Sandbox, claims, main, seeded, totp

SEND = "/user_management/radar_challenges"
INVITE = "/user_management/invitations"
MAGIC = "/user_management/magic_auth"
ACME, GLOBEX, STRICT = ("org_01KSB00000000000000000ACME", "org_01KSB0000000000000000GX001", "org_01KSB000000000000000STRCT")
PLAIN = "plain@example.test"


class Radar(Case):
    def email(self, s, j, code, **more):
        return s.auth(URN + "radar-email-challenge:code", code=code, radar_challenge_id=j["radar_challenge_id"],
                      pending_authentication_token=j["pending_authentication_token"], **more)

    def sms(self, s, j, code, **more):
        return s.auth(URN + "radar-sms-challenge:code", code=code, pending_authentication_token=j["pending_authentication_token"],
                      **more)

    def send(self, s, j, phone, **more):
        return s.post(SEND, dict({"user_id": j["user"]["id"], "phone_number": phone,
                                  "pending_authentication_token": j["pending_authentication_token"]}, **more))

    def test_email(self):
        with Sandbox() as s:
            j = self.a(s.password("radar"), 403, "radar_challenge")
            self.assertEqual(j["user"]["email"], "radar@example.test")
            code = s.mail("radar", "radar@example.test")
            o = self.ok(s.get(SEND + "/" + j["radar_challenge_id"], KEY))
            self.assertEqual(set(o), {"object", "id", "type", "user_id", "email", "expires_at", "code", "created_at", "updated_at"})
            self.assertEqual((o["object"], o["type"], o["code"]), ("radar_challenge", "email", code))
            self.c(s.get(SEND + "/radar_challenge_no", KEY), 404)
            self.c(s.get(SEND + "/" + o["id"]), 401)
            self.a(self.email(s, j, "%06d" % ((int(code) + 1) % 1000000)), 400, "invalid_one_time_code")
            self.a(self.email(s, dict(j, pending_authentication_token="no"), code), 400, "invalid_pending_authentication_token")
            self.b(self.email(s, dict(j, radar_challenge_id="no"), code), "invalid_request")
            self.b(self.email(s, dict(j, radar_challenge_id=None), code), "invalid_request")
            self.b(self.email(s, j, code, client=PUBLIC), "invalid_client")
            self.ok(self.email(s, j, code))
            self.a(self.email(s, j, code), 400, "invalid_pending_authentication_token")
            # asked again at the next sign-in
            self.a(s.password("radar"), 403, "radar_challenge")
            self.assertEqual(s.stats()["grants"]["radar-email-challenge"], 7)

    def test_sms_to_a_phone_that_is_known(self):
        with Sandbox() as s:
            j = self.a(s.password("radar-phone"), 403, "radar_sms_sign_in_challenge")
            code = s.mail("sms", "+15555550123")
            self.a(self.sms(s, j, "0"), 400, "invalid_one_time_code")
            self.b(self.sms(s, j, code, verification_id="no"), "invalid_request")
            self.a(self.send(s, j, "+442079460000"), 422, "invalid_request_parameters")  # not the user's
            again = self.ok(self.send(s, j, "+15555550123"), 201)
            self.assertEqual(set(again), {"verification_id", "phone_number"})
            self.ok(self.sms(s, j, s.mail("sms", "+15555550123"), verification_id=again["verification_id"]))
            j = self.a(s.password("radar-phone"), 403, "radar_sms_sign_in_challenge")
            self.ok(self.sms(s, j, s.mail("sms", "+15555550123")))

    def test_sms_to_a_phone_that_is_asked_for(self):
        with Sandbox() as s:
            j = self.a(s.password("radar-sms"), 403, "radar_sign_up_challenge")
            self.assertNotIn("radar_challenge_id", j)
            self.a(self.sms(s, j, "123456"), 400, "phone_number_required")
            phone = "+442079460000"
            self.a(self.sms(s, j, "123456", phone_number=phone), 400, "verification_id_required")
            for bad in ("", "12345678", "+1", "+44 20 7946 0000", "+0442079460000", "+" + "1" * 16, "+4420\x1b7946000", 442079460000, None):
                self.a(self.send(s, j, bad), 422, "invalid_request_parameters")
            self.a(self.send(s, j, phone, user_id="user_no"), 422, "invalid_request_parameters")
            self.a(self.send(s, j, phone, user_id="user_01KSB0000000000000000PLAIN"), 400, "invalid_pending_authentication_token")
            self.a(self.send(s, j, phone, pending_authentication_token="no"), 400, "invalid_pending_authentication_token")
            self.c(s.post(SEND, {}, key=None), 401)
            v = self.ok(self.send(s, j, phone), 201)
            self.assertEqual(v["phone_number"], phone)
            code = s.mail("sms", phone)
            self.b(self.sms(s, j, code, phone_number=phone, verification_id="no"), "invalid_request")
            self.b(self.sms(s, j, code, phone_number="+442079460001", verification_id=v["verification_id"]), "invalid_request")
            self.a(self.sms(s, j, "x", phone_number=phone, verification_id=v["verification_id"]), 400, "invalid_one_time_code")
            self.ok(self.sms(s, j, code, phone_number=phone, verification_id=v["verification_id"]))

    def test_limits(self):
        with Sandbox(limits=True) as s:
            j = self.a(s.password("radar"), 403, "radar_challenge")
            for _ in range(10):
                self.a(self.email(s, j, "x"), 400, "invalid_one_time_code")
            r = self.email(s, j, "x")
            self.assertEqual((r.status, r.json["error"]), (429, "too_many_requests"))
            j = self.a(s.password("radar-sms"), 403, "radar_sign_up_challenge")
            for _ in range(3):
                self.ok(self.send(s, j, "+442079460000"), 201)
            r = self.send(s, j, "+442079460000")
            self.assertEqual((r.status, int(r.headers["Retry-After"]) > 0), (429, True))


class Invitations(Case):
    def invite(self, s, email=PLAIN, **more):
        return self.ok(s.post(INVITE, dict({"email": email}, **more)), 201)

    def state(self, s, v):
        return self.ok(s.get(INVITE + "/" + v["id"], KEY))["state"]

    def test_object(self):
        with Sandbox() as s:
            v = self.invite(s, "guest@example.test", organization_id=ACME, role_slug="admin", expires_in_days=30, locale="en",
                            inviter_user_id="user_01KSB0000000000000000PLAIN")
            self.assertEqual(set(v), {"object", "id", "email", "state", "accepted_at", "revoked_at", "expires_at", "organization_id",
                                      "inviter_user_id", "accepted_user_id", "role_slug", "token", "accept_invitation_url",
                                      "created_at", "updated_at"})
            self.assertEqual((v["state"], v["organization_id"], v["role_slug"], v["accepted_at"]), ("pending", ACME, "admin", None))
            self.assertIn(v["token"], v["accept_invitation_url"])
            self.assertEqual(self.ok(s.get(INVITE + "/" + v["id"], KEY)), v)
            self.assertEqual(self.ok(s.get(INVITE + "/by_token/" + v["token"], KEY)), v)
            w = self.invite(s)
            self.assertIsNone(w["organization_id"])
            ids = lambda query: [x["id"] for x in self.ok(s.get(INVITE + query, KEY))["data"]]
            self.assertEqual(ids(""), [w["id"], v["id"]])
            self.assertEqual(ids("?email=Plain@example.test"), [w["id"]])
            self.assertEqual(ids("?organization_id=" + ACME), [v["id"]])
            self.assertEqual(ids("?limit=1"), [w["id"]])

    def test_bad_requests(self):
        with Sandbox() as s:
            for body in ({}, {"email": "x"}, {"email": 1}, {"email": PLAIN, "expires_in_days": 0}, {"email": PLAIN, "expires_in_days": 31},
                         {"email": PLAIN, "expires_in_days": "7"}, {"email": PLAIN, "expires_in_days": 1.5}, {"email": PLAIN, "organization_id": 1},
                         {"email": PLAIN, "role_slug": ""}, {"email": PLAIN, "role_slug": "x" * 300}, []):
                self.a(s.post(INVITE, body), 422, "invalid_request_parameters")
            self.c(s.post(INVITE, {"email": PLAIN, "organization_id": "org_no"}), 404)
            self.c(s.post(INVITE, {"email": PLAIN, "inviter_user_id": "user_no"}), 404)
            for method, path in (("GET", INVITE + "/x"), ("GET", INVITE + "/by_token/x"), ("POST", INVITE + "/x/revoke")):
                self.c(s.call(method, path, key=KEY), 404)
                self.c(s.call(method, path), 401)
            self.c(s.post(INVITE, {"email": PLAIN}, key=None), 401)
            self.assertEqual(self.ok(s.get(INVITE, KEY))["data"], [])

    def test_password(self):
        with Sandbox() as s:
            v = self.invite(s, organization_id=GLOBEX, role_slug="admin")
            self.b(s.password("plain", invitation_token="no"), "invitation_invalid")
            self.b(s.password("impersonated", invitation_token=v["token"]), "invitation_cannot_be_used_for_email")
            self.b(s.password("plain", invitation_token=7), "invalid_request")
            self.a(s.password("plain", "wrong", invitation_token=v["token"]), 400, "invalid_credentials")
            self.assertEqual(self.state(s, v), "pending")
            j = self.ok(s.password("plain", invitation_token=v["token"]))
            self.assertEqual((j["organization_id"], claims(j["access_token"])["role"]), (GLOBEX, "admin"))
            done = self.ok(s.get(INVITE + "/" + v["id"], KEY))
            self.assertEqual((done["state"], done["accepted_user_id"]), ("accepted", j["user"]["id"]))
            self.assertTrue(done["accepted_at"])
            self.b(s.password("plain", invitation_token=v["token"]), "invitation_invalid")
            self.a(s.post(INVITE + "/" + v["id"] + "/revoke"), 400, "invite_not_pending")
            self.a(s.password("plain"), 403, "organization_selection_required")

    def test_revoked(self):
        with Sandbox() as s:
            v = self.invite(s, organization_id=GLOBEX)
            self.assertEqual(self.ok(s.post(INVITE + "/" + v["id"] + "/revoke"))["state"], "revoked")
            self.b(s.password("plain", invitation_token=v["token"]), "invitation_invalid")
            self.assertEqual(self.ok(s.password("plain"))["organization_id"], ACME)

    def test_accepted_at_the_end_only(self):
        with Sandbox() as s:
            v = self.invite(s, "totp@example.test", organization_id=STRICT)
            j = self.a(s.password("totp", invitation_token=v["token"]), 403, "mfa_challenge")
            self.assertEqual(self.state(s, v), "pending")
            c = self.ok(s.challenge(j["authentication_factors"][0]["id"]), 201)
            grant = lambda: s.auth(URN + "mfa-totp", code=totp(), authentication_challenge_id=c["id"],
                                   pending_authentication_token=j["pending_authentication_token"])
            self.assertEqual(self.ok(grant())["organization_id"], STRICT)
            self.assertEqual(self.state(s, v), "accepted")
            # the invited organization's rules hold: no way in without a second factor
            v = self.invite(s, organization_id=STRICT)
            self.a(s.password("plain", invitation_token=v["token"]), 403, "mfa_enrollment")
            self.assertEqual(self.state(s, v), "pending")
            self.ok(s.password("plain"))

    def test_revoked_meanwhile(self):
        with Sandbox() as s:
            v = self.invite(s, "radar@example.test", organization_id=ACME)
            j = self.a(s.password("radar", invitation_token=v["token"]), 403, "radar_challenge")
            self.ok(s.post(INVITE + "/" + v["id"] + "/revoke"))
            self.b(s.auth(URN + "radar-email-challenge:code", code=s.mail("radar", "radar@example.test"),
                          radar_challenge_id=j["radar_challenge_id"],
                          pending_authentication_token=j["pending_authentication_token"]), "invitation_invalid")
            mine = "/user_management/organization_memberships?user_id=" + j["user"]["id"]
            self.assertEqual(self.ok(s.get(mine, KEY))["data"], [])

    def test_magic_auth(self):
        seed = {"clients": [{"id": "client_sandbox", "secret": KEY}], "organizations": [{"id": "org_1", "name": "One"}],
                "sign_up": False, "users": [{"id": "user_1", "email": PLAIN, "password": PASSWORD}]}
        with seeded(seed) as s:
            v = self.invite(s, "guest@example.test", organization_id="org_1")
            self.b(s.post(MAGIC, {"email": "guest@example.test"}), "sign_up_not_allowed")
            self.b(s.post(MAGIC, {"email": "guest@example.test", "invitation_token": "no"}), "invitation_invalid")
            self.b(s.post(MAGIC, {"email": "other@example.test", "invitation_token": v["token"]}), "invitation_cannot_be_used_for_email")
            self.a(s.post(MAGIC, {"email": "guest@example.test", "invitation_token": 1}), 422, "invalid_request_parameters")
            code = self.ok(s.post(MAGIC, {"email": "guest@example.test", "invitation_token": v["token"]}), 201)["code"]
            grant = lambda **more: s.auth(URN + "magic-auth:code", code=code, email="guest@example.test", **more)
            self.b(grant(invitation_token="no"), "invitation_invalid")
            j = self.ok(grant(invitation_token=v["token"]))
            self.assertEqual((j["organization_id"], claims(j["access_token"])["role"]), ("org_1", "member"))


if __name__ == "__main__":
    main()
