"""Does the session still live? CheckSession against the sandbox."""
import varlink
from varlink import Agent, Case, KEY, Sandbox

SESSIONS = "/user_management/users/{id}/sessions"


class WithSandbox(Case):
    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.__exit__)
        self.agent = Agent(store="vault")
        self.addCleanup(self.agent.__exit__, None, None, None)
        self.agent.put("dev", self.sandbox.url)
        self.agent.put("pub", self.sandbox.url, api_key=None)

    def check(self, name="dev"):
        return self.agent.call("CheckSession", profile=name)["how"]

    def state(self, name="dev"):
        return self.agent.call("GetProfile", profile=name)["profile"]["state"]

    def revoke(self, sid):
        r = self.sandbox.post("/user_management/sessions/revoke", {"session_id": sid}, KEY)
        self.assertEqual(r.status, 200)

    def refreshes(self):
        return self.sandbox.stats()["grants"].get("refresh_token", 0)

    def test_alive_and_revoked(self):
        p = self.agent.sign_in()
        self.assertEqual((self.check(), self.refreshes()), ("sessions", 0))
        self.revoke(p["session_id"])
        self.assertTrue(self.agent.token()["access_token"], "nobody told keyfob yet")
        e = self.fails("workos.session_ended", self.check)
        self.assertIn("revoked", e.failure["what"])
        self.assertEqual((self.state(), self.refreshes()), ("needs_sign_in", 0))
        self.fails("workos.session_ended", self.agent.token)
        # the next agent knows it too, and asks nobody
        self.agent.restart()
        self.fails("workos.session_ended", self.agent.token)
        self.assertEqual(self.refreshes(), 0)
        self.agent.sign_in()
        self.assertEqual((self.check(), self.state()), ("sessions", "signed_in"))

    def test_signed_out_elsewhere_and_nobody(self):
        self.fails("workos.not_signed_in", self.check)
        self.fails("usage.no_profile", self.check, "nobody")

    def test_public(self):
        token = self.sandbox.password("plain").json
        self.agent.call("TakeToken", profile="pub", refresh_token=token["refresh_token"])
        before = self.refreshes()
        self.assertEqual((self.check("pub"), self.refreshes()), ("renewal", before + 1))
        self.revoke(self.agent.call("GetProfile", profile="pub")["profile"]["session_id"])
        self.assertEqual(self.fails("workos.invalid_grant", self.check, "pub").failure["status"], 400)
        self.assertEqual(self.state("pub"), "needs_sign_in")

    def test_trouble_changes_nothing(self):
        self.agent.sign_in()
        before = self.agent.token()["access_token"]
        page = {"content_type": "text/html", "body": "<html>Sign in to the network</html>"}
        unauthorized = {"status": 401, "body": {"message": "Unauthorized"}}
        for fault, name in (({"status": 503, "body": {}}, "net.server"),
                            ({"drop": "before"}, "net.broken"),
                            (unauthorized, "workos.bad_api_key"),
                            (dict(page, status=401), "net.not_workos"),
                            (dict(page, status=404), "net.not_workos"),
                            (dict(page, status=200), "net.not_workos"),
                            (dict(page, status=407), "net.proxy_auth")):
            with self.subTest(fault=fault):
                self.sandbox.faults(dict(fault, path=SESSIONS))
                self.fails(name, self.check)
                self.sandbox.faults()
                self.assertEqual((self.state(), self.agent.token()["access_token"]), ("signed_in", before))
        self.assertEqual(self.check(), "sessions")


if __name__ == "__main__":
    varlink.main()
