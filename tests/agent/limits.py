"""One client can not harm another: sizes, numbers, half-sent frames, unread answers, other users."""
import contextlib
import os
import resource
import socket
import subprocess
import sys
import time

import varlink
from varlink import Agent, Case, Closed, Conn, Failed, wait_for

MIB = 1 << 20


def hello(agent):
    return agent.call("Hello", protocol=1, build="t")


def is_closed(conn):
    """Now, without waiting."""
    try:
        return conn.closed(0.001)
    except (socket.timeout, BlockingIOError):
        return False


class Limits(Case):
    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
        cls.agent = Agent()

    @classmethod
    def tearDownClass(cls):
        cls.agent.__exit__(None, None, None)

    def test_frame_of_the_maximum_is_read_and_one_more_is_not(self):
        def padded(size):
            head, tail = b'{"method":"io.keyfob.Agent.Hello","parameters":{"protocol":1,"build":"', b'"}}\0'
            return head + b"x" * (size - len(head) - len(tail)) + tail
        with self.agent.connect() as c:
            c.write(padded(MIB))
            try:
                self.assertEqual(c.answer()["protocol"], varlink.PROTOCOL)
            except Failed as e:  # a build of 1 MiB may be refused; the frame was read
                self.assertIn("build", str(e))
        with self.agent.connect() as c:
            try:
                c.write(padded(MIB + 2))
                with self.assertRaises((Closed, Failed)):
                    c.answer()
            except Closed:
                pass
            self.assertTrue(c.closed())
        hello(self.agent)

    def test_endless_frame_ends_the_connection(self):
        with self.agent.connect() as c:
            with self.assertRaises(Closed):
                for _ in range(64):
                    c.write(b"x" * MIB)
        hello(self.agent)

    def test_half_sent_frame_times_out_and_delays_nobody(self):
        with self.agent.connect() as half:
            half.write(b'{"method":"io.keyfob.Agent.He')
            start = time.monotonic()
            worst = 0
            for _ in range(200):
                t = time.monotonic()
                hello(self.agent)
                worst = max(worst, time.monotonic() - t)
            self.assertLess(worst, 2)
            self.assertTrue(half.closed(20))
            took = time.monotonic() - start
            self.assertGreater(took, 5)
            self.assertLess(took, 15)

    def test_drip_feed_times_out_too(self):
        """A byte a second does not start the 10 s again."""
        with self.agent.connect() as c:
            start = time.monotonic()
            with self.assertRaises(Closed):
                for b in b'{"method":"io.keyfob.Agent.Hello_______________':
                    c.write(bytes([b]))
                    c.sock.settimeout(0.5)
                    try:
                        c.read()
                    except socket.timeout:
                        pass
            self.assertLess(time.monotonic() - start, 15)

    def test_idle_connection_stays(self):
        with self.agent.connect() as c:
            c.call("Hello", protocol=1, build="t")
            with self.assertRaises(socket.timeout):
                c.read(12)
            c.sock.settimeout(20)
            self.assertEqual(c.call("Hello", protocol=1, build="t")["protocol"], varlink.PROTOCOL)

    def test_300_connections_are_bounded(self):
        conns = []
        try:
            served = refused = 0
            for _ in range(300):
                try:
                    c = Conn(self.agent.path, 20)
                    conns.append(c)
                    c.send("Hello", protocol=1, build="t")
                    c.answer()
                    served += 1
                except Failed as e:  # and nothing else: the reason is always read
                    self.assertEqual(e.name, "wire.busy")
                    refused += 1
            self.assertEqual((served, refused), (256, 44))
            fds = len(os.listdir("/proc/%d/fd" % self.agent.proc.pid)) if os.geteuid() == 0 else 0
            self.assertLess(fds, 256 + 64)
        finally:
            for c in conns:
                c.close()

        def free():
            try:
                return hello(self.agent)
            except (Closed, Failed, ConnectionError):
                return None
        wait_for(free, "a place becomes free")

    def test_a_full_agent_tells_why_and_counts(self):
        """Also a client that sends late, or much; and the log has a line a period, not one a client."""
        with Agent() as agent, contextlib.ExitStack() as all_of_them:
            for _ in range(256):
                all_of_them.enter_context(agent.connect())
            for i in range(150):
                with agent.connect() as c:
                    if i % 3 == 0:
                        self.assertEqual(c.read()["error"], varlink.IFACE + ".Failed")  # before a word was sent
                    c.write(c.frame("CheckSettings", text="x" * (i * 1000)))
                    if i % 3:
                        with self.assertRaises(Failed) as e:
                            c.answer()
                        self.assertEqual(e.exception.name, "wire.busy")
                    self.assertTrue(c.closed())
            told = [line for line in agent.log().splitlines() if "refused" in line]
            self.assertEqual(len(told), 1, told)

    def test_silent_connections_make_room(self):
        """The longest silent one is closed first; one that watches, or has just called, stays."""
        with Agent() as agent, contextlib.ExitStack() as all_of_them:
            conns = [all_of_them.enter_context(agent.connect()) for _ in range(256)]
            watching, calling = conns[0], conns[1]
            watching.send("Watch", more=True)
            watching.answer()
            start = time.monotonic()
            with self.assertRaises(Failed):
                hello(agent)

            def comes_in():
                calling.call("Hello", protocol=1, build="t")
                try:
                    return hello(agent)
                except Failed as e:
                    self.assertEqual(e.name, "wire.busy")
                    return None
            wait_for(comes_in, "a silent connection makes room")
            self.assertGreater(time.monotonic() - start, 5)
            late = [all_of_them.enter_context(agent.connect()) for _ in range(100)]
            for c in late:
                c.call("Hello", protocol=1, build="t")
            calling.call("Hello", protocol=1, build="t")
            with self.assertRaises(socket.timeout):
                watching.read(0.2)
            gone = sum(is_closed(c) for c in conns[2:])
            self.assertGreaterEqual(gone, 100)
            self.assertLess(gone, 110)

    def test_answers_that_nobody_reads_are_bounded(self):
        """One who only sends is no longer read, and the agent does not grow."""
        before = int(self.agent.status("VmRSS"))
        with self.agent.connect() as c:
            frame = c.frame("org.varlink.service.GetInterfaceDescription", interface=varlink.IFACE)
            c.sock.settimeout(3)
            sent = 0
            with self.assertRaises(socket.timeout):
                while sent < 64 * MIB:
                    sent += c.sock.send(frame * 100)
            hello(self.agent)
            self.assertLess(int(self.agent.status("VmRSS")) - before, 16 * 1024)

    def test_many_calls_in_one_write_are_all_answered(self):
        with self.agent.connect() as c:
            import threading
            n = 5000
            t = threading.Thread(target=c.write, args=(c.frame("Hello", protocol=1, build="t") * n,))
            t.start()
            for _ in range(n):
                self.assertEqual(c.answer()["protocol"], varlink.PROTOCOL)
            t.join()

    def test_clients_that_leave_at_once(self):
        fds = "/proc/%d/fd" % self.agent.proc.pid
        mine = os.geteuid() == 0  # the agent is not dumpable: its descriptors are root's to see
        before = len(os.listdir(fds)) if mine else 0
        for i in range(300):
            with Conn(self.agent.path) as c:
                c.send("ListProfiles" if i % 2 else "Watch", more=True)
        hello(self.agent)
        if mine:
            wait_for(lambda: len(os.listdir(fds)) <= before, "every descriptor is closed")

    def test_another_user_is_refused(self):
        """Even when directory and socket let it in: the check is by uid."""
        code = ("import socket, sys\n"
                "s = socket.socket(socket.AF_UNIX); s.settimeout(20)\n"
                "s.connect(sys.argv[1])\n"
                "try:\n"
                "    s.sendall(b'{\"method\":\"io.keyfob.Agent.Hello\",\"parameters\":{\"protocol\":1,\"build\":\"x\"}}\\0')\n"
                "    print(len(s.recv(4096)))\n"
                "except (BrokenPipeError, ConnectionResetError):\n"
                "    print(0)\n")
        if os.geteuid() == 0:
            run = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        else:
            # as a plain user: this test again where we are root over a range of ids
            if os.environ.get("KF_INNER"):
                self.fail("no user namespace with more than one id")
            subprocess.run(["unshare", "-r", "--map-auto", sys.executable, "-B", os.path.abspath(__file__), varlink.BIN,
                            "Limits.test_another_user_is_refused"], env=dict(os.environ, KF_INNER="1"), check=True)
            return
        opened = []
        d = self.agent.path
        try:
            while d != "/" and (d == self.agent.path or d.startswith(self.agent.dir)):
                opened.append((d, os.stat(d).st_mode & 0o7777))
                os.chmod(d, 0o777)
                d = os.path.dirname(d)
            other = subprocess.run([*run, "python3", "-c", code, self.agent.path], stdout=subprocess.PIPE, timeout=60)
            self.assertEqual((other.returncode, other.stdout), (0, b"0\n"))
        finally:
            for p, mode in opened:
                os.chmod(p, mode)
        self.assertEqual(hello(self.agent)["protocol"], varlink.PROTOCOL)


if __name__ == "__main__":
    varlink.main()
