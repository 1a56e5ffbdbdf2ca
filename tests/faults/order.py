"""Checks the order of every renewal in a strace log of keyfobd.

`python3 order.py LOG...` exits with 1 if an order is broken or if the logs have no renewal. strace
makes the log with OPTIONS (see below). The agent must talk to its server without TLS.

For a refresh token T and an answer with the new tokens A (access) and N (refresh), the order is:
1. The ledger (<id>.lock) is written with an intent that names T, and is synced.
2. The first byte of the request is sent.
3. After the answer, with a vault: the record is written under another name and synced, renamed to
   <id>.session, the folder is synced, and the record is read back.
4. The ledger is written with the fingerprint of N and synced.
5. A is sent to a client.
The number of writes and the other name do not matter. After kill -9 a log may end at any step. A
step without the steps before it is a violation.
"""
import bisect
import codecs
import hashlib
import json
import os
import re
import sys

OPTIONS = ["-f", "-yy", "-s", "262144", "-e", "signal=none", "-e",
           "trace=open,openat,read,pread64,readv,recvfrom,recvmsg,write,pwrite64,writev,sendto,"
           "sendmsg,fsync,fdatasync,rename,renameat,renameat2,connect,close"]
WRITES = {"write", "pwrite64", "writev", "sendto", "sendmsg"}
READS = {"read", "pread64", "readv", "recvfrom", "recvmsg"}
SYNCS = {"fsync", "fdatasync"}
FD = re.compile(r"(\d+)<((?:TCP|UNIX)[^\]]*\]|[^>]*)>")
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
NEVER = float("inf")


class Call:
    """A system call. start and end are line numbers: if a.end < b.start, a ended before b began."""

    def __init__(self, name, text, start, end):
        self.name, self.text, self.start, self.end = name, text, start, end
        result = re.search(r"\) += (-?\d+)[^=\"]*$", text)
        self.result = int(result[1]) if result else None
        fd = FD.match(text)
        self.path = fd[2] if fd else ""
        self.ok = self.result is not None and self.result >= 0

    def strings(self):
        return [codecs.escape_decode(s.encode())[0] for s in STRING.findall(self.text)]

    def data(self):
        """The bytes that were read or written."""
        if not self.ok:
            return b""
        body = self.text[FD.match(self.text).end():]
        parts = re.findall(r'iov_base="((?:[^"\\]|\\.)*)"', body) or STRING.findall(body)[:1]
        return b"".join(codecs.escape_decode(p.encode())[0] for p in parts)[:self.result]


def read_calls(lines):
    """The calls in the order in which they ended. Calls that did not end are left out."""
    open_calls, calls = {}, []
    for place, line in enumerate(lines):
        task, _, rest = line.rstrip("\n").partition(" ")
        rest = rest.lstrip()
        resumed = re.match(r"<\.\.\. (\w+) resumed>", rest)
        if resumed:
            begun = open_calls.pop(task, None)
            if begun:
                name, text, start = begun
                calls.append(Call(name, text + rest[resumed.end():], start, place))
            continue
        begun = re.match(r"(\w+)\(", rest)
        if not begun:
            continue
        text = rest[begun.end():]
        if text.endswith("<unfinished ...>"):
            open_calls[task] = begun[1], text[:-len("<unfinished ...>")].rstrip(" "), place
        else:
            calls.append(Call(begun[1], text, place, place))
    return calls


def fingerprint(token):
    return hashlib.sha256(token).hexdigest()[:32]


class Ledger:
    """The writes, reads and syncs of one <id>.lock."""

    def __init__(self):
        self.seen = []   # (end of the write or read, was it written, text)
        self.synced = []  # (start, end)

    def add(self, call, written):
        self.seen.append((call, written, call.data().split(b"\n")[0].decode("utf-8", "replace")))

    def intends(self, fp, before):
        """Whether the file names fp in its intent at this line, and is synced."""
        known = [s for s in self.seen if s[0].end < before]
        if not known:
            return False
        call, written, text = known[-1]
        try:
            intent = json.loads(text).get("intent") or {}
        except ValueError:
            return False
        return fp in intent.values() and (not written or self.sync_after(call) < before)

    def sync_after(self, call):
        return min((end for start, end in self.synced if start > call.end), default=NEVER)

    def writes_of(self, fp):
        """The writes that name fp as the current token."""
        out = []
        for call, written, text in self.seen:
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if written and fp in line.values():
                out.append(call)
        return out


class Socket:
    """A connection to the server: the last request and its answer."""

    def __init__(self):
        self.sent, self.got, self.first = b"", b"", None


class Renewal:
    def __init__(self, token, start):
        self.token, self.start, self.starts = token, start, [start]
        self.answered, self.access, self.next = NEVER, None, None


def body_of(data, complete):
    """The JSON after the headers, or None. complete: None until the whole body has arrived."""
    head, gap, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if not gap or (complete and length and len(body) < int(length[1])):
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None


class Log:
    def __init__(self, lines):
        self.calls = read_calls(lines)
        self.ledgers, self.renewals, self.sockets = {}, {}, {}
        self.files, self.published, self.broken = [], [], []
        self.has_vault = False
        for call in self.calls:
            self.read_call(call)

    def read_call(self, call):
        path = call.path
        self.has_vault = self.has_vault or "/vault/" in call.text
        if path.startswith("TCP"):
            self.read_tcp(call)
        elif path.startswith("UNIX"):
            if call.name in WRITES and call.ok:
                self.published.append(call)
        elif path.endswith(".lock") and re.search(r"/[0-9a-f]{16}\.lock$", path):
            ledger = self.ledgers.setdefault(path, Ledger())
            if call.name in SYNCS and call.ok:
                ledger.synced.append((call.start, call.end))
            elif call.name in WRITES | READS and call.ok:
                ledger.add(call, call.name in WRITES)
        elif call.name not in ("connect", "close"):
            self.files.append(call)

    def read_tcp(self, call):
        socket = self.sockets.setdefault(call.path, Socket())
        if call.name == "close":
            del self.sockets[call.path]
        elif call.name in WRITES and call.ok:
            data = call.data()
            if re.match(rb"[A-Z]+ /", data):
                socket.sent, socket.got, socket.first = b"", b"", call.start
            socket.sent += data
            body = body_of(socket.sent, False)
            if body and body.get("grant_type") == "refresh_token":
                token = body["refresh_token"].encode()
                renewal = self.renewals.setdefault(token, Renewal(token, socket.first))
                if socket.first not in renewal.starts:
                    renewal.starts.append(socket.first)
                socket.renewal = renewal
        elif call.name in READS and call.ok and getattr(socket, "renewal", None):
            socket.got += call.data()
            body = body_of(socket.got, True)
            if body and body.get("refresh_token") and socket.renewal.answered == NEVER:
                socket.renewal.answered = call.end
                socket.renewal.access = body["access_token"].encode()
                socket.renewal.next = body["refresh_token"].encode()

    def fault(self, renewal, text):
        self.broken.append("renewal of %s (log line %d): %s"
                           % (fingerprint(renewal.token)[:8], renewal.start + 1, text))

    def check(self):
        for renewal in self.renewals.values():
            path = self.check_intent(renewal)
            if path and renewal.answered < NEVER:
                self.check_save(renewal, path)
        return self.broken

    def check_intent(self, renewal):
        """The path of the profile's ledger. The fingerprint of the token tells which one it is."""
        fp = fingerprint(renewal.token)
        found = None
        for start in renewal.starts:
            found = next((p for p, l in self.ledgers.items() if l.intends(fp, start)), None)
            if not found:
                self.fault(renewal, "no ledger with its intent was synced before the request")
                return None
        return found

    def check_save(self, renewal, path):
        ledger = self.ledgers[path]
        fp = fingerprint(renewal.next)
        noted = [c for c in ledger.writes_of(fp) if c.start > renewal.answered]
        sent = self.first_sent(renewal)
        record = self.record_steps(renewal, os.path.basename(path)[:-len(".lock")])
        if record is None:  # the save failed, and the order does not apply
            return
        if noted and record > noted[0].start:
            self.fault(renewal, "the ledger names the new token before the record was read back")
        if sent < NEVER:
            if not noted:
                self.fault(renewal, "its access token was sent before the ledger was written")
            elif ledger.sync_after(noted[0]) > sent:
                self.fault(renewal, "its access token was sent before the ledger was synced")
            elif record > sent:
                self.fault(renewal, "its access token was sent before the record was read back")

    def first_sent(self, renewal):
        """The line where the access token is sent to a client. A frame may be sent in parts."""
        parts = {}
        for call in self.published[self.place(self.published, renewal.answered):]:
            parts[call.path] = parts.get(call.path, b"") + call.data()
            if renewal.access in parts[call.path]:
                return call.start
            parts[call.path] = parts[call.path][-len(renewal.access):]
        return NEVER

    def record_steps(self, renewal, profile):
        """The line where the record was read back. NEVER: it was not. None: a call on it failed."""
        if not self.has_vault:
            return -1
        name = profile + ".session"
        following = self.renewals.get(renewal.next)  # the profile's next renewal
        until = following.start if following else NEVER
        later = self.files[self.place(self.files, renewal.answered):self.place(self.files, until)]
        later = [c for c in later if c.start > renewal.answered and
                 (name in c.text or c.path.endswith("/vault"))]
        if any(not c.ok and c.name in WRITES | SYNCS | {"rename", "renameat", "renameat2"}
               for c in later):
            return None
        renamed = next((c for c in later if c.name.startswith("rename") and
                        c.strings()[-1].decode().endswith("/" + name)), None)
        if not renamed:
            return NEVER
        source = renamed.strings()[0].decode()
        written = [c for c in later if c.name in WRITES and c.path == source and
                   c.end < renamed.start]
        synced = [c for c in later if c.name in SYNCS and c.path == source and
                  c.end < renamed.start]
        if not written:
            self.fault(renewal, "the record was renamed and not written after the answer")
        elif not any(s.start > written[-1].end for s in synced):
            self.fault(renewal, "the record was renamed before it was synced")
        folder = os.path.dirname(renamed.strings()[-1].decode())
        flushed = next((c for c in later if c.name in SYNCS and c.path == folder and
                        c.start > renamed.end), None)
        if not flushed:
            return NEVER
        back = next((c for c in later if c.name in READS and c.path == folder + "/" + name and
                     c.start > flushed.end), None)
        return back.end if back else NEVER

    @staticmethod
    def place(calls, at):
        """The index of the first call that ended at or after this line."""
        return bisect.bisect_left(calls, at, key=lambda c: c.end)


def check_files(paths):
    """(number of renewals with an answer, list of violations)."""
    answered, broken = 0, []
    for path in paths:
        with open(path, errors="replace") as f:
            log = Log(f)
        broken += ["%s: %s" % (os.path.basename(path), b) for b in log.check()]
        answered += sum(1 for r in log.renewals.values() if r.answered < NEVER)
    return answered, broken


def main():
    answered, broken = check_files(sys.argv[1:])
    for b in broken:
        print(b, file=sys.stderr)
    print("RESULT order %d %d 0.0" % (answered, len(broken)))
    sys.exit(1 if broken or not answered else 0)


if __name__ == "__main__":
    main()
