"""GET /user_management/authorize, its pages, and the code that comes of them (WORKOS.md §2, §3)."""
import base64
import hashlib
import html
import time
import urllib.parse

import harness
from harness import CLIENT, KEY, PASSWORD, PUBLIC, SECRET, Case, Form, Sandbox, claims, main, seeded, totp, wrong_code

AUTHORIZE = "/user_management/authorize"
BACK = "http://127.0.0.1:49152/callback"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 Appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
SSO_ORG, SSO_CONN = "org_01KSB00000000000000000SS01", "conn_01KSB0000000000000000SS01"
ACME = "org_01KSB00000000000000000ACME"
LOGIN = ("action", "password")


class Pages(Case):
    @classmethod
    def setUpClass(cls):
        cls.s = Sandbox()
        cls.s.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.s.__exit__()

    def open(self, s=None, client="client_sandbox_public", **more):
        q = dict(response_type="code", client_id=client, redirect_uri=BACK, provider="authkit", state="s~1",
                 code_challenge=CHALLENGE, code_challenge_method="S256")
        q.update(more)
        return (s or self.s).page(AUTHORIZE, **q)

    def exchange(self, code, s=None, client=PUBLIC, verifier=VERIFIER, **more):
        return (s or self.s).auth("authorization_code", client=client, code=code, code_verifier=verifier, **more)

    def login(self, page, who, password=PASSWORD):
        return page.press(*LOGIN, email=who + "@example.test", password=password)

    def code(self, page):
        self.assertEqual(page.status, 302, page.text)
        self.assertTrue(page.to.startswith(BACK + "?"))
        self.assertEqual(set(page.back), {"code", "state"})
        self.assertEqual(page.back["state"], "s~1")
        return page.back["code"]

    def error(self, page, error):
        self.assertEqual(page.status, 302, page.text)
        self.assertEqual((page.back["error"], page.back["state"]), (error, "s~1"))
        self.assertTrue(page.back["error_description"])
        self.assertNotIn("code", page.back)

    def said(self, page, text):
        self.assertEqual(page.status, 200, page.text)
        self.assertIn('class="wrong"', page.text)
        self.assertIn(text, html.unescape(page.text))


class Code(Pages):
    def test_public(self):
        code = self.code(self.login(self.open(), "plain"))
        j = self.ok(self.exchange(code, ip_address="192.0.2.9", user_agent="a client"))
        self.assertEqual((j["user"]["email"], j["authentication_method"], j["organization_id"]),
                         ("plain@example.test", "Password", ACME))
        self.assertEqual(claims(j["access_token"])["client_id"], "client_sandbox_public")
        self.ok(self.s.auth("refresh_token", client=PUBLIC, refresh_token=j["refresh_token"]))
        path = "/user_management/users/%s/sessions" % j["user"]["id"]
        one = self.ok(self.s.get(path, KEY))["data"][0]
        self.assertEqual((one["auth_method"], one["user_agent"], one["ip_address"]), ("password", "a client", "192.0.2.9"))

    def test_works_once(self):
        code = self.code(self.login(self.open(), "plain"))
        self.ok(self.exchange(code))
        e = self.b(self.exchange(code), "invalid_grant")
        self.assertIn(code, e["error_description"])

    def test_verifier(self):
        for bad in (VERIFIER[:-1] + "l", CHALLENGE, "short", "", "x" * 129, VERIFIER + "="):
            code = self.code(self.login(self.open(), "plain"))
            self.b(self.exchange(code, verifier=bad), "invalid_grant")
        code = self.code(self.login(self.open(), "plain"))
        self.b(self.exchange(code, verifier=None), "invalid_request")
        self.b(self.exchange(code, verifier=7), "invalid_request")
        self.b(self.exchange("01NOSUCHCODE"), "invalid_grant")
        self.b(self.exchange(""), "invalid_grant")
        self.b(self.exchange(None), "invalid_request")

    def test_confidential(self):
        # with the secret, with both, and without PKCE; a code that began with PKCE ends with it
        client = "client_sandbox"
        code = self.code(self.login(self.open(client=client), "plain"))
        self.b(self.exchange(code, client=CLIENT, verifier=None), "invalid_grant")
        self.ok(self.exchange(code, client=CLIENT))
        code = self.code(self.login(self.open(client=client), "plain"))
        self.ok(self.exchange(code, client={"client_id": client}))
        bare = dict(client=client, code_challenge=None, code_challenge_method=None)
        code = self.code(self.login(self.open(**bare), "plain"))
        self.a(self.exchange(code, client=CLIENT), 400, "code_challenge_not_found")
        self.b(self.exchange(code, client={"client_id": client}, verifier=None), "invalid_request")
        self.c(self.exchange(code, client=dict(CLIENT, client_secret="sk_test_no"), verifier=None), 401)
        self.ok(self.exchange(code, client=CLIENT, verifier=None))

    def test_of_another_client(self):
        code = self.code(self.login(self.open(), "plain"))
        self.b(self.exchange(code, client=CLIENT), "invalid_grant")
        self.b(self.exchange(code, client={"client_id": "client_no"}), "invalid_client")
        self.ok(self.exchange(code))

    def test_expires(self):
        with Sandbox("--code-life", "1s") as s:
            code = self.code(self.login(self.open(s), "plain"))
            time.sleep(1.1)
            self.b(self.exchange(code, s), "invalid_grant")
            self.ok(self.exchange(self.code(self.login(self.open(s), "plain")), s))

    def test_challenge_of_our_own(self):
        verifier = base64.urlsafe_b64encode(bytes(range(96))).decode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        self.assertEqual(len(verifier), 128)
        self.ok(self.exchange(self.code(self.login(self.open(code_challenge=challenge), "plain")), verifier=verifier))

    def test_counted(self):
        before = self.s.stats()["grants"].get("authorization_code", 0)
        self.exchange("x")
        self.assertEqual(self.s.stats()["grants"]["authorization_code"], before + 1)


class Requests(Pages):
    def test_nothing_is_sent_to_a_stranger(self):
        for more in ({"client": "client_no"}, {"client": ""}, {"redirect_uri": None}, {"redirect_uri": ""},
                     {"redirect_uri": "https://evil.example/callback"}, {"redirect_uri": "http://127.0.0.1/callback"},
                     {"redirect_uri": "http://localhost:8000/callback"}, {"redirect_uri": "http://[::1]:8000/callback"},
                     {"redirect_uri": "http://127.0.0.1:8000@evil.example/"}, {"redirect_uri": "http://127.0.0.1:8000.evil.example/"},
                     {"redirect_uri": "http://127.0.0.1:/callback"}, {"redirect_uri": "http://127.0.0.1:0/callback"},
                     {"redirect_uri": "http://127.0.0.1:65536/callback"}, {"redirect_uri": "http://127.0.0.1:8000"},
                     {"redirect_uri": "https://127.0.0.1:8000/callback"}, {"redirect_uri": "http://127.0.0.1:8000/c#f"},
                     {"redirect_uri": "http://127.0.0.1:8000/\r\nSet-Cookie: a=b"}, {"redirect_uri": "http://127.0.0.1:8000/" + "x" * 1100},
                     {"redirect_uri": "http://127.0.0.1:8000/\x7f"}, {"redirect_uri": "javascript:alert(1)"},
                     {"redirect_uri": "urn:ietf:wg:oauth:2.0:oob"}):
            for provider in ("authkit", "nonsense"):
                page = self.open(provider=provider, **more)
                self.assertEqual((page.status, page.to, page.forms), (400, None, []), more)
                self.assertTrue(page.headers["Content-Type"].startswith("text/html"))

    def test_refused_at_the_callback(self):
        for more in ({"response_type": "token"}, {"response_type": None}, {"code_challenge_method": "plain"},
                     {"code_challenge_method": None}, {"code_challenge": "short"}, {"code_challenge": CHALLENGE[:-1] + "="},
                     {"code_challenge": "", }, {"code_challenge": None}, {"code_challenge": None, "code_challenge_method": None},
                     {"max_age": "soon"}, {"max_age": ""}, {"max_age": "9" * 30}, {"screen_hint": "both"}):
            self.error(self.open(**more), "invalid_request")
        # exactly one selector; authkit may have an organization beside it
        for more in ({"provider": None}, {"connection_id": SSO_CONN}, {"provider": "GoogleOAuth", "organization_id": ACME},
                     {"provider": None, "connection_id": SSO_CONN, "organization_id": SSO_ORG}, {"provider": None, "domain_hint": "x.y"},
                     {"provider": "Nobody"}, {"provider": ""}):
            self.error(self.open(**more), "invalid_connection_selector")
        self.error(self.open(provider=None, connection_id="conn_no"), "connection_invalid")
        self.error(self.open(provider=None, organization_id="org_no"), "organization_invalid")
        self.error(self.open(organization_id="org_no"), "organization_invalid")
        self.error(self.open(provider=None, organization_id=ACME), "organization_invalid")

    def test_state_comes_back_as_it_was(self):
        for state in ("a b&c=d", "ü✓", "\"'<>", "%", "x" * 2000, "a\nb"):
            page = self.login(self.open(state=state), "plain")
            self.assertEqual((page.status, page.back["state"]), (302, state))
            self.assertNotIn("\n", page.to)
        page = self.login(self.open(state=None), "plain")
        self.assertEqual(set(page.back), {"code"})
        self.assertEqual(self.login(self.open(state="x" * 15000), "plain").back["state"], "x" * 15000)

    def test_registered_redirect(self):
        seed = {"clients": [{"id": "client_x"}], "redirect_uris": ["https://app.example/cb?a=b", "myapp://callback"],
                "users": [{"id": "user_1", "email": "plain@example.test", "password": PASSWORD}]}
        with seeded(seed) as s:
            for uri in seed["redirect_uris"]:
                page = self.login(self.open(s, client="client_x", redirect_uri=uri), "plain")
                self.assertEqual(page.status, 302)
                self.assertTrue(page.to.startswith(uri + ("&" if "?" in uri else "?") + "code="))
            for uri in ("https://app.example/cb", "https://app.example/cb?a=b&c=d", "https://app.example/cb?a=bc", "myapp://other"):
                self.assertEqual(self.open(s, client="client_x", redirect_uri=uri).status, 400)


class SignIn(Pages):
    def test_page(self):
        page = self.open(login_hint='plain"><script>alert(1)</script>@example.test')
        self.assertEqual(page.status, 200)
        self.assertEqual(page.headers["Content-Type"], "text/html; charset=utf-8")
        self.assertEqual(page.headers["Cache-Control"], "no-store")
        self.assertIn("default-src 'none'", page.headers["Content-Security-Policy"])
        self.assertEqual(Form(page.text).scripts, 0)
        self.assertEqual(page.forms[0]["fields"]["email"], 'plain"><script>alert(1)</script>@example.test')
        providers = [v for f in page.forms for n, v in f["buttons"] if n == "provider"]
        self.assertIn("GoogleOAuth", providers)

    def test_wrong_password_and_again(self):
        page = self.open()
        for who, password in (("plain", "wrong"), ("nobody", PASSWORD), ("plain", "")):
            page = self.login(page, who, password)
            self.said(page, "Incorrect email or password.")
        self.ok(self.exchange(self.code(self.login(page, "plain"))))

    def test_a_page_ends(self):
        page = self.open()
        done = self.login(page, "plain")
        self.code(done)
        again = self.login(page, "plain")
        self.assertEqual((again.status, again.to), (400, None))
        self.assertIn("too old", again.text)
        for path in (AUTHORIZE + "/no", AUTHORIZE + "/device2"):
            self.assertEqual(self.s.call("POST", path, {"email": "x"}, form=True).status, 400)
        page = self.open()
        action = page.forms[0]["action"]
        for raw, kind in ((b"", "application/x-www-form-urlencoded"), (b"%zz=1", "application/x-www-form-urlencoded"),
                          (b"action=deny&action=deny", "application/x-www-form-urlencoded"), (b"x", "text/plain")):
            r = self.s.call("POST", action, raw, headers={"Content-Type": kind})
            self.assertIn(r.status, (200, 400))
            self.assertIsNone(r.headers["Location"])
        self.code(self.login(page, "plain"))

    def test_deny(self):
        page = self.open()
        self.error(page.press("action", "deny"), "access_denied")

    def test_providers(self):
        # on the page, at once; and asked for by the application
        page = self.open(login_hint="orgs@example.test").press("provider", "GitHubOAuth")
        page = page.press("organization_id", "org_01KSB0000000000000000GX002")
        j = self.ok(self.exchange(self.code(page)))
        self.assertEqual((j["authentication_method"], j["user"]["email"]), ("GitHubOAuth", "orgs@example.test"))
        page = self.open(provider="MicrosoftOAuth")
        self.assertIn("Continue as plain@example.test", page.text)
        j = self.ok(self.exchange(self.code(page.press("provider"))))
        self.assertEqual((j["authentication_method"], j["user"]["email"]), ("MicrosoftOAuth", "plain@example.test"))
        path = "/user_management/users/%s/sessions" % j["user"]["id"]
        self.assertEqual(self.ok(self.s.get(path, KEY))["data"][0]["auth_method"], "oauth")
        self.error(self.open(provider="AppleOAuth").press("action", "deny"), "access_denied")
        r = self.s.call("POST", self.open().forms[1]["action"], {"provider": "Nobody"}, form=True)
        self.assertEqual(r.status, 400)

    def test_totp(self):
        page = self.login(self.open(), "totp")
        page = page.press("action", "mfa", code=wrong_code())
        self.said(page, "not valid")
        j = self.ok(self.exchange(self.code(page.press("action", "mfa", code=totp()))))
        self.assertEqual(j["user"]["email"], "totp@example.test")

    def test_enrolment(self):
        with Sandbox() as s:
            page = self.login(self.open(s), "enroll")
            key = page.text.split("authenticator app: ")[1].split("<")[0]
            page = page.press("action", "mfa", code=wrong_code())
            self.ok(self.exchange(self.code(page.press("action", "mfa", code=totp(secret=key))), s))
            self.a(s.password("enroll"), 403, "mfa_challenge")

    def test_verification(self):
        with Sandbox() as s:
            page = self.login(self.open(s), "unverified")
            code = s.mail("email_verification", "unverified@example.test")
            page = page.press("action", "verify", code="%06d" % ((int(code) + 1) % 1000000))
            self.said(page, "not valid")
            self.assertTrue(self.ok(self.exchange(self.code(page.press("action", "verify", code=code)), s))["user"]["email_verified"])

    def test_radar(self):
        with Sandbox() as s:
            page = self.login(self.open(s), "radar").press("action", "radar", code="000000x")
            self.said(page, "not valid")
            self.ok(self.exchange(self.code(page.press("action", "radar", code=s.mail("radar", "radar@example.test"))), s))
            page = self.login(self.open(s), "radar-phone")
            self.ok(self.exchange(self.code(page.press("action", "radar-sms", code=s.mail("sms", "+15555550123"))), s))
            page = self.login(self.open(s), "radar-sms").press("action", "phone", phone_number="12")
            self.said(page, "phone_number")
            page = page.press("action", "phone", phone_number="+442079460000")
            page = page.press("action", "radar-sms", code="no")
            self.said(page, "not valid")
            self.ok(self.exchange(self.code(page.press("action", "radar-sms", code=s.mail("sms", "+442079460000"))), s))

    def test_organizations(self):
        page = self.login(self.open(), "orgs")
        self.assertIn("株式会社サンプル商事", page.text)
        chosen = "org_01KSB0000000000000000GX003"
        self.assertEqual(self.ok(self.exchange(self.code(page.press("organization_id", chosen))))["organization_id"], chosen)
        # named beforehand, it is not asked for; who is no member does not get in
        page = self.login(self.open(organization_id=chosen), "orgs")
        self.assertEqual(self.ok(self.exchange(self.code(page)))["organization_id"], chosen)
        self.said(self.login(self.open(organization_id=chosen), "plain"), "not a member")

    def test_five_thousand_organizations(self):
        name = "\x1b[2J\r\n<b>\"X' & " + "長い" * 30
        seed = {"clients": [{"id": "client_x", "secret": "sk_x"}],
                "organizations": [{"id": "org_%d" % i, "name": "%s %d" % (name, i)} for i in range(5000)],
                "users": [{"id": "user_1", "email": "plain@example.test", "password": PASSWORD,
                           "memberships": [{"organization": "org_%d" % i} for i in range(5000)]}]}
        client = {"client_id": "client_x", "client_secret": "sk_x"}
        with seeded(seed) as s:
            j = self.a(s.password("plain", client=client), 403, "organization_selection_required")
            self.assertEqual((len(j["organizations"]), j["organizations"][4999]["name"]), (5000, name + " 4999"))
            page = self.login(self.open(s, client="client_x"), "plain")
            self.assertEqual(len(page.forms[0]["buttons"]), 5000)
            self.assertNotIn("<b>", page.text)
            got = self.ok(self.exchange(self.code(page.press("organization_id", "org_4999")), s, client))
            self.assertEqual(got["organization_id"], "org_4999")

    def test_not_to_be_finished_elsewhere(self):
        """What a page began is no pending token of the API, and the API's is none of a page."""
        page = self.login(self.open(client="client_sandbox"), "totp")
        held = page.forms[0]["fields"]["pending_authentication_token"]
        self.a(self.s.auth(harness.URN + "mfa-totp", code=totp(), pending_authentication_token=held,
                           authentication_challenge_id=page.forms[0]["fields"]["authentication_challenge_id"]),
               400, "invalid_pending_authentication_token")
        j = self.a(self.s.password("orgs"), 403, "organization_selection_required")
        page = self.login(self.open(client="client_sandbox"), "orgs")
        page = page.press("organization_id", pending_authentication_token=j["pending_authentication_token"])
        self.said(page, "pending authentication token")
        self.assertIsNone(page.to)


class Sso(Pages):
    def sign(self, page):
        self.assertIn("Single Sign-On Ltd", page.text)
        self.assertIsNone(page.button("email", "plain@example.test"))
        j = self.ok(self.exchange(self.code(page.press("email", "sso@example.test"))))
        self.assertEqual((j["authentication_method"], j["organization_id"]), ("SSO", SSO_ORG))
        return j

    def test_ways_in(self):
        self.sign(self.open(provider=None, organization_id=SSO_ORG))
        self.sign(self.open(provider=None, connection_id=SSO_CONN))
        self.sign(self.open(domain_hint="SSO.example.test"))
        self.sign(self.login(self.open(), "sso"))
        j = self.sign(self.login(self.open(organization_id=SSO_ORG), "sso"))
        path = "/user_management/users/%s/sessions" % j["user"]["id"]
        self.assertEqual(self.ok(self.s.get(path, KEY))["data"][0]["auth_method"], "sso")

    def test_refused(self):
        self.error(self.open(provider=None, organization_id=SSO_ORG).press("action", "deny"), "access_denied")
        page = self.open(provider=None, organization_id=SSO_ORG)
        action = page.forms[0]["action"]
        for fields in ({"idp": SSO_CONN, "email": "plain@example.test"}, {"idp": "conn_no", "email": "sso@example.test"}, {"idp": SSO_CONN}):
            r = self.s.call("POST", action, fields, form=True)
            self.assertEqual((r.status, r.headers["Location"]), (400, None))
        # an unknown domain is only a hint
        self.assertTrue(self.open(domain_hint="other.test").button(*LOGIN))

    def test_of_one_organization_not_of_another(self):
        seed = {"clients": [{"id": "client_x", "secret": "sk_x"}],
                "organizations": [{"id": "org_a", "name": "A", "sso_connections": ["conn_a"]},
                                  {"id": "org_b", "name": "B", "sso_connections": ["conn_b"]},
                                  {"id": "org_c", "name": "C", "require_mfa": True},
                                  {"id": "org_d", "name": "D", "auth_methods": {"github_oauth": True}}],
                "users": [{"id": "user_1", "email": "plain@example.test", "password": PASSWORD,
                           "memberships": [{"organization": "org_" + x} for x in "abcd"]}]}
        client = {"client_id": "client_x", "client_secret": "sk_x"}
        with seeded(seed) as s:
            page = self.open(s, client="client_x", provider=None, connection_id="conn_a").press("email")
            j = self.ok(self.exchange(self.code(page), s, client))
            self.assertEqual(j["organization_id"], "org_a")
            switch = lambda org: s.auth("refresh_token", client=client, refresh_token=j["refresh_token"], organization_id=org)
            self.assertEqual(self.b(switch("org_b"), "sso_required")["connection_ids"], ["conn_b"])
            self.b(switch("org_d"), "organization_authentication_methods_required")
            self.ok(switch("org_c"))  # MFA is not asked of those who come by SSO
            page = self.open(s, client="client_x", organization_id="org_d").press("provider", "GitHubOAuth")
            self.assertEqual(self.ok(self.exchange(self.code(page), s, client))["organization_id"], "org_d")
            page = self.open(s, client="client_x", organization_id="org_d").press("provider", "GoogleOAuth")
            self.said(page, "methods allowed")


class Invited(Pages):
    def test_invitation(self):
        with Sandbox() as s:
            v = self.ok(s.post("/user_management/invitations", {"email": "plain@example.test", "organization_id": "org_01KSB0000000000000000GX001"}), 201)
            page = self.login(self.open(s, invitation_token=v["token"]), "totp")
            self.said(page, "another e-mail address")
            j = self.ok(self.exchange(self.code(self.login(page, "plain")), s))
            self.assertEqual(j["organization_id"], "org_01KSB0000000000000000GX001")
            self.said(self.login(self.open(s, invitation_token=v["token"]), "plain"), "not valid")
            self.said(self.login(self.open(s, invitation_token="no"), "plain"), "not valid")
            # or at the exchange
            v = self.ok(s.post("/user_management/invitations", {"email": "totp@example.test", "organization_id": "org_01KSB000000000000000STRCT"}), 201)
            code = self.code(self.login(self.open(s), "totp").press("action", "mfa", code=totp(secret=SECRET)))
            j = self.ok(self.exchange(code, s, invitation_token=v["token"]))
            self.assertEqual(j["organization_id"], "org_01KSB000000000000000STRCT")
            code = self.code(self.login(self.open(s), "impersonated"))
            self.b(self.exchange(code, s, invitation_token=v["token"]), "invitation_invalid")


if __name__ == "__main__":
    main()
