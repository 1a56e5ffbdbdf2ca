"""Scripted misbehaviour."""
import http.client
import json
import os
import signal
import tempfile
import threading
import time

from harness import AUTH, Case, Sandbox, claims, main, wait_for

JWKS = "/sso/jwks/client_sandbox"


class Faults(Case):
    @classmethod
    def setUpClass(cls):
        cls.s = Sandbox()
        cls.s.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.s.__exit__()

    def tearDown(self):
        self.s.faults()

    def test_status_and_body(self):
        self.s.faults({"path": JWKS, "status": 502, "body": "<html>", "content_type": "text/html",
                       "headers": {"Retry-After": "1"}})
        r = self.s.get(JWKS)
        self.assertEqual((r.status, r.raw, r.headers["Content-Type"], r.headers["Retry-After"]),
                         (502, b"<html>", "text/html", "1"))
        self.assertTrue(r.headers["X-Request-ID"].startswith("req_"))
        self.s.faults({"path": JWKS, "status": 429, "body": {"error": "too_many_requests"}})
        self.assertEqual(self.s.get(JWKS).json, {"error": "too_many_requests"})

    def test_turns(self):
        for when, want in (({"nth": 2}, [200, 500, 200, 200]), ({"from": 2, "to": 3}, [200, 500, 500, 200]),
                           ({"from": 3}, [200, 200, 500, 500]), ({"to": 1}, [500, 200, 200, 200]), ({}, [500] * 4)):
            self.s.faults(dict(when, path=JWKS, status=500))
            self.assertEqual([self.s.get(JWKS).status for _ in range(4)], want)

    def test_grant_and_template(self):
        self.s.faults({"path": AUTH, "grant": "refresh_token", "status": 500},
                      {"path": "/user_management/users/{id}", "status": 503})
        j = self.ok(self.s.password("plain"))
        self.assertEqual(self.s.refresh(j["refresh_token"]).status, 500)
        self.assertEqual(self.s.get("/user_management/users/x").status, 503)
        self.s.faults()
        before = self.s.stats()["replayed"]
        self.ok(self.s.refresh(j["refresh_token"]))  # a status without "handle" spends nothing
        self.assertEqual(self.s.stats()["replayed"], before)

    def test_handled_but_failed(self):
        j = self.ok(self.s.password("plain"))
        before = self.s.stats()["replayed"]
        self.s.faults({"path": AUTH, "nth": 1, "status": 500, "handle": True, "body": "oops"})
        r = self.s.refresh(j["refresh_token"])
        self.assertEqual((r.status, r.raw), (500, b"oops"))
        self.ok(self.s.refresh(j["refresh_token"]))
        self.assertEqual(self.s.stats()["replayed"], before + 1)

    def test_drops(self):
        for drop, replays in (("before", 0), ("after", 1)):
            j = self.ok(self.s.password("plain"))
            before = self.s.stats()
            self.s.faults({"path": AUTH, "nth": 1, "drop": drop})
            with self.assertRaises((http.client.RemoteDisconnected, ConnectionResetError)):
                self.s.refresh(j["refresh_token"])
            self.ok(self.s.refresh(j["refresh_token"]))
            after = self.s.stats()
            self.assertEqual(after["replayed"] - before["replayed"], replays)
            # counted as received although it was never answered
            self.assertEqual(after["grants"]["refresh_token"] - before["grants"].get("refresh_token", 0), 2)

    def test_truncate(self):
        self.s.faults({"path": JWKS, "truncate": 40})
        with self.assertRaises(http.client.IncompleteRead) as e:
            self.s.get(JWKS)
        self.assertEqual(len(e.exception.partial), 40)
        self.s.faults({"path": JWKS, "truncate": 0})
        with self.assertRaises((http.client.IncompleteRead, http.client.RemoteDisconnected)):
            self.s.get(JWKS)

    def test_size(self):
        self.s.faults({"path": JWKS, "status": 200, "body_size": 1000000})
        self.assertEqual(self.s.get(JWKS).raw, b"x" * 1000000)
        self.s.faults({"path": JWKS, "status": 200, "body": "[{", "body_size": 1000001})
        self.assertEqual(self.s.get(JWKS).raw, b"[{" * 500000 + b"[")

    def test_date(self):
        self.s.faults({"path": JWKS, "date": "Thu, 01 Jan 1970 00:00:00 GMT"})
        r = self.s.get(JWKS)
        self.assertEqual(r.headers.get_all("Date"), ["Thu, 01 Jan 1970 00:00:00 GMT"])
        self.assertIn("keys", r.json)

    def test_edits(self):
        self.s.faults({"path": AUTH, "remove": ["user", "nothing"], "replace": {"access_token": "not-a-jwt"}})
        j = self.ok(self.s.password("plain"))
        self.assertEqual(j["access_token"], "not-a-jwt")
        self.assertNotIn("user", j)
        self.a(self.s.password("plain", "no"), 400, "invalid_credentials")

    def test_without_rotation(self):
        token = self.ok(self.s.password("plain"))["refresh_token"]
        before = self.s.stats()
        self.s.faults({"path": AUTH, "grant": "refresh_token", "remove": ["refresh_token"]})
        for _ in range(3):
            self.assertNotIn("refresh_token", self.ok(self.s.refresh(token)))
        self.s.faults()
        self.assertNotEqual(self.ok(self.s.refresh(token))["refresh_token"], token)
        after = self.s.stats()
        self.assertEqual((after["replayed"], after["reused"]), (before["replayed"], before["reused"]))

    def test_delay_holds_nobody_up(self):
        self.s.faults({"path": AUTH, "delay_ms": 1500})
        done = []
        slow = threading.Thread(target=lambda: done.append(self.s.password("plain").status))
        grants = self.s.stats()["grants"].get("password", 0)
        start = time.monotonic()
        slow.start()
        wait_for(lambda: self.s.stats()["grants"].get("password", 0) > grants, "the slow request")
        for _ in range(5):
            self.ok(self.s.get(JWKS))
        self.assertEqual(done, [])
        slow.join()
        self.assertEqual(done, [200])
        self.assertGreaterEqual(time.monotonic() - start, 1.5)

    def test_refused(self):
        self.s.faults({"path": JWKS, "status": 418})
        for bad in ([{}], [{"path": JWKS, "nht": 1}], [{"path": JWKS, "status": 99}], [{"path": 1}], {}, [1],
                    [{"path": JWKS, "nth": 1, "from": 1}], [{"path": JWKS, "from": 3, "to": 2}],
                    [{"path": JWKS, "drop": "maybe"}], [{"path": JWKS, "delay_ms": -1}],
                    [{"path": JWKS, "headers": {"A\nB": "x"}}], [{"path": JWKS, "headers": {"A": "x\r\nB: y"}}],
                    [{"path": JWKS, "remove": "x"}], [{"path": JWKS, "replace": []}], [{"path": JWKS, "date": 7}],
                    [{"path": JWKS, "body_size": 1 << 40}], [{"path": JWKS}] * 300):
            self.c(self.s.call("POST", "/sandbox/faults", json.dumps(bad)), 400)
        self.c(self.s.call("POST", "/sandbox/faults", "[]", headers={"Origin": "http://evil.example"}), 403)
        self.assertEqual(self.s.get(JWKS).status, 418)  # what was in force still is
        self.ok(self.s.get("/sandbox/stats"))


class File(Case):
    def test_reload(self):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "faults.json")

            def write(text):
                with open(path + ".new", "w") as f:
                    f.write(text)
                os.rename(path + ".new", path)
            write(json.dumps([{"path": JWKS, "status": 500}]))
            with Sandbox("--faults", path) as s:
                self.assertEqual(s.get(JWKS).status, 500)
                write(json.dumps([{"path": JWKS, "status": 503}]))
                s.proc.send_signal(signal.SIGHUP)
                wait_for(lambda: s.get(JWKS).status == 503, "the new faults")
                write("[{]")
                s.proc.send_signal(signal.SIGHUP)
                wait_for(lambda: "faults:" in s.errors(), "the complaint")
                self.assertEqual(s.get(JWKS).status, 503)

    def test_stop_cuts_delays(self):
        with Sandbox() as s:
            s.faults({"path": JWKS, "delay_ms": 600000})

            def ask():
                try:
                    s.get(JWKS)
                except OSError:
                    pass
                except http.client.HTTPException:
                    pass
            t = threading.Thread(target=ask)
            t.start()
            wait_for(lambda: s.stats()["requests"].get("GET /sso/jwks/{id}"), "the slow request")
            s.proc.send_signal(signal.SIGTERM)
            self.assertEqual(s.proc.wait(10), 0)
            t.join()


if __name__ == "__main__":
    main()
