"""A profile belongs to one person: who else signs in takes nothing over before a person has said so."""
import os

import os

import varlink
from varlink import Agent, Case, Flow, KEY, PASSWORD, Sandbox, wait_for

PLAIN = "plain@example.test"
ORGS = "orgs@example.test"


class Person(Case):
    store = "memory"

    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.__exit__)
        self.agent = Agent(store=self.store)
        self.addCleanup(self.agent.__exit__, None, None, None)
        self.agent.put("dev", self.sandbox.url)
        self.first = self.sign_in(PLAIN).step["profile"]

    def flow(self, email, profile="dev", **params):
        f = Flow(self.agent, profile, email=email, **params)
        self.addCleanup(f.__exit__)
        f.until("field", "password")
        f.say(PASSWORD)
        return f

    def choose(self, f):
        while True:
            step = f.next()
            if step["kind"] == "choose":
                f.say(step["choices"][0]["id"], act="choose")
            elif step["kind"] != "wait":
                return step

    def sign_in(self, email, **params):
        f = self.flow(email, **params)
        step = self.choose(f)
        self.assertEqual(step["kind"], "done", step)
        return f

    def asked(self, email=ORGS, **params):
        f = self.flow(email, **params)
        step = self.choose(f)
        self.assertEqual((step["kind"], step["field"]), ("field", "other_user"), step)
        return f

    def profile(self, name="dev"):
        return self.agent.call("GetProfile", profile=name)["profile"]

    def untouched(self):
        self.agent.call("Renew", profile="dev")
        p = self.profile()
        self.assertEqual((p["user_email"], p["session_id"], p["state"]),
                         (PLAIN, self.first["session_id"], "signed_in"))

    def revoked(self):
        return self.sandbox.stats()["requests"].get("POST /user_management/sessions/revoke", 0)

    def test_the_same_person_is_not_asked(self):
        p = self.sign_in(PLAIN).step["profile"]
        self.assertNotEqual(p["session_id"], self.first["session_id"])
        wait_for(lambda: self.revoked() == 1, "the session before is revoked")

    def test_question(self):
        f = self.asked()
        self.assertEqual(f.step["note"], "other_user")
        self.assertEqual(f.step["acts"], ["replace", "new_profile"])
        self.assertEqual(f.step["owner"]["email"], PLAIN)
        self.assertEqual(f.step["person"]["email"], ORGS)
        self.assertEqual(f.step["owner"]["user_id"], self.first["user_id"])
        self.assertEqual(f.step["owner"]["client_id"], self.first["client_id"])
        self.assertEqual(self.revoked(), 0)
        self.untouched()
        f.cancel()
        wait_for(lambda: self.revoked() == 1, "the new session is revoked")
        self.assertEqual(f.next()["failure"]["name"], "sys.cancelled")
        self.untouched()

    def test_client_goes(self):
        f = self.asked()
        f.conn.close()
        wait_for(lambda: self.revoked() == 1, "the new session is revoked")
        self.untouched()

    def test_agent_ends(self):
        f = self.asked()
        self.agent.call("Quit", force=True)
        wait_for(lambda: self.revoked() == 1, "the new session is revoked")
        f.conn.closed()
        self.agent.proc.wait(20)
        self.agent.start()

    def test_replace(self):
        f = self.asked()
        f.say(None, act="replace")
        p = f.until("done")["profile"]
        self.assertEqual((p["name"], p["user_email"]), ("dev", ORGS))
        wait_for(lambda: self.revoked() == 1, "the session before is revoked")
        self.agent.call("Renew", profile="dev")

    def test_as_other_user(self):
        p = self.sign_in(ORGS, as_other_user=True).step["profile"]
        self.assertEqual((p["name"], p["user_email"]), ("dev", ORGS))
        wait_for(lambda: self.revoked() == 1, "the session before is revoked")

    def test_new_profile(self):
        f = self.asked()
        self.fails("usage.bad_answer", f.say, "No Name", act="new_profile")
        self.fails("usage.bad_answer", f.say, "", act="new_profile")
        f.say("dev", act="new_profile")
        step = f.until("field", "other_user")
        self.assertEqual(step["failure"]["name"], "usage.exists")
        f.say("dev-orgs", act="new_profile")
        p = f.until("done")["profile"]
        self.assertEqual((p["name"], p["user_email"], p["confidential"]), ("dev-orgs", ORGS, True))
        self.assertEqual((p["client_id"], p["api_host"]), (self.first["client_id"], self.first["api_host"]))
        self.assertEqual(self.agent.call("GetApiKey", profile="dev-orgs")["api_key"], KEY)
        self.agent.call("Renew", profile="dev-orgs")
        self.assertEqual(self.revoked(), 0)
        self.untouched()

    def test_public_profile(self):
        """The sign-in by its key came from the caller's environment: no profile keeps it."""
        self.agent.put("open", self.sandbox.url, api_key=None)
        self.sign_in(PLAIN, profile="open", api_key=KEY)
        f = self.asked(profile="open", api_key=KEY)
        f.say("open-orgs", act="new_profile")
        p = f.until("done")["profile"]
        self.assertEqual((p["user_email"], p["confidential"]), (ORGS, False))

    def test_signed_out_is_free(self):
        self.agent.call("SignOut", profile="dev")
        self.assertEqual(self.sign_in(ORGS).step["profile"]["user_email"], ORGS)

    def test_ended_session_is_still_the_persons(self):
        self.sandbox.post("/user_management/sessions/revoke", {"session_id": self.first["session_id"]})
        self.fails("workos.invalid_grant", self.agent.call, "Renew", profile="dev")
        f = self.asked()
        f.cancel()
        self.assertEqual(f.next()["kind"], "failed")

    def test_other_environment(self):
        other = Sandbox()
        self.addCleanup(other.__exit__)
        self.agent.call("PutProfile", id=self.first["id"], name="dev", api_host=other.url, api_key=KEY)
        f = self.asked(PLAIN)
        self.assertEqual(f.step["note"], "other_environment")
        self.assertEqual(f.step["owner"]["api_host"], self.sandbox.url)
        self.assertEqual(f.step["person"]["api_host"], other.url)
        f.cancel()
        self.assertEqual(f.next()["kind"], "failed")
        self.agent.call("PutProfile", id=self.first["id"], name="dev", api_host=self.sandbox.url, api_key=KEY)
        self.agent.call("Renew", profile="dev")
        self.assertEqual(self.profile()["session_id"], self.first["session_id"])

    def token_of(self, who):
        return self.sandbox.password(who).json["refresh_token"]

    def test_refresh_token_of_another(self):
        token = self.token_of("impersonated")
        self.fails("workos.other_user", self.agent.call, "TakeToken", profile="dev", refresh_token=token)
        wait_for(lambda: self.revoked() == 1, "the new session is revoked")
        self.untouched()
        token = self.token_of("impersonated")
        p = self.agent.call("TakeToken", profile="dev", refresh_token=token, as_other_user=True)["profile"]
        self.assertNotEqual(p["user_id"], self.first["user_id"])


class PersonInVault(Person):
    """What the profile's person is comes from the store: a new agent has nothing in memory."""
    store = "vault"

    def asked(self, email=ORGS, **params):
        self.agent.restart()
        return super().asked(email, **params)

    def test_damaged_record(self):
        """The store does not give the session: the list of the agent before says whose it was."""
        self.agent.call("GetProfile", profile="dev")
        session = os.path.join(self.agent.data, "vault", self.first["id"] + ".session")
        with open(session, "r+b") as f:
            f.truncate(20)
        f = self.asked()
        self.assertEqual(f.step["owner"]["email"], PLAIN)
        self.assertEqual(f.step["person"]["email"], ORGS)
        f.say(None, act="replace")
        self.assertEqual(f.until("done")["profile"]["user_email"], ORGS)

    def test_new_agent(self):
        self.agent.restart()
        f = self.asked()
        self.assertEqual(f.step["owner"]["email"], PLAIN)
        f.cancel()
        self.assertEqual(f.next()["kind"], "failed")


if __name__ == "__main__":
    varlink.main()
