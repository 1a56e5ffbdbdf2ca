"""A proxy, a firewall or a captive portal answers in place of WorkOS.

The access token has expired. When WorkOS can be reached again, keyfob must ask it and serve.
"""
import time

import lib
from lib import Home, in_parallel, served_again, wait_until
from server import Workos

PAGE = b"<html><body>Blocked by the network</body></html>"
JSON = b'{"blocked":true,"policy":"guests"}'


def page(status, body=PAGE, kind="text/html", headers=()):
    return lambda request: request.send(status, body, kind, headers)


WAYS = {str(status): page(status) for status in (400, 401, 403, 404, 405, 407, 451, 511, 503)}
WAYS["200"] = page(200)
WAYS["302"] = page(302, b"", headers=(("Location", "http://127.0.0.1:9/portal"),))
WAYS["403-json"] = page(403, JSON, "application/json")
WAYS["400-empty"] = page(400, b"", "text/plain")
WAYS["reset"] = lambda request: request.hang_up()
WAYS["garbage"] = lambda request: request.raw(b"\0\1\2 this is not HTTP\r\n\r\n")


def once(name, way, tally):
    with Workos(life=1) as server, Home() as home:
        home.signed_in(server.url, "p0")
        server.way = way
        wait_until(lambda: home.run("token", "p0").rc, "a failure with %s" % name, 60)
        for _ in range(5):  # a script asks in a loop
            home.run("token", "p0")
            time.sleep(0.2)
        server.way = None
        asked = server.refreshes
        tally.count()
        if not served_again(home, "p0", tally, bound=60):
            tally.say("^ after an answer of the kind %s; asked again %d times"
                      % (name, server.refreshes - asked))


def answers(tally):
    in_parallel([lambda n=n, w=w: once(n, w, tally) for n, w in WAYS.items()])


lib.main({"answers": answers})
