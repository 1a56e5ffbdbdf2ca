"""Starts the real keyfob-sandbox and talks to it. Standard library only."""
import base64
import hashlib
import hmac
import html.parser
import http.client
import json
import os
import signal
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

BIN = None  # build/bin, set by main()
KEY = "sk_test_sandbox"
CLIENT = {"client_id": "client_sandbox", "client_secret": KEY}
PUBLIC = {"client_id": "client_sandbox_public"}
PASSWORD = "sandbox-password"
AUTH = "/user_management/authenticate"
URN = "urn:workos:oauth:grant-type:"
SECRET = "JBSWY3DPEHPK3PXP"


def totp(step_offset=0, secret=SECRET):
    """RFC 6238, computed here and not by the library under test."""
    key = base64.b32decode(secret)
    step = int(time.time()) // 30 + step_offset
    mac = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    at = mac[19] & 15
    return "%06d" % ((struct.unpack(">I", mac[at:at + 4])[0] & 0x7FFFFFFF) % 1000000)


def wrong_code():
    """A code that is right at no step near now."""
    near = {totp(i) for i in range(-4, 5)}
    return next(c for c in ("%06d" % n for n in range(1000)) if c not in near)


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims(token):
    return json.loads(unb64(token.split(".")[1]))


def rs256_ok(token, jwks):
    """RFC 8017 §8.2.2 with Python's integers."""
    head, body, sig = token.split(".")
    kid = json.loads(unb64(head))["kid"]
    key = next(k for k in jwks["keys"] if k["kid"] == kid)
    n, e = (int.from_bytes(unb64(key[x]), "big") for x in "ne")
    digest = hashlib.sha256((head + "." + body).encode()).digest()
    want = bytes.fromhex("3031300d060960864801650304020105000420") + digest
    size = (n.bit_length() + 7) // 8
    want = b"\0\1" + b"\xff" * (size - len(want) - 3) + b"\0" + want
    return pow(int.from_bytes(unb64(sig), "big"), e, n).to_bytes(size, "big") == want


class Answer:
    def __init__(self, status, headers, raw):
        self.status, self.headers, self.raw = status, headers, raw

    @property
    def json(self):
        return json.loads(self.raw)


class Sandbox:
    """One running program; `with Sandbox("--option", ...) as s`."""

    def __init__(self, *options, stdin=subprocess.DEVNULL, limits=False):
        self.dir = tempfile.TemporaryDirectory(prefix="kf-sandbox-")
        self.ready = os.path.join(self.dir.name, "ready")
        self.stderr = open(os.path.join(self.dir.name, "stderr"), "w+b")
        self.proc = subprocess.Popen(
            [os.path.join(BIN, "keyfob-sandbox"), "--port", "0", "--ready-file", self.ready,
             *([] if limits else ["--no-limits"]), *options],
            stdin=stdin, stdout=subprocess.PIPE, stderr=self.stderr)
        self.url = self.proc.stdout.readline().decode().rstrip("\n")
        self.port = urllib.parse.urlsplit(self.url).port
        self.tls = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
        status = self.proc.wait(20)
        self.proc.stdout.close()
        self.stderr.close()
        self.dir.cleanup()
        assert status == 0, "the sandbox ended with %d" % status

    def errors(self):
        with open(self.stderr.name, "rb") as f:
            return f.read().decode()

    def connect(self, timeout=20):
        if self.url.startswith("https:"):
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=self.tls)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def call(self, method, path, body=None, key=None, headers=None, form=False):
        headers = dict(headers or {})
        if key:
            headers["Authorization"] = "Bearer " + key
        if isinstance(body, (dict, list)):
            headers.setdefault("Content-Type",
                               "application/x-www-form-urlencoded" if form else "application/json")
            body = urllib.parse.urlencode(body) if form else json.dumps(body)
        conn = self.connect()
        try:
            conn.request(method, path, body, headers)
            r = conn.getresponse()
            return Answer(r.status, r.headers, r.read())
        finally:
            conn.close()

    def get(self, path, key=None):
        return self.call("GET", path, key=key)

    def auth(self, grant, form=False, client=None, **fields):
        body = dict(CLIENT if client is None else client, grant_type=grant, **fields)
        return self.call("POST", AUTH, {k: v for k, v in body.items() if v is not None}, form=form)

    def password(self, who, password=PASSWORD, **fields):
        return self.auth("password", email=who + "@example.test", password=password, **fields)

    def refresh(self, token, **fields):
        return self.auth("refresh_token", refresh_token=token, **fields)

    def stats(self):
        return self.get("/sandbox/stats").json

    def faults(self, *faults):
        r = self.call("POST", "/sandbox/faults", list(faults))
        assert r.status == 200, r.raw

    def post(self, path, body=None, key=KEY, **more):
        return self.call("POST", path, body, key=key, **more)

    def mail(self, kind, to):
        """The newest code of this kind for this address."""
        return [m for m in self.get("/sandbox/mail").json["mail"] if (m["kind"], m["to"]) == (kind, to)][-1]["code"]

    def page(self, path, **query):
        query = urllib.parse.urlencode({k: v for k, v in query.items() if v is not None})
        return Page(self, self.get(path + ("?" + query if query else "")))

    def challenge(self, factor):
        return self.call("POST", "/auth/factors/%s/challenge" % factor, key=KEY)


class Form(html.parser.HTMLParser):
    """The forms of a page, and whether anything on it could run."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.scripts = [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.scripts += tag == "script" or any(k.startswith("on") for k in a)
        if tag == "form":
            self.forms.append({"action": a["action"], "fields": {}, "buttons": []})
        elif tag == "input":
            self.forms[-1]["fields"][a["name"]] = a.get("value") or ""
        elif tag == "button":
            self.forms[-1]["buttons"].append((a.get("name"), a.get("value")))


class Page:
    """One page of the sandbox; press() gives the next one. Redirects are not followed: .back has their query."""

    def __init__(self, sandbox, answer):
        self.s, self.status, self.headers, self.text = sandbox, answer.status, answer.headers, answer.raw.decode()
        self.to = answer.headers["Location"]
        self.back = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.to).query, True, True)) if self.to else None
        self.forms = Form(self.text).forms

    def button(self, name, value=None):
        return next(((f, b) for f in self.forms for b in f["buttons"] if b[0] == name and value in (None, b[1])), None)

    def press(self, name, value=None, **typed):
        hit = self.button(name, value)
        assert hit, "no button %s=%s in %s" % (name, value, self.text)
        form, button = hit
        fields = dict(form["fields"], **typed)
        if name:
            fields[name] = button[1]
        return Page(self.s, self.s.call("POST", form["action"], fields, form=True))


def seeded(seed, *options, **more):
    """A sandbox with this seed: it has read the file when it tells its address."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        f.write(seed if isinstance(seed, str) else json.dumps(seed))
        f.flush()
        return Sandbox("--seed", f.name, *options, **more)


def wait_for(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("%s did not happen within %d s" % (what, seconds))
        time.sleep(0.02)


class Case(unittest.TestCase):
    """Checks in the words of WORKOS.md §1.5."""

    def a(self, answer, status, code):
        self.assertEqual((answer.status, answer.json.get("code")), (status, code), answer.raw)
        self.assertTrue(answer.json["message"])
        self.assertNotIn("error", answer.json)
        return answer.json

    def b(self, answer, error):
        self.assertEqual((answer.status, answer.json.get("error")), (400, error), answer.raw)
        self.assertTrue(answer.json["error_description"])
        self.assertNotIn("code", answer.json)
        return answer.json

    def c(self, answer, status):
        self.assertEqual(answer.status, status, answer.raw)
        self.assertEqual(list(answer.json), ["message"])

    def ok(self, answer, status=200):
        self.assertEqual(answer.status, status, answer.raw)
        return answer.json


def main():
    global BIN
    BIN = sys.argv.pop(1)
    unittest.main(module="__main__")
