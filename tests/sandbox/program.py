"""The program itself: options, output, ends, TLS, hostile input."""
import json
import os
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import tempfile
import threading
import time

import harness
from harness import AUTH, Case, Sandbox, claims, main, wait_for

JWKS = "/sso/jwks/client_sandbox"


def run(*args, stdin=subprocess.DEVNULL):
    return subprocess.run([os.path.join(harness.BIN, "keyfob-sandbox"), *args], stdin=stdin, capture_output=True,
                          text=True, timeout=60)


class Options(Case):
    def test_output(self):
        with Sandbox() as s:
            self.assertRegex(s.url, r"^http://127\.0\.0\.1:[0-9]+$")
            wait_for(lambda: os.path.exists(s.ready), "the ready file")
            with open(s.ready) as f:
                self.assertEqual(f.read(), "%s\n%d\n" % (s.url, s.proc.pid))
            self.assertEqual(stat.S_IMODE(os.stat(s.ready).st_mode), 0o600)
            s.proc.send_signal(signal.SIGTERM)
            rest = s.proc.stdout.read().decode()
            for who in ("plain", "totp", "orgs", "unverified", "enroll", "sso", "radar", "radar-sms", "radar-phone", "impersonated"):
                self.assertIn(who + "@example.test", rest)
            self.assertIn("sandbox-password", rest)
            s.proc.wait(20)
            self.assertEqual(os.listdir(s.dir.name), ["stderr"])  # the ready file is gone, nothing else is left
            self.assertEqual(s.errors(), "")

    def test_quiet(self):
        with Sandbox("--quiet") as s:
            s.proc.send_signal(signal.SIGINT)
            self.assertEqual(s.proc.stdout.read(), b"")

    def test_help(self):
        r = run("--help")
        self.assertEqual((r.returncode, r.stderr), (0, ""))
        for o in ("--port", "--ready-file", "--token-life", "--replay-window", "--seed", "--faults", "--tls",
                  "--idle-exit", "--lifeline", "--quiet", "--code-life", "--device-life", "--device-interval", "--no-limits"):
            self.assertIn(o, r.stdout)
        self.assertRegex(run("--version").stdout, r"^keyfob-sandbox [0-9]+[.][0-9.]+([+][A-Za-z0-9.]+)?\n$")

    def test_bad_options(self):
        for args in (["--port", "x"], ["--port", "65536"], ["--port", "-1"], ["--token-life", "5"],
                     ["--token-life", "10ms"], ["--replay-window", "soon"], ["--idle-exit", "0s"], ["--odd"],
                     ["--port"], ["extra"], ["--code-life", "10ms"], ["--code-life", "0"], ["--device-life", "x"],
                     ["--device-interval", "-1s"], ["--no-limits=1"]):
            r = run(*args)
            self.assertEqual((r.returncode, r.stdout), (2, ""), args)
            self.assertTrue(r.stderr)

    def test_port_in_use(self):
        with Sandbox() as s:
            r = run("--port", str(s.port))
            self.assertEqual((r.returncode, r.stdout), (1, ""))
            self.assertIn("Address already in use", r.stderr)

    def test_loopback_only(self):
        with Sandbox() as s:
            with socket.create_server(("127.0.0.2", s.port)):  # would be taken if it listened on 0.0.0.0
                pass

    def test_token_life(self):
        with Sandbox("--token-life", "20s") as s:
            c = claims(self.ok(s.password("plain"))["access_token"])
            self.assertEqual(c["exp"] - c["iat"], 20)

    def test_idle_exit(self):
        with Sandbox("--idle-exit", "700ms") as s:
            for _ in range(10):  # requests keep it alive for longer than that
                s.stats()
                time.sleep(0.1)
            self.assertIsNone(s.proc.poll())
            self.assertEqual(s.proc.wait(20), 0)

    def test_lifeline(self):
        with Sandbox("--lifeline", stdin=subprocess.PIPE) as s:
            s.stats()
            self.assertIsNone(s.proc.poll())
            s.proc.stdin.close()
            self.assertEqual(s.proc.wait(20), 0)


class Seeds(Case):
    def test_bad_seeds(self):
        one = '{"id":"user_1","email":"a@b.c"}'
        client = '"clients":[{"id":"client_x"}]'
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "seed.json")
            for text, word in (("", "seed"), ("[]", "seed"), ("{", "seed"), ("{%s}" % client, "users"),
                               ('{"users":[%s]}' % one, "clients"), ('{%s,"users":[]}' % client, "users"),
                               ('{%s,"users":[%s],"odd":1}' % (client, one), "odd"),
                               ('{%s,"users":[%s,%s]}' % (client, one, one), "users[1].id: comes twice"),
                               ('{%s,"users":[{"id":"u","email":"a","totp":"1!"}]}' % client, "totp"),
                               ('{%s,"users":[{"id":"u","email":"a","passwrod":"x"}]}' % client, "passwrod"),
                               ('{%s,"users":[{"id":"u","email":"a","email_verified":"yes"}]}' % client, "email_verified"),
                               ('{%s,"users":[{"id":"u","email":7}]}' % client, "email"),
                               ('{%s,"users":[{"id":"u","email":"a","memberships":[{"organization":"o"}]}]}' % client,
                                "is not in organizations"),
                               ('{%s,"users":[{"id":"u","email":"a","radar":"fax"}]}' % client, "radar"),
                               ('{%s,"users":[{"id":"u","email":"a","phone":"12"}]}' % client, "phone"),
                               ('{%s,"users":[{"id":"u","email":"a","impersonator":"x"}]}' % client, "impersonator"),
                               ('{%s,"users":[{"id":"u","email":"a","impersonator":{"reason":"x"}}]}' % client, "impersonator"),
                               ('{%s,"users":[{"id":"u","email":"a","oauth_tokens":[]}]}' % client, "oauth_tokens"),
                               ('{%s,"users":[%s],"sign_up":"no"}' % (client, one), "sign_up"),
                               ('{%s,"users":[%s],"redirect_uris":"http://x"}' % (client, one), "redirect_uris"),
                               ('{%s,"users":[%s],"organizations":[{"id":"o","name":"O","domains":[7]}]}' % (client, one), "domains"),
                               ('{%s,"users":[%s],"organizations":[{"id":"o","name":"O","sso_connections":["c"]},'
                                '{"id":"p","name":"P","sso_connections":["c"]}]}' % (client, one), "sso_connections"),
                               ('{"clients":[{"id":"client_x","device":1}],"users":[%s]}' % one, "device"),
                               ('{"clients":[{"id":"nope"}],"users":[%s]}' % one, "not a client ID")):
                with open(path, "w") as f:
                    f.write(text)
                r = run("--seed", path)
                self.assertEqual((r.returncode, r.stdout), (2, ""), text)
                self.assertIn(word, r.stderr)
        self.assertEqual(run("--seed", "/nonexistent").returncode, 1)
        self.assertEqual(run("--seed", "/dev/zero").returncode, 1)
        self.assertEqual(run("--faults", "/nonexistent").returncode, 1)

    def test_example_of_the_readme(self):
        here = os.path.dirname(os.path.abspath(__file__))
        with open(os.path.join(here, "../../src/sandbox/README.md")) as f:
            blocks = re.findall(r"```json\n(.*?)```", f.read(), re.S)
        self.assertEqual(len(blocks), 2)
        with tempfile.TemporaryDirectory() as d:
            for name, text in zip(("seed", "faults"), blocks):
                with open(os.path.join(d, name), "w") as f:
                    f.write(text)
            with Sandbox("--seed", os.path.join(d, "seed"), "--faults", os.path.join(d, "faults")) as s:
                first = json.loads(blocks[0])
                c, u = first["clients"][0], first["users"][0]
                r = s.auth("password", client={"client_id": c["id"], "client_secret": c["secret"]}, email=u["email"],
                           password=u["password"])
                self.assertEqual(r.json["user"]["email"], u["email"], r.raw)


class Tls(Case):
    def test_tls(self):
        with tempfile.TemporaryDirectory() as d:
            t = os.path.join(d, "tls")
            with Sandbox("--tls", t) as s:
                self.assertTrue(s.url.startswith("https://127.0.0.1:"))
                self.assertEqual(stat.S_IMODE(os.stat(t + "/key.pem").st_mode), 0o600)
                s.tls = ssl.create_default_context(cafile=t + "/ca.pem")
                j = self.ok(s.password("plain"))
                self.assertEqual(claims(j["access_token"])["iss"], s.url)

                def handshake(context, name):
                    with socket.create_connection(("127.0.0.1", s.port), 20) as raw:
                        with context.wrap_socket(raw, server_hostname=name) as c:
                            return c.getpeercert(True)
                for name in ("127.0.0.1", "localhost", "::1"):
                    first = handshake(s.tls, name)
                for context, name in ((s.tls, "example.test"), (ssl.create_default_context(), "127.0.0.1")):
                    with self.assertRaises(ssl.SSLCertVerificationError):
                        handshake(context, name)
                # plain HTTP to the TLS port gets no answer, and does no harm
                with socket.create_connection(("127.0.0.1", s.port), 20) as raw:
                    raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    self.assertNotIn(b"HTTP/1.1 2", raw.recv(4096))
                s.faults({"path": JWKS, "drop": "after"})
                with self.assertRaises(Exception):
                    s.get(JWKS)

                # other files, SIGHUP: another certificate, the same port, the same state
                for name in ("ca.pem", "cert.pem", "key.pem"):
                    os.unlink(os.path.join(t, name))
                s.proc.send_signal(signal.SIGHUP)
                wait_for(lambda: all(os.path.exists(os.path.join(t, n)) for n in ("ca.pem", "cert.pem", "key.pem")),
                         "a new certificate")
                fresh = lambda: ssl.create_default_context(cafile=t + "/ca.pem")

                def changed():
                    try:
                        return handshake(fresh(), "127.0.0.1") != first
                    except ssl.SSLError:
                        return False
                wait_for(changed, "the other certificate in use")
                s.tls = fresh()
                self.ok(s.refresh(j["refresh_token"]))

                # a broken key: it says so and goes on with the old one
                shutil.copy(t + "/cert.pem", t + "/key.pem")
                s.proc.send_signal(signal.SIGHUP)
                wait_for(lambda: "not usable" in s.errors(), "the complaint")
                self.ok(s.get("/sandbox/stats"))

    def test_kept_and_partial(self):
        with tempfile.TemporaryDirectory() as d:
            with Sandbox("--tls", d):
                with open(d + "/cert.pem") as f:
                    cert = f.read()
            with Sandbox("--tls", d):
                with open(d + "/cert.pem") as f:
                    self.assertEqual(f.read(), cert)
            os.unlink(d + "/key.pem")
            r = run("--tls", d)
            self.assertEqual((r.returncode, r.stdout), (2, ""))
            self.assertIn("not all", r.stderr)


class Hostile(Case):
    def raw(self, s, data, read=True):
        with socket.create_connection(("127.0.0.1", s.port), 20) as c:
            try:
                c.sendall(data)
                c.shutdown(socket.SHUT_WR)
                return c.recv(65536) if read else b""
            except OSError:
                return b""

    def test_bodies(self):
        with Sandbox() as s:
            head = {"Content-Type": "application/json"}
            self.b(s.call("POST", AUTH, b"x" * 256 * 1024, headers=head), "invalid_request")
            r = s.call("POST", AUTH, b"x" * (256 * 1024 + 1), headers=head)
            self.c(r, 413)
            long = json.dumps({"grant_type": "refresh_token", "client_id": "client_sandbox",
                               "refresh_token": "A" * 250000}).encode()
            self.b(s.call("POST", AUTH, long, headers=head), "invalid_grant")
            # endless: hung up on, without keeping any of it
            with socket.create_connection(("127.0.0.1", s.port), 20) as c:
                c.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" % AUTH.encode())
                block = b"10000\r\n" + b"y" * 65536 + b"\r\n"
                with self.assertRaises(OSError):
                    for _ in range(20000):
                        c.sendall(block)
            self.ok(s.password("plain"))

    def test_noise(self):
        with Sandbox() as s:
            for data in (b"", b"\0" * 100, b"GET\r\n\r\n", b"\xff" * 70000, b"GET / HTTP/9.9\r\n\r\n",
                         b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00" + b"x" * 50,
                         b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
                         b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n" % AUTH.encode(),
                         b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n" % AUTH.encode(),
                         b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nshort" % AUTH.encode(),
                         b"POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" % AUTH.encode(),
                         b"GET /?a=%&b=%0&c=%00&d=%zz HTTP/1.1\r\nHost: x\r\n\r\n",
                         b"GET /user_management/users/%2e%2e%2f HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\r\n\r\n"):
                self.assertNotIn(b"HTTP/1.1 200", self.raw(s, data))
                self.ok(s.get("/sandbox/stats"))

    def test_odd_agent(self):
        with Sandbox() as s:
            body = b"grant_type=password&client_id=client_sandbox&client_secret=sk_test_sandbox" \
                   b"&email=plain@example.test&password=sandbox-password"
            got = self.raw(s, b"POST %s HTTP/1.1\r\nHost: x\r\nUser-Agent: \xff\xfe\x1b[2J\r\nContent-Length: %d\r\n"
                              b"Content-Type: application/x-www-form-urlencoded\r\n\r\n%s"
                           % (AUTH.encode(), len(body), body))
            self.assertIn(b"HTTP/1.1 200", got)
            uid = json.loads(got.split(b"\r\n\r\n", 1)[1])["user"]["id"]
            listed = self.ok(s.get("/user_management/users/%s/sessions" % uid, harness.KEY))["data"]
            self.assertEqual(listed[0]["user_agent"], "???[2J")

    def test_slow_client_delays_nobody(self):
        with Sandbox() as s:
            half = []
            for _ in range(40):
                c = socket.create_connection(("127.0.0.1", s.port), 20)
                c.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{" % AUTH.encode())
                half.append(c)
            start = time.monotonic()
            self.ok(s.password("plain"))
            self.assertLess(time.monotonic() - start, 5)
            for c in half:
                c.close()

    def test_parallel_refresh_is_one_rotation(self):
        with Sandbox() as s:
            token = self.ok(s.password("plain"))["refresh_token"]
            got = []
            threads = [threading.Thread(target=lambda: got.append(s.refresh(token).json["refresh_token"]))
                       for _ in range(20)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            self.assertEqual((len(got), len(set(got))), (20, 1))
            self.assertEqual(s.stats()["replayed"], 19)

    def test_many_pending(self):
        with Sandbox() as s:
            first = s.password("orgs").json["pending_authentication_token"]
            self.ok(s.auth(harness.URN + "organization-selection", pending_authentication_token=first,
                           organization_id=s.password("orgs").json["organizations"][0]["id"]))


if __name__ == "__main__":
    main()
