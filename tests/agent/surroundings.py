"""One agent for all processes of a person: what it does when a caller's environment is another one."""
import os
import re
import socket

import varlink
from varlink import Agent, Case, Closed, Sandbox


class Surroundings(Case):
    def agent(self, **kw):
        a = Agent(**kw)
        self.addCleanup(a.__exit__, None, None, None)
        return a

    def hello(self, a, **kw):
        return a.call("Hello", protocol=1, build="t", **kw)

    def test_other_directories_are_refused(self):
        """The call behind Hello is not read: nothing runs in the wrong home."""
        a = self.agent()
        c = a.connect()
        c.write(c.frame("Hello", protocol=1, build="t", home="0" * 16) + c.frame("PutProfile", name="x"))
        self.assertTrue(c.answer()["elsewhere"])
        with self.assertRaises((Closed, socket.timeout)):
            c.sock.settimeout(1)
            c.answer()
        c.close()
        self.assertEqual(a.call("ListProfiles"), {"profiles": []})
        self.assertNotIn("elsewhere", self.hello(a))

    def test_differences_are_told_once(self):
        a = self.agent(env={"https_proxy": "http://user:secret@127.0.0.1:1"})
        first = self.hello(a, environment={})
        self.assertEqual((first["differs"], first["tell"]), (["https_proxy", "KEYFOB_STORE"], True))
        second = self.hello(a, environment={})
        self.assertEqual((second["differs"], second["tell"]), (first["differs"], False))
        other = self.hello(a, environment={"KEYFOB_CONFIG": "0123456789abcdef"})
        self.assertEqual(set(other["differs"]), {"https_proxy", "KEYFOB_STORE", "KEYFOB_CONFIG"})
        self.assertTrue(other["tell"])
        self.assertNotIn("differs", self.hello(a), "a caller that says nothing")
        self.assertEqual(self.hello(a, environment={"NONSENSE": "1"})["differs"], first["differs"])
        self.assertNotIn("secret", a.log())

    def test_a_bus_that_comes_later(self):
        """What auto took without a bus, and stored nothing in, is not settled."""
        a = self.agent(store="auto", env={"DBUS_SESSION_BUS_ADDRESS": None})
        try:
            a.call("StoreStatus")
        except varlink.Failed as e:
            self.assertEqual(e.name, "store.vault_new")
        self.assertEqual(self.hello(a)["store"]["kind"], "vault")
        self.assertNotIn("store_picked", a.read(a.conf))
        path = os.path.join(a.dir, "bus")
        with socket.socket(socket.AF_UNIX) as bus:
            bus.bind(path)
            bus.listen(8)
            bus.settimeout(20)
            for bad in ("tcp:host=127.0.0.1,port=1", "unix:abstract=x", "unix:path=" + a.dir, "unix:path=%s;tcp:host=x" % path):
                self.hello(a, bus=bad)
            self.hello(a, bus="unix:path=" + path, read_only=True)
            self.assertNotIn("session bus of a caller", a.log(), "not these")
            self.hello(a, bus="unix:path=" + path)
            c = a.connect()
            c.send("StoreStatus")
            bus.accept()[0].close()  # it is asked now
            with self.assertRaises(varlink.Failed):
                c.answer()
        self.hello(a, bus="unix:path=/nonexistent")
        self.assertIn("uses the session bus of a caller", a.log())
        self.assertEqual(len(re.findall("uses the session bus of a caller", a.log())), 1, "one that has a bus keeps it")

    def test_settled_by_the_first_secret(self):
        a = self.agent(store="auto", env={"KEYFOB_PASSPHRASE_FILE": None})
        with Sandbox() as s:
            self.fails("store.vault_new", a.call, "StoreStatus")
            self.assertNotIn("store_picked", a.read(a.conf))
            a.call("Unlock", passphrase=varlink.PASSPHRASE, create=True)
            a.put("dev", s.url)
            varlink.wait_for(lambda: "store_picked=vault" in a.read(a.conf).replace(" ", ""), "it is remembered")


if __name__ == "__main__":
    varlink.main()
