"""Two profiles never get mixed up: user, organization and client are compared at each renewal."""
import base64
import json

import varlink
from fake import Fake, jwt, session
from varlink import Agent, Case, Flow, wait_for  # noqa: F401


class Identity(Case):
    def setUp(self):
        self.fake = Fake()
        self.addCleanup(self.fake.__exit__)
        self.agent = Agent()
        self.addCleanup(self.agent.__exit__, None, None, None)
        self.agent.put("dev", self.fake.url)
        self.fake.on("password", session(1, "org_1"))
        self.agent.sign_in()
        self.first = self.agent.token()["access_token"]

    def profile(self, name="dev"):
        return self.agent.call("GetProfile", profile=name)["profile"]

    def mixed_up(self, answer, *says):
        """The answer to a renewal is somebody else's: an error that says so, and the session stays."""
        self.fake.on("refresh_token", answer)
        e = self.fails("workos.mismatch", self.agent.token, renew=True)
        for part in says:
            self.assertIn(part, e.failure["what"])
        p = self.profile()
        self.assertEqual((p["state"], p["failure"]["name"], p["user_id"], p["org_id"]), ("error", "workos.mismatch", "user_1", "org_1"))
        self.assertEqual(self.agent.token()["access_token"], self.first, "the token that is still valid is served")
        asked = len(self.fake.asked("refresh_token"))
        self.agent.token()
        self.assertEqual(len(self.fake.asked("refresh_token")), asked, "no renewal by itself")
        self.assertEqual({r.body["refresh_token"] for r in self.fake.asked("refresh_token")}, {"refresh-1"}, "nothing of it was kept")
        # the right answer makes it good again
        self.fake.on("refresh_token", session(2, "org_1"))
        self.assertEqual(self.agent.token(renew=True)["org_id"], "org_1")
        self.assertEqual(self.profile()["state"], "signed_in")

    def test_the_first_answer(self):
        """The token of a sign-in is another person's: refused before anything is stored or spent."""
        self.agent.put("new", self.fake.url)
        for claim in ({"sub": "user_2"}, {"client_id": "client_other"}):
            self.fake.on("password", session(7, "org_1", access_token=jwt("session_7", "org_1", **claim)))
            with Flow(self.agent, "new", email="plain@example.test") as f:
                f.until("field", "password")
                f.say(varlink.PASSWORD)
                step = f.until("failed")
            self.assertEqual(step["failure"]["name"], "workos.mismatch", step)
            self.assertIn(list(claim.values())[0], step["failure"]["what"])
            self.assertEqual(self.profile("new")["state"], "signed_out")
            self.assertEqual(self.agent.call("StoreStatus")["sessions"], 1, "that of dev")
            self.fails("workos.not_signed_in", self.agent.token, "new")
        self.assertEqual(self.fake.asked("refresh_token"), [])

    def test_another_user(self):
        self.mixed_up(session(7, "org_1", user={"object": "user", "id": "user_2", "email": "eve@example.test"},
                              access_token=jwt("session_7", "org_1", sub="user_2")), "user_2", "user_1")

    def test_another_user_in_the_token(self):
        self.mixed_up(session(7, "org_1", access_token=jwt("session_7", "org_1", sub="user_2")), "user_2", "user_1")

    def test_another_user_in_a_short_answer(self):
        status, body = session(7, "org_1", access_token=jwt("session_7", "org_1", sub="user_2"))
        del body["user"]
        self.mixed_up((status, body), "user_2")

    def test_another_organization(self):
        self.mixed_up(session(7, "org_2"), "org_2", "org_1")

    def test_no_organization(self):
        self.mixed_up(session(7), "no organization", "org_1")

    def test_another_client(self):
        self.mixed_up(session(7, "org_1", access_token=jwt("session_7", "org_1", client_id="client_other")), "client_other", "client_sandbox")

    def test_the_organization_that_was_asked_for(self):
        self.fake.on("refresh_token", session(2, "org_2"))
        self.assertEqual(self.agent.call("SwitchOrganization", profile="dev", organization_id="org_2")["profile"]["org_id"], "org_2")
        self.fake.on("refresh_token", session(3, "org_2"))
        self.assertEqual(self.agent.token(renew=True)["org_id"], "org_2")
        self.assertEqual([r.body.get("organization_id") for r in self.fake.asked("refresh_token")], ["org_2", "org_2"])

    def test_two_profiles_of_one_server(self):
        """The answers cross: each profile gets the other's. Neither takes it."""
        self.agent.put("other", self.fake.url)
        self.fake.on("password", session(5, "org_5", user={"object": "user", "id": "user_5", "email": "eve@example.test"},
                                         access_token=jwt("session_5", "org_5", sub="user_5")))
        self.agent.sign_in("other")
        theirs = self.agent.token("other")["access_token"]
        crossed = {"refresh-1": session(6, "org_5", user={"object": "user", "id": "user_5", "email": "eve@example.test"},
                                        access_token=jwt("session_5", "org_5", sub="user_5"), refresh_token="refresh-5b"),
                   "refresh-5": session(2, "org_1", refresh_token="refresh-1b")}
        self.fake.on("refresh_token", lambda r: crossed[r.body["refresh_token"]])
        for name in ("dev", "other"):
            self.fails("workos.mismatch", self.agent.token, name, renew=True)
        for name, token, user in (("dev", self.first, "user_1"), ("other", theirs, "user_5")):
            got = self.agent.token(name)["access_token"]
            self.assertEqual(got, token)
            part = got.split(".")[1]
            self.assertEqual(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["sub"], user)


if __name__ == "__main__":
    varlink.main()
