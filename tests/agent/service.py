"""keyfobd under a service manager: the socket that it is given, what it tells, and the units."""
import os
import re
import shutil
import socket
import subprocess
import tempfile

import varlink
from varlink import Agent, Case, Sandbox, wait_for

ROOT = os.path.join(varlink.HERE, "..", "..")


class Service(Case):
    def agent(self, **kw):
        a = Agent(start=False, **kw)
        self.addCleanup(a.__exit__, None, None, None)
        os.mkdir(a.runtime, 0o700)
        return a

    def activate(self, a, *args):
        """systemd-socket-activate makes the socket and becomes keyfobd at the first connection."""
        with open(os.path.join(a.dir, "stderr"), "ab") as err:
            a.proc = subprocess.Popen(["systemd-socket-activate", "-l", a.path,
                                       *("--setenv=%s" % k for k in a.env), a.program, "--foreground", *args],
                                      env=a.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)
        wait_for(lambda: os.path.exists(a.path), "the socket")

    def test_socket_activation(self):
        a = self.agent()
        self.activate(a)
        inode = os.stat(a.path).st_ino
        with Sandbox() as s:
            a.put("dev", s.url)
            a.sign_in()
            token = a.token()["access_token"]
            self.assertEqual(a.call("Hello", protocol=1, build="t")["pid"], a.proc.pid)
            with open("/proc/%d/environ" % a.proc.pid, "rb") as f:
                env = f.read()
            c = a.connect()
            c.send("Restart", force=True)
            self.assertTrue(c.closed())
            self.assertEqual(a.token()["access_token"], token)
        self.assertIn(b"LISTEN_FDS", env)  # of its start; gone from what it hands on
        a.call("Quit")
        self.assertEqual(a.proc.wait(20), 0)
        self.assertEqual(os.stat(a.path).st_ino, inode, "the manager's socket stays")

    def test_sockets_that_are_none(self):
        """Not one listening UNIX stream socket: refused, and nothing is made."""
        a = self.agent()
        for what, fds in (("a file", 1), ("two", 2)):
            with self.subTest(what), open(os.devnull) as null:
                script = "exec 3<&%d; export LISTEN_PID=$$ LISTEN_FDS=%d; exec %s" % (null.fileno(), fds, a.program)
                r = subprocess.run(["sh", "-c", script], env=a.env, pass_fds=[null.fileno()], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
                self.assertEqual(r.returncode, 2, r)
                self.assertIn(b"not one listening socket", r.stderr)
                self.assertFalse(os.path.exists(a.path))

    def test_tells_the_manager(self):
        a = self.agent()
        for name in (os.path.join(a.dir, "notify"), "@kf-notify-%d" % os.getpid()):
            with self.subTest(name), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
                s.bind(name.replace("@", "\0"))
                s.settimeout(20)
                a.env["NOTIFY_SOCKET"] = name
                a.start()
                self.assertEqual(s.recv(100), b"READY=1")
                a.call("Quit")
                self.assertEqual(s.recv(100), b"STOPPING=1")
                self.assertEqual(a.proc.wait(20), 0)

    def test_units(self):
        """systemd finds nothing to say, and rates the service's exposure at 3.0 or less."""
        with tempfile.TemporaryDirectory() as d:
            for name in ("keyfobd.socket", "keyfobd.service"):
                built = os.path.join(os.path.dirname(varlink.BIN), "data", name)
                path = built if os.path.exists(built) else os.path.join(ROOT, "data", "systemd", name)
                with open(path) as f:
                    text = re.sub(r"(?m)^ExecStart=\S+", "ExecStart=" + os.path.join(varlink.BIN, "keyfobd"), f.read())
                with open(os.path.join(d, name), "w") as f:
                    f.write(text)
            man = os.path.join(d, "man", "man8")
            os.makedirs(man)
            shutil.copy(os.path.join(ROOT, "data", "man", "keyfobd.8"), man)
            env = dict(os.environ, XDG_RUNTIME_DIR=d, HOME=d, MANPATH=os.path.join(d, "man"), SYSTEMD_LOG_LEVEL="warning")
            unit = os.path.join(d, "keyfobd.service")

            def run(*args):
                return subprocess.run(["systemd-analyze", "--user", *args], env=env, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, timeout=60).stdout.decode()
            self.assertEqual(run("verify", os.path.join(d, "keyfobd.socket"), unit), "")
            said = run("security", "--offline=yes", "--no-pager", unit)
            found = re.search(r"Overall exposure level for keyfobd\.service: ([0-9.]+)", said)
            self.assertTrue(found, said)
            self.assertLessEqual(float(found.group(1)), 3.0, said)


if __name__ == "__main__":
    varlink.main()
