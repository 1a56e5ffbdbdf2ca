"""The agent's side of every way to sign in: listener, waits and requests side by side, and what is
undone when somebody leaves. Against a WorkOS whose answers the test says."""
import base64
import hashlib
import signal
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import varlink
from fake import DROP, Fake, Gate, session
from varlink import Agent, Case, Flow, KEY, PASSWORD, wait_for

AUTH = "POST /user_management/authenticate"
REVOKE = "POST /user_management/sessions/revoke"
LOGOUT = "GET /user_management/sessions/logout"
ENROLL = "POST /user_management/users/user_1/auth_factors"
FACTOR = {"object": "authentication_factor", "id": "auth_factor_1", "type": "totp",
          "totp": {"issuer": "Acme", "user": "ada@example.test", "secret": "JBSWY3DPEHPK3PXP",
                   "uri": "otpauth://totp/Acme:ada?secret=JBSWY3DPEHPK3PXP&issuer=Acme"}}
ENROLLED = {"authentication_factor": FACTOR,
            "authentication_challenge": {"object": "authentication_challenge", "id": "auth_challenge_1"}}
MUST_ENROLL = (403, {"code": "mfa_enrollment", "message": "must", "pending_authentication_token": "pend",
                     "user": {"object": "user", "id": "user_1", "email": "ada@example.test"}})


class Browser(threading.Thread):
    """Follows one address, as a browser would; .text is the page."""

    def __init__(self, url, **headers):
        super().__init__()
        self.url, self.headers = url, headers
        self.status = self.text = None
        self.start()

    def run(self):
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url, headers=self.headers), timeout=20) as r:
                self.status, self.text = r.status, r.read().decode()
        except urllib.error.HTTPError as e:
            self.status, self.text = e.code, e.read().decode()

    def page(self):
        self.join(20)
        return self.text


class Flows(Case):
    def setUp(self):
        self.fake = Fake()
        self.addCleanup(self.fake.__exit__)
        self.agent = Agent()
        self.addCleanup(self.agent.__exit__, None, None, None)
        self.agent.put("dev", self.fake.url)
        self.agent.put("pub", self.fake.url, api_key=None)

    def flow(self, profile="dev", **params):
        f = Flow(self.agent, profile, **params)
        self.addCleanup(f.__exit__)
        return f

    def to_url(self, profile="pub", **params):
        """A browser sign-in up to its address: (flow, its query, where the browser goes with a code)."""
        f = self.flow(profile, **dict({"method": "browser"}, **params))
        step = f.until("open_url", "redirect_url")
        q = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(step["url"]).query, strict_parsing=True))
        back = lambda code="c0de", **more: q["redirect_uri"] + "?" + urllib.parse.urlencode(  # noqa: E731
            dict({"code": code, "state": q["state"]}, **more))
        return f, q, back

    # --- browser

    def test_browser(self):
        for profile in ("pub", "dev"):
            with self.subTest(profile=profile):
                gate = Gate(session(1, authentication_method="GoogleOAuth"))
                self.fake.on("authorization_code", gate)
                f, q, back = self.to_url(profile, provider="GoogleOAuth", email="ada@example.test", prompt="login",
                                         domain_hint="example.test", invitation_token="inv_1")
                self.assertRegex(q["redirect_uri"], r"^http://127\.0\.0\.1:[0-9]+/callback$")
                self.assertEqual((q["response_type"], q["provider"], q["login_hint"], q["prompt"], q["domain_hint"],
                                  q["invitation_token"], q["code_challenge_method"], q["client_id"]),
                                 ("code", "GoogleOAuth", "ada@example.test", "login", "example.test", "inv_1", "S256",
                                  "client_sandbox"))
                browser = Browser(back())
                gate.wait()
                self.assertIn("Already done", Browser(back("second")).page())
                self.assertIsNone(browser.text, "the browser waits for the exchange")
                gate.go.set()
                p = f.until("done")["profile"]
                self.assertEqual((p["state"], p["method"]), ("signed_in", "GoogleOAuth"))
                self.assertIn("<h1>Signed in</h1>", browser.page())
                r = self.fake.asked("authorization_code")[-1]
                self.assertEqual(r.body["code"], "c0de")
                self.assertEqual(r.body.get("client_secret"), KEY if profile == "dev" else None)
                digest = hashlib.sha256(r.body["code_verifier"].encode()).digest()
                self.assertEqual(base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), q["code_challenge"])
                self.assertIn("Already done", Browser(back("third")).page(), "also a minute later")
                self.assertEqual(self.agent.token(profile)["client_id"], "client_sandbox")

    def test_requests_that_are_not_the_callback(self):
        self.fake.on("authorization_code", session())
        f, q, back = self.to_url()
        place = q["redirect_uri"]
        for url, status in ((place, 400), (back(state="x" * 43), 400), (place.replace("/callback", "/favicon.ico"), 404),
                            (back(code=""), 400), (back() + "&code=two", 400), (back(code="x" * 65000), 414)):
            b = Browser(url)
            self.assertIn("<h1>", b.page())
            self.assertEqual(b.status, status, url[:100])
        b = Browser(back(), Host="evil.example")
        self.assertEqual((b.page() and b.status), 400)
        half = socket.create_connection(("127.0.0.1", urllib.parse.urlsplit(place).port))
        self.addCleanup(half.close)
        half.sendall(b"GET /callback?code=")
        self.assertEqual(self.fake.asked("authorization_code"), [])
        b = Browser(back())
        f.until("done")
        self.assertIn("Signed in", b.page())

    def test_exchange_refused(self):
        self.fake.on("authorization_code", (400, {"error": "invalid_grant",
                                                  "error_description": "The code '<b>x</b>' has expired or is invalid."}))
        f, _, back = self.to_url()
        b = Browser(back())
        self.assertEqual(f.until("failed")["failure"]["name"], "workos.invalid_grant")
        self.assertIn("The sign-in did not work", b.page())
        self.assertIn("&#60;b&#62;x&#60;/b&#62;", b.text)
        self.assertNotIn("<b>", b.text)

    def test_error_callback(self):
        f, q, _ = self.to_url()
        b = Browser(q["redirect_uri"] + "?" + urllib.parse.urlencode(
            {"error": "access_denied", "error_description": "No,\x1b[2J\nnever", "state": q["state"]}))
        step = f.until("failed")
        self.assertEqual(step["failure"]["name"], "workos.access_denied")
        self.assertIn("did not work", b.page())
        self.assertNotIn("\x1b", b.text + step["failure"]["what"])
        self.assertEqual(self.fake.asked(AUTH), [])

    def test_pasted_address(self):
        self.fake.on("authorization_code", session())
        f, _, back = self.to_url()
        self.fails("usage.bad_answer", f.say, back(state="x" * 43))
        self.fails("usage.bad_answer", f.say, "http://127.0.0.1:1/callback?code=c&state=s")
        f.say(back("pasted"))
        f.until("done")
        self.assertEqual(self.fake.asked("authorization_code")[0].body["code"], "pasted")
        self.assertIn("Already done", Browser(back("late")).page())

    def test_the_browser_is_sent_back_when_more_is_asked(self):
        self.fake.on("authorization_code", (403, {"code": "organization_selection_required", "message": "m",
                                                  "pending_authentication_token": "pend",
                                                  "organizations": [{"id": "org_1", "name": "One"},
                                                                    {"id": "org_2", "name": "Two"}]}))
        self.fake.on("organization-selection", session(1, "org_2"))
        f, _, back = self.to_url("dev")
        b = Browser(back())
        f.until("choose")
        self.assertIn("Go back to the terminal", b.page())
        f.say("org_2", act="choose")
        f.until("done")

    def test_fixed_port(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
            s.listen()
            self.agent.put("fixed", self.fake.url, api_key=None, redirect_port=port)
            failure = self.flow("fixed", method="browser").until("failed")["failure"]
            self.assertIn(str(port), failure["what"])
            self.assertIn(str(port), failure["hint"])
        self.fake.on("authorization_code", session())
        for _ in range(2):  # also while the listener of the first still lingers
            f, q, back = self.to_url("fixed")
            self.assertEqual(q["redirect_uri"], "http://127.0.0.1:%d/callback" % port)
            b = Browser(back())
            f.until("done")
            self.assertIn("Signed in", b.page())

    def test_cancel_closes_the_listener_to_answers(self):
        f, _, back = self.to_url()
        f.cancel()
        self.assertEqual(f.until("failed")["failure"]["name"], "sys.cancelled")
        self.assertIn("Already done", Browser(back()).page())
        self.assertEqual(self.fake.asked(AUTH), [])

    def test_parameters_are_checked(self):
        for bad in ({"provider": "a b"}, {"provider": "x" * 65}, {"connection_id": "conn&x=1"}, {"domain_hint": "a/b"},
                    {"screen_hint": "sideways"}, {"prompt": "login&x"}, {"max_age": 10 ** 12}, {"invitation_token": "a\nb"},
                    {"email": "x" * 400}, {"email": "a\x1b@b"}, {"organization_id": "org_1/../2"}):
            with self.subTest(bad=bad):
                f = self.flow("pub", method="browser", **bad)
                self.assertEqual(f.until("failed")["failure"]["name"], "usage.bad")
        for bad in ({"max_age": -1}, {"max_age": "1"}, {"provider": 1}):
            with self.subTest(bad=bad), self.assertRaises(varlink.Failed) as c:
                self.flow("pub", method="browser", **bad).next()
            self.assertIn("InvalidParameter", c.exception.error)

    # --- another device

    def device(self, *polls, expires_in=300):
        self.fake.on("POST /user_management/authorize/device", (200, {
            "device_code": "dev-1", "user_code": "BCDF-GHJK", "verification_uri": self.fake.url + "/device",
            "verification_uri_complete": self.fake.url + "/device?user_code=BCDF-GHJK",
            "expires_in": expires_in, "interval": 1}))
        self.fake.on("device_code", *polls)
        f = self.flow("pub", method="device")
        return f, f.until("open_url")

    def test_device(self):
        f, step = self.device((400, {"error": "authorization_pending", "error_description": "wait"}), DROP, session())
        self.assertEqual((step["user_code"], step["url"], step["qr"]), (
            "BCDF-GHJK", self.fake.url + "/device", self.fake.url + "/device?user_code=BCDF-GHJK"))
        self.assertTrue(0 < step["left_ms"] <= 300000, step)
        self.assertTrue(0 < step["expires_at"] - time.time() <= 300, step)
        while f.next()["kind"] != "done":
            self.assertEqual(f.step["kind"], "open_url")
        self.assertEqual(len(self.fake.asked("device_code")), 3)

    def test_device_expires(self):
        """One poll a second, the last one at the end, and then none."""
        for _ in range(3):  # the end is anywhere in a second
            pending = (400, {"error": "authorization_pending", "error_description": "wait"})
            f, _ = self.device(pending, expires_in=2)
            self.assertEqual(f.next()["note"], "code_expired")
            self.assertLessEqual(len(self.fake.asked("device_code")), 2)
            self.fake.seen.clear()
            f.cancel()

    def test_device_cancelled(self):
        gate = Gate(session(7))
        self.fake.on(LOGOUT, (302, None, {"Location": "https://example.test/"}))
        f, _ = self.device(gate)
        gate.wait()
        f.cancel()
        self.assertEqual(f.until("failed")["failure"]["name"], "sys.cancelled")
        gate.go.set()  # confirmed at the last moment
        wait_for(lambda: self.fake.asked(LOGOUT), "the end of the session nobody wanted")
        self.assertEqual(self.fake.asked(LOGOUT)[0].query, "session_id=session_7")
        self.assertEqual(self.agent.call("GetProfile", profile="pub")["profile"]["state"], "signed_out")
        self.assertEqual(len(self.fake.asked("device_code")), 1, "no more polling")

    # --- e-mailed code

    def test_magic(self):
        self.fake.on("POST /user_management/magic_auth", (201, {"object": "magic_auth", "id": "magic_1", "code": "123456",
                                                                "email": "ada@example.test", "user_id": "user_1"}))
        self.fake.on("code", (400, {"code": "invalid_one_time_code", "message": "no"}), session())
        f = self.flow(method="magic", email="ada@example.test")
        step = f.until("field", "email_code")
        self.assertEqual((step["note"], step["note_arg"]), ("sent_to", "ada@example.test"))
        f.say("000000")
        self.assertEqual(f.until("field", "email_code")["note"], "bad_code")
        f.say(" 123-456 ")
        f.until("done")
        self.assertNotIn("123456", self.agent.log())

    # --- what is undone

    def enrolling(self, *answers):
        self.fake.on("password", MUST_ENROLL)
        self.fake.on(ENROLL, *(answers or [(201, ENROLLED)]))
        f = self.flow(email="ada@example.test")
        f.until("field", "password")
        f.say(PASSWORD)
        return f

    def test_enrolment(self):
        self.fake.on("mfa-totp", (400, {"code": "invalid_one_time_code", "message": "no"}), session())
        f = self.enrolling()
        step = f.until("show_qr", "totp")
        self.assertEqual((step["qr"], step["qr_text"]), (FACTOR["totp"]["uri"], "JBSWY3DPEHPK3PXP"))
        f.say("000000")
        self.assertEqual(f.until("show_qr")["note"], "bad_code")
        f.say("123456")
        f.until("done")
        self.assertEqual(self.fake.asked("DELETE .*"), [])

    def test_half_made_factor_is_deleted(self):
        """The client cancels, hangs up, or dies; the first try of the clean-up meets a broken connection."""
        for how in ("cancel", "close"):
            with self.subTest(how=how):
                self.fake.seen.clear()
                self.fake.on("DELETE /auth/factors/auth_factor_1", DROP, (204, None))
                f = self.enrolling()
                f.until("show_qr")
                if how == "cancel":
                    f.cancel()
                    f.until("failed")
                else:
                    f.conn.close()
                wait_for(lambda: len(self.fake.asked("DELETE .*")) == 2, "the clean-up, again")
                self.assertEqual({r.key for r in self.fake.asked("DELETE .*")}, {KEY})

    def test_a_page_is_no_clean_up(self):
        """The sign-in page of a network answers: the factor is still there, whatever the status."""
        for status in (200, 403):
            with self.subTest(status=status):
                self.fake.seen.clear()
                self.fake.on("DELETE /auth/factors/auth_factor_1", (status, b"<html>"), (204, None))
                f = self.enrolling()
                f.until("show_qr")
                f.conn.close()
                wait_for(lambda: len(self.fake.asked("DELETE .*")) == 2, "the clean-up, again")

    def test_factor_that_is_just_being_made(self):
        gate = Gate((201, ENROLLED))
        self.fake.on("DELETE /auth/factors/auth_factor_1", (204, None))
        f = self.enrolling(gate)
        gate.wait()
        f.conn.close()
        self.assertEqual(self.agent.call("Hello", protocol=1, build="t")["protocol"], varlink.PROTOCOL)
        self.assertEqual(self.fake.asked("DELETE .*"), [])
        gate.go.set()
        wait_for(lambda: self.fake.asked("DELETE .*"), "the clean-up")

    def test_clean_up_is_tried_twice_and_no_more(self):
        self.fake.on("DELETE /auth/factors/auth_factor_1", DROP)
        f = self.enrolling()
        f.until("show_qr")
        f.conn.close()
        wait_for(lambda: "clean-up DELETE /auth/factors/auth_factor_1 failed" in self.agent.log(), "the end of it")
        self.assertEqual(len(self.fake.asked("DELETE .*")), 2)

    def test_a_session_that_began_after_all_is_ended(self):
        gate = Gate(session(5))
        self.fake.on("password", gate)
        self.fake.on(REVOKE, (200, None))
        f = self.flow(email="ada@example.test")
        f.until("field", "password")
        f.say(PASSWORD)
        gate.wait()
        f.cancel()
        self.assertEqual(f.until("failed")["failure"]["name"], "sys.cancelled", "told at once")
        gate.go.set()
        wait_for(lambda: self.fake.asked(REVOKE), "the end of the session")
        r = self.fake.asked(REVOKE)[0]
        self.assertEqual((r.body, r.key), ({"session_id": "session_5"}, KEY))
        self.assertEqual(self.agent.call("GetProfile", profile="dev")["profile"]["state"], "signed_out")

    def test_the_agent_stays_for_the_clean_up(self):
        for how in ("quit", "term", "idle"):
            with self.subTest(how=how):
                a = Agent(args=("--idle-exit", "1s") if how == "idle" else ())
                self.addCleanup(a.__exit__, None, None, None)
                a.put("dev", self.fake.url)
                gate = Gate((204, None))
                self.fake.on("DELETE /auth/factors/auth_factor_1", gate)
                self.fake.on("password", MUST_ENROLL)
                self.fake.on(ENROLL, (201, ENROLLED))
                f = Flow(a, "dev", email="ada@example.test")
                self.addCleanup(f.__exit__)
                f.until("field", "password")
                f.say(PASSWORD)
                f.until("show_qr")
                if how == "quit":
                    a.call("Quit")
                    step = f.until("failed")
                    self.assertEqual(step["failure"]["name"], "wire.closed")
                elif how == "term":
                    a.proc.send_signal(signal.SIGTERM)
                else:
                    f.conn.close()
                    f.other.close()
                gate.wait()
                with self.assertRaises(varlink.subprocess.TimeoutExpired):
                    a.proc.wait(2)
                gate.go.set()
                self.assertEqual(a.proc.wait(20), 0)

    def test_quit_waits_only_so_long(self):
        gate = Gate((204, None))
        self.addCleanup(gate.go.set)
        self.fake.on("DELETE /auth/factors/auth_factor_1", gate)
        f = self.enrolling()
        f.until("show_qr")
        start = time.monotonic()
        self.agent.call("Quit")
        self.assertEqual(self.agent.proc.wait(30), 0)
        self.assertLess(time.monotonic() - start, 15)


if __name__ == "__main__":
    varlink.main()
