"""What every client relies on: Hello, the varlink service calls, order of answers, refusals."""
import json
import os
import subprocess

import varlink
from varlink import Agent, Case, Failed, IFACE

SERVICE = "org.varlink.service"


class Basics(Case):
    @classmethod
    def setUpClass(cls):
        cls.agent = Agent()

    @classmethod
    def tearDownClass(cls):
        cls.agent.__exit__(None, None, None)

    def varlink_error(self, error, method, **params):
        with self.assertRaises(Failed) as c:
            self.agent.call(method, **params)
        self.assertEqual(c.exception.error, SERVICE + "." + error, str(c.exception))
        return c.exception.parameters

    def test_hello(self):
        p = self.agent.call("Hello", protocol=1, build="test")
        self.assertEqual(p["protocol"], varlink.PROTOCOL)
        self.assertEqual(p["pid"], self.agent.proc.pid)
        self.assertEqual((p["store"]["kind"], p["store"]["state"], p["store"]["choice"]), ("memory", "ok", "memory"))
        self.assertIs(p["private"], False)
        self.assertIsInstance(p["memory_locked"], bool)
        said = subprocess.run([os.path.join(varlink.BIN, "keyfobd"), "--version"], stdout=subprocess.PIPE, check=True)
        self.assertIn(p["build"], said.stdout.decode())

    def test_hello_with_another_protocol_says_ours(self):
        self.assertEqual(self.agent.call("Hello", protocol=99, build="future")["protocol"], varlink.PROTOCOL)

    def test_calls_need_no_hello(self):
        self.assertEqual(self.agent.call("ListProfiles"), {"profiles": []})

    def test_service(self):
        info = self.agent.call(SERVICE + ".GetInfo")
        self.assertEqual(set(info), {"vendor", "product", "version", "url", "interfaces"})
        self.assertEqual(sorted(info["interfaces"]), sorted([IFACE, SERVICE]))
        with open(os.path.join(varlink.HERE, "..", "..", "data", IFACE + ".varlink")) as f:
            want = f.read()
        got = self.agent.call(SERVICE + ".GetInterfaceDescription", interface=IFACE)["description"]
        self.assertEqual(got, want)
        own = self.agent.call(SERVICE + ".GetInterfaceDescription", interface=SERVICE)["description"]
        self.assertIn("interface org.varlink.service", own)
        self.varlink_error("InterfaceNotFound", SERVICE + ".GetInterfaceDescription", interface="org.example.Not")
        self.varlink_error("InvalidParameter", SERVICE + ".GetInterfaceDescription")

    def test_every_method_of_the_interface_exists(self):
        import re
        text = self.agent.call(SERVICE + ".GetInterfaceDescription", interface=IFACE)["description"]
        names = re.findall(r"^method (\w+)\(", text, re.M)
        self.assertGreater(len(names), 12)
        for name in names:
            if name in ("Quit", "Restart"):
                continue
            with self.agent.connect() as c:
                c.send(name, more=True)
                try:
                    c.answer()
                except Failed as e:
                    self.assertNotIn("MethodNotFound", e.error)
                    self.assertNotEqual(e.name, "sys.bug")
        self.agent.call("Unlock")

    def test_read_only(self):
        """Every method is either one that reads, or is refused: a new one has to be put into one of the two."""
        import re
        reads = set("""Hello ListProfiles GetProfile GetToken GetApiKey FindImports PreviewCleanUp ListOrganizations ListSessions
            CheckSession ListFactors Claims Seal Unseal Answer Cancel Watch Unlock Lock Quit GetSettings CheckSettings StoreStatus
            Doctor""".split())
        with open(os.path.join(varlink.HERE, "..", "..", "data", IFACE + ".varlink")) as f:
            names = set(re.findall(r"^method (\w+)\(", f.read(), re.M))
        self.assertEqual(reads - names, set())
        writes = [(n, {}) for n in sorted(names - reads)]
        self.assertGreater(len(writes), 15)
        for name, params in writes + [("GetToken", {"profile": "x", "renew": True}), ("Seal", {"hand_over": True})]:
            with self.agent.connect() as c:
                c.call("Hello", protocol=1, build="test", read_only=True)
                with self.assertRaises(Failed, msg=name) as e:
                    c.send(name, more=True, **params)
                    c.answer()
                self.assertEqual(e.exception.name, "usage.read_only", name)
                self.assertIn(name, e.exception.failure["what"])
        with self.agent.connect() as c:
            c.call("Hello", protocol=1, build="test", read_only=True)
            self.assertEqual(c.call("ListProfiles"), {"profiles": []})
            c.call("Hello", protocol=1, build="test")
            with self.assertRaises(Failed) as e:
                c.call("PutSettings", key="default", value="x")
            self.assertEqual(e.exception.name, "usage.read_only", "a second Hello takes it back")
        self.assertEqual(self.agent.call("ListProfiles"), {"profiles": []})

    def test_unknown(self):
        self.assertEqual(self.varlink_error("MethodNotFound", "Gettoken")["method"], IFACE + ".Gettoken")
        self.varlink_error("MethodNotFound", "")
        self.varlink_error("MethodNotFound", SERVICE + ".Nope")
        with self.assertRaises(Failed) as c:
            self.agent.call("org.example.Foo.Bar")
        self.assertIn(c.exception.error, (SERVICE + ".MethodNotFound", SERVICE + ".InterfaceNotFound"))

    def test_parameters_of_the_wrong_type(self):
        for method, params in [("GetToken", {}), ("GetToken", {"profile": 7}), ("GetToken", {"profile": None}),
                               ("GetToken", {"profile": "x", "min_valid_ms": "10"}),
                               ("GetToken", {"profile": "x", "min_valid_ms": -1}),
                               ("GetToken", {"profile": "x", "min_valid_ms": 1.5}),
                               ("GetToken", {"profile": "x", "renew": "yes"}), ("GetProfile", {"profile": []}),
                               ("Answer", {"flow": "x", "act": "submit"}), ("Hello", {}),
                               ("PutProfile", {"name": "x", "client_id": 1}),
                               ("PutProfile", {"name": "x", "client_id": "client_x", "redirect_port": 70000}),
                               ("PutProfile", {"name": "x", "client_id": "client_x", "redirect_port": "80"}),
                               ("SignIn", {"profile": "x"})]:
            with self.subTest(method=method, params=params):
                with self.assertRaises(Failed) as c, self.agent.connect() as conn:
                    conn.send(method, more=method == "SignIn", **params)
                    conn.answer()
                if c.exception.error == SERVICE + ".InvalidParameter":
                    self.assertIn("parameter", c.exception.parameters)
                else:
                    self.assertEqual(c.exception.name, "usage.bad")
        self.assertEqual(self.agent.call("ListProfiles")["profiles"], [])

    def test_parameters_may_be_absent_or_null(self):
        for msg in ({"method": IFACE + ".ListProfiles"}, {"method": IFACE + ".ListProfiles", "parameters": None}):
            with self.agent.connect() as c:
                c.write(json.dumps(msg).encode() + b"\0")
                self.assertEqual(c.answer(), {"profiles": []})

    def test_what_is_no_call_ends_the_connection(self):
        for raw in (b"\0", b"[]\0", b"7\0", b"{\0", b"nonsense\0", b'{"method":1}\0', b'{"parameters":{}}\0',
                    b'{"method":"a.B","method":"a.C"}\0', b'{"method":"io.keyfob.Agent.Hello","parameters":[]}\0',
                    b'{"a":' * 2000 + b"1" + b"}" * 2000 + b"\0", b"\xff\xfe{}\0",
                    b'{"method":"io.keyfob.Agent.Hello\\u0000x"}\0'):
            with self.subTest(raw=raw[:40]), self.agent.connect() as c:
                c.write(raw)
                try:
                    c.answer()
                    self.fail("an answer to %r" % raw[:40])
                except Failed as e:
                    self.assertNotEqual(e.name, "sys.bug")
                except varlink.Closed:
                    pass
        self.assertEqual(self.agent.call("Hello", protocol=1, build="x")["protocol"], varlink.PROTOCOL)

    def test_answers_come_in_order(self):
        with self.agent.connect() as c:
            calls = ["Hello", "Nope", "ListProfiles", SERVICE + ".GetInfo", "Nope", "Hello"]
            c.write(b"".join(c.frame(m, **({"protocol": 1, "build": "b"} if m == "Hello" else {})) for m in calls))
            got = []
            for _ in calls:
                try:
                    got.append(sorted(c.answer())[0])
                except Failed as e:
                    got.append(e.error)
            nope = SERVICE + ".MethodNotFound"
            self.assertEqual(got, ["build", nope, "profiles", "interfaces", nope, "build"])

    def test_one_byte_at_a_time(self):
        with self.agent.connect() as c:
            for b in c.frame("Hello", protocol=1, build="b"):
                c.write(bytes([b]))
            self.assertEqual(c.answer()["protocol"], varlink.PROTOCOL)

    def test_oneway_has_no_answer(self):
        with self.agent.connect() as c:
            c.write(json.dumps({"method": IFACE + ".ListProfiles", "oneway": True}).encode() + b"\0")
            c.send("Hello", protocol=1, build="b")
            self.assertIn("protocol", c.answer())

    def test_half_closed_still_gets_its_answer(self):
        import socket
        with self.agent.connect() as c:
            c.send("Hello", protocol=1, build="b")
            c.sock.shutdown(socket.SHUT_WR)
            self.assertEqual(c.answer()["protocol"], varlink.PROTOCOL)
            self.assertTrue(c.closed())

    def test_streams_need_more(self):
        for method, params in (("Watch", {}), ("SignIn", {"profile": "x", "method": "password"})):
            with self.assertRaises(Failed):
                self.agent.call(method, **params)

    def test_unknown_profile(self):
        for method in ("GetProfile", "GetToken", "Renew", "SignOut", "RemoveProfile"):
            with self.subTest(method=method):
                e = self.fails("usage.no_profile", self.agent.call, method, profile="nope")
                self.assertIn("nope", e.failure["what"])


if __name__ == "__main__":
    varlink.main()
