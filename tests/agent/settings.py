"""Profiles and keyfob.conf."""
import os
import select
import stat

import varlink
from varlink import Agent, Case, Failed, KEY, claims, wait_for  # noqa: F401

CLIENT = "client_sandbox"


class Settings(Case):
    def setUp(self):
        self.agent = Agent()

    def tearDown(self):
        self.agent.__exit__(None, None, None)

    def names(self):
        return [p["name"] for p in self.agent.call("ListProfiles")["profiles"]]

    def conf(self):
        return self.agent.read(self.agent.conf)

    def write_conf(self, text):
        os.makedirs(os.path.dirname(self.agent.conf), 0o700, exist_ok=True)
        with open(self.agent.conf, "w") as f:
            f.write(text)

    def test_a_new_profile_is_seen_with_its_key(self):
        """Never without it: who sees the profile can sign in."""
        with Agent(store="vault") as a, a.connect() as look:
            for i in range(10):
                with a.connect() as c:
                    c.send("PutProfile", name="p%d" % i, client_id=CLIENT, api_key=KEY)
                    while not select.select([c.sock], [], [], 0)[0]:
                        for p in look.call("ListProfiles")["profiles"]:
                            self.assertTrue(p["confidential"], p["name"])
                    p = c.answer()["profile"]
                    self.assertTrue(p["confidential"])
                self.assertEqual(a.call("GetApiKey", profile=p["id"])["api_key"], KEY)
            a.restart()
            self.assertEqual(a.call("GetApiKey", profile="p0")["api_key"], KEY)

    def test_a_profile_that_is_not_made_leaves_no_key(self):
        """Several at once with one name: all keys are stored before the settings take a profile."""
        with Agent(store="vault") as a:
            a.put("first")
            conns = [a.connect() for _ in range(4)]
            for c in conns:
                c.send("PutProfile", name="same", client_id=CLIENT, api_key=KEY)
            made = 0
            for c in conns:
                try:
                    c.answer()
                    made += 1
                except Failed as e:
                    self.assertEqual(e.name, "usage.exists", str(e))
            self.assertEqual(made, 1)
            wait_for(lambda: a.call("StoreStatus")["api_keys"] == 2, "the other keys to be dropped")
            self.assertEqual(a.call("StoreStatus")["strangers"], 0)
            self.assertEqual(a.call("GetApiKey", profile="same")["api_key"], KEY)

    def test_new_profile(self):
        p = self.agent.put("dev", "http://127.0.0.1:4100", organization_id="org_1", redirect_port=8123)
        self.assertRegex(p["id"], "^[0-9a-f]{16}$")
        self.assertEqual((p["name"], p["client_id"], p["api_host"]), ("dev", CLIENT, "http://127.0.0.1:4100"))
        self.assertEqual((p["default"], p["confidential"], p["state"]), (True, True, "signed_out"))
        self.assertEqual((p["organization_id"], p["redirect_port"], p["environment"]), ("org_1", 8123, "localhost"))
        for key in ("dev", p["id"]):
            self.assertEqual(self.agent.call("GetProfile", profile=key)["profile"]["id"], p["id"])
        text = self.conf()
        self.assertIn(p["id"], text)
        self.assertNotIn(KEY, text)
        self.assertEqual(stat.S_IMODE(os.stat(self.agent.conf).st_mode), 0o600)
        q = self.agent.put("pub", api_key=None)
        self.assertEqual((q["default"], q["confidential"], q["api_host"]), (False, False, "https://api.workos.com"))
        self.assertEqual(self.names(), ["dev", "pub"])

    def test_change_rename_default_remove(self):
        a, b = self.agent.put("a", "http://127.0.0.1:1"), self.agent.put("b", api_key=None)
        c = self.agent.call("PutProfile", id=a["id"], name="renamed", client_id="client_other")["profile"]
        self.assertEqual((c["id"], c["name"], c["client_id"], c["confidential"]),
                         (a["id"], "renamed", "client_other", True))
        self.assertEqual(c["api_host"], a["api_host"], "what is absent stays")
        self.fails("usage.no_profile", self.agent.call, "GetProfile", profile="a")
        self.assertTrue(self.agent.call("GetProfile", profile="renamed")["profile"]["default"])
        self.agent.call("PutProfile", id=b["id"], name="b", client_id=CLIENT, make_default=True)
        self.assertEqual({p["name"]: p["default"] for p in self.agent.call("ListProfiles")["profiles"]},
                         {"renamed": False, "b": True})
        self.agent.call("RemoveProfile", profile="b")
        self.assertEqual(self.names(), ["renamed"])
        self.agent.call("RemoveProfile", profile=a["id"])
        self.assertEqual(self.names(), [])
        self.fails("usage.no_profile", self.agent.call, "RemoveProfile", profile="b")

    def test_refusals_change_nothing(self):
        a = self.agent.put("a", api_key=None)
        before = self.conf()
        put = lambda **kw: self.agent.call("PutProfile", **dict({"name": "x", "client_id": CLIENT}, **kw))  # noqa: E731
        for name in ("", "A", "-x", ".x", "a b", "a/b", "x" * 65, "a\n", "é", "a]"):
            with self.subTest(name=name):
                self.fails("usage.name", put, name=name)
        self.fails("usage.exists", put, name="a")
        self.fails("usage.exists", put, name="a", id="")
        self.fails("usage.no_profile", put, id="0123456789abcdef")
        b = self.agent.put("b", api_key=None)
        self.fails("usage.exists", put, name="a", id=b["id"])
        self.agent.call("RemoveProfile", profile="b")
        for cid in ("", "sk_test_x", "client_", "client_a b", "client_" + "x" * 65, "client_x\nid = 1"):
            with self.subTest(client_id=cid), self.assertRaises(Failed) as c:
                put(client_id=cid)
            self.assertIn(c.exception.name, ("usage.no_client_id", "usage.bad"), str(c.exception))
        for url in ("http://example.test", "ftp://x", "https://", "https://a b", "https://x/path?q", "https://u:p@x",
                    "https://127.0.0.1:99999", "http://127.0.0.1.example.test", "https://x\n[keyfob]"):
            with self.subTest(url=url):
                self.fails("usage.bad_url", put, api_host=url)
        for key in ("sk_\n", "x" * 5000, "not a key"):
            with self.subTest(key=key[:10]), self.assertRaises(Failed) as c:
                put(api_key=key)
            self.assertTrue(c.exception.name.startswith("usage."), str(c.exception))
            self.assertNotIn(key, str(c.exception))
        for org in ("a\nb", "x" * 100):
            with self.subTest(org=org[:10]), self.assertRaises(Failed):
                put(organization_id=org)
        with self.assertRaises(Failed):
            put(label="x" * 200)
        self.assertEqual(self.names(), ["a"])
        self.assertEqual(self.conf(), before)
        self.assertEqual(self.agent.call("GetProfile", profile="a")["profile"]["id"], a["id"])

    def test_comments_and_unknown_keys_are_kept(self):
        self.write_conf("# mine\n[keyfob]\n# how long\nkeepalive = never\nfuture = 1\n\n[other]\nx = y\n")
        self.agent.put("dev", api_key=None)
        text = self.conf()
        for part in ("# mine", "# how long", "future", "[other]", "[profile dev]"):
            self.assertIn(part, text)

    def test_an_edit_on_disk_is_seen(self):
        self.agent.put("a", api_key=None)
        text = self.conf()
        self.write_conf(text.replace("[profile a]", "[profile edited-by-hand]"))
        self.assertEqual(self.names(), ["edited-by-hand"])

    def test_broken_file_is_named_with_its_line_and_left_alone(self):
        self.agent.put("a", api_key=None)
        broken = self.conf() + "\n# two\nthis is no setting\n"
        line = broken.count("\n")
        self.write_conf(broken)
        for method, params in (("ListProfiles", {}), ("GetProfile", {"profile": "a"}), ("GetToken", {"profile": "a"}),
                               ("PutProfile", {"name": "b", "client_id": CLIENT}), ("RemoveProfile", {"profile": "a"})):
            with self.subTest(method=method):
                e = self.fails("usage.config", self.agent.call, method, **params)
                self.assertIn("keyfob.conf:%d" % line, e.failure["what"])
        self.assertEqual(self.conf(), broken)
        self.assertEqual(self.agent.call("Hello", protocol=1, build="t")["protocol"], varlink.PROTOCOL)
        self.write_conf(broken.replace("this is no setting", "# corrected"))
        self.assertEqual(self.names(), ["a"])

    def test_broken_from_the_start(self):
        self.agent.proc.terminate()
        self.assertEqual(self.agent.proc.wait(20), 0)
        self.write_conf("[keyfob]\nstore = memory\n[profile x\n")
        self.agent.start()
        e = self.fails("usage.config", self.agent.call, "ListProfiles")
        self.assertIn("keyfob.conf:3", e.failure["what"])
        with self.agent.connect() as c:
            c.send("Watch", more=True)
            self.fails("usage.config", c.answer)
        self.assertEqual(self.conf(), "[keyfob]\nstore = memory\n[profile x\n")

    def test_many_profiles_come_in_frames_of_500(self):
        n = 1100
        text = "".join("[profile p%04d]\nid = %016x\nclient_id = %s\n" % (i, i + 1, CLIENT) for i in range(n))
        self.write_conf(text)
        for method in ("ListProfiles", "Watch"):
            with self.agent.connect() as c:
                c.send(method, more=True)
                got, frames = [], []
                while len(got) < n:
                    part = c.answer()["profiles"]
                    self.assertTrue(part)
                    frames.append(len(part))
                    got += [p["name"] for p in part]
                    if method == "ListProfiles":
                        self.assertEqual(c.continues, len(got) < n)
                self.assertEqual(got, ["p%04d" % i for i in range(n)])
                self.assertLessEqual(max(frames), 500)

    def test_the_key_is_stored_before_the_settings_say_so(self):
        """A locked vault: nothing is written anywhere."""
        with Agent(store="vault", env={"KEYFOB_PASSPHRASE_FILE": None}) as a:
            with self.assertRaises(Failed) as c:
                a.put("dev")
            self.assertIn(c.exception.name, ("store.vault_new", "store.vault_locked"), str(c.exception))
            self.assertEqual(a.call("ListProfiles")["profiles"], [])
            self.assertNotIn("[profile", a.read(a.conf))
            self.fails("store.vault_new", a.call, "Unlock", passphrase="first")
            for short in ("first", "x" * 11, "ä" * 11):
                e = self.fails("usage.bad", a.call, "Unlock", passphrase=short, create=True)
                self.assertIn("fewer than 12 characters", e.failure["what"])
                self.assertIn("--weak", e.failure["hint"])
            self.assertEqual(a.call("Unlock", passphrase="first", create=True, weak=True)["store"]["state"], "ok")
            self.assertTrue(a.put("dev")["confidential"])
            a.call("Lock")
            self.assertEqual(a.call("Hello", protocol=1, build="t")["store"]["state"], "locked")
            self.fails("store.bad_passphrase", a.call, "Unlock", passphrase="second")
            self.fails("store.vault_locked", a.put, "more")
            self.assertEqual([p["name"] for p in a.call("ListProfiles")["profiles"]], ["dev"])
            a.call("Unlock", passphrase="first")
            a.put("more")

    def test_an_api_key_can_be_taken_away(self):
        a = self.agent.put("dev", "http://127.0.0.1:1")
        self.fails("usage.bad", self.agent.call, "PutProfile", id=a["id"], name="dev", client_id=CLIENT, api_key=KEY,
                   no_api_key=True)
        self.assertEqual(self.agent.call("GetApiKey", profile="dev")["api_key"], KEY)
        b = self.agent.call("PutProfile", id=a["id"], name="dev", client_id=CLIENT, no_api_key=True)["profile"]
        self.assertFalse(b["confidential"])
        self.assertIn("confidential=false", self.conf())
        self.fails("workos.needs_api_key", self.agent.call, "GetApiKey", profile="dev")
        again = self.agent.call("PutProfile", id=a["id"], name="dev", client_id=CLIENT, no_api_key=True)["profile"]
        self.assertFalse(again["confidential"])
        # not only the settings: a hand-made "confidential = true" finds no key
        self.write_conf(self.conf().replace("confidential=false", "confidential=true"))
        self.fails("workos.needs_api_key", self.agent.call, "GetApiKey", profile="dev")

    def test_git_hosts(self):
        a = self.agent.put("a", api_key=None, git_host="Git.Example.TEST; code.example.test:8443", label="Ours")
        self.assertEqual((a["git_host"], a["label"]), ("git.example.test;code.example.test:8443", "Ours"))
        b = self.agent.put("b", api_key=None)
        self.assertNotIn("git_host", b)
        put = lambda who, hosts: self.agent.call("PutProfile", id=who["id"], name=who["name"], client_id=CLIENT,  # noqa: E731
                                                 git_host=hosts)["profile"]
        before = self.conf()
        e = self.fails("usage.exists", put, b, "new.example.test;GIT.example.test")
        self.assertIn("profile a", e.failure["what"])
        for bad in ("https://x", "a/b", "a b", "-x", "x:0", "x:99999", "x:1;x:1", "x:", ":1", "u@x", "x\n", "x" * 300,
                    ";".join("h%d" % i for i in range(17))):
            with self.subTest(bad=bad[:20]):
                self.fails("usage.bad", put, b, bad)
        self.assertEqual(self.conf(), before)
        self.assertEqual(put(b, "git.example.test:443")["git_host"], "git.example.test:443")
        self.assertEqual(put(a, a["git_host"])["git_host"], a["git_host"], "its own hosts are no conflict")
        self.agent.call("PutProfile", id=a["id"], name="renamed", client_id=CLIENT)
        token = lambda **kw: self.agent.call("GetToken", **kw)  # noqa: E731
        e = self.fails("workos.not_signed_in", token, git_host="git.EXAMPLE.test")
        self.assertIn("renamed", e.failure["what"])
        self.assertIn("b has", self.fails("workos.not_signed_in", token, git_host="git.example.test:443").failure["what"])
        for other in ("example.test", "xgit.example.test", "git.example.test:8443", "code.example.test", ""):
            with self.subTest(other=other):
                self.fails("usage.no_profile", token, git_host=other)
        self.fails("usage.bad", token, git_host="git.example.test", profile="renamed")
        self.fails("usage.bad", token, git_host="a b")
        self.assertNotIn("git_host", put(a, ""))
        self.fails("usage.no_profile", token, git_host="git.example.test")
        self.write_conf(self.conf().replace("git_host=", "git_host=x.test;", 1).replace("[profile a]", "[profile a]\ngit_host=x.test"))
        self.assertIn("x.test", self.fails("usage.config", self.agent.call, "ListProfiles").failure["what"])

    def test_many_at_once_or_none(self):
        many = lambda *items, **kw: self.agent.call("PutProfiles", profiles=list(items), **kw)["names"]  # noqa: E731
        one = lambda name, **kw: dict({"name": name, "client_id": CLIENT}, **kw)  # noqa: E731
        self.assertEqual(many(), [])
        self.assertEqual(many(one("a"), one("b"), dry_run=True), ["a", "b"])
        self.assertEqual(self.names(), [])
        self.assertFalse(os.path.exists(self.agent.conf))
        self.assertEqual(many(one("a", git_host="x.test", label="L"), one("b", api_host="http://127.0.0.1:1")), ["a", "b"])
        a, b = self.agent.call("ListProfiles")["profiles"]
        self.assertEqual((a["name"], a["default"], a["git_host"], a["label"], a["confidential"]), ("a", True, "x.test", "L", False))
        self.assertEqual((b["default"], b["api_host"]), (False, "http://127.0.0.1:1"))
        before = self.conf()
        for name, items in (("usage.exists", [one("c"), one("a")]), ("usage.exists", [one("c"), one("c")]),
                            ("usage.name", [one("c"), one("C")]), ("usage.exists", [one("c", git_host="x.test")]),
                            ("usage.exists", [one("c", git_host="y.test"), one("d", git_host="Y.test")]),
                            ("usage.no_client_id", [one("c"), {"name": "d", "client_id": "x"}]), ("usage.bad", [one("c"), 7]),
                            ("usage.bad", [one("c"), {"name": "d"}]), ("usage.bad", [one("c"), one("d", label=7)]),
                            ("usage.bad", [one("c"), one("d", api_key=KEY)]), ("usage.bad", [one("c"), one("d", id=a["id"])]),
                            ("usage.bad_url", [one("c"), one("d", api_host="http://example.test")])):
            with self.subTest(items=items):
                e = self.fails(name, self.agent.call, "PutProfiles", profiles=items)
                self.assertIn("number %d" % len(items), e.failure["what"])
                self.assertNotIn(KEY, str(e))
                self.assertEqual((self.conf(), self.names()), (before, ["a", "b"]))
        many(*[one("n%03d" % i) for i in range(600)])
        with self.agent.connect() as c:
            c.send("ListProfiles", more=True)
            self.assertEqual(len(c.answer()["profiles"]) + len(c.answer()["profiles"]), 602)
        self.assertEqual(many(one("z", make_default=True)), ["z"])
        self.assertTrue(self.agent.call("GetProfile", profile="z")["profile"]["default"])

    def test_index_without_secrets(self):
        self.agent.put("dev", "http://127.0.0.1:1")
        index = os.path.join(self.agent.state, "profiles")
        varlink.wait_for(lambda: "dev" in self.agent.read(index), "the index")
        lines = self.agent.read(index).splitlines()
        self.assertEqual(lines[0], "keyfob-profiles 2")
        self.assertEqual(lines[1].split("\t")[1:4], ["dev", "1", "signed_out"])


if __name__ == "__main__":
    varlink.main()
