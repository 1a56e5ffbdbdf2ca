/* agent start, stop, restart, status. */
#include "ui/cli/cli.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>
#include "base/build.h"
#include "base/str.h"
#include "ui/common/text.h"
#include "wire/msg.h"

enum { FORCE }; /* options of agent stop */

static int print_status(kf_cli *c, const kf_json *hello, const char *path) {
    if (c->json) {
        kf_json *j = kf_json_obj();
        kf_json_set_str(j, "schema", "keyfob.agent/1");
        kf_json_set_bool(j, "running", hello != NULL);
        if (hello) {
            kf_json_set_int(j, "pid", kf_json_int_or(hello, "pid", 0));
            kf_json_set_str(j, "socket", path);
            kf_json_set_str(j, "build", kf_json_str(hello, "build"));
            kf_json_set_int(j, "protocol", kf_json_int_or(hello, "protocol", 0));
            kf_json_set(j, "store", kf_json_copy(kf_json_get(hello, "store")));
            kf_json_set_bool(j, "memory_locked", kf_json_bool(hello, "memory_locked", false));
        }
        return kf_cli_print(j);
    }
    if (!hello) printf("The agent is not running.\n");
    else {
        const kf_json *s = kf_json_get(hello, "store");
        KF_AUTO_CHARS why = kf_text_safe(kf_json_str(s, "why"));
        const char *kind = kf_json_str_or(s, "kind", "");
        printf("The agent is running: pid %lld, keyfob %s\n",
               (long long)kf_json_int_or(hello, "pid", 0), kf_json_str_or(hello, "build", "?"));
        printf("Socket  %s\nStore   %s, %s%s%s\n", path, *kind ? kind : "not picked yet",
               kf_json_str_or(s, "state", ""), *why ? ": " : "", why);
        bool locked = kf_json_bool(s, "locked", false);
        if (locked) printf("Lock    locked; unlock with: keyfob unlock\n");
        if (!kf_json_bool(hello, "memory_locked", true))
            printf("Memory  could not be locked: secrets may reach the swap\n");
    }
    return kf_cli_flush();
}

/* Of the agent that is running, whatever it is. NULL: err, or KF_ERR_WIRE_NO_AGENT. */
static const kf_json *ask_who(kf_cli *c, kf_err *err) {
    c->client = kf_client_open(KF_CLIENT_NO_START | KF_CLIENT_AS_IS, err);
    if (!c->client) return NULL;
    KF_AUTO(kf_json)
    info = kf_client_call(c->client, "org.varlink.service.GetInfo", NULL, 5000, err);
    return info ? kf_client_hello(c->client) : NULL;
}

int kf_cmd_agent_status(kf_cli *c, const kf_args *a) {
    kf_err e;
    const kf_json *hello = ask_who(c, &e);
    if (!hello && e.code != KF_ERR_WIRE_NO_AGENT) return kf_cli_fail(c, &e);
    return print_status(c, hello, hello ? kf_client_path(c->client) : "");
}

int kf_cmd_agent_start(kf_cli *c, const kf_args *a) {
    kf_err e;
    c->client = kf_client_open(0, &e);
    KF_AUTO(kf_json)
    info =
        c->client ? kf_client_call(c->client, "org.varlink.service.GetInfo", NULL, 5000, &e) : NULL;
    if (!info) return kf_cli_fail(c, &e);
    c->client = kf_client_close(c->client);
    return kf_cmd_agent_status(c, a);
}

/* The agent holds agent.run for its life: free means gone. */
static bool wait_gone(const char *socket_path, kf_err *err) {
    KF_AUTO_CHARS run = kf_socket_sibling(socket_path, "run");
    int fd = open(run, O_RDWR | O_CLOEXEC);
    if (fd < 0) return true;
    for (int ms = 0; ms < 15000; ms += 5) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) return close(fd), true;
        poll(NULL, 0, 5);
    }
    close(fd);
    return kf_fail(err, KF_ERR_WIRE_BUSY, "the agent is still busy after 15 s");
}

static void note_each(kf_cli *c, const kf_json *names, const char *what) {
    for (const kf_json *i = kf_json_first(names); i; i = kf_json_next(i))
        kf_cli_note(c, "%s: %s", kf_json_value_str(i), what);
}

static void note_unsaved(kf_cli *c, const kf_json *r) {
    note_each(c, kf_json_get(r, "lost"), "the session was never stored and is lost; sign in again");
    note_each(c, kf_json_get(r, "sealed"),
              "the session is not in the store; a sealed copy waits for the next agent");
}

int kf_cli_stop_agent(kf_cli *c, bool force, bool *ran) {
    kf_err e;
    *ran = false;
    c->client = kf_client_open(KF_CLIENT_NO_START | KF_CLIENT_AS_IS, &e);
    kf_json *p = kf_json_obj();
    if (force) kf_json_set_bool(p, "force", true);
    KF_AUTO(kf_json) r = c->client ? kf_client_call(c->client, "Quit", p, 15000, &e) : NULL;
    if (!c->client) kf_json_free(p);
    KF_AUTO_CHARS path = c->client ? kf_strdup(kf_client_path(c->client)) : kf_socket_path(&e);
    *ran = r || e.code == KF_ERR_WIRE_CLOSED;
    if (!r && e.code != KF_ERR_WIRE_CLOSED && e.code != KF_ERR_WIRE_NO_AGENT)
        return kf_cli_fail(c, &e);
    note_unsaved(c, r);
    c->client = kf_client_close(c->client); /* it waits for its clients' answers to be read */
    return !path || wait_gone(path, &e) ? 0 : kf_cli_fail(c, &e);
}

int kf_cmd_agent_stop(kf_cli *c, const kf_args *a) {
    kf_err e;
    bool ran;
    if (kf_client_read_only())
        return kf_fail(&e, KF_ERR_USAGE_READ_ONLY,
                       "agent stop would end what the agent holds in memory"),
               kf_cli_fail(c, &e);
    int rc = kf_cli_stop_agent(c, a->opt[FORCE], &ran);
    if (rc) return rc;
    if (c->json) return kf_cmd_agent_status(c, a);
    if (!c->quiet) printf(ran ? "Stopped.\n" : "No agent was running.\n");
    return kf_cli_flush();
}

int kf_cmd_agent_restart(kf_cli *c, const kf_args *a) {
    enum { WAIT_MS = 15000 };
    kf_err e = {0};
    if (kf_client_read_only())
        return kf_fail(&e, KF_ERR_USAGE_READ_ONLY, "agent restart would replace the agent"),
               kf_cli_fail(c, &e);
    c->client = kf_client_open(KF_CLIENT_NO_START | KF_CLIENT_AS_IS, &e);
    kf_json *p = kf_json_obj();
    kf_json_set_bool(p, "force", true);
    KF_AUTO(kf_json) r = c->client ? kf_client_call(c->client, "Restart", p, WAIT_MS, &e) : NULL;
    if (!c->client) kf_json_free(p);
    c->client = kf_client_close(c->client);
    if (!r && e.code == KF_ERR_WIRE_NO_AGENT) return kf_cmd_agent_start(c, a);
    /* it ends without an answer when the other program begins */
    if (!r && e.code != KF_ERR_WIRE_CLOSED) return kf_cli_fail(c, &e);
    const kf_json *hello = ask_who(c, &e);
    if (hello) return print_status(c, hello, kf_client_path(c->client));
    kf_fail(&e, KF_ERR_WIRE_NO_AGENT, "the agent ended instead of going on; see keyfob log");
    return kf_cli_fail(c, &e);
}
