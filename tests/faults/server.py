"""A server on loopback that rotates refresh tokens as WorkOS does, and misbehaves on request.

A refresh token works once. For KF_FAULTS_WINDOW seconds (30) the token that was spent last gets the
same answer again. After that, or when its successor was spent, it gets invalid_grant. `way` decides
how a refresh is answered. It can wait, drip, hang up or send other bytes, before or after the
rotation.
"""
import http.server
import json
import os
import select
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "agent"))
from fake import jwt  # noqa: E402

AUTHENTICATE = "/user_management/authenticate"


class Gone(Exception):
    """The agent closed the connection."""


class Session:
    def __init__(self, number):
        self.number, self.turn = number, 0
        self.answer, self.access, self.rotated = None, None, 0.0

    def token(self, turn=None):
        return "refresh-%d-%d" % (self.number, self.turn if turn is None else turn)


class Refresh:
    """A request to renew. handle() rotates the token. The other methods send."""

    def __init__(self, server, handler, token):
        self.server, self.handler, self.token = server, handler, token
        self.number = int(token.split("-")[1])

    def handle(self):
        """(status, body) as WorkOS would answer now."""
        return self.server.rotate(self.token)

    def send(self, status, body, kind="application/json", headers=()):
        self.handler.answer(status, body, kind, headers)

    def raw(self, data):
        """Sends these bytes, headers included, and closes the connection afterwards."""
        self.handler.close_connection = True
        self.handler.put(data)

    def drip(self, status, body, rate):
        """Sends the headers at once, then `rate` bytes of the body per second."""
        head = "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self.raw((head % (status, len(body))).encode())
        step = max(1, rate // 10)
        for i in range(0, len(body), step):
            self.handler.put(body[i:i + step])
            self.wait(step / rate)

    def hang_up(self):
        self.handler.close_connection = True

    def wait(self, seconds):
        """Waits. Raises Gone when the agent has closed the connection."""
        end = time.monotonic() + seconds
        while not self.server.over.is_set():
            left = end - time.monotonic()
            if left <= 0:
                return
            self.server.over.wait(min(left, 0.1))
            self.look()

    def wait_for(self, event):
        while not event.wait(0.1) and not self.server.over.is_set():
            self.look()

    def look(self):
        """Raises Gone when the agent has closed the connection."""
        peer = self.handler.connection
        try:
            if not select.select([peer], [], [], 0)[0] or peer.recv(1, socket.MSG_PEEK):
                return
        except OSError:
            pass
        with self.server.lock:
            self.server.gave_up += 1
        raise Gone()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120

    def put(self, data):
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except OSError:
            raise Gone()

    def answer(self, status, body, kind="application/json", headers=()):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = ["HTTP/1.1 %d X" % status, "Content-Type: " + kind,
                 "Content-Length: %d" % len(body), "Date: " + self.date_time_string()]
        lines += ["%s: %s" % pair for pair in headers]
        self.put("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def do_POST(self):
        server = self.server.owner
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(raw) if raw else {}
        grant = body.get("grant_type", "").rsplit(":", 1)[-1]
        if self.path != AUTHENTICATE:
            self.answer(404, {"message": "Not Found"})
        elif grant == "password":
            self.answer(*server.sign_in())
        elif grant == "refresh_token":
            request = Refresh(server, self, body["refresh_token"])
            with server.lock:
                server.refreshes += 1
                way = server.way
            (way or server.plainly)(request)
        else:
            self.answer(400, {"error": "unsupported_grant_type", "error_description": grant})

    def do_GET(self):
        way = self.server.owner.get
        self.answer(*(way(self.path) if way else (404, {"message": "Not Found"})))

    do_DELETE = do_GET

    def log_message(self, *_):
        pass


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, *_):
        pass  # Gone


class Workos:
    def __init__(self, life=3):
        self.life = life
        self.window = float(os.environ.get("KF_FAULTS_WINDOW") or 30)
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.sessions = []
        self.way = self.get = None  # get: what a GET of a path is answered with
        self.profile = {}  # members of every answer's user
        self.organization = None
        self.refreshes = self.rotated = self.replayed = self.reused = self.gave_up = 0
        self.listener = Listener(("127.0.0.1", 0), Handler)
        self.listener.owner = self
        self.url = "http://127.0.0.1:%d" % self.listener.server_address[1]
        self.thread = threading.Thread(target=self.listener.serve_forever,
                                       kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.listener.shutdown()
        self.thread.join()
        self.listener.server_close()

    @staticmethod
    def plainly(request):
        request.send(*request.handle())

    def body(self, session):
        n = session.number
        user = {"object": "user", "id": "user_%d" % n, "email": "u%d@example.test" % n}
        user.update(self.profile)
        session.access = jwt("session_%d" % n, self.organization, self.life, "user_%d" % n,
                             turn=session.turn)
        return json.dumps({"user": user, "access_token": session.access,
                           "refresh_token": session.token(),
                           "authentication_method": "Password"}).encode()

    def sign_in(self):
        with self.lock:
            session = Session(len(self.sessions))
            self.sessions.append(session)
            return 200, self.body(session)

    def rotate(self, token):
        number = int(token.split("-")[1])
        refused = 400, b'{"error":"invalid_grant","error_description":"Already used"}'
        with self.lock:
            if number >= len(self.sessions):
                return refused
            session = self.sessions[number]
            if token == session.token():
                session.turn += 1
                self.rotated += 1
                session.rotated = time.monotonic()
                session.answer = self.body(session)
                return 200, session.answer
            age = time.monotonic() - session.rotated
            if token == session.token(session.turn - 1) and age < self.window:
                self.replayed += 1
                return 200, session.answer
            self.reused += 1
            return refused

    def end_windows(self):
        """No spent token gets its answer again, as if 30 s had passed."""
        with self.lock:
            for session in self.sessions:
                session.rotated = float("-inf")
