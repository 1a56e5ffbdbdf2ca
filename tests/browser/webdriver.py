"""A headless Chromium, driven over W3C WebDriver (https://www.w3.org/TR/webdriver2/) with
nothing but Python's own library. chromedriver picks a free port and listens on loopback."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the name WebDriver gives to an element's id


class Failed(Exception):
    pass


class Browser:
    def __init__(self):
        for tool in ("chromium", "chromedriver"):
            if not shutil.which(tool):
                raise Failed(tool + " is not installed")
        self.home = tempfile.mkdtemp(prefix="keyfob-browser-")
        env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        env["HOME"] = self.home
        for _ in range(10):
            port, said = self.start(env)
            if port or "port not available" not in said:
                break  # else: between its choice of a port and its use somebody took the same one on IPv6
        if not port:
            raise Failed("chromedriver did not start: " + said)
        self.base = "http://127.0.0.1:%s" % port
        args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
                "--no-proxy-server", "--user-data-dir=" + os.path.join(self.home, "profile")]
        made = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": {"binary": shutil.which("chromium"), "args": args}}}})
        self.session = "/session/" + made["sessionId"]

    def start(self, env):
        """The port, or None and what chromedriver said before it ended."""
        # a group of its own: whatever Chromium leaves behind ends with it
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       text=True, env=env, start_new_session=True)
        said = ""
        for line in self.driver.stdout:
            said += line
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                return found.group(1), said
        self.driver.wait()
        return None, said

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as e:
            raise Failed("%s %s: %s" % (method, path, json.load(e)["value"]["message"].splitlines()[0])) from None

    def go(self, url):
        self.call("POST", self.session + "/url", {"url": url})

    def url(self):
        return self.call("GET", self.session + "/url")

    def text(self):
        return self.run("return document.body ? document.body.innerText : ''")

    def run(self, script):
        return self.call("POST", self.session + "/execute/sync", {"script": script, "args": []})

    def find(self, css):
        return self.call("POST", self.session + "/element", {"using": "css selector", "value": css})[ELEMENT]

    def has(self, css):
        return bool(self.call("POST", self.session + "/elements", {"using": "css selector", "value": css}))

    def type(self, css, text):
        element = self.find(css)
        self.call("POST", "%s/element/%s/clear" % (self.session, element), {})
        self.call("POST", "%s/element/%s/value" % (self.session, element), {"text": text})

    def click(self, css):
        self.call("POST", "%s/element/%s/click" % (self.session, self.find(css)), {})

    def new_tab(self):
        handle = self.call("POST", self.session + "/window/new", {"type": "tab"})["handle"]
        self.call("POST", self.session + "/window", {"handle": handle})

    def wait(self, what, true, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if true():
                    return
            except Failed:
                pass  # between two pages
            time.sleep(0.05)
        raise Failed("%s did not come; the page at %s says: %s" % (what, self.url(), self.text()[:400]))

    def wait_text(self, text):
        self.wait(repr(text), lambda: text in self.text())

    def close(self):
        try:
            self.call("DELETE", self.session)
        except (Failed, OSError, AttributeError):
            pass
        try:
            os.killpg(self.driver.pid, 15)
            self.driver.wait(10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
