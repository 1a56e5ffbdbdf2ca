"""A session that is handed over to a web application: held still until the client has spoken, forgotten only then."""
import threading

import varlink
from varlink import Agent, Case, Sandbox

PASSWORD = "keyfob-test-password-0123456789-abcdef"


class HandOver(Case):
    def start(self, **kw):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.__exit__)
        self.agent = Agent(**kw)
        self.addCleanup(self.agent.__exit__, None, None, None)
        self.agent.put("dev", self.sandbox.url)
        self.agent.sign_in()

    def state(self):
        return self.agent.call("GetProfile", profile="dev")["profile"]["state"]

    def refreshes(self):
        return self.sandbox.stats()["grants"].get("refresh_token", 0)

    def test_held_until_the_client_has_spoken(self):
        self.start()
        token = self.agent.token()["access_token"]
        with self.agent.connect() as c:
            r = c.call("Seal", profile="dev", password=PASSWORD, hand_over=True)
            self.assertGreater(r["hand_over"], 0)
            self.assertEqual(self.agent.token()["access_token"], token, "a valid token is served")
            renewed = []
            t = threading.Thread(target=lambda: renewed.append(self.agent.failure("GetToken", profile="dev", renew=True)))
            with self.agent.connect() as other:  # nobody else can confirm it
                self.fails("usage.bad", other.call, "HandedOver", hand_over=r["hand_over"])
            self.fails("usage.bad", c.call, "HandedOver", hand_over=r["hand_over"] + 1)
            t.start()
            self.assertEqual(self.refreshes(), 0, "nobody renews meanwhile")
            c.call("HandedOver", hand_over=r["hand_over"])
            t.join(20)
            self.assertFalse(t.is_alive())
            self.assertEqual(renewed[0].name, "workos.not_signed_in")
            self.fails("usage.bad", c.call, "HandedOver", hand_over=r["hand_over"])
        self.assertEqual((self.refreshes(), self.state(), self.sandbox.stats()["sessions"]), (0, "signed_out", 1))
        self.agent.sign_in()  # and it can be signed in again
        self.assertEqual(self.state(), "signed_in")

    def test_a_client_that_goes_away_changes_nothing(self):
        self.start()
        c = self.agent.connect()
        c.call("Seal", profile="dev", password=PASSWORD, hand_over=True)
        c.close()
        self.assertTrue(self.agent.token(renew=True)["renewed"])
        self.assertEqual((self.refreshes(), self.sandbox.stats()["reused"], self.state()), (1, 0, "signed_in"))
        c = self.agent.connect()  # gone before the answer
        c.send("Seal", profile="dev", password=PASSWORD, hand_over=True)
        c.close()
        self.assertTrue(self.agent.token(renew=True)["renewed"])

    def test_killed_in_between(self):
        self.start(store="vault")
        with self.agent.connect() as c:
            c.call("Seal", profile="dev", password=PASSWORD, hand_over=True)
            self.agent.restart()  # kill -9
        self.assertTrue(self.agent.token(renew=True)["renewed"], "the session is as it was")
        self.assertEqual(self.sandbox.stats()["reused"], 0)
        with self.agent.connect() as c:
            r = c.call("Seal", profile="dev", password=PASSWORD, hand_over=True)
            c.call("HandedOver", hand_over=r["hand_over"])
        self.agent.restart()
        self.assertEqual(self.state(), "signed_out", "and stays forgotten")
        self.fails("workos.not_signed_in", self.agent.token)

    def test_two_at_once(self):
        self.start()
        a, b = self.agent.connect(), self.agent.connect()
        r = a.call("Seal", profile="dev", password=PASSWORD, hand_over=True)
        b.send("Seal", profile="dev", password=PASSWORD, hand_over=True)
        a.call("HandedOver", hand_over=r["hand_over"])
        self.fails("workos.not_signed_in", b.answer)
        a.close()
        b.close()

    def test_refused(self):
        self.start()
        self.fails("usage.bad", self.agent.call, "Seal", profile="dev", password="short")
        self.fails("usage.no_profile", self.agent.call, "Seal", profile="nobody", password=PASSWORD)
        self.fails("usage.bad", self.agent.call, "Unseal", sealed="Fe26.2*1", password=PASSWORD)
        self.fails("usage.no_profile", self.agent.call, "Unseal", sealed="x", password=PASSWORD, profile="nobody", verify=True)
        self.agent.put("none", self.sandbox.url)
        self.fails("workos.not_signed_in", self.agent.call, "Seal", profile="none", password=PASSWORD)
        self.fails("workos.not_signed_in", self.agent.call, "Seal", profile="none", password=PASSWORD, hand_over=True)


if __name__ == "__main__":
    varlink.main()
