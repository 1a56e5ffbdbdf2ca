"""data/io.keyfob.Agent.varlink, read by the varlink grammar, and messages held against it.

Comments may stand where a member or a field may begin; systemd's varlinkctl reads no others."""
import re

TOKEN = re.compile(r"\s*(?:(->|\[string\]|\[\]|[(),:?])|([A-Za-z][A-Za-z0-9_.-]*))")
NAME = re.compile(r"[A-Z][A-Za-z0-9]*\Z")
FIELD = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*\Z")
PLAIN = {"bool": bool, "int": int, "float": (int, float), "string": str, "object": dict}


class Bad(Exception):
    """The text is not varlink, or a message is not what the text says."""


class Reader:
    def __init__(self, text):
        self.text, self.at = text, 0

    def line(self):
        return self.text.count("\n", 0, self.at) + 1

    def fail(self, what):
        raise Bad("line %d: %s" % (self.line(), what))

    def comments(self):
        while True:
            m = re.compile(r"\s*#[^\n]*\n").match(self.text, self.at)
            if not m:
                return
            self.at = m.end()

    def peek(self):
        m = TOKEN.match(self.text, self.at)
        return (m.group(1) or m.group(2)) if m else None

    def take(self, *want):
        m = TOKEN.match(self.text, self.at)
        got = (m.group(1) or m.group(2)) if m else None
        if got is None or (want and got not in want):
            self.fail("%s expected, got %r" % (" or ".join(want) or "a word", self.text[self.at:self.at + 20]))
        self.at = m.end()
        return got

    def type(self):
        maybe = self.peek() == "?"
        if maybe:
            self.take()
        if self.peek() in ("[]", "[string]"):
            kind = self.take()
            inner = self.type()
            return ("maybe", (kind, inner)) if maybe else (kind, inner)
        if self.peek() == "(":
            t = self.struct()
        else:
            word = self.take()
            if word not in PLAIN and not NAME.match(word):
                self.fail("%s is no type" % word)
            t = ("plain", word) if word in PLAIN else ("name", word)
        return ("maybe", t) if maybe else t

    def struct(self):
        """Fields, or the words of an enum."""
        self.take("(")
        fields, words = {}, []
        self.comments()
        while self.peek() != ")":
            name = self.take()
            if not FIELD.match(name) or name in fields or name in words:
                self.fail("%s is no name of a field, or comes twice" % name)
            if self.peek() == ":":
                self.take()
                fields[name] = self.type()
            else:
                words.append(name)
            if fields and words:
                self.fail("fields and words of an enum together")
            if self.take(",", ")") == ")":
                break
            self.comments()
            if self.peek() == ")":
                self.fail("a comma behind the last field")
        else:
            self.take(")")
        return ("enum", words) if words else ("struct", fields)


class Interface:
    def __init__(self, text):
        self.types, self.methods, self.errors = {}, {}, {}
        r = Reader(text)
        r.comments()
        r.take("interface")
        self.name = r.take()
        seen = set()
        while True:
            r.comments()
            if not text[r.at:].strip():
                break
            kind, name = r.take("type", "method", "error"), r.take()
            if not NAME.match(name) or name in seen:
                r.fail("%s is no name, or comes twice" % name)
            seen.add(name)
            args = r.struct()
            if kind == "type":
                self.types[name] = args
            elif kind == "error":
                self.errors[name] = args
            else:
                r.take("->")
                self.methods[name] = (args, r.struct())
        for t in list(self.types.values()) + list(self.errors.values()) + [x for m in self.methods.values() for x in m]:
            self.known(t)

    def known(self, t):
        if t[0] == "name" and t[1] not in self.types:
            raise Bad("%s is not defined" % t[1])
        if t[0] in ("maybe", "[]", "[string]"):
            self.known(t[1])
        if t[0] == "struct":
            for inner in t[1].values():
                self.known(inner)

    def check(self, t, value, where):
        kind, of = t
        if kind == "maybe":
            if value is not None:
                self.check(of, value, where)
        elif kind == "name":
            self.check(self.types[of], value, where)
        elif kind == "plain":
            if not isinstance(value, PLAIN[of]) or (isinstance(value, bool) and of != "bool"):
                raise Bad("%s is %r and not a %s" % (where, value, of))
        elif kind == "enum":
            if value not in of:
                raise Bad("%s is %r, none of %s" % (where, value, " ".join(of)))
        elif kind == "[]":
            if not isinstance(value, list):
                raise Bad("%s is %r and not a list" % (where, value))
            for i, v in enumerate(value):
                self.check(of, v, "%s[%d]" % (where, i))
        else:
            if not isinstance(value, dict):
                raise Bad("%s is %r and not an object" % (where, value))
            if kind == "[string]":
                for k, v in value.items():
                    self.check(of, v, "%s.%s" % (where, k))
                return
            for k in value:
                if k not in of:
                    raise Bad("%s.%s is not in the interface" % (where, k))
            for k, inner in of.items():
                if k in value:
                    self.check(inner, value[k], "%s.%s" % (where, k))
                elif inner[0] != "maybe":
                    raise Bad("%s.%s is missing" % (where, k))

    def check_call(self, method, parameters):
        self.check(self.methods[method][0], parameters, method)

    def check_answer(self, method, parameters):
        self.check(self.methods[method][1], parameters, "answer of " + method)

    def check_error(self, name, parameters):
        self.check(self.errors[name], parameters, "error " + name)
