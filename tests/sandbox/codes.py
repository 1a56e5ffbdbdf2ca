"""Codes by e-mail: magic auth, e-mail verification, password reset, and how often they may be asked for."""
import time

from harness import CLIENT, KEY, PASSWORD, PUBLIC, URN, Case, Sandbox, claims, main, seeded

MAGIC = "/user_management/magic_auth"
RESET = "/user_management/password_reset"
UNVERIFIED = "user_01KSB000000000000000VNVER1"
VERIFY = "/user_management/users/%s/email_verification/" % UNVERIFIED
PLAIN = "plain@example.test"
CLOSED = ('{"clients":[{"id":"client_sandbox","secret":"sk_test_sandbox"}],"sign_up":false,'
          '"users":[{"id":"user_1","email":"plain@example.test","password":"sandbox-password"}]}')


def other(code):
    """Any code but this one."""
    return "%06d" % ((int(code) + 1) % 1000000)


class Magic(Case):
    def grant(self, s, code, email=PLAIN, **more):
        return s.auth(URN + "magic-auth:code", code=code, email=email, **more)

    def test_object_mail_and_grant(self):
        with Sandbox() as s:
            j = self.ok(s.post(MAGIC, {"email": PLAIN}), 201)
            self.assertEqual(set(j), {"object", "id", "user_id", "email", "expires_at", "code", "created_at", "updated_at"})
            self.assertEqual((j["object"], j["email"], j["user_id"]), ("magic_auth", PLAIN, "user_01KSB0000000000000000PLAIN"))
            self.assertRegex(j["code"], r"^[0-9]{6}$")
            self.assertGreater(j["expires_at"], j["created_at"])
            self.assertEqual(self.ok(s.get(MAGIC + "/" + j["id"], KEY)), j)
            self.c(s.get(MAGIC + "/magic_auth_no", KEY), 404)
            self.assertEqual(s.mail("magic_auth", PLAIN), j["code"])
            self.assertEqual(set(s.get("/sandbox/mail").json["mail"][0]), {"to", "kind", "id", "code", "at"})
            self.a(self.grant(s, other(j["code"])), 400, "invalid_one_time_code")
            got = self.ok(self.grant(s, j["code"], email="Plain@Example.TEST"))
            self.assertEqual((got["authentication_method"], got["user"]["email"]), ("MagicAuth", PLAIN))
            one = self.ok(s.get("/user_management/users/%s/sessions" % j["user_id"], KEY))["data"][0]
            self.assertEqual((one["id"], one["auth_method"]), (claims(got["access_token"])["sid"], "magic_code"))
            self.a(self.grant(s, j["code"]), 400, "one_time_code_previously_used")
            self.assertEqual(s.stats()["grants"], {"magic-auth": 3})

    def test_bad_requests(self):
        with Sandbox() as s:
            for body in ({}, {"email": 7}, {"email": None}, {"email": ""}, {"email": "plain"}, {"email": "@example.test"},
                         {"email": "a@"}, {"email": "a b@example.test"}, {"email": "a@b@example.test"},
                         {"email": "a\r\nBcc: b@example.test"}, {"email": "x" * 250 + "@example.test"},
                         {"email": "\x1b[2J@example.test"}, [PLAIN]):
                self.a(s.post(MAGIC, body), 422, "invalid_request_parameters")
            for raw in (b"", b"{", b'{"email":"a@b.c","email":"d@e.f"}', b"email=plain%40example.test"):
                self.a(s.post(MAGIC, raw, headers={"Content-Type": "application/json"}), 422, "invalid_request_parameters")
            self.c(s.post(MAGIC, {"email": PLAIN}, key=None), 401)
            self.c(s.post(MAGIC, {"email": PLAIN}, key="sk_test_no"), 401)
            self.assertEqual(s.get("/sandbox/mail").json, {"mail": []})
            self.b(self.grant(s, 123456), "invalid_request")
            self.b(self.grant(s, None), "invalid_request")
            self.a(self.grant(s, "123456"), 400, "invalid_one_time_code")
            self.a(self.grant(s, "123456", email="nobody@example.test"), 400, "invalid_one_time_code")
            code = self.ok(s.post(MAGIC, {"email": PLAIN}), 201)["code"]
            for odd in ("", code[:5], code + "0", " " + code, code.translate({48 + i: 0xFF10 + i for i in range(10)})):
                self.a(self.grant(s, odd), 400, "invalid_one_time_code")
            # nobody's code but that of the address
            self.a(self.grant(s, code, email="totp@example.test"), 400, "invalid_one_time_code")
            for client, error in (({"client_id": "client_sandbox"}, "invalid_client"),
                                  (PUBLIC, "invalid_client"),
                                  (dict(PUBLIC, client_secret=KEY), "unauthorized_client")):
                self.b(self.grant(s, code, client=client), error)
            self.ok(self.grant(s, code))

    def test_too_many(self):
        with Sandbox() as s:
            code = self.ok(s.post(MAGIC, {"email": PLAIN}), 201)["code"]
            for _ in range(10):
                self.a(self.grant(s, other(code)), 400, "invalid_one_time_code")
            self.a(self.grant(s, code), 400, "one_time_code_too_many_attempts")
            self.ok(self.grant(s, self.ok(s.post(MAGIC, {"email": PLAIN}), 201)["code"]))

    def test_expiry(self):
        with Sandbox("--code-life", "1s") as s:
            code = self.ok(s.post(MAGIC, {"email": PLAIN}), 201)["code"]
            time.sleep(1.1)
            self.a(self.grant(s, other(code)), 400, "invalid_one_time_code")
            self.a(self.grant(s, code), 400, "one_time_code_expired")
            self.ok(self.grant(s, self.ok(s.post(MAGIC, {"email": PLAIN}), 201)["code"]))

    def test_sign_up(self):
        new = "new.person@example.test"
        with Sandbox() as s:
            j = self.ok(s.post(MAGIC, {"email": new}), 201)
            user = self.ok(s.get("/user_management/users/" + j["user_id"], KEY))
            self.assertEqual((user["email"], user["email_verified"]), (new, False))
            self.assertEqual(self.ok(s.post(MAGIC, {"email": new}), 201)["user_id"], j["user_id"])
            got = self.ok(self.grant(s, j["code"], email=new))
            self.assertEqual((got["user"]["id"], got["user"]["email_verified"]), (j["user_id"], True))
            self.assertNotIn("organization_id", got)
            self.a(s.password("new.person", ""), 400, "invalid_credentials")
        with seeded(CLOSED) as s:
            self.b(s.post(MAGIC, {"email": new}), "sign_up_not_allowed")
            self.ok(s.post(MAGIC, {"email": PLAIN}), 201)
            self.assertEqual([m["to"] for m in s.get("/sandbox/mail").json["mail"]], [PLAIN])

    def test_verifies_the_address(self):
        with Sandbox() as s:
            email = "unverified@example.test"
            code = self.ok(s.post(MAGIC, {"email": email}), 201)["code"]
            self.assertTrue(self.ok(self.grant(s, code, email=email))["user"]["email_verified"])
            self.ok(s.password("unverified"))

    def test_step_ups_behind_it(self):
        with Sandbox() as s:
            for who, status, code in (("totp", 403, "mfa_challenge"), ("orgs", 403, "organization_selection_required")):
                email = who + "@example.test"
                sent = self.ok(s.post(MAGIC, {"email": email}), 201)["code"]
                self.a(self.grant(s, sent, email=email), status, code)
            sent = self.ok(s.post(MAGIC, {"email": "sso@example.test"}), 201)["code"]
            self.b(self.grant(s, sent, email="sso@example.test"), "sso_required")


class Verification(Case):
    def begin(self, s):
        j = self.a(s.password("unverified"), 403, "email_verification_required")
        self.assertEqual(j["email"], "unverified@example.test")
        return j["pending_authentication_token"], j["email_verification_id"]

    def grant(self, s, pending, code, **more):
        return s.auth(URN + "email-verification:code", code=code, pending_authentication_token=pending, **more)

    def test_grant(self):
        with Sandbox() as s:
            pending, vid = self.begin(s)
            j = self.ok(s.get("/user_management/email_verification/" + vid, KEY))
            self.assertEqual(set(j), {"object", "id", "user_id", "email", "expires_at", "code", "created_at", "updated_at"})
            self.assertEqual((j["object"], j["id"], j["user_id"]), ("email_verification", vid, UNVERIFIED))
            self.assertEqual(s.mail("email_verification", "unverified@example.test"), j["code"])
            self.a(self.grant(s, pending, other(j["code"])), 400, "invalid_one_time_code")
            self.a(self.grant(s, "nonsense", j["code"]), 400, "invalid_pending_authentication_token")
            self.b(self.grant(s, pending, j["code"], client=PUBLIC), "invalid_client")
            self.b(self.grant(s, None, j["code"]), "invalid_request")
            got = self.ok(self.grant(s, pending, j["code"]))
            self.assertEqual((got["authentication_method"], got["user"]["email_verified"]), ("Password", True))
            self.a(self.grant(s, pending, j["code"]), 400, "invalid_pending_authentication_token")
            self.ok(s.password("unverified"))
            self.assertEqual(s.stats()["grants"], {"password": 2, "email-verification": 6})
            self.c(s.get("/user_management/email_verification/email_verification_no", KEY), 404)
            self.c(s.get("/user_management/email_verification/" + vid), 401)

    def test_send_again(self):
        with Sandbox() as s:
            pending, _ = self.begin(s)
            j = self.ok(s.post(VERIFY + "send"))
            self.assertEqual((set(j), j["user"]["id"]), ({"user"}, UNVERIFIED))
            codes = [m["code"] for m in s.get("/sandbox/mail").json["mail"]]
            self.assertEqual(len(codes), 2)
            self.ok(self.grant(s, pending, codes[1]))
            self.a(s.post(VERIFY + "send"), 400, "email_already_verified")
            self.c(s.post("/user_management/users/user_no/email_verification/send"), 404)
            self.c(s.post(VERIFY + "send", key=None), 401)

    def test_confirm(self):
        with Sandbox() as s:
            self.ok(s.post(VERIFY + "send"))
            code = s.mail("email_verification", "unverified@example.test")
            self.a(s.post(VERIFY + "confirm", {}), 422, "invalid_request_parameters")
            self.a(s.post(VERIFY + "confirm", {"code": 123456}), 422, "invalid_request_parameters")
            self.a(s.post(VERIFY + "confirm", {"code": other(code)}), 400, "email_verification_code_incorrect")
            self.assertTrue(self.ok(s.post(VERIFY + "confirm", {"code": code}))["user"]["email_verified"])
            self.a(s.post(VERIFY + "confirm", {"code": code}), 400, "email_previously_verified")
            self.ok(s.password("unverified"))

    def test_ends(self):
        with Sandbox("--code-life", "1s") as s:
            pending, _ = self.begin(s)
            code = s.mail("email_verification", "unverified@example.test")
            time.sleep(1.1)
            self.a(self.grant(s, pending, code), 400, "one_time_code_expired")
            self.a(s.post(VERIFY + "confirm", {"code": code}), 400, "email_verification_code_expired")


class Reset(Case):
    NEW = "another-password"

    def test_object_and_confirm(self):
        with Sandbox() as s:
            alive = self.ok(s.password("plain"))
            others = self.ok(s.password("impersonated"))
            j = self.ok(s.post(RESET, {"email": PLAIN}), 201)
            self.assertTrue({"object", "id", "user_id", "email", "password_reset_token", "password_reset_url", "expires_at",
                             "created_at"} <= set(j))
            self.assertNotIn("code", j)
            self.assertEqual((j["object"], j["email"]), ("password_reset", PLAIN))
            self.assertTrue(j["password_reset_url"].startswith(s.url + "/"))
            self.assertEqual(s.mail("password_reset", PLAIN), j["password_reset_token"])
            self.assertEqual(self.ok(s.get(RESET + "/" + j["id"], KEY)), j)
            token = j["password_reset_token"]
            for body in ({}, {"token": token}, {"new_password": self.NEW}, {"token": 1, "new_password": self.NEW}):
                self.a(s.post(RESET + "/confirm", body), 422, "invalid_request_parameters")
            for body, code in (({"token": "no", "new_password": self.NEW}, "password_reset_token_invalid"),
                               ({"token": token, "new_password": "short"}, "password_too_weak")):
                e = self.a(s.post(RESET + "/confirm", body), 400, "password_reset_error")
                self.assertEqual([x["code"] for x in e["errors"]], [code])
            self.ok(s.refresh(alive["refresh_token"]))
            got = self.ok(s.post(RESET + "/confirm", {"token": token, "new_password": self.NEW}))
            self.assertEqual(got["user"]["email"], PLAIN)
            # it ends every session of the user, and of nobody else
            self.b(s.refresh(alive["refresh_token"]), "invalid_grant")
            self.ok(s.refresh(others["refresh_token"]))
            self.a(s.password("plain"), 400, "invalid_credentials")
            self.ok(s.password("plain", self.NEW))
            self.a(s.post(RESET + "/confirm", {"token": token, "new_password": PASSWORD}), 400, "password_reset_error")

    def test_verifies_the_address(self):
        with Sandbox() as s:
            token = self.ok(s.post(RESET, {"email": "unverified@example.test"}), 201)["password_reset_token"]
            self.assertTrue(self.ok(s.post(RESET + "/confirm", {"token": token, "new_password": self.NEW}))["user"]["email_verified"])
            self.ok(s.password("unverified", self.NEW))

    def test_refused(self):
        with Sandbox("--code-life", "1s") as s:
            self.c(s.post(RESET, {"email": "nobody@example.test"}), 404)
            self.c(s.post(RESET, {"email": PLAIN}, key=None), 401)
            self.c(s.post(RESET + "/confirm", {"token": "x", "new_password": self.NEW}, key=None), 401)
            self.c(s.get(RESET + "/password_reset_no", KEY), 404)
            self.a(s.post(RESET, {}), 422, "invalid_request_parameters")
            self.ok(s.post("/user_management/magic_auth", {"email": "no.password@example.test"}), 201)
            self.a(s.post(RESET, {"email": "no.password@example.test"}), 403, "password_reset_not_allowed")
            token = self.ok(s.post(RESET, {"email": PLAIN}), 201)["password_reset_token"]
            time.sleep(1.1)
            self.a(s.post(RESET + "/confirm", {"token": token, "new_password": self.NEW}), 400, "password_reset_error")


class Limits(Case):
    """WORKOS.md §10.4: three mails a minute, ten tries a minute."""

    def limited(self, r):
        self.assertEqual((r.status, r.json.get("error")), (429, "too_many_requests"), r.raw)
        self.assertTrue(r.json["error_description"])
        self.assertTrue(0 < int(r.headers["Retry-After"]) <= 60)

    def test_mails(self):
        with Sandbox(limits=True) as s:
            for path, one, another in ((MAGIC, PLAIN, "totp@example.test"), (RESET, PLAIN, "totp@example.test")):
                for i in range(3):
                    # the case of an address makes no second person
                    self.ok(s.post(path, {"email": one.upper() if i else one}), 201)
                self.limited(s.post(path, {"email": one}))
                self.ok(s.post(path, {"email": another}), 201)
            sent = len(s.get("/sandbox/mail").json["mail"])
            for _ in range(3):
                self.ok(s.post(VERIFY + "send"))
            self.limited(s.post(VERIFY + "send"))
            self.assertEqual(len(s.get("/sandbox/mail").json["mail"]), sent + 3)

    def test_authenticate(self):
        with Sandbox(limits=True) as s:
            for _ in range(10):
                self.a(s.password("plain", "wrong"), 400, "invalid_credentials")
            self.limited(s.password("plain"))
            self.ok(s.password("impersonated"))
            # what needs no address has no limit of this kind
            token = self.ok(s.password("impersonated"))["refresh_token"]
            for _ in range(12):
                token = self.ok(s.refresh(token))["refresh_token"]

    def test_off(self):
        with Sandbox() as s:
            for _ in range(15):
                self.ok(s.post(MAGIC, {"email": PLAIN}), 201)
                self.ok(s.password("plain"))


class Bounds(Case):
    def test_old_mail_goes(self):
        with Sandbox() as s:
            first = self.ok(s.post(MAGIC, {"email": PLAIN}), 201)
            for _ in range(600):
                self.ok(s.post(MAGIC, {"email": "totp@example.test"}), 201)
            self.assertEqual(len(s.get("/sandbox/mail").json["mail"]), 512)
            self.c(s.get(MAGIC + "/" + first["id"], KEY), 404)

    def test_form_is_no_json(self):
        with Sandbox() as s:
            r = s.post(MAGIC, {"email": PLAIN}, form=True)
            self.a(r, 422, "invalid_request_parameters")
            self.ok(s.auth(URN + "magic-auth:code", form=True, email=PLAIN, client=CLIENT,
                           code=self.ok(s.post(MAGIC, {"email": PLAIN}), 201)["code"]))


if __name__ == "__main__":
    main()
