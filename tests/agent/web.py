"""A person with a web browser, as far as the sandbox's pages need one: forms, buttons, redirects."""
import html.parser
import threading
import urllib.error
import urllib.parse
import urllib.request


class Forms(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.forms = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form":
            self.forms.append({"action": a["action"], "fields": {}, "buttons": []})
        elif tag == "input" and self.forms:
            self.forms[-1]["fields"][a["name"]] = a.get("value") or ""
        elif tag == "button" and self.forms:
            self.forms[-1]["buttons"].append((a.get("name"), a.get("value")))


class Web:
    """with Web(url) as page: page.press("action", "password", email=..., password=...)"""

    def __init__(self, url):
        self.load(url)

    def load(self, url, data=None):
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data), timeout=30) as r:
                self.url, self.status, self.text = r.url, r.status, r.read().decode()
        except urllib.error.HTTPError as e:
            self.url, self.status, self.text = e.url, e.code, e.read().decode()

    def press(self, name, value, **typed):
        """The form with this button is filled in and sent; value None: whatever it has."""
        for form in Forms(self.text).forms:
            for button in form["buttons"]:
                if button[0] == name and value in (None, button[1]):
                    fields = dict(form["fields"], **typed)
                    if name:
                        fields[name] = button[1]
                    self.load(urllib.parse.urljoin(self.url, form["action"]), urllib.parse.urlencode(fields).encode())
                    return self
        raise AssertionError("no button %s=%s in %s" % (name, value, self.text))


class Person(threading.Thread):
    """Does something in a browser while the test looks at the agent."""

    def __init__(self, what):
        super().__init__()
        self.what, self.page, self.error = what, None, None
        self.start()

    def run(self):
        try:
            self.page = self.what()
        except BaseException as e:  # told where the test asks
            self.error = e

    def text(self):
        self.join(40)
        if self.error:
            raise self.error
        return self.page.text
