"""tab.py SHELL SETUP LINE: what a person's shell makes of LINE and Tab, by itself and in a real terminal.

SETUP is typed first. Prints the text between the prompt and the cursor, as the terminal shows it."""
import os, pty, re, select, sys, time

PROMPT = "ready> "
ARGS = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}


def shown(raw):
    """The screen's last state, for the few sequences that the two shells write."""
    line, col, rows = [], 0, []
    for esc, char in re.findall(r"(\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>])|(.)", raw, re.S):
        if esc.endswith("J") or esc.endswith("K"):
            del line[col:]
        elif char == "\r":
            col = 0
        elif char == "\n":
            rows.append("".join(line))
            line, col = [], 0
        elif char == "\b":
            col = max(0, col - 1)
        elif char and char != "\a":
            line[col:col + 1] = char
            col += 1
    return "\n".join(rows + ["".join(line)])


def main():
    shell, setup, line = sys.argv[1:]
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm", PS1="", COLUMNS="200")
        os.execvp(shell, ARGS[shell])
    raw, end = b"", time.monotonic() + 60

    def until(done):
        nonlocal raw
        while not done(shown(raw.decode(errors="replace"))):
            if time.monotonic() > end or not select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
                sys.exit("no answer; seen: %r" % raw)
            raw += os.read(fd, 4096)

    # In two halves, so that the echo of this line is not taken for the prompt: what is typed behind the echo
    # meets a terminal that is not the shell's yet, and its own echo is not what the shell made of it.
    os.write(fd, (setup + "; PS1='%s''%s'\n" % (PROMPT[:3], PROMPT[3:])).encode())
    until(lambda s: s.split("\n")[-1].endswith(PROMPT))
    raw = b""
    # The mark behind the Tab is typed only into what the shell has completed.
    os.write(fd, line.encode() + b"\t@")
    until(lambda s: s.split("\n")[-1].endswith("@"))
    print(shown(raw.decode(errors="replace")).split("\n")[-1].rsplit(PROMPT, 1)[-1][:-1])
    os.write(fd, b"\x15exit\n")
    try:
        while os.read(fd, 4096):
            pass
    except OSError:
        pass
    os.waitpid(pid, 0)


main()
