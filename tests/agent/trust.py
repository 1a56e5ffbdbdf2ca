"""What another user can change is refused: every directory and file that keyfob opens by a name."""
import os
import shutil
import subprocess
import sys

import varlink
from varlink import Agent, Case, Failed, KEY, Sandbox

OTHER = 12345
WAYS = ("foreign owner", "group-writable", "world-writable", "foreign link")
BAD = "Bad owner or permissions on "


def change(path, way):
    """Makes it so; gives what takes it back."""
    st = os.lstat(path)
    mode = st.st_mode & 0o7777
    if way == "foreign owner":
        os.chown(path, OTHER, OTHER)
        return lambda: os.chown(path, st.st_uid, st.st_gid)
    if way == "foreign link":
        os.rename(path, path + ".real")
        os.symlink(path + ".real", path)
        os.lchown(path, OTHER, OTHER)

        def back():
            os.unlink(path)
            os.rename(path + ".real", path)
        return back
    if way == "group-writable":
        os.chown(path, -1, OTHER)
    os.chmod(path, mode | (0o020 if way == "group-writable" else 0o002))

    def restore():
        os.chown(path, -1, st.st_gid)
        os.chmod(path, mode)
    return restore


class Trust(Case):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()
        cls.sandbox.__enter__()
        cls.agent = a = Agent(store="vault")
        cls.id = a.put("dev", cls.sandbox.url)["id"]
        a.sign_in("dev")

    @classmethod
    def tearDownClass(cls):
        cls.agent.__exit__(None, None, None)
        cls.sandbox.__exit__(None, None, None)

    def setUp(self):
        self.stop()

    def stop(self):
        if self.agent.proc.poll() is None:
            self.agent.proc.kill()
        self.agent.proc.wait()
        self.agent.proc = type("Gone", (), {"poll": lambda _: 0, "wait": lambda *_: 0})()

    def attempt(self, env=None):
        """What a new agent says to three calls: the words of a refusal, or None."""
        a = self.agent
        a.env.update(env or {})
        proc, said = a.launch("--foreground")
        a.proc = proc
        try:
            if said != "R":
                return said
            for method, more in (("GetApiKey", {}), ("GetToken", {"renew": True})):
                try:
                    got = a.call(method, profile="dev", **more)
                except Failed as e:
                    self.assertTrue(e.name == "sys.owner" or "symbolic links" in str(e), str(e))
                    return e.failure["what"]
                if method == "GetApiKey":
                    self.assertEqual(got["api_key"], KEY)
            return None
        finally:
            self.stop()

    def kinds(self):
        a = self.agent
        vault = os.path.join(a.data, "vault")
        state = lambda leaf: os.path.join(a.state, leaf)  # noqa: E731
        return {
            "keyfob.conf": a.conf, "its folder": os.path.dirname(a.conf),
            "the folder above": os.path.dirname(os.path.dirname(a.conf)),
            "vault": vault, "vault's parent": a.data, "header": vault + "/header",
            "header.copy": vault + "/header.copy", "vault.lock": vault + "/vault.lock",
            "session record": "%s/%s.session" % (vault, self.id), "key record": "%s/%s.api-key" % (vault, self.id),
            "state": a.state, "state's parent": os.path.dirname(a.state), "ledger": state(self.id + ".lock"),
            "log": a.logfile, "runtime": a.runtime, "runtime's parent": os.path.dirname(a.runtime),
            "passphrase": os.path.join(a.dir, "pass"),
        }

    def test_table(self):
        self.assertIsNone(self.attempt())
        for kind, path in self.kinds().items():
            self.assertTrue(os.path.lexists(path), kind)
            for way in WAYS:
                with self.subTest(kind=kind, way=way):
                    back = change(path, way)
                    try:
                        said = self.attempt()
                        # the lock has no content, and a link is no header: the other one counts
                        harmless = kind == "vault.lock" or (kind.startswith("header") and way == "foreign link")
                        if harmless and said is None:
                            continue
                        if way == "foreign link" and said and BAD not in said:  # a link where none may be
                            self.assertTrue(path in said and "symbolic links" in said or "is not a directory" in said, said)
                        else:
                            self.assertIn(BAD, said or "it was used")
                    finally:
                        back()
        self.assertIsNone(self.attempt(), "all was put back")

    def test_links_of_ours_are_followed(self):
        a = self.agent
        for path in (a.conf, os.path.dirname(a.conf), os.path.join(a.data, "vault"), a.state):
            with self.subTest(path=path):
                real = os.path.join(a.dir, "dotfiles")
                os.rename(path, real)
                os.symlink(real, path)
                try:
                    self.assertIsNone(self.attempt())
                finally:
                    os.unlink(path)
                    os.rename(real, path)

    def test_a_running_agent_keeps_what_it_read(self):
        """The attack: another user adds a proxy and certificates; the next renewal must not use them."""
        a = self.agent
        a.proc, _ = a.launch("--foreground")
        try:
            a.call("GetToken", profile="dev")
            text = a.read(a.conf)
            os.chmod(a.conf, 0o666)
            subprocess.run(["setpriv", "--reuid=%d" % OTHER, "--clear-groups", "true"], check=True)
            with open(a.conf, "a") as f:
                f.write("\n[keyfob]\nproxy=http://127.0.0.1:9\nca_file=/tmp/theirs.pem\n")
            e = self.fails("sys.owner", a.call, "GetToken", profile="dev", renew=True)
            self.assertIn(BAD + a.conf, e.failure["what"])
            self.assertIn("chmod go-w", e.failure["hint"])
            with open(a.conf, "w") as f:
                f.write(text)
            os.chmod(a.conf, 0o600)
            a.call("GetToken", profile="dev", renew=True)
        finally:
            self.stop()

    def test_changes_that_count_are_shown(self):
        a = self.agent
        a.proc, _ = a.launch("--foreground")
        try:
            a.call("GetProfile", profile="dev")
            a.call("PutSettings", key="proxy", value="http://maya:secret-word@127.0.0.1:9")
            a.call("PutSettings", key="proxy", value="")
            found = [c["finding"] for c in a.call("Doctor")["checks"] if c["id"] == "settings"]
            self.assertTrue(any("proxy was (none) and is 127.0.0.1:9 now" in f for f in found), found)
            self.assertIn("proxy was 127.0.0.1:9 and is (none) now", a.log())
            self.assertNotIn("secret-word", a.log() + "".join(found))
        finally:
            self.stop()

    def test_list_of_profiles_and_allowed_directories(self):
        a = self.agent
        for leaf in ("profiles", "allowed"):
            path = os.path.join(a.state, leaf)
            there = os.path.join(a.dir, "there")
            os.makedirs(there, 0o700, exist_ok=True)
            with open(os.path.join(there, ".keyfob"), "w") as f:
                f.write("dev\n")
            subprocess.run([os.path.join(varlink.BIN, "keyfob"), "allow"], env=a.env, cwd=there, check=True,
                           stdout=subprocess.DEVNULL)
            for way in WAYS:
                with self.subTest(leaf=leaf, way=way):
                    back = change(path, way)
                    try:
                        r = subprocess.run([os.path.join(varlink.BIN, "keyfob"), "whoami" if leaf == "allowed" else "status"],
                                           env=a.env, cwd=there if leaf == "allowed" else a.dir, stdin=subprocess.DEVNULL,
                                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                    finally:
                        back()
                    if way == "foreign link":
                        self.assertNotEqual(r.returncode, 0, r.stdout)
                    else:
                        self.assertEqual(r.returncode, 6, r.stdout)
                        self.assertIn(BAD + path, r.stdout.replace("\n", " "))

    def test_nothing_is_made_in_the_directory_of_another_user(self):
        """su and sudo leave HOME or XDG_RUNTIME_DIR of the person: root's files there lock the person out."""
        a = self.agent
        home = os.path.join(a.dir, "theirs")
        os.mkdir(home, 0o700)
        os.chown(home, OTHER, OTHER)
        for name, path in (("XDG_RUNTIME_DIR", home), ("XDG_STATE_HOME", home + "/state"), ("XDG_DATA_HOME", home + "/data"),
                           ("XDG_CONFIG_HOME", home + "/config")):
            with self.subTest(name=name):
                env = dict(a.env, **{name: path})
                for cmd in (["token", "dev"], ["profile", "add", "new", "--client-id", "client_x"], ["agent", "start"]):
                    subprocess.run([os.path.join(varlink.BIN, "keyfob"), *cmd], env=env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                subprocess.run([os.path.join(varlink.BIN, "keyfob"), "agent", "stop"], env=env, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
                self.assertEqual(os.listdir(home), [])
        shutil.rmtree(home)


if __name__ == "__main__":
    if os.geteuid() != 0:  # as a plain user: where we are root over a range of ids
        if os.environ.get("KF_INNER"):
            sys.exit("no user namespace with more than one id")
        os.environ["KF_INNER"] = "1"
        os.execvp("unshare", ["unshare", "-r", "--map-auto", sys.executable, "-B", *sys.argv])
    varlink.main()
