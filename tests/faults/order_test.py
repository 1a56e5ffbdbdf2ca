"""Tests the order checker. It must accept a good log, and refuse logs in which two steps are
swapped or one step is missing. With BIN, the log of a real agent is tested as well."""
import json
import os
import re
import sys
import tempfile
import unittest

import order

RECORD, LOCK = "/h/data/keyfob/vault/%s.session", "/h/state/keyfob/%s.lock"
STEPS = ["intent", "intent synced", "request", "answer", "record", "record synced", "rename",
         "folder", "read back", "ledger", "ledger synced", "published"]
OF_THE_SERVER = "request", "answer"  # keyfob does not decide the order of these two


def quoted(data):
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\r", "\\r"), ("\n", "\\n")):
        data = data.replace(plain, escaped)
    return '"%s"' % data


def http(first, body):
    text = json.dumps(body)
    return quoted("%s\r\nContent-Length: %d\r\n\r\n%s" % (first, len(text), text)), 1 << 20


def ledger(fp, intent=None):
    line = {"schema": "keyfob.ledger/1", "fp": fp}
    if intent:
        line["intent"] = {"fp": intent, "host_id": "a"}
    return quoted(json.dumps(line) + "\n")


def renewal(profile="0123456789abcdef", n=1, port=4000, store="vault"):
    """The lines of each step, in order."""
    old, new, access = "refresh-%d" % n, "refresh-%d" % (n + 1), "access-%d-%s" % (n + 1, profile)
    fps = [order.fingerprint(t.encode()) for t in (old, new)]
    lock, record = LOCK % profile, RECORD % profile
    folder = os.path.dirname(record)
    tcp = "16<TCP:[127.0.0.1:%d->127.0.0.1:80]>" % port
    ask = http("POST /user_management/authenticate HTTP/1.1",
               {"grant_type": "refresh_token", "refresh_token": old})
    answer = http("HTTP/1.1 200 OK", {"access_token": access, "refresh_token": new})
    steps = {
        "intent": ['7 pwrite64(15<%s>, %s, 400, 0) = 400' % (lock, ledger(fps[0], fps[0]))],
        "intent synced": ["7 fsync(15<%s>) = 0" % lock],
        "request": ["5 sendto(%s, %s, %d, 0, NULL, 0) = 9999" % (tcp, *ask)],
        "answer": ["5 recvfrom(%s, %s, %d, 0, NULL, NULL) = 9999" % (tcp, *answer),
                   "5 close(%s) = 0" % tcp],
        "record": ['7 openat(AT_FDCWD</>, "%s.x1", O_RDWR) = 16<%s.x1>' % (record, record),
                   '7 write(16<%s.x1>, "sealed"..., 2000) = 2000' % record],
        "record synced": ["7 fsync(16<%s.x1>) = 0" % record],
        "rename": ['7 rename("%s.x1", "%s") = 0' % (record, record)],
        "folder": ['7 openat(AT_FDCWD</>, "%s", O_RDONLY) = 16<%s>' % (folder, folder),
                   "7 fsync(16<%s>) = 0" % folder],
        "read back": ['7 openat(AT_FDCWD</>, "%s", O_RDONLY) = 16<%s>' % (record, record),
                      '7 read(16<%s>, "sealed", 4096) = 2000' % record],
        "ledger": ["7 pwrite64(15<%s>, %s, 400, 0) = 400" % (lock, ledger(fps[1]))],
        "ledger synced": ["7 fdatasync(15<%s>) = 0" % lock],
        "published": ['5 sendto(14<UNIX-STREAM:[1->2,"/r/agent.sock"]>, %s, 900, 0, NULL, 0) = 900'
                      % quoted(json.dumps({"parameters": {"access_token": access}}))],
    }
    assert list(steps) == STEPS
    if store != "vault":
        for step in STEPS[4:9]:
            del steps[step]
    return steps


def lines_of(steps):
    return [line for step in steps.values() for line in step]


def swapped(steps, a, b):
    names = list(steps)
    i, j = names.index(a), names.index(b)
    names[i], names[j] = names[j], names[i]
    return {n: steps[n] for n in names}


def without(steps, *gone):
    return {n: s for n, s in steps.items() if n not in gone}


def interleaved(lines):
    """The same calls, each interrupted by a call of another thread."""
    out = []
    for line in lines:
        task, call = line.split(" ", 1)
        name = call.split("(")[0]
        cut = call.index(",") if "," in call else call.index(")")
        out += ["%s %s <unfinished ...>" % (task, call[:cut]),
                "9 poll([{fd=3}], 1, 0) = 0 (Timeout)",
                "%s <... %s resumed>%s" % (task, name, call[cut:])]
    return out


class Doctored(unittest.TestCase):
    def broken(self, lines):
        log = order.Log(lines)
        return log.check(), len([r for r in log.renewals.values() if r.answered < order.NEVER])

    def right(self, lines, renewals):
        self.assertEqual(self.broken(lines), ([], renewals))

    def wrong(self, lines):
        self.assertTrue(self.broken(lines)[0])

    def test_right(self):
        self.right(lines_of(renewal()), 1)
        self.right(interleaved(lines_of(renewal())), 1)
        self.right(lines_of(renewal()) + lines_of(renewal(n=2, port=4001)), 2)

    def test_two_profiles_at_once(self):
        a, b = renewal(), renewal("fedcba9876543210", 7, 4001)
        self.right([line for s in STEPS for line in a[s] + b[s]], 2)
        b = swapped(b, "rename", "record synced")
        self.wrong([line for x, y in zip(a.values(), b.values()) for line in x + y])

    def test_the_synced_file_is_the_profiles_own(self):
        other = renewal("fedcba9876543210", 7)
        for step in ("intent synced", "record synced", "ledger synced"):
            self.wrong(lines_of(dict(renewal(), **{step: other[step]})))

    def test_swapped(self):
        for a, b in zip(STEPS, STEPS[1:]):
            if (a, b) != OF_THE_SERVER:
                with self.subTest(a=a, b=b):
                    self.wrong(lines_of(swapped(renewal(), a, b)))
                    self.wrong(interleaved(lines_of(swapped(renewal(), a, b))))

    def test_missing(self):
        for step in STEPS:
            if step not in ("request", "answer", "published"):
                with self.subTest(step=step):
                    self.wrong(lines_of(without(renewal(), step)))

    def test_overlapping(self):
        """The request leaves while the ledger is being synced: too early."""
        steps = renewal()
        sync = steps.pop("intent synced")[0]
        lines = lines_of(steps)
        at = next(i for i, line in enumerate(lines) if "POST" in line)
        lines[at:at + 1] = [sync.replace(") = 0", " <unfinished ...>"), lines[at],
                            "7 <... fsync resumed>) = 0"]
        self.wrong(lines)

    def test_killed(self):
        """A log that ends early is not a violation."""
        lines = lines_of(renewal())
        for n in range(len(lines)):
            with self.subTest(n=n):
                self.assertEqual(self.broken(lines[:n])[0], [])

    def test_failed_sync(self):
        steps = renewal()
        steps["intent synced"] = ["7 fsync(15<%s>) = -1 EIO (Input/output error)"
                                  % (LOCK % "0123456789abcdef")]
        self.wrong(lines_of(steps))

    def test_failed_save(self):
        """An agent that cannot save still serves the access token."""
        steps = renewal()
        steps["record synced"] = ["7 fsync(16<%s.x1>) = -1 EIO (Input/output error)"
                                  % (RECORD % "0123456789abcdef")]
        self.right(lines_of(without(steps, "rename", "folder", "read back")), 1)

    def test_memory(self):
        self.right(lines_of(renewal(store="memory")), 1)
        for a, b in (("ledger synced", "published"), ("intent", "intent synced"),
                     ("intent synced", "request")):
            self.wrong(lines_of(swapped(renewal(store="memory"), a, b)))

    def test_replay(self):
        """A killed agent has left the intent. The next agent reads it and does not write it."""
        steps = without(renewal(), "intent", "intent synced")
        fp = order.fingerprint(b"refresh-1")
        found = "5 pread64(15<%s>, %s, 4096, 0) = 400" % (LOCK % "0123456789abcdef", ledger(fp, fp))
        self.right([found] + lines_of(steps), 1)
        found = found.replace("intent", "comment")
        self.wrong([found] + lines_of(steps))

    def test_sent_twice(self):
        """The same token is sent on two connections, and the second one is answered."""
        steps = renewal()
        again = [line.replace(":4000->", ":4009->") for line in steps["request"] + steps["answer"]]
        lines = lines_of(dict(steps, answer=again))
        self.right(lines, 1)

    def test_answer_in_parts(self):
        steps = renewal()
        line = steps["answer"][0]
        text = re.search(r'"(.*)", (\d+), 0', line)[1]
        cut = text.index("access")
        parts = [line.replace(text, text[:cut]), line.replace(text, text[cut:])]
        self.right(lines_of(dict(steps, answer=parts)), 1)
        late = dict(steps, answer=parts[:1])
        late["record"] = steps["record"] + parts[1:]
        self.wrong(lines_of(late))


class Real(unittest.TestCase):
    """Removes lines from the log of a real agent."""

    def test_lines_that_are_missing(self):
        import traced
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "log")
            traced.one_profile(path, 3)
            with open(path, errors="replace") as f:
                lines = f.readlines()
        log = order.Log(lines)
        self.assertEqual(log.check(), [])
        self.assertEqual(len([r for r in log.renewals.values() if r.answered < order.NEVER]), 3)
        for what in (r"(fsync|fdatasync)\(\d+<[^>]*\.lock>",
                     r"(fsync|fdatasync)\(\d+<[^>]*\.session[^>]*>",
                     r"(fsync|fdatasync)\(\d+<[^>]*/vault>", r"rename\w*\(.*\.session\"",
                     r"(read|pread64)\(\d+<[^>]*\.session>", r"(write|pwrite64)\(\d+<[^>]*\.lock>",
                     r"(write|pwrite64)\(\d+<[^>]*\.session[^>]*>"):
            with self.subTest(what=what):
                rest = [line for line in lines if not re.search(r"^\d+ +" + what, line)]
                self.assertLess(len(rest), len(lines))
                self.assertTrue(order.Log(rest).check())


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        import lib
        lib.as_root()
        lib.set_bin(sys.argv.pop(1))
    else:
        del Real
    unittest.main()
