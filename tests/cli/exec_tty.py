"""Drives keyfob exec --mask at a pseudo terminal, as a person would: keys, colours, sizes, Ctrl-C, Ctrl-Z, hanging up."""
import fcntl, os, pty, select, signal, struct, sys, termios, time

KEYFOB, SCRATCH = sys.argv[1:]
TOKEN = os.environ.pop('T')
MASK = b'[keyfob: token]'
END = 20


def check(what, truth, detail=''):
    if not truth:
        sys.exit(f'FAIL: {what}: {detail}')
    print('ok:', what, flush=True)


class Terminal:
    """A program at a terminal of 31 by 97."""

    def __init__(self, *argv, stdin=None, stdout=None, stderr=None):
        self.master, self.slave = pty.openpty()
        self.size(31, 97)
        self.before = termios.tcgetattr(self.slave)
        self.seen = b''
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for i, f in enumerate((stdin, stdout, stderr)):
                os.dup2(self.slave if f is None else f, i)
            os.closerange(3, 256)
            os.execvp(argv[0], argv)

    def size(self, rows, cols):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack('HHHH', rows, cols, 0, 0))

    def type(self, text):
        os.write(self.master, text if isinstance(text, bytes) else text.encode())

    def read(self, wait):
        if select.select([self.master], [], [], wait)[0]:
            try:
                self.seen += os.read(self.master, 65536)
            except OSError:
                pass

    def expect(self, text, times=1):
        text = text if isinstance(text, bytes) else text.encode()
        end = time.time() + END
        while self.seen.count(text) < times:
            if time.time() > end:
                sys.exit(f'FAIL: {text!r} did not come: {self.seen[-600:]!r}')
            self.read(0.1)

    def until(self, truth, what):
        end = time.time() + END
        while not truth():
            if time.time() > end:
                sys.exit(f'FAIL: {what}: {self.seen[-600:]!r}')
            self.read(0.02)

    def wait(self):
        """The status, as subprocess gives it."""
        status = []

        def over():
            pid, st = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                status.append(os.waitstatus_to_exitcode(st))
            return pid
        self.until(over, 'it does not end')
        self.read(0)
        return status[0]

    def raw(self):
        return not termios.tcgetattr(self.slave)[3] & termios.ICANON

    def as_before(self):
        return termios.tcgetattr(self.slave) == self.before

    def close(self):
        for fd in {self.master, self.slave}:
            os.close(fd)


def mask(*command, **files):
    return Terminal(KEYFOB, 'exec', 'dev', '--mask', '--', *command, **files)


def alive(pid):
    try:
        with open(f'/proc/{pid}/stat') as f:
            return f.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False


def looks():
    show = r'tty -s && echo tty; tty -s <&2 && echo err; stty size; printf "\033[31mred\033[0m %s\n" "$WORKOS_ACCESS_TOKEN"; stty -a | sort'
    got = []
    for argv in ((KEYFOB, 'exec', 'dev', '--', 'sh', '-c', show), (KEYFOB, 'exec', 'dev', '--mask', '--', 'sh', '-c', show)):
        t = Terminal(*argv)
        check('status', t.wait() == 0, t.seen)
        check('the terminal is as it was', t.as_before())
        got.append(t.seen)
        t.close()
    check('a terminal, its size, its modes and colours are as without keyfob', got[0].replace(TOKEN.encode(), MASK) == got[1], got)
    check('they are there', b'tty\r\nerr\r\n31 97\r\n\x1b[31mred' in got[1], got[1])
    t = mask('python3', '-c', 'import os,time\nt=os.environ["WORKOS_ACCESS_TOKEN"]\nfor i in range(0,len(t),40):\n os.write(1,t[i:i+40].encode()); time.sleep(0.07)\nprint(" end")')
    check('slowly', t.wait() == 0 and MASK + b' end' in t.seen and TOKEN.split('.')[1][8:40].encode() not in t.seen, t.seen)
    t.close()


def sizes_and_keys():
    t = mask('sh', '-c', 'trap "stty size" WINCH; echo ready; while :; do sleep 0.05; done')
    t.expect('ready')
    t.size(40, 120)
    t.expect('40 120')
    check('a new size', True)
    check('keys go through', t.raw())
    t.type('\x03')
    check('Ctrl-C ends it, and the shell is told', t.wait() == -signal.SIGINT, t.seen)
    check('the terminal is as it was after Ctrl-C', t.as_before())
    t.close()
    t = mask('sh', '-c', 'trap "echo caught; exit 9" INT; echo ready; while :; do sleep 0.05; done')
    t.expect('ready')
    t.type('\x03')
    check('Ctrl-C that is caught', t.wait() == 9 and b'caught' in t.seen, t.seen)
    t.close()
    t = mask('python3', '-c', 'import os,tty; tty.setraw(0); print("ready", end="", flush=True); print(repr(os.read(0, 9)), end="")')
    t.expect('ready')
    t.type(b'\x1b[A\x1a\x03')
    check('all keys, when the command wants them', t.wait() == 0 and rb'\x1b[A\x1a\x03' in t.seen, t.seen)
    check('and the terminal is as it was', t.as_before())
    t.close()
    t = mask('cat')
    t.until(t.raw, 'keys do not go through')
    t.type('eyJ' + TOKEN + '\n')
    t.expect(b'eyJ' + MASK + b'\r\n', 2)
    t.type('\x04')
    check('what is typed is hidden as well, and Ctrl-D ends it', t.wait() == 0 and TOKEN.encode() not in t.seen, t.seen)
    t.close()


def ends():
    for what, command, want in (('no such command', ('/nonexistent/x',), 127), ('status', ('sh', '-c', 'exit 42'), 42),
                                ('a signal', ('sh', '-c', 'kill -TERM $$'), -signal.SIGTERM)):
        t = mask(*command)
        check(f'{what}: {want}', t.wait() == want, t.seen)
        check('the terminal is as it was', t.as_before())
        t.close()
    t = mask('sleep', '60')
    t.until(t.raw, 'keys do not go through')
    os.kill(t.pid, signal.SIGTERM)
    check('SIGTERM for keyfob ends the command', t.wait() == -signal.SIGTERM)
    check('the terminal is as it was', t.as_before())
    t.close()
    # a process left behind: not waited for, and it lives on
    t = mask('sh', '-c', 'sleep 60 & echo "left $!."')
    check('something left behind is not waited for', t.wait() == 0, t.seen)
    left = int(t.seen.split(b'left ')[1].split(b'.')[0])
    check('and lives on', alive(left))
    os.kill(left, signal.SIGKILL)
    t.close()


def hang_up():
    log = f'{SCRATCH}/hup'
    caught = ('sh', '-c', f'trap "echo hup >{log}; exit" HUP; echo ready; while :; do sleep 0.05; done')
    for what in ('the terminal is closed', 'keyfob is killed hard'):
        t = mask(*caught)
        t.expect('ready')
        if what.startswith('keyfob'):
            os.kill(t.pid, signal.SIGKILL)
            t.wait()
        t.close()
        end = time.time() + END
        while not os.path.exists(log):
            if time.time() > end:
                sys.exit(f'FAIL: {what}, and the command was not told')
            time.sleep(0.02)
        os.unlink(log)
        if not what.startswith('keyfob'):
            while alive(t.pid):
                if time.time() > end:
                    sys.exit(f'FAIL: {what}, and keyfob stays')
                time.sleep(0.02)
            os.waitpid(t.pid, 0)
        check(f'{what}: the command hears of it', True)


    # a command that does not mind: its terminal is gone, but how it ended is told
    ignore = f'trap "" HUP; echo ready; read -r x; echo more; echo "$?" >{log}; exit 6'
    t = mask('sh', '-c', ignore)
    t.expect('ready')
    t.close()
    t.master = t.slave = os.open('/dev/null', os.O_RDWR) # nothing to read or close
    end = time.time() + END
    while not os.path.exists(log) or not open(log).read():
        if time.time() > end:
            sys.exit('FAIL: a command that ignores the hang-up did not go on')
        time.sleep(0.02)
    check('a command that ignores it goes on, without a terminal', open(log).read() != '0\n')
    check('and how it ended is told', t.wait() == 6)
    t.close()


def parts():
    err, other = os.open(f'{SCRATCH}/err', os.O_RDWR | os.O_CREAT | os.O_TRUNC), os.open(f'{SCRATCH}/in', os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    t = mask('sh', '-c', 'echo out; echo "err $WORKOS_ACCESS_TOKEN" >&2', stderr=err)
    check('stderr elsewhere', t.wait() == 0 and t.seen == b'out\r\n' and os.pread(err, 999, 0) == b'err ' + MASK + b'\n', t.seen)
    t.close()
    os.write(other, TOKEN.encode() + b'\nmore\n')
    os.lseek(other, 0, 0)
    t = mask('sh', '-c', 'cat; stty size <&1', stdin=other)
    check('stdin elsewhere', t.wait() == 0 and t.seen == MASK + b'\r\nmore\r\n31 97\r\n', t.seen)
    t.close()
    r, w = os.pipe()
    t = mask('sh', '-c', 'trap "echo caught; exit 4" INT; echo ready; while :; do sleep 0.05; done', stdin=r)
    t.expect('ready')
    t.type('\x03')
    check('Ctrl-C then, too', t.wait() == 4 and t.as_before(), t.seen)
    t.close()
    t = Terminal('sh', '-c', f'"{KEYFOB}" exec dev --mask -- cat | cat')
    t.type('typed\n\x04')
    check('stdout elsewhere', t.wait() == 0 and b'typed\r\ntyped' in t.seen, t.seen)
    t.close()


def jobs():
    t = Terminal('bash', '--norc', '--noprofile', '--noediting', '-i')
    t.type("PS1='$ '\n")
    t.expect('$ ')
    command = f"'{KEYFOB}' exec dev --mask -- "
    t.type(command + 'cat\n')
    t.until(t.raw, 'keys do not go through')
    t.type('one\n')
    t.expect('one\r\none\r\n')
    t.type('\x1a')
    t.expect('Stopped')
    check('Ctrl-Z stops it, and the shell has its terminal', not os.waitpid(t.pid, os.WNOHANG)[0])
    t.type('echo "at $((40 + 2))"\n')
    t.expect('at 42\r')
    t.size(33, 99)
    t.type('fg\n')
    t.until(t.raw, 'fg does not go on')
    t.type('two\n')
    t.expect('two\r\ntwo\r\n')
    t.type('\x1a')
    t.expect('Stopped', 2)
    t.type('fg\n')
    t.until(t.raw, 'fg does not go on, the second time')
    t.type('\x04')
    t.until(lambda: not t.raw(), 'it does not end')
    t.type('echo "status $?."\n')
    t.expect('status 0.')
    check('fg goes on, twice, and it ends as it should', True)
    # Ctrl-C of a stopped and continued one; the script around it ends, too
    t.type(f"sh -c \"{command}sleep 60; echo went on\"\n".replace("'", ''))
    t.until(t.raw, 'keys do not go through')
    t.type('\x03')
    t.until(lambda: not t.raw(), 'it does not end')
    t.type('echo "status $?."\n')
    t.expect('status 130.')
    check('Ctrl-C ends the script around it', b'\nwent on' not in t.seen, t.seen)
    # in the background: neither stopped nor in the way
    t.type(command + "sh -c 'sleep 0.3; echo from behind; exit 3' &\n")
    t.expect('from behind\r')
    t.type('wait %1; echo "status $?."\n')
    t.expect('status 3.')
    check('in the background', b'Stopped (tty' not in t.seen, t.seen)
    t.type('echo "raw $(stty -a | grep -c -- -icanon)."\n')
    t.expect('raw 0.')
    check('the shell has its terminal', True)
    t.type('exit\n')
    t.wait()
    t.close()
    # Ctrl-Z without a shell that could wake us: as if it was not typed
    t = mask('sh', '-c', 'echo ready; read -r x; echo "got $x"')
    t.expect('ready')
    t.type('\x1a')
    t.type('x\n')
    check('Ctrl-Z where there are no jobs', t.wait() == 0 and b'got x' in t.seen, t.seen)
    t.close()


for part in (looks, sizes_and_keys, ends, hang_up, parts, jobs):
    part()
