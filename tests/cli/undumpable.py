"""No program of ours can be read by another process of the same user, and none leaves a core file.
undumpable.py BIN"""
import ctypes
import os
import pty
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

USER = 12345
PTRACE_SEIZE, PTRACE_DETACH = 0x4206, 17
libc = ctypes.CDLL(None, use_errno=True)


def attach(pid):
    """0, or the errno of a refusal."""
    ctypes.set_errno(0)
    if libc.ptrace(PTRACE_SEIZE, ctypes.c_long(pid), None, None):
        return ctypes.get_errno()
    libc.ptrace(PTRACE_DETACH, ctypes.c_long(pid), None, None)
    return 0


def readable(pid):
    try:
        with open("/proc/%d/mem" % pid, "rb"):
            return True
    except PermissionError:
        return False


def wait_for(fn, what, seconds=20):
    end = time.monotonic() + seconds
    while not fn():
        assert time.monotonic() < end, "waited for " + what
        time.sleep(0.02)


def core_limit(pid):
    with open("/proc/%d/limits" % pid) as f:
        return next(line.split()[4] for line in f if line.startswith("Max core file size"))


def dumped(proc):
    os.kill(proc.pid, signal.SIGSEGV)
    return os.WCOREDUMP(os.waitpid(proc.pid, 0)[1])


def main():
    bin = os.path.abspath(sys.argv[1])
    scratch = tempfile.mkdtemp(prefix="kf-undumpable-")
    try:
        copy = os.path.join(scratch, "bin")
        os.mkdir(copy)
        for name in ("keyfob", "keyfobd", "keyfob-tui", "keyfob-serve", "keyfob-clip", "keyfob-sandbox"):
            shutil.copy(os.path.join(bin, name), copy)
        os.symlink("keyfob", os.path.join(copy, "git-credential-keyfob"))
        pid = os.fork()
        if pid == 0:
            if os.geteuid() == 0:  # root may attach to anything
                for d, _, files in os.walk(scratch):
                    for p in [d] + [os.path.join(d, f) for f in files]:
                        os.lchown(p, USER, USER)
                os.setgroups([])
                os.setresgid(USER, USER, USER)
                os.setresuid(USER, USER, USER)
                libc.prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: the change of user has cleared it
            code = 1
            try:
                code = run(scratch, copy)
            finally:
                sys.stdout.flush()
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def run(scratch, bin):
    os.chdir(scratch)
    for d in ("run", "home"):
        os.mkdir(d, 0o700)
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    env = {"PATH": os.environ["PATH"], "HOME": scratch + "/home", "XDG_RUNTIME_DIR": scratch + "/run", "TERM": "xterm",
           "LC_ALL": "C.UTF-8", "KEYFOB_STORE": "memory", "KEYFOB_CLIPBOARD": "osc52"}
    failed = 0

    def start(argv, name=None, terminal=False, stdin=subprocess.PIPE):
        own, other = pty.openpty() if terminal else (None, stdin)
        p = subprocess.Popen([os.path.join(bin, argv[0]) if "/" not in argv[0] else argv[0], *argv[1:]], env=env, stdin=other,
                             stdout=other if terminal else subprocess.PIPE, stderr=other if terminal else subprocess.DEVNULL,
                             start_new_session=True)
        p.terminal = own
        return p

    control = subprocess.Popen(["sleep", "100"])
    assert attach(control.pid) == 0 and readable(control.pid), "a plain program can be attached to"
    print("a plain program leaves a core:", dumped(control))
    sandbox = start(["keyfob-sandbox", "--port", "0"])
    url = sandbox.stdout.readline().decode().split()[0]
    agent = start(["keyfobd", "--foreground"])
    wait_for(lambda: os.path.exists("run/keyfob/agent.sock"), "the agent")
    kf = lambda *a, **kw: subprocess.run([bin + "/keyfob", *a], env=env, check=True, stdout=subprocess.PIPE, **kw)  # noqa: E731
    kf("profile", "add", "dev", "--client-id", "client_sandbox", "--api-key-stdin", "--api-host", url, input=b"sk_test_sandbox")
    kf("login", "dev", "--method", "password", "--email", "plain@example.test", "--password-stdin", input=b"sandbox-password")
    limit = kf("exec", "dev", "--", "sh", "-c", "ulimit -c").stdout.decode().strip()
    want = "unlimited" if hard == resource.RLIM_INFINITY else str(hard // 512)
    if limit != want and int(limit if limit != "unlimited" else -1) * 1024 != hard:
        failed += 1
        print("FAIL: the command of exec has core limit %s, not %s" % (limit, want))
    served = kf("serve", "dev", "--", "sh", "-c", "ulimit -c").stdout.decode().strip()
    if served != limit:
        failed += 1
        print("FAIL: the command of serve has core limit %s, not %s" % (served, limit))
    programs = {
        "keyfob": start(["keyfob", "login", "dev", "--method", "password", "--email", "plain@example.test", "--password-stdin"]),
        "git-credential-keyfob": start(["git-credential-keyfob", "get"]),
        "exec --mask": start(["keyfob", "exec", "dev", "--mask", "--", "sleep", "100"]),
        "keyfob-tui": start(["keyfob"], terminal=True),
        "keyfob-serve": start(["keyfob", "serve", "dev"]),
        "keyfob-sandbox": sandbox,
        "keyfobd": agent,
    }
    wait_for(lambda: os.read(programs["keyfob-tui"].terminal, 1), "the screen")
    programs["keyfob-serve"].stdout.readline()
    for name, p in programs.items():
        try:
            wait_for(lambda: core_limit(p.pid) == "0", name + " to start")
            said = attach(p.pid)
            if said not in (1, 13) or readable(p.pid):
                failed += 1
                print("FAIL: %s: attach gives %d" % (name, said))
            elif dumped(p):
                failed += 1
                print("FAIL: %s: a core file" % name)
            else:
                print("ok: %s" % name)
        except (AssertionError, OSError) as e:
            failed += 1
            print("FAIL: %s: %s" % (name, e))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
