"""That interface.py finds what is wrong, and that the interface of the agent is right varlink."""
import os
import unittest

from interface import Bad, Interface

HERE = os.path.dirname(os.path.abspath(__file__))
GOOD = """# c
interface org.x.Y
type S (  # of the first field
  a: string,  # of the next
  # a line of its own
  b: ?[]T
)
type T (one, two)
method M(s: S, n: ?int) -> (m: [string]bool)
error E (t: T)
"""


class Text(unittest.TestCase):
    def test_ours(self):
        with open(os.path.join(HERE, "..", "..", "data", "io.keyfob.Agent.varlink")) as f:
            i = Interface(f.read())
        self.assertEqual(i.name, "io.keyfob.Agent")
        self.assertGreater(len(i.methods), 30)

    def test_texts(self):
        Interface(GOOD)
        for was, bad in (("b: ?[]T\n", "b: ?[]T  # behind the last field\n"), ("b: ?[]T\n", "b: ?[]T,\n"), ("[]T", "[]U"),
                         ("a: string", "a: text"), ("a: string", "a"), ("-> (m", "(m"), ("type T", "type S"), ("type T", "type t"),
                         ("error E", "fault E"), ("n: ?int", "s: ?int"), ("n: ?int", "n_: ?int"), ("[string]bool", "[int]bool"),
                         ("(t: T)", "(t: T"), ("interface ", "")):
            self.assertIn(was, GOOD)
            with self.subTest(bad), self.assertRaises(Bad):
                Interface(GOOD.replace(was, bad, 1))

    def test_messages(self):
        i = Interface(GOOD)
        i.check_call("M", {"s": {"a": "x", "b": ["one", "two"]}, "n": 1})
        i.check_call("M", {"s": {"a": "x", "b": None}})
        i.check_answer("M", {"m": {"k": True}})
        i.check_error("E", {"t": "two"})
        for bad in ({}, {"s": {}}, {"s": {"a": 1}}, {"s": {"a": None}}, {"s": {"a": "x", "c": 1}}, {"s": {"a": "x", "b": "one"}},
                    {"s": {"a": "x", "b": ["three"]}}, {"s": {"a": "x"}, "n": True}, {"s": {"a": "x"}, "n": 1.5}, {"s": []}, []):
            with self.subTest(str(bad)), self.assertRaises(Bad):
                i.check_call("M", bad)
        with self.assertRaises(Bad):
            i.check_answer("M", {"m": {"k": 1}})


if __name__ == "__main__":
    import sys
    sys.argv[1:] = []
    unittest.main()
