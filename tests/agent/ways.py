"""Every way to sign in, from the first call to a token, against the sandbox."""
import urllib.error
import urllib.parse
import urllib.request

import varlink
from varlink import Agent, Case, Flow, KEY, PASSWORD, Sandbox, claims, totp, wait_for
from web import Forms, Person, Web


class Ways(Case):
    def setUp(self):
        self.sandbox = Sandbox("--device-interval", "1s")
        self.addCleanup(self.sandbox.__exit__)
        self.agent = Agent()
        self.addCleanup(self.agent.__exit__, None, None, None)
        self.agent.put("dev", self.sandbox.url)
        self.agent.put("pub", self.sandbox.url, client_id="client_sandbox_public", api_key=None)

    def flow(self, profile="dev", who=None, **params):
        if who:
            params["email"] = who + "@example.test"
        params.setdefault("as_other_user", True)  # one profile for all of them
        f = Flow(self.agent, profile, **params)
        self.addCleanup(f.__exit__)
        return f

    def password(self, who, profile="dev", **params):
        f = self.flow(profile, who, **params)
        f.until("field", "password")
        f.say(PASSWORD)
        return f

    def mail(self, kind, to):
        return [m["code"] for m in self.sandbox.get("/sandbox/mail").json["mail"] if (m["kind"], m["to"]) == (kind, to)][-1]

    def done(self, f, who, profile="dev"):
        p = f.until("done")["profile"]
        self.assertEqual((p["state"], p["user_email"]), ("signed_in", who + "@example.test"))
        self.assertTrue(self.agent.call("Claims", profile=profile, verify=True)["verified"])
        return p

    def browse(self, f, *presses):
        """Opens the flow's address and presses the buttons of its pages."""
        url = f.step["url"]

        def what():
            page = Web(url)
            for name, value, typed in presses:
                page.press(name, value, **typed)
            return page
        return Person(what)

    LOGIN = ("action", "password")

    def test_magic(self):
        f = self.flow(who="plain", method="magic")
        f.until("field", "email_code")
        old = self.mail("magic_auth", "plain@example.test")
        f.say(None, act="resend")
        f.until("field", "email_code")
        f.say("%06d" % ((int(old) + 1) % 1000000))
        self.assertEqual(f.until("field", "email_code")["note"], "bad_code")
        f.say(self.mail("magic_auth", "plain@example.test"))
        self.assertEqual(self.done(f, "plain")["method"], "MagicAuth")

    def test_magic_signs_up_the_unknown(self):
        f = self.flow(who="newcomer", method="magic")
        f.until("field", "email_code")
        f.say(self.mail("magic_auth", "newcomer@example.test"))
        self.done(f, "newcomer")

    def test_email_verification(self):
        f = self.password("unverified")
        self.assertEqual(f.until("field", "email_code")["note"], "verify_email")
        f.say(self.mail("email_verification", "unverified@example.test"))
        self.done(f, "unverified")

    def test_enrolment(self):
        f = self.password("enroll")
        step = f.until("show_qr", "totp")
        self.assertIn("secret=" + step["qr_text"], step["qr"])
        f.say(varlink.wrong_code())
        self.assertEqual(f.until("show_qr")["note"], "bad_code")
        f.say(totp(secret=step["qr_text"]))
        self.done(f, "enroll")
        factors = self.agent.call("ListFactors", profile="dev")["factors"]
        self.assertEqual([x["type"] for x in factors], ["totp"])

    def test_enrolment_left(self):
        f = self.password("enroll")
        f.until("show_qr")
        f.conn.close()
        user = "user_01KSB00000000000000ENR0001"
        left = lambda: self.sandbox.get("/user_management/users/%s/auth_factors" % user, key=KEY).json["data"]  # noqa: E731
        wait_for(lambda: not left(), "the half-made factor is gone")

    def test_radar(self):
        f = self.password("radar")
        self.assertEqual(f.until("field", "email_code")["note"], "radar")
        f.say(self.mail("radar", "radar@example.test"))
        self.done(f, "radar")
        f = self.password("radar-sms")
        f.until("field", "phone")
        f.say("+442079460000")
        f.until("field", "sms_code")
        f.say(self.mail("sms", "+442079460000"))
        self.done(f, "radar-sms")

    def test_impersonation_and_everything_else_that_came(self):
        f = self.password("impersonated")
        p = self.done(f, "impersonated")
        self.assertEqual((p["impersonator"], p["impersonator_reason"]), ("admin@example.test", "Ticket 4711: cannot sign in"))
        got = self.agent.call("Claims", profile="dev")
        self.assertEqual(got["user"]["email"], "impersonated@example.test")
        self.assertEqual((got["oauth"]["provider"], got["oauth"]["scopes"]), ("GoogleOAuth", ["email", "profile"]))
        self.assertNotIn("ya29", str(got))
        self.assertNotIn("1//", str(got))
        got = self.agent.call("Claims", profile="dev", oauth_tokens=True)
        self.assertEqual((got["oauth"]["access_token"], got["oauth"]["refresh_token"]), ("ya29.sandbox", "1//sandbox"))
        self.assertNotIn("ya29", self.agent.log())

    def test_password_reset(self):
        f = self.flow(who="plain")
        f.until("field", "password")
        f.say(None, act="reset")
        self.assertEqual(f.until("field", "reset_token")["note"], "reset_asked")
        f.say(self.mail("password_reset", "plain@example.test"))
        f.until("field", "new_password")
        f.say("another-password-1")
        self.assertEqual(f.until("field", "password")["note"], "password_changed")
        f.say("another-password-1")
        self.done(f, "plain")

    def test_browser(self):
        for profile in ("pub", "dev"):
            with self.subTest(profile=profile):
                f = self.flow(profile, "plain", method="browser")
                f.until("open_url")
                person = self.browse(f, (*self.LOGIN, {"password": PASSWORD}))
                p = self.done(f, "plain", profile)
                self.assertEqual(p["method"], "Password")
                self.assertIn("Signed in", person.text())
                self.assertEqual(Web(person.page.url).text.count("Already done"), 2, "title and heading of a second tab")

    def test_browser_with_a_provider(self):
        f = self.flow("pub", method="browser", provider="GitHubOAuth")
        f.until("open_url")
        person = self.browse(f, ("provider", "GitHubOAuth", {}))
        p = f.until("done")["profile"]
        self.assertEqual(p["method"], "GitHubOAuth")
        self.assertIn("Signed in", person.text())

    def test_browser_declined(self):
        f = self.flow("pub", method="browser")
        f.until("open_url")
        person = self.browse(f, ("action", "deny", {}))
        self.assertEqual(f.until("failed")["failure"]["name"], "workos.access_denied")
        self.assertIn("did not work", person.text())

    def test_browser_with_every_step_up_on_the_page(self):
        f = self.flow("pub", "totp", method="browser")
        f.until("open_url")
        self.browse(f, (*self.LOGIN, {"password": PASSWORD}), ("action", "mfa", {"code": totp()}))
        self.done(f, "totp", "pub")
        f = self.flow("pub", "orgs", method="browser")
        f.until("open_url")
        person = self.browse(f, (*self.LOGIN, {"password": PASSWORD}), ("organization_id", "org_01KSB0000000000000000GX003", {}))
        p = self.done(f, "orgs", "pub")
        self.assertEqual(p["org_id"], "org_01KSB0000000000000000GX003")
        self.assertIn("Signed in", person.text())

    def test_pasted_address(self):
        """As over SSH: the browser is elsewhere, and its address is pasted."""
        f = self.flow("pub", "plain", method="browser")
        step = f.until("open_url")
        caught = []

        class Catch(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, req, fp, code, msg, headers, newurl):
                caught.append(newurl)
                return None
        opener = urllib.request.build_opener(Catch)
        page = Web(step["url"])
        form = Forms(page.text).forms[0]
        data = urllib.parse.urlencode(dict(form["fields"], password=PASSWORD, action="password")).encode()
        try:
            opener.open(urllib.parse.urljoin(page.url, form["action"]), data)
        except urllib.error.HTTPError:
            pass
        f.say(caught[0])
        self.done(f, "plain", "pub")

    def test_sso(self):
        """From the organization, from its domain, and from a password that is not taken."""
        button = ("email", "sso@example.test", {})
        f = self.flow("pub", method="sso", organization_id="org_01KSB00000000000000000SS01")
        f.until("open_url")
        self.browse(f, button)
        self.assertEqual(self.done(f, "sso", "pub")["method"], "SSO")
        f = self.flow("pub", method="sso", domain_hint="sso.example.test")
        f.until("open_url")
        self.browse(f, button)
        self.done(f, "sso", "pub")
        f = self.password("sso")
        self.assertEqual(f.until("open_url")["note"], "sso")
        self.browse(f, button)
        self.done(f, "sso")

    def test_device(self):
        for profile in ("pub", "dev"):
            with self.subTest(profile=profile):
                f = self.flow(profile, method="device")
                step = f.until("open_url")
                page = Web(step["qr"])
                page.press(None, None).press(*self.LOGIN, email="plain@example.test", password=PASSWORD)
                while f.next()["kind"] == "open_url":
                    pass
                self.assertEqual((f.step["kind"], f.step["profile"]["user_email"]), ("done", "plain@example.test"))

    def test_device_declined(self):
        f = self.flow("pub", method="device")
        step = f.until("open_url")
        Web(step["qr"]).press(None, None).press("action", "deny")
        while f.next()["kind"] == "open_url":
            pass
        self.assertEqual((f.step["kind"], f.step["failure"]["name"]), ("failed", "workos.access_denied"))

    def test_invitation(self):
        r = self.sandbox.call("POST", "/user_management/invitations", {
            "email": "guest@example.test", "organization_id": "org_01KSB00000000000000000ACME"}, key=KEY)
        self.assertIn(r.status, (200, 201), r.raw)
        token = r.json["token"]
        f = self.flow(who="guest", method="magic", invitation_token=token)
        f.until("field", "email_code")
        f.say(self.mail("magic_auth", "guest@example.test"))
        self.assertEqual(self.done(f, "guest")["org_id"], "org_01KSB00000000000000000ACME")
        self.assertNotIn(token, self.agent.log())

    def test_refresh_token_of_the_public_client(self):
        f = self.flow("pub", "plain", method="browser")
        f.until("open_url")
        self.browse(f, (*self.LOGIN, {"password": PASSWORD}))
        self.done(f, "plain", "pub")
        end = self.agent.call("SignOut", profile="pub")
        self.assertTrue(end["server_ended"], end)

    def test_factor(self):
        self.password("plain").until("done")
        with self.agent.connect() as c:
            c.send("EnrollFactor", profile="dev", more=True)
            first = c.answer()
            verify = lambda code: self.agent.call("VerifyFactor", enrollment=first["enrollment"], code=code)  # noqa: E731
            self.fails("workos.invalid_code", verify, varlink.wrong_code())
            verify(totp(secret=first["secret"]))
            self.assertTrue(c.answer()["verified"])
        self.assertEqual([x["id"] for x in self.agent.call("ListFactors", profile="dev")["factors"]], [first["factor_id"]])
        # now it is asked for
        f = self.password("plain")
        f.until("field", "totp")
        f.say(totp(1, secret=first["secret"]))
        self.done(f, "plain")
        self.agent.call("DeleteFactor", profile="dev", factor=first["factor_id"])
        self.assertEqual(self.agent.call("ListFactors", profile="dev")["factors"], [])

    def test_name_of_the_organization(self):
        self.done(self.password("plain"), "plain")
        name = lambda: self.agent.call("GetProfile", profile="dev")["profile"].get("org_name")  # noqa: E731
        wait_for(name, "its name")
        self.assertEqual(name(), "Acme")
        self.assertEqual(claims(self.agent.token()["access_token"])["org_id"], "org_01KSB00000000000000000ACME")


if __name__ == "__main__":
    varlink.main()
