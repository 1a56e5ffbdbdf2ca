"""A vault whose header cannot be read, was removed, or is damaged.

In the meantime a person asks for a token, adds a profile and signs in. None of these commands may
replace the vault. When the trouble is over, the session must still be there.
"""
import os

import lib
from lib import Home, served_again, setting
from server import Workos


def go_on_working(home, url, tally, n):
    """Commands that people run when something does not work. Each may fail."""
    for args, text in ((("token", "p0"), ""), (("unlock",), ""), (("doctor",), ""),
                       (("profile", "add", "n%d" % n, "--client-id", "client_sandbox",
                         "--api-key-stdin", "--api-host", url), lib.varlink.KEY),
                       (("login", "p0", "--method", "password", "--email", "u0@example.test",
                         "--password-stdin"), lib.varlink.PASSWORD), (("status", "p0"), ""),
                       (("token", "p0", "--renew"), "")):
        tally.waited(home.run(*args, text=text, timeout=60).seconds)


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return None


def vault_scenario(tally, begin, finish):
    """begin makes the trouble while no agent runs. finish ends it."""
    with Workos(life=300) as server:
        for n in range(setting("N", 3)):
            with Home() as home:
                home.signed_in(server.url, "p0")
                home.must("agent", "stop")
                header = os.path.join(home.vault, "header")
                before = read(header)
                begin(home, header)
                go_on_working(home, server.url, tally, n)
                now = read(header)
                if now not in (before, None) and now != getattr(home, "damage", None):
                    tally.broke("the header was replaced by another one")
                home.kill()
                finish(home, header, before)
                tally.count()
                served_again(home, "p0", tally, "--renew", bound=30)


def unreadable(error):
    """Every call on the header fails."""
    calls = "openat,open,access,faccessat,faccessat2,stat,lstat,newfstatat,statx"

    def begin(home, header):
        home.launch("strace", "-f", "-D", "-qq", "-o", os.devnull, "-P", header,
                    "-e", "inject=%s:error=%s" % (calls, error))

    def scenario(tally):
        vault_scenario(tally, begin, lambda *_: None)
    return scenario


def removed(tally):
    """The header is restored later, unless the agent has restored it from a copy."""
    def begin(home, header):
        os.rename(header, os.path.join(home.dir, "header"))

    def finish(home, header, before):
        if not os.path.exists(header):
            os.rename(os.path.join(home.dir, "header"), header)
    vault_scenario(tally, begin, finish)


def damaged(damage):
    """The header is damaged, and restored later unless the agent has restored it."""
    def scenario(tally):
        def begin(home, header):
            home.damage = damage(read(header))
            with open(header, "wb") as f:
                f.write(home.damage)

        def finish(home, header, before):
            if read(header) == home.damage:
                with open(header, "wb") as f:
                    f.write(before)
        vault_scenario(tally, begin, finish)
    return scenario


def flip(data):
    return bytes(b ^ (0x40 if i % 7 == 3 else 0) for i, b in enumerate(data))


lib.main({"eio": unreadable("EIO"), "eacces": unreadable("EACCES"), "removed": removed,
          "damaged": damaged(flip), "empty": damaged(lambda data: b""),
          "cut": damaged(lambda data: data[:len(data) // 2])}, root=True)
