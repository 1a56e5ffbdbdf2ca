"""A hostile server behind one profile of five.

While the server misbehaves, the other four profiles must be listed and served, and the agent must
not crash. When the server behaves again, its profile must be served as well.
"""
import json
import threading
import time

import lib
from lib import Home, in_parallel, served_again, setting
from server import Gone, Workos  # sets the path of fake
from fake import b64

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
WIDE = "\u4e00" * 1000
OTHERS = ["p1", "p2", "p3", "p4"]
TEXT = "\x1b]0;t\x07\x1b[2J\r\n\t\u202e\ud7ff\x7f p9\t1\tsigned_in " + "\u0085" + "A" * 300


def raw(data):
    return lambda request: request.raw(data)


def endless(head, part):
    """Sends until the agent closes the connection."""
    def way(request):
        request.raw(head)
        try:
            while not request.server.over.is_set():
                request.handler.put(part)
        except Gone:
            pass
    return way


def says(**members):
    """A good answer whose user has these members."""
    def way(request):
        status, body = request.handle()
        answer = json.loads(body)
        if status == 200:
            answer["user"].update(members)
        request.send(status, answer)
    return way


def in_organization(name):
    """A good answer for an organization that has this name."""
    def way(request):
        def get(path):
            return 200, {"object": "organization", "id": path.rsplit("/", 1)[-1], "name": name}
        request.server.get = get
        request.server.organization = "org_1"
        request.send(*request.handle())
    return way


def changes(change):
    """A good answer with changed bytes. The refresh token stays valid."""
    def way(request):
        status, body = request.handle()
        request.send(status, change(body))
    return way


def error(status, headers=(), **body):
    return lambda request: request.send(status, body, headers=headers)


def token_with(**claims):
    """A good answer whose access token has other claims."""
    def way(request):
        status, body = request.handle()
        answer = json.loads(body)
        if status == 200:
            head, middle, end = answer["access_token"].split(".")
            made = json.loads(lib.varlink.harness.unb64(middle))
            made.update(claims)
            answer["access_token"] = ".".join([head, b64(json.dumps(made).encode()), end])
        request.send(status, answer)
    return way


def with_header(status, header, body):
    """An error with any bytes as a header and as the reason."""
    head = b"HTTP/1.1 %d \xff\xfe\r\nContent-Type: application/json\r\n" % status
    return raw(head + header + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def slow_headers(request):
    request.raw(OK)
    for i in range(600):
        request.handler.put(b"X-%d: y\r\n" % i)
        request.wait(0.1)


WAYS = {
    "control-characters": says(email=TEXT, first_name=TEXT, last_name=TEXT),
    "long-names": says(email="a" * 120000 + "@example.test", first_name="b" * 120000),
    "types": says(email=7, first_name=[], last_name={"a": None}, id="user_\n0"),
    "too-long": says(email="a" * 1200000 + "@example.test", first_name="b" * 1200000),
    # An answer of 240 KB that is 1.4 MB when its control characters are escaped again.
    "grows-in-json": changes(lambda b: b.replace(b'"email": "', b'"email": "' + b"\x01" * 240000)),
    "controls-in-json": changes(lambda b: b.replace(b'"email": "', b'"email": "\x01\x1b\n\t')),
    "organization": in_organization(TEXT),
    "organization-long": in_organization("o" * 1200000),
    "not-utf-8": changes(lambda b: b.replace(b'"email": "', b'"email": "\xff\xfe\xc0\xaf')),
    "surrogate": changes(lambda b: b.replace(b'"email": "', b'"email": "\\ud800')),
    "nul": changes(lambda b: b.replace(b'"email": "', b'"email": "a\\u0000')),
    "twice": changes(lambda b: b.replace(b'{"user"', b'{"access_token": "a", "user"', 1)),
    "behind": changes(lambda b: b + b'{"access_token": "a"}'),
    "deep": raw(OK + b"Content-Length: 200000\r\n\r\n" + b"[" * 200000),
    "64-mb": lambda request: request.send(200, b'"' + b"x" * (64 << 20) + b'"'),
    "endless-body": endless(OK + b"Transfer-Encoding: chunked\r\n\r\n",
                            b"8000\r\n" + b"x" * 32768 + b"\r\n"),
    "endless-headers": endless(OK, b"X-A: " + b"y" * 8000 + b"\r\n"),
    "endless-100": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "slow-headers": slow_headers,
    "length-lies": raw(OK + b"Content-Length: 99999999\r\n\r\n{}"),
    "length-overflow": raw(OK + b"Content-Length: 99999999999999999999999\r\n\r\n{}"),
    "length-negative": raw(OK + b"Content-Length: -5\r\n\r\n{}"),
    "no-http": raw(b"\0" * 4096),
    "redirect": error(307, (("Location", "http://127.0.0.1:9/"),)),
    "retry-after": error(429, (("Retry-After", "999999999999"),), error="too_many_requests"),
    "retry-after-odd": error(503, (("Retry-After", "-1, x\x0b"),)),
    "error-text": error(400, error="odd\n\x1b[31m" + "e" * 5000, error_description=TEXT),
    "error-type": error(400, error={"a": 1}, code=[], message=7),
    # A text that is cut at a fixed number of bytes is cut within a character by one of these.
    **{"error-cut-%d" % n: error(403, error="o" * n + WIDE, error_description="d" * n + WIDE,
                                 code="c" * n + WIDE, message="m" * n + WIDE) for n in range(4)},
    "request-id": with_header(403, b"X-Request-ID: \xff\xfe\x01\xc0\xaf", b'{"message":"no"}'),
    "request-id-cut": with_header(403, b"X-Request-ID: r" + WIDE.encode(), b'{"message":"no"}'),
    "far-date": error(503, (("Date", "Fri, 31 Dec 9999 23:59:59 GMT"),)),
    "life-0": token_with(iat=0, exp=0),
    "life-huge": token_with(iat=-2 ** 62, exp=2 ** 62),
    "long-token": token_with(padding="x" * 150000),
    "many-permissions": token_with(permissions=["p%d" % i for i in range(15000)], role=TEXT),
    "claims": token_with(exp="soon", iat=None, sid=[], sub=TEXT),
}
# After these answers the refresh token is spent and its successor was unusable. So the profile of
# the hostile server need not be served afterwards.
UNUSABLE = {"life-huge", "claims", "types", "not-utf-8", "surrogate", "nul", "twice", "behind"}


def look_at_others(home, pid, name, tally):
    """The other profiles are listed and renewed, with the hostile answer on its way or stored."""
    listed = home.run("profile", "list", "--json", timeout=60)
    try:
        there = {p["name"] for p in json.loads(listed.out)["items"]}
    except (ValueError, KeyError):
        there = set()
    if there != {"p0", *OTHERS}:
        tally.broke("%s: profile list shows %s: %s" % (name, sorted(there), listed))
    for p in OTHERS:
        tally.count()
        r = home.run("token", p, "--renew", timeout=60)
        tally.waited(r.seconds)
        if r.rc != 0:
            tally.lose("%s: %s: %s" % (name, p, r))
        if home.state_of(p) != "signed_in":
            tally.broke("%s: %s is %s" % (name, p, home.state_of(p) or "not shown"))
    if home.pid() != pid:
        tally.broke("%s: the agent ended" % name)


def once(name, tally):
    with Workos(life=300) as bad, Workos(life=300) as good, Home() as home:
        home.signed_in(bad.url, "p0")
        home.signed_in(good.url, *OTHERS)
        pid = home.pid()
        bad.way = WAYS[name]
        asks = [threading.Thread(target=home.run, args=("token", "p0", "--renew"))
                for _ in range(3)]
        for a in asks:
            a.start()
        look_at_others(home, pid, name, tally)
        for a in asks:
            a.join()
        look_at_others(home, pid, name, tally)
        bad.way = None
        home.kill()  # so that a new agent reads what was stored of the answer
        home.must("agent", "start")
        look_at_others(home, home.pid(), name, tally)
        if name not in UNUSABLE:
            tally.count()
            if not served_again(home, "p0", tally, "--renew", bound=60):
                tally.say("^ after %s" % name)


def answers(tally):
    """KF_FAULTS_STEP=N tries every Nth kind of answer only. Four homes run at a time."""
    names = list(WAYS)[::setting("STEP", 1)]
    end = time.monotonic() + setting("SECONDS", 3600)
    at = iter(names)
    lock = threading.Lock()

    def work():
        while time.monotonic() < end:
            with lock:
                name = next(at, None)
            if not name:
                return
            once(name, tally)
    in_parallel([work] * 4)


lib.main({"answers": answers})
