#!/usr/bin/env python3
"""pages.py authorize URL EMAIL PASSWORD [TOTP_SECRET]: signs in on the page that URL opens, in a headless
Chromium, until keyfob's own page says how it ended; then loads that page a second time.
pages.py sso URL EMAIL: the same through the organization's identity provider.
pages.py deny URL: cancels there.
pages.py device URL CODE EMAIL PASSWORD: confirms CODE on the device page."""
import base64
import hashlib
import hmac
import struct
import sys
import time

from webdriver import Browser, Failed


def totp(secret):
    """RFC 6238; a code works once, so one of the step after this is as good (RFC 6238 5.2)."""
    key = base64.b32decode(secret)
    mac = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    at = mac[-1] & 15
    return "%06d" % ((struct.unpack(">I", mac[at:at + 4])[0] & 0x7FFFFFFF) % 1000000)


def password(b, email, word, secret):
    b.wait("the sign-in form", lambda: b.has("input[name=password]"))
    b.type("input[name=email]", email)
    b.type("input[name=password]", "wrong-password")
    b.click("button[name=action][value=password]")
    b.wait_text("Incorrect email or password")
    b.type("input[name=email]", email)
    b.type("input[name=password]", word)
    b.click("button[name=action][value=password]")
    if secret:
        b.wait("the code", lambda: b.has("input[name=code]"))
        b.type("input[name=code]", totp(secret))
        b.click("button[name=action]")


def back_home(b, want):
    b.wait("keyfob's own page", lambda: b.url().startswith("http://127.0.0.1:") and "/callback?" in b.url())
    b.wait_text(want)
    place = b.url()
    b.new_tab()
    b.go(place)
    b.wait_text("Already done")
    b.go(place.split("?")[0] + "?code=x&state=y")
    b.wait_text("Already done")


def main(what, *args):
    with Browser() as b:
        if what == "authorize":
            b.go(args[0])
            password(b, args[1], args[2], args[3] if len(args) > 3 else None)
            back_home(b, "Signed in")
        elif what == "sso":
            b.go(args[0])
            b.wait("the identity provider", lambda: b.has("button[name=email]"))
            b.click("button[name=email][value='%s']" % args[1])
            back_home(b, "Signed in")
        elif what == "deny":
            b.go(args[0])
            b.wait("the sign-in form", lambda: b.has("button[value=deny]"))
            b.click("button[value=deny]")
            back_home(b, "The sign-in did not work")
        elif what == "device":
            b.go(args[0])
            b.wait("the code", lambda: b.has("input[name=user_code]"))
            b.type("input[name=user_code]", args[1])
            b.click("button")
            b.wait_text(args[1])
            password(b, args[2], args[3], None)
            b.wait_text("You are signed in")
        else:
            raise Failed("what?")


try:
    main(*sys.argv[1:])
except Failed as e:
    print("FAIL: %s" % e)
    sys.exit(1)
