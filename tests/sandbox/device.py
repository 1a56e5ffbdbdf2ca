"""Sign-in on another device: POST /user_management/authorize/device, the page, the grant (RFC 8628, WORKOS.md §4)."""
import time
import urllib.parse

from harness import AUTH, CLIENT, PASSWORD, PUBLIC, Case, Form, Sandbox, claims, main, seeded, totp

START = "/user_management/authorize/device"
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
LOGIN = ("action", "password")


class Device(Case):
    def start(self, s, client="client_sandbox_public", **more):
        return self.ok(s.call("POST", START, {"client_id": client}, **more))

    def poll(self, s, j, client=PUBLIC, **more):
        return s.auth(GRANT, client=client, device_code=j["device_code"], **more)

    def page(self, s, j):
        """The sign-in page behind the address that a person opens."""
        at = urllib.parse.urlsplit(j["verification_uri_complete"])
        return s.page(at.path + "?" + at.query).press(None)

    def confirm(self, s, j, who="plain"):
        page = self.page(s, j).press(*LOGIN, email=who + "@example.test", password=PASSWORD)
        self.assertEqual(page.status, 200)
        return page

    def test_answer(self):
        with Sandbox() as s:
            for form in (False, True):
                j = self.start(s, form=form)
                self.assertEqual(set(j), {"device_code", "user_code", "verification_uri", "verification_uri_complete", "expires_in",
                                          "interval"})
                self.assertEqual((j["expires_in"], j["interval"]), (300, 5))
                self.assertRegex(j["user_code"], r"^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$")
                self.assertEqual(j["verification_uri"], s.url + "/device")
                self.assertEqual(j["verification_uri_complete"], s.url + "/device?user_code=" + j["user_code"])
            self.b(s.call("POST", START, {"client_id": "client_no"}), "invalid_client")
            self.b(s.call("POST", START, {}), "invalid_client")
            self.b(s.call("POST", START, {"client_id": 1}), "invalid_client")
            self.b(s.call("POST", START, b"{", headers={"Content-Type": "application/json"}), "invalid_request")

    def test_grant(self):
        with Sandbox("--device-interval", "1s") as s:
            for client, who in ((PUBLIC, "plain"), (CLIENT, "impersonated"), ({"client_id": "client_sandbox"}, "plain")):
                j = self.start(s, client["client_id"])
                self.assertEqual(j["interval"], 1)
                self.b(self.poll(s, j, client), "authorization_pending")
                self.assertIn("signed in", self.confirm(s, j, who).text)
                time.sleep(1)
                got = self.ok(self.poll(s, j, client, form=True))
                self.assertEqual(got["user"]["email"], who + "@example.test")
                self.assertEqual(claims(got["access_token"])["client_id"], client["client_id"])
                time.sleep(1)
                self.b(self.poll(s, j, client), "invalid_grant")  # once only
            self.assertEqual(s.stats()["grants"], {"device_code": 9})

    def test_slow_down(self):
        with Sandbox("--device-interval", "3s") as s:
            j = self.start(s)
            self.b(self.poll(s, j), "authorization_pending")
            self.b(self.poll(s, j), "slow_down")
            # five seconds more from now on, also for one who keeps to the first interval
            time.sleep(3)
            self.b(self.poll(s, j), "slow_down")
            self.confirm(s, j)
            self.b(self.poll(s, j), "slow_down")

    def test_slow_down_is_obeyed(self):
        with Sandbox("--device-interval", "3s") as s:
            j = self.start(s)
            self.b(self.poll(s, j), "authorization_pending")
            self.b(self.poll(s, j), "slow_down")
            self.confirm(s, j)
            time.sleep(8)
            self.ok(self.poll(s, j))

    def test_scripted(self):
        with Sandbox("--device-interval", "1s") as s:
            j = self.start(s)
            s.faults({"path": AUTH, "grant": "device_code", "nth": 1, "status": 400, "body": {"error": "slow_down"}},
                     {"path": AUTH, "grant": GRANT, "nth": 2, "status": 503})
            self.assertEqual(self.poll(s, j).json, {"error": "slow_down"})
            self.assertEqual(self.poll(s, j).status, 503)
            self.b(self.poll(s, j), "authorization_pending")

    def test_declined(self):
        with Sandbox() as s:
            j = self.start(s)
            self.assertIn("Declined", self.page(s, j).press("action", "deny").text)
            self.b(self.poll(s, j), "access_denied")
            again = s.page("/device", user_code=j["user_code"]).press(None)
            self.assertIn("no such code", again.text)

    def test_expires(self):
        with Sandbox("--device-life", "4s", "--device-interval", "1s") as s:
            j = self.start(s)
            self.assertEqual(j["expires_in"], 4)
            page = self.page(s, j)
            time.sleep(4)
            self.b(self.poll(s, j), "expired_token")
            late = page.press(*LOGIN, email="plain@example.test", password=PASSWORD)
            self.assertEqual((late.status, "too old" in late.text), (400, True))
            self.assertIn("no such code", s.page("/device", user_code=j["user_code"]).press(None).text)

    def test_refused(self):
        with Sandbox() as s:
            j = self.start(s)
            self.b(s.auth(GRANT, client=PUBLIC, device_code="no"), "invalid_grant")
            self.b(s.auth(GRANT, client=PUBLIC, device_code=""), "invalid_grant")
            self.b(s.auth(GRANT, client=PUBLIC, device_code=j["user_code"]), "invalid_grant")
            self.b(s.auth(GRANT, client=PUBLIC), "invalid_request")
            self.b(s.auth(GRANT, client=PUBLIC, device_code=1), "invalid_request")
            self.b(self.poll(s, j, CLIENT), "invalid_grant")
            self.b(self.poll(s, j, {"client_id": "client_no"}), "invalid_client")

    def test_code_as_typed(self):
        with Sandbox() as s:
            j = self.start(s)
            code = j["user_code"]
            for typed in (code.lower(), code.replace("-", ""), code.replace("-", " "), " " + code + " ", "-".join(code)):
                page = s.page("/device").press(None, user_code=typed)
                self.assertIn('<b id="user_code">%s</b>' % code, page.text, typed)
            for typed in ("", code[:-1], code + "B", "\"><script>alert(1)</script>", "x" * 5000):
                page = s.page("/device").press(None, user_code=typed)
                self.assertIn("no such code", page.text)
                self.assertEqual(page.forms[0]["fields"]["user_code"], typed)
                self.assertEqual(Form(page.text).scripts, 0)
            r = s.call("POST", "/device", b"user_code=a&user_code=b", headers={"Content-Type": "application/x-www-form-urlencoded"})
            self.assertEqual(r.status, 200)

    def test_step_ups(self):
        with Sandbox("--device-interval", "1s") as s:
            j = self.start(s)
            page = self.page(s, j).press(*LOGIN, email="plain@example.test", password="wrong")
            self.assertIn("Incorrect email or password.", page.text)
            self.b(self.poll(s, j), "authorization_pending")
            page = page.press(*LOGIN, email="totp@example.test", password=PASSWORD)
            self.assertIn("signed in", page.press("action", "mfa", code=totp()).text)
            time.sleep(1)
            self.assertEqual(self.ok(self.poll(s, j))["user"]["email"], "totp@example.test")
            j = self.start(s)
            self.assertIn("signed in", self.confirm(s, j, "orgs").press("organization_id").text)
            self.assertTrue(self.ok(self.poll(s, j))["organization_id"])
            j = self.start(s)
            self.confirm(s, j, "sso").press("email", "sso@example.test")
            self.assertEqual(self.ok(self.poll(s, j))["authentication_method"], "SSO")
            j = self.start(s)
            self.page(s, j).press("provider", "GoogleOAuth")
            self.assertEqual(self.ok(self.poll(s, j))["authentication_method"], "GoogleOAuth")

    def test_many(self):
        """Over the limit the oldest goes."""
        with Sandbox() as s:
            first = self.start(s)
            for _ in range(512):
                last = self.start(s)
            self.b(self.poll(s, first), "invalid_grant")
            self.b(self.poll(s, last), "authorization_pending")

    def test_not_enabled(self):
        seed = {"clients": [{"id": "client_x", "device": False}, {"id": "client_y"}],
                "users": [{"id": "user_1", "email": "plain@example.test"}]}
        with seeded(seed) as s:
            r = s.call("POST", START, {"client_id": "client_x"})
            self.assertEqual((r.status, r.json["error"]), (403, "access_denied"))
            self.start(s, "client_y")


if __name__ == "__main__":
    main()
