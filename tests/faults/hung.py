"""One server hangs. Renewals at other servers must not wait for it."""
import threading

import lib
from lib import Home, setting, wait_until
from server import Workos


def hung(tally):
    """Twenty profiles wait for a server that does not answer. A profile of a healthy server must be
    served before the agent gives up any of those requests."""
    names = ["h%d" % i for i in range(20)]
    over = threading.Event()

    def way(request):
        answer = request.handle()
        request.wait_for(over)
        request.send(*answer)
    with Workos(life=300) as bad, Workos(life=300) as good, Home() as home:
        home.signed_in(bad.url, *names)
        home.signed_in(good.url, "p0")
        bad.way = way
        callers = [threading.Thread(target=home.run, args=("token", n, "--renew")) for n in names]
        for c in callers:
            c.start()
        wait_until(lambda: bad.refreshes >= 16, "the requests to the hung server", 60)
        for _ in range(setting("N", 5)):
            tally.count()
            before = bad.gave_up
            r = home.run("token", "p0", "--renew", timeout=120)
            tally.waited(r.seconds)
            if r.rc != 0:
                tally.lose("p0: %s" % r)
            if bad.gave_up > before:
                tally.broke("p0 was served after %.1f s, when requests to the hung server had ended"
                            % r.seconds)
        bad.way = None
        over.set()
        for c in callers:
            c.join()


lib.main({"server": hung})
