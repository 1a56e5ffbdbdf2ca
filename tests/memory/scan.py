"""Looks into the memory of another process. Needs the right to trace it: root, or root of the user namespace it began in."""
import os
import re

PAGE = os.sysconf("SC_PAGESIZE")
ARENA = 4 << 20  # src/base/secret.c
STEP = 1 << 18
ZEROS = bytes(STEP + PAGE)


class Map:
    def __init__(self, start, end, perms, name):
        self.start, self.end, self.perms, self.name, self.flags = start, end, perms, name, ()

    def __repr__(self):
        return "%s %s of %d KiB" % (self.name or "anonymous memory", self.perms, (self.end - self.start) >> 10)


def maps(pid):
    out = []
    with open("/proc/%d/smaps" % pid) as f:
        for line in f:
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)", line)
            if m:
                out.append(Map(int(m[1], 16), int(m[2], 16), m[3], m[4]))
            elif line.startswith("VmFlags:"):
                out[-1].flags = line.split()[1:]
    return out


def arena(pid):
    """Where secrets may be: locked, left out of dumps, between two pages that nobody may touch."""
    every = maps(pid)
    found = [m for below, m, above in zip(every, every[1:], every[2:])
             if m.end - m.start == ARENA and m.perms == "rw-p" and not m.name and {"lo", "dd"} <= set(m.flags)
             and below.perms == above.perms == "---p" and below.end == m.start and above.start == m.end]
    assert len(found) == 1, "%d arenas in %s" % (len(found), every)
    return found[0]


def places(data, what):
    if isinstance(what, re.Pattern):
        return [hit.start() for hit in what.finditer(data)]
    out, at = [], data.find(what)
    while at >= 0:
        out.append(at)
        at = data.find(what, at + 1)
    return out


def find(pid, canaries):
    """canaries: name -> bytes or compiled pattern, none longer than a page. name -> {address: map} over all that can be read."""
    found = {name: {} for name in canaries}
    read = 0
    with open("/proc/%d/mem" % pid, "rb", buffering=0) as mem:
        for m in maps(pid):
            if "r" not in m.perms or m.name == "[vvar]" or m.name == "[vsyscall]" or "io" in m.flags:
                continue
            for at in range(m.start, m.end, STEP):
                mem.seek(at)
                try:  # pieces overlap by a page: nothing is hidden on a border
                    data = mem.read(min(STEP + PAGE, m.end - at))
                except OSError:  # unmapped meanwhile, or a file that became shorter than its map
                    continue
                read += len(data)
                if data == ZEROS[:len(data)]:  # most of the stacks
                    continue
                for name, what in canaries.items():
                    for hit in places(data, what):
                        found[name][at + hit] = m
    assert read > 1 << 20, "only %d bytes could be read" % read
    return found


def around(pid, address):
    """For a person who looks for the owner of what was left: what is printable next to it."""
    try:
        with open("/proc/%d/mem" % pid, "rb", buffering=0) as mem:
            mem.seek(address - 48)
            return re.sub(rb"[^\x20-\x7e]", b".", mem.read(160)).decode()
    except OSError:
        return "unmapped meanwhile"
