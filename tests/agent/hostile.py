"""One profile's server answers whatever it likes. The others are listed, shown and served."""
import json
import os
import re
import subprocess
import time

import varlink
from fake import Fake, jwt, jwt_of, session
from varlink import Agent, Case, Failed, Flow

GOOD = ["one", "two", "three", "four"]
ALL = GOOD + ["evil"]
EURO = "\u20ac"
LONG = EURO * (230 * 1024 // 3)
PAGE = b"<!doctype html><title>Welcome to the hotel</title>"
VISIBLE = re.compile(r"[!-~]+")


def raw(token, rest):
    """A 200 of authenticate whose bytes are written out; rest: its other members."""
    return (b'{"user":{"id":"user_1","email":"ada@example.test"},"refresh_token":"rt",'
            b'"access_token":"%s",%s}' % (token.encode(), rest))


def claims(*more, sub="user_1", sid="session_1"):
    """An access token; more: bytes of further claims."""
    t = int(time.time())
    head = '"sub":"%s","sid":"%s","iat":%d,"exp":%d' % (sub, sid, t, t + 300)
    return jwt_of(b"{" + b",".join([head.encode(), *more]) + b"}")


def good_pairs():
    """Answers with a pair of tokens that is good, beside texts that are not."""
    method = b'"authentication_method":"%s"'
    impersonator = b'"impersonator":{"email":"%s","reason":"%s"}'
    nested = b"[" * 24 + b"]" * 24
    yield "wrong UTF-8", raw(jwt(), method % b"caf\xe9 \xff\xc3")
    yield "a surrogate", raw(jwt(), impersonator % (b"\xed\xa0\x80", b"\\ud800"))
    yield "cut characters", raw(jwt(), impersonator % (b"a@b.test", b"x" * 253 + b"\xe2\x82"))
    edges = tuple(b"x" * n + EURO.encode() for n in (254, 510))
    yield "edges", raw(jwt(), impersonator % edges)
    yield "escapes", raw(jwt(), method % b"\\u0000\\ud800\\udfff\\u001b[2J")
    yield "raw controls", raw(jwt(), method % b"a\x1b[31m\nb\x00")
    yield "long texts", session(1, authentication_method=LONG)[1]
    yield "a long e-mail", session(1, user={"id": "user_1", "email": LONG})[1]
    yield "long names", session(1, user={"id": "user_1", "name": LONG[:70000], "locale": "x"})[1]
    yield "other members", session(1, something={"deep": LONG})[1]
    yield "a member twice", raw(jwt(), b'"new":1,"new":2,"user_2":{"id":"a","id":"b"}')
    yield "depth", raw(jwt(), b'"new":' + b"[" * 200 + b"]" * 200)
    yield "members", session(1, new={"k%d" % i: i for i in range(3000)})[1]
    yield "numbers", raw(jwt(), b'"new":1e999,"expires_in":-1e999')
    yield "a role of 96 bytes", raw(claims(b'"role":"%s"' % (b"r" * 96)), b'"x":1')
    yield "a role of wrong UTF-8", raw(claims(b'"role":"\xff\xe9"'), b'"x":1')
    yield "a long session id", raw(claims(sid="s" * 5000), b'"x":1')
    yield "nested claims", raw(claims(b'"deep":' + nested), b'"x":1')


def bad_answers():
    """Answers without a pair that keyfob may keep, or from something that is not WorkOS."""
    for status in (200, 302, 400, 401, 403, 404, 407, 451):
        yield "a page, %d" % status, (status, PAGE)
    message = b'{"code":"strange","message":"%s"}'
    foreign = claims(b'"org_id":"org_%s"' % EURO.encode())
    yield "text", (403, b"Blocked by policy \xff\xfe")
    yield "JSON of something else", (403, {"detail": LONG})
    yield "an unknown code", (400, {"code": "c" * 5000, "message": LONG})
    yield "a message of wrong UTF-8", (400, message % (b"caf\xe9" + b"\xff" * 400))
    yield "a cut message", (400, message % (b"x" * 149 + EURO.encode()))
    yield "controls in a token", (200, raw("a\\u001b]0;x\\u0007.b.c", b'"expires_in":300'))
    yield "lines in a token", (200, raw("a\\r\\nb", b'"expires_in":300'))
    yield "bytes in a token", (200, raw("caf" + EURO, b'"expires_in":300'))
    yield "an odd organization", (200, raw(foreign, b'"x":1'))
    yield "another user", (200, session(1, user={"id": "u" * 9000})[1])
    yield "nothing", (200, None)
    yield "half of it", (200, b'{"access_token":"ey')


class Hostile(Case):
    def setUp(self):
        self.good = Fake().__enter__()
        self.evil = Fake().__enter__()
        for f in (self.good, self.evil):
            self.addCleanup(f.__exit__)
            f.on("password", session(1))
        self.agent = Agent(store="vault")
        self.addCleanup(self.agent.__exit__, None, None, None)
        for name in GOOD:
            self.agent.put(name, self.good.url)
        self.agent.put("evil", self.evil.url)
        for name in ALL:
            self.sign_in(name)

    def sign_in(self, name):
        with Flow(self.agent, name, email="ada@example.test") as f:
            f.until("field", "password")
            f.say("pw")
            return f.until("done")["profile"]

    def lists(self):
        """Every way to get all profiles."""
        yield self.agent.call("ListProfiles")["profiles"]
        for method in ("ListProfiles", "Watch"):
            with self.agent.connect() as c:
                c.send(method, more=True)
                profiles, more = [], True
                while more:
                    part = c.answer()
                    profiles += part["profiles"]
                    more = part.get("partial") if method == "Watch" else c.continues
                yield profiles

    def show(self, name):
        return self.agent.call("GetProfile", profile=name)["profile"]

    def others_are_well(self):
        """The state of the one that is not."""
        for profiles in self.lists():
            by_name = {p["name"]: p for p in profiles}
            self.assertEqual(sorted(by_name), sorted(ALL))
            for name in GOOD:
                email = by_name[name].get("user_email", "ada@example.test")  # absent until loaded
                self.assertEqual(by_name[name]["state"], "signed_in")
                self.assertEqual(email, "ada@example.test")
            self.assertLess(len(json.dumps(by_name["evil"])), 32 << 10)
        for name in GOOD:
            self.assertEqual(self.show(name)["name"], name)
            self.assertTrue(self.agent.token(name)["access_token"])
        return self.show("evil")["state"]

    def keyfob(self, *args):
        return subprocess.run([os.path.join(varlink.BIN, "keyfob"), *args], env=self.agent.env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60)

    def test_a_good_pair_is_kept_whatever_is_beside_it(self):
        for what, body in good_pairs():
            with self.subTest(what):
                self.evil.on("refresh_token", (200, body))
                p = self.agent.call("Renew", profile="evil")["profile"]
                self.assertEqual((p["state"], p["user_id"]), ("signed_in", "user_1"))
                self.assertEqual(self.others_are_well(), "signed_in")
                self.assertTrue(VISIBLE.fullmatch(self.agent.token("evil")["access_token"]))
                self.assertIn("claims", self.agent.call("Claims", profile="evil"))
                self.agent.restart()
                self.assertEqual(self.others_are_well(), "signed_in")
                self.assertTrue(self.agent.token("evil")["access_token"], "the record is whole")
        out = self.keyfob("token", "evil")
        self.assertEqual((out.returncode, out.stderr), (0, b""))
        self.assertTrue(VISIBLE.fullmatch(out.stdout.decode("ascii").rstrip("\n")))
        self.assertEqual(self.keyfob("profile", "list").stdout.count(b"\n"), 5)

    def test_a_bad_answer_is_the_trouble_of_one(self):
        for what, answer in bad_answers():
            with self.subTest(what):
                self.evil.on("refresh_token", answer)
                with self.assertRaises(Failed) as c:
                    self.agent.call("Renew", profile="evil")
                self.assertTrue(c.exception.name.startswith(("net.", "workos.mismatch")))
                self.assertIn(self.others_are_well(), ("offline", "error"))
                # the token from before is still valid
                self.assertTrue(VISIBLE.fullmatch(self.agent.token("evil")["access_token"]))
                self.assertEqual(self.keyfob("profile", "list").returncode, 0)
        self.agent.restart()
        self.others_are_well()
        self.evil.on("refresh_token", session(2))
        self.assertEqual(self.agent.call("Renew", profile="evil")["profile"]["state"], "signed_in")

    def test_all_five_at_once(self):
        """230 kB in each of five records, more than a frame."""
        user = {"id": "user_1", "email": LONG, "name": LONG[:1000], "metadata": {"a": LONG[:20]}}
        for f in (self.good, self.evil):
            f.on("refresh_token", session(1, user=user))
        for name in ALL:
            self.agent.call("Renew", profile=name)
        for restarted in (False, True):
            if restarted:
                self.agent.restart()
                for name in ALL:
                    self.agent.token(name)
            for profiles in self.lists():
                self.assertEqual([len(p["user_email"]) for p in profiles], [106] * 5)
                self.assertEqual({p["state"] for p in profiles}, {"signed_in"})

    def test_a_hostile_sign_in(self):
        for what, body in list(good_pairs())[:8]:
            with self.subTest(what):
                self.evil.on("password", (200, body))
                self.assertEqual(self.sign_in("evil")["state"], "signed_in")
                self.others_are_well()

    def test_lists_of_an_account_come_in_frames(self):
        """5,000 sessions of 2 kB each: 10 MB, in frames that the client takes."""
        def page(r):
            after = re.search(r"after=s(\d+)", r.query)
            first = int(after.group(1)) + 1 if after else 0
            end = first + int(re.search(r"limit=(\d+)", r.query).group(1))
            text = LONG[:170]
            data = [{"id": "s%d" % i, "status": "active", "user_agent": text, "ip_address": text,
                     "auth_method": text, "created_at": text} for i in range(first, end)]
            return 200, {"data": data,
                         "list_metadata": {"after": "s%d" % (end - 1) if end < 5000 else None}}
        self.evil.on("GET /user_management/users/user_1/sessions", page)
        with self.agent.connect(60) as c:
            c.send("ListSessions", more=True, profile="evil")
            n, more = 0, True
            while more:
                n += len(c.answer()["sessions"])
                more = c.continues
            self.assertEqual(n, 5000)
            self.assertEqual(c.call("Hello", protocol=1, build="t")["protocol"], varlink.PROTOCOL)

    def test_a_page_is_no_revocation(self):
        """A network's sign-in page with status 200 does not say that WorkOS ended the session."""
        self.evil.on("POST /user_management/sessions/revoke", (200, PAGE))
        out = self.agent.call("SignOut", profile="evil")
        self.assertFalse(out["server_ended"])
        self.assertEqual(out["note"]["name"], "net.not_workos")


if __name__ == "__main__":
    varlink.main()
