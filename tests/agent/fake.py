"""A WorkOS on loopback whose every answer the test says, and that remembers what it was asked."""
import base64
import http.server
import json
import re
import threading
import time

DROP = object()  # hang up without an answer


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt(sid="session_1", org=None, life=300, sub="user_1", **more):
    now = int(time.time())
    claims = dict(iss="https://api.workos.com", sub=sub, sid=sid, iat=now, exp=now + life, jti="j", **more)
    if org:
        claims.update(org_id=org, role="member", permissions=[])
    head = {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    return ".".join([b64(json.dumps(head).encode()), b64(json.dumps(claims).encode()), b64(b"no signature")])


def jwt_of(payload):
    """An access token with these bytes as its payload."""
    return ".".join([b64(b'{"alg":"RS256","kid":"k1"}'), b64(payload), b64(b"no signature")])


def session(n=1, org=None, **more):
    """A 200 of authenticate."""
    body = {"user": {"object": "user", "id": "user_1", "email": "ada@example.test", "first_name": "Ada"},
            "access_token": jwt("session_%d" % n, org), "refresh_token": "refresh-%d" % n,
            "authentication_method": "Password"}
    if org:
        body["organization_id"] = org
    body.update(more)
    return 200, body


class Request:
    def __init__(self, method, target, headers, raw):
        self.method = method
        self.path, _, self.query = target.partition("?")
        self.key = (headers.get("Authorization") or "").removeprefix("Bearer ")
        self.body = json.loads(raw) if raw else {}
        self.grant = self.body.get("grant_type", "").rsplit(":", 1)[-1] if isinstance(self.body, dict) else ""

    def __repr__(self):
        return "%s %s %s" % (self.method, self.path, self.body)


class Fake:
    def __init__(self):
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self):
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                r = Request(self.command, self.path, self.headers, raw)
                with fake.lock:
                    fake.seen.append(r)
                    answer = fake.find(r)
                if callable(answer):
                    answer = answer(r)
                if answer is DROP:
                    self.close_connection = True
                    return
                status, body, *headers = answer
                data = b"" if body is None else body
                if not isinstance(data, bytes):
                    data = json.dumps(body, ensure_ascii=False).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                for k, v in (headers[0] if headers else {}).items():
                    self.send_header(k, v)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = do_PUT = serve

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # the agent hung up

        self.lock = threading.Lock()
        self.seen = []
        self.rules = []
        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def on(self, what, *answers):
        """what: "POST /path" (a whole-match pattern) or the short name of a grant. Answers in their order, the last
        one again and again; each a (status, body), DROP, or a function of the request. A body of
        bytes goes out as it is. The latest rule counts."""
        with self.lock:
            self.rules.insert(0, [what, list(answers)])

    def find(self, r):
        for what, answers in self.rules:
            if r.grant == what if " " not in what else re.fullmatch(what, "%s %s" % (r.method, r.path)):
                return answers[0] if len(answers) == 1 else answers.pop(0)
        return 404, {"message": "Not Found"}

    def asked(self, what):
        with self.lock:
            return [r for r in self.seen
                    if (r.grant == what if " " not in what else re.fullmatch(what, "%s %s" % (r.method, r.path)))]


class Gate:
    """An answer that waits until the test lets it go."""

    def __init__(self, answer):
        self.answer = answer
        self.come = threading.Event()
        self.go = threading.Event()

    def __call__(self, r):
        self.come.set()
        assert self.go.wait(30)
        return self.answer

    def wait(self):
        assert self.come.wait(20), "the request did not come"
