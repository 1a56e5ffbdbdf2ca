"""Many profiles of one agent, all signed in, against a WorkOS that counts what is under way."""
import threading
import time

from fake import Fake, jwt

CLIENT = "client_sandbox"
CONNECTIONS = 32  # of the agent's 256
REPLAY_WINDOW = 30  # seconds, as WorkOS's


def name(i):
    return "p%04d" % i


class Crowd:
    """n public profiles. life: of the access tokens to come, in seconds; delay: of an answer. While until is set, tokens
    live until then, whenever they are made."""

    def __init__(self, agent, n, life=3600, delay=0.0):
        self.agent, self.n, self.life, self.delay = agent, n, life, delay
        self.lock = threading.Lock()
        self.under_way = self.most = self.served = 0
        self.renewals = {}  # (number, life of the token it gave) -> how many
        self.answers = {}  # refresh token -> (when, answer): a caller that did not get it asks again, which is no renewal
        self.until = None
        self.fake = Fake()
        self.fake.on("refresh_token", self.renew)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.fake.__exit__()

    def renew(self, r):
        spent = r.body["refresh_token"]
        i, turn = (int(x) for x in spent.split("-")[1:])
        with self.lock:
            at, answer = self.answers.get(spent, (None, None))
            if answer and time.monotonic() - at < REPLAY_WINDOW:
                return answer
            self.under_way += 1
            self.served += 1
            life = max(1, int(self.until - time.time())) if self.until else self.life
            self.renewals[i, life] = self.renewals.get((i, life), 0) + 1
            self.most = max(self.most, self.under_way)
            user = "user_%d" % i
            answer = 200, {"user": {"object": "user", "id": user, "email": "%s@example.test" % user},
                           "access_token": jwt("session_%d" % i, life=life, sub=user), "refresh_token": "refresh-%d-%d" % (i, turn + 1)}
            self.answers[spent] = time.monotonic(), answer
        time.sleep(self.delay)
        with self.lock:
            self.under_way -= 1
        return answer

    def renewed(self, life):
        """How many have a token of this life, and the most that one of them was renewed to get it."""
        with self.lock:
            counts = [n for (_, of), n in self.renewals.items() if of == life]
        return len(counts), max(counts, default=0)

    def forget_renewals(self):
        with self.lock:
            self.renewals = {}

    def counters(self):
        with self.lock:
            self.most = self.served = 0

    def profiles(self, **more):
        return [dict({"name": name(i), "client_id": CLIENT, "api_host": self.fake.url}, **more) for i in range(self.n)]

    def make(self):
        """All of them in one call."""
        return self.agent.call("PutProfiles", profiles=self.profiles())["names"]

    def each(self, method, numbers, **params):
        """The call for each of these profiles, over many connections; (seconds, answer) in their order."""
        out = {}
        numbers = list(numbers)

        def one(part):
            with self.agent.connect(120) as c:
                for i in part:
                    t = time.monotonic()
                    p = {k: v(i) if callable(v) else v for k, v in params.items()}
                    got = c.call(method, profile=name(i), **p)
                    out[i] = (time.monotonic() - t, got)

        threads = [threading.Thread(target=one, args=(numbers[k::CONNECTIONS],)) for k in range(CONNECTIONS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert len(out) == len(numbers), "%d of %d calls were answered" % (len(out), len(numbers))
        return [out[i] for i in numbers]

    def sign_in(self, numbers=None):
        self.each("TakeToken", range(self.n) if numbers is None else numbers, refresh_token=lambda i: "refresh-%d-1" % i)
