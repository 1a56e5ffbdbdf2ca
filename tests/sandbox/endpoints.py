"""The endpoints beside authenticate."""
import os
import tempfile

from harness import AUTH, KEY, Case, Sandbox, claims, main


class Endpoints(Case):
    @classmethod
    def setUpClass(cls):
        cls.s = Sandbox()
        cls.s.__enter__()
        cls.plain = cls.s.password("plain").json["user"]

    @classmethod
    def tearDownClass(cls):
        cls.s.__exit__()

    def test_key_needed(self):
        uid = self.plain["id"]
        for method, path in (("POST", "/auth/factors/auth_factor_x/challenge"),
                             ("GET", "/user_management/users/" + uid),
                             ("GET", "/user_management/users/%s/sessions" % uid),
                             ("POST", "/user_management/sessions/revoke"), ("GET", "/organizations/org_x"),
                             ("GET", "/user_management/organization_memberships?user_id=" + uid)):
            for key in (None, "sk_test_no", "", KEY + "x"):
                self.c(self.s.call(method, path, key=key), 401)
            r = self.s.call(method, path, headers={"Authorization": "Basic " + KEY})
            self.c(r, 401)

    def test_not_found(self):
        for method, path in (("GET", "/"), ("GET", AUTH), ("PUT", AUTH), ("POST", AUTH + "/"), ("GET", "/nothing"),
                             ("GET", "/user_management/users/"), ("GET", "/user_management/users/a/b"),
                             ("POST", "/auth/factors//challenge"), ("GET", "/%00"), ("GET", "/%ff%fe"),
                             ("POST", AUTH + "%00"), ("BREW", "/coffee"), ("GET", "//sso/jwks/client_sandbox")):
            r = self.s.call(method, path)
            self.c(r, 404)
            self.assertTrue(r.headers["X-Request-ID"] and r.headers["Date"])
        self.c(self.s.get("/user_management/users/user_no", KEY), 404)
        self.c(self.s.get("/user_management/users/user_no/sessions", KEY), 404)
        self.c(self.s.get("/sso/jwks/client_no"), 404)
        self.c(self.s.challenge("auth_factor_no"), 404)

    def test_user(self):
        j = self.ok(self.s.get("/user_management/users/" + self.plain["id"], KEY))
        self.assertEqual(j["email"], "plain@example.test")
        self.assertEqual(set(j), set(self.plain))

    def test_jwks(self):
        for client in ("client_sandbox", "client_sandbox_public"):
            keys = self.ok(self.s.get("/sso/jwks/" + client))["keys"]
            self.assertEqual(len(keys), 1)
            self.assertEqual((keys[0]["alg"], keys[0]["kty"], keys[0]["use"]), ("RS256", "RSA", "sig"))
            self.assertTrue(keys[0]["kid"] and keys[0]["n"] and keys[0]["e"] == "AQAB")

    def test_organization(self):
        sso = "org_01KSB00000000000000000SS01"
        j = self.ok(self.s.get("/organizations/" + sso, KEY))
        self.assertEqual(set(j), {"object", "id", "name", "domains", "created_at", "updated_at"})
        self.assertEqual((j["object"], j["id"], j["name"]), ("organization", sso, "Single Sign-On Ltd"))
        self.assertEqual([d["domain"] for d in j["domains"]], ["sso.example.test"])
        self.c(self.s.get("/organizations/org_no", KEY), 404)

    def test_impersonation(self):
        who = {"email": "admin@example.test", "reason": "Ticket 4711: cannot sign in"}
        j = self.ok(self.s.password("impersonated"))
        self.assertEqual((j["authentication_method"], j["impersonator"]), ("Impersonation", who))
        self.assertEqual(set(j["oauth_tokens"]), {"provider", "access_token", "refresh_token", "expires_at", "scopes"})
        self.assertEqual(claims(j["access_token"])["act"], {"sub": "admin@example.test"})
        self.assertEqual(self.ok(self.s.refresh(j["refresh_token"]))["impersonator"], who)
        one = self.ok(self.s.get("/user_management/users/%s/sessions" % j["user"]["id"], KEY))["data"][0]
        self.assertEqual((one["auth_method"], one["impersonator"]), ("impersonation", who))
        j = self.ok(self.s.password("plain"))
        self.assertFalse({"impersonator", "oauth_tokens"} & set(j))
        self.assertNotIn("act", claims(j["access_token"]))

    def test_memberships(self):
        path = "/user_management/organization_memberships"
        self.a(self.s.get(path, KEY), 400, "missing_user_id_or_organization_id")
        j = self.ok(self.s.get(path + "?user_id=" + self.plain["id"], KEY))
        self.assertEqual((j["object"], j["list_metadata"]), ("list", {"before": None, "after": None}))
        self.assertEqual(len(j["data"]), 1)
        m = j["data"][0]
        self.assertTrue({"object", "id", "user_id", "organization_id", "organization_name", "status", "role", "roles",
                         "directory_managed", "custom_attributes", "created_at", "updated_at"} <= set(m))
        self.assertEqual((m["user_id"], m["status"], m["role"]), (self.plain["id"], "active", {"slug": "admin"}))
        by_org = self.ok(self.s.get(path + "?organization_id=" + m["organization_id"], KEY))
        self.assertGreater(len(by_org["data"]), 1)
        none = self.ok(self.s.get(path + "?user_id=%s&statuses=pending" % self.plain["id"], KEY))
        self.assertEqual(none["data"], [])
        self.a(self.s.get(path + "?user_id=x&statuses=odd", KEY), 422, "invalid_request_parameters")
        self.assertEqual(self.ok(self.s.get(path + "?user_id=user_no", KEY))["data"], [])

    def test_paging(self):
        path = "/user_management/organization_memberships?user_id="
        uid = self.a(self.s.password("orgs"), 403, "organization_selection_required")["user"]["id"]
        every = [m["id"] for m in self.ok(self.s.get(path + uid, KEY))["data"]]
        self.assertEqual(len(every), 3)
        seen, after = [], ""
        while True:
            j = self.ok(self.s.get(path + uid + "&limit=1" + after, KEY))
            seen += [m["id"] for m in j["data"]]
            if not j["list_metadata"]["after"]:
                break
            after = "&after=" + j["list_metadata"]["after"]
        self.assertEqual(seen, every)
        j = self.ok(self.s.get(path + uid + "&limit=1&before=" + every[2], KEY))
        self.assertEqual([m["id"] for m in j["data"]], [every[1]])
        self.assertEqual(j["list_metadata"], {"before": every[1], "after": every[1]})
        j = self.ok(self.s.get(path + uid + "&order=asc", KEY))
        self.assertEqual([m["id"] for m in j["data"]], every[::-1])
        for bad in ("limit=0", "limit=101", "limit=", "limit=1x", "limit=99999999999999999999", "order=up", "after=no",
                    "before=no", "before=%s&after=%s" % (every[0], every[1])):
            self.a(self.s.get(path + uid + "&" + bad, KEY), 422, "invalid_request_parameters")

    def sessions(self):
        path = "/user_management/users/%s/sessions?limit=100" % self.plain["id"]
        return {x["id"]: x for x in self.ok(self.s.get(path, KEY))["data"]}

    def test_revoke(self):
        j = self.ok(self.s.password("plain", user_agent="keyfob test", ip_address="192.0.2.7"))
        sid = claims(j["access_token"])["sid"]
        one = self.sessions()[sid]
        self.assertEqual((one["object"], one["status"], one["ended_at"], one["auth_method"], one["user_agent"],
                          one["ip_address"], one["organization_id"], one["user_id"]),
                         ("session", "active", None, "password", "keyfob test", "192.0.2.7", j["organization_id"],
                          self.plain["id"]))
        path = "/user_management/sessions/revoke"
        r = self.s.call("POST", path, {"session_id": sid}, key=KEY)
        self.assertEqual((r.status, r.raw), (200, b""))
        one = self.sessions()[sid]
        self.assertEqual(one["status"], "revoked")
        self.assertTrue(one["ended_at"])
        self.b(self.s.refresh(j["refresh_token"]), "invalid_grant")
        self.c(self.s.call("POST", path, {"session_id": "session_no"}, key=KEY), 404)
        self.a(self.s.call("POST", path, {"session_id": 7}, key=KEY), 422, "invalid_request_parameters")
        self.a(self.s.call("POST", path, b"{", key=KEY), 422, "invalid_request_parameters")

    def test_revoked_has_no_replay(self):
        j = self.ok(self.s.password("plain"))
        self.ok(self.s.refresh(j["refresh_token"]))
        self.s.call("POST", "/user_management/sessions/revoke",
                    {"session_id": claims(j["access_token"])["sid"]}, key=KEY)
        self.b(self.s.refresh(j["refresh_token"]), "invalid_grant")

    def test_logout(self):
        j = self.ok(self.s.password("plain"))
        sid = claims(j["access_token"])["sid"]
        path = "/user_management/sessions/logout"
        self.a(self.s.get(path), 422, "invalid_request_parameters")
        self.c(self.s.get(path + "?session_id=session_no"), 404)
        r = self.s.get(path + "?session_id=%s&return_to=http://evil.example/" % sid)
        self.a(r, 422, "invalid_request_parameters")
        self.assertEqual(self.sessions()[sid]["status"], "active")
        r = self.s.get(path + "?session_id=" + sid)
        self.assertEqual((r.status, r.headers["Location"]), (302, self.s.url))
        self.assertEqual(self.sessions()[sid]["status"], "revoked")
        self.b(self.s.refresh(j["refresh_token"]), "invalid_grant")


class Own(Case):
    def test_stats(self):
        with Sandbox() as s:
            self.assertEqual(s.stats(), {"requests": {"GET /sandbox/stats": 1}, "grants": {}, "sessions": 0,
                                         "replayed": 0, "reused": 0})
            uid = self.ok(s.password("plain"))["user"]["id"]
            s.password("plain", "wrong")
            s.auth("no_such_grant")
            s.get("/user_management/users/" + uid, KEY)
            s.get("/user_management/users/other", KEY)
            s.get("/nowhere")
            j = s.stats()
            self.assertEqual(j["grants"], {"password": 2, "other": 1})
            self.assertEqual(j["sessions"], 1)
            self.assertEqual(j["requests"], {"GET /sandbox/stats": 2, "POST " + AUTH: 3, "other": 1,
                                             "GET /user_management/users/{id}": 2})

    def test_return_to(self):
        with tempfile.TemporaryDirectory() as d:
            seed = os.path.join(d, "seed.json")
            with open(seed, "w") as f:
                f.write('{"clients":[{"id":"client_sandbox","secret":"sk_test_sandbox"}],'
                        '"users":[{"id":"user_1","email":"plain@example.test","password":"sandbox-password"}],'
                        '"logout_redirects":["http://127.0.0.1:9/bye"]}')
            with Sandbox("--seed", seed) as s:
                j = self.ok(s.password("plain"))
                # without a membership there is no organization, in the answer and in the token
                self.assertNotIn("organization_id", j)
                self.assertFalse({"org_id", "role", "roles", "permissions"} & set(claims(j["access_token"])))
                self.assertNotIn("organization_id", self.ok(s.refresh(j["refresh_token"])))
                r = s.get("/user_management/sessions/logout?session_id=%s&return_to=http%%3A%%2F%%2F127.0.0.1:9%%2Fbye"
                          % claims(j["access_token"])["sid"])
                self.assertEqual((r.status, r.headers["Location"]), (302, "http://127.0.0.1:9/bye"))


if __name__ == "__main__":
    main()
