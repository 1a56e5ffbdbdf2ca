/* Hello: who the agent is, and whether it is the one that this caller means. */
#include "agent/methods.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "agent/settings.h"
#include "agent/takeover.h"
#include "base/build.h"
#include "base/log.h"
#include "base/str.h"
#include "wire/msg.h"
#include "wire/surroundings.h"

/* A bus that appears later is used: cron starts an agent before the desktop does. */
static void take_bus(kf_agent *a, const char *bus) {
    static const char unix_path[] = "unix:path=";
    const char *own = getenv("DBUS_SESSION_BUS_ADDRESS");
    struct stat st;
    if (!bus || (own && *own) || !kf_str_starts(bus, unix_path)) return;
    const char *at = bus + sizeof unix_path - 1;
    KF_AUTO_CHARS path = strndup(at, strcspn(at, ",;%"));
    /* a socket of this user, and nothing that leads away from this machine */
    if (!path || at[strcspn(at, ";%")] || stat(path, &st) || !S_ISSOCK(st.st_mode) ||
        st.st_uid != geteuid())
        return;
    kf_log(KF_LOG_INFO, "agent: uses the session bus of a caller from now on");
    setenv("DBUS_SESSION_BUS_ADDRESS", bus, 1);
    a->bus_came = true;
}

/* Each set of differences is told by one call; doctor tells it always. */
static bool is_news(kf_agent *a, const kf_json *names) {
    enum { ALL = KF_LEN(a->told) };
    uint32_t h = 2166136261u;
    for (const kf_json *i = kf_json_first(names); i; i = kf_json_next(i))
        for (const char *s = kf_json_value_str(i);; s++) {
            h = (h ^ (unsigned char)*s) * 16777619u;
            if (!*s) break;
        }
    for (size_t i = 0; i < ALL; i++)
        if (a->told[i] == h) return false;
    a->told[a->n_told++ % ALL] = h;
    return true;
}

static void compare(kf_agent *a, const kf_json *p, kf_json *j) {
    if (!kf_json_bool(p, "read_only", false)) take_bus(a, kf_json_str(p, "bus"));
    kf_json *names = kf_surroundings_differ(kf_json_get(p, "environment"));
    bool any = kf_json_count(names);
    if (any) kf_json_set_bool(j, "tell", is_news(a, names));
    if (any) kf_json_set(j, "differs", names);
    else kf_json_free(names);
}

/* The tag of the directories that this agent uses. It follows links: looked up at most once a
 * second. */
static const char *own_home(kf_agent *a) {
    enum { LOOK_MS = 1000 };
    int64_t now = kf_boot_ms();
    if (!a->home_looked || now - a->home_looked >= LOOK_MS) {
        kf_surroundings_home(a->home);
        a->home_looked = now;
    }
    return a->home;
}

void kf_method_hello(kf_agent *a, kf_call *call) {
    const kf_json *p = kf_call_params(call);
    const char *theirs = kf_json_str_or(p, "home", "");
    bool elsewhere = *theirs && strcmp(theirs, own_home(a)) != 0 && !a->private_mode;
    if (kf_json_bool(p, "read_only", false)) kf_call_set_read_only(call);
    kf_json *j = kf_json_obj();
    kf_json_set_int(j, "protocol", KF_PROTOCOL);
    kf_json_set_str(j, "build", kf_build);
    kf_json_set_int(j, "pid", getpid());
    kf_json_set(j, "store", kf_settings_store_json(a));
    kf_json_set_bool(j, "memory_locked", kf_secret_locked());
    kf_json_set_bool(j, "private", a->private_mode);
    kf_json_set_bool(j, "replaced", kf_takeover_is_due(a->takeover));
    if (elsewhere) {
        kf_json_set_bool(j, "elsewhere", true);
        kf_call_leave(call);
    } else {
        compare(a, p, j);
        /* a newer client's calls may mean what this agent does not know: it asks for a takeover */
        bool newer = kf_json_int_or(p, "protocol", 0) > KF_PROTOCOL;
        if (kf_takeover_by_hello(a, call) || newer) kf_json_set_bool(j, "leaving", true);
        if (newer) kf_call_leave(call);
    }
    kf_call_reply(call, j);
}
