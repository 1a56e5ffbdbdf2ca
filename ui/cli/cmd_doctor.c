/* doctor: every check that can be made, also when the agent cannot start. Prints nothing secret. */
#include "ui/cli/doctor.h"

#include <stdarg.h>
#include "base/build.h"
#include "base/str.h"
#include "ui/common/text.h"
#include "wire/msg.h"

enum { NETWORK };
enum { DOCTOR_MS = 120000, HELLO_MS = 5000 };

void kf_check_add(kf_checks *k, const char *id, const char *result, const char *todo,
                  const char *fmt, ...) {
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0) abort();
    va_end(ap);
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "id", id);
    kf_json_set_str(j, "result", result);
    kf_json_set_str(j, "finding", text);
    kf_json_set_str(j, "todo", todo);
    kf_json_add(k->list, j);
    k->failed = k->failed || !strcmp(result, "fail");
    free(text);
}

/* Starts it when it does not run, as any other command would. */
static bool check_agent(kf_cli *c, kf_checks *k) {
    kf_err e;
    /* a replaced agent is told, and not made to go on as the new program */
    c->client = kf_client_open(KF_CLIENT_AS_IS, &e);
    KF_AUTO(kf_json)
    info = c->client ? kf_client_call(c->client, "org.varlink.service.GetInfo", NULL, HELLO_MS, &e)
                     : NULL;
    const kf_json *h = info ? kf_client_hello(c->client) : NULL;
    if (!h) {
        kf_check_add(k, "agent", "fail",
                     e.code == KF_ERR_WIRE_PROTOCOL
                         ? "keyfob agent stop"
                         : "look at what failed above, and at keyfobd.log in the state directory",
                     "%s (%s)", e.what, kf_err_name(e.code));
        return false;
    }
    const char *build = kf_json_str_or(h, "build", "?");
    bool same = !strcmp(build, kf_build), replaced = kf_json_bool(h, "replaced", false);
    const char *todo = replaced ? "keyfob agent restart, or any other command"
                       : same   ? NULL
                                : "keyfob agent stop; the next command starts this version's";
    kf_check_add(k, "agent", todo ? "warn" : "ok", todo, "pid %lld, keyfob %s, protocol %d%s%s%s",
                 (long long)kf_json_int_or(h, "pid", 0), build,
                 (int)kf_json_int_or(h, "protocol", 0), same ? "" : "; this is keyfob ",
                 same ? "" : kf_build,
                 replaced ? "; its program file was replaced since it started" : "");
    for (const kf_json *i = kf_json_first(kf_json_get(h, "differs")); i; i = kf_json_next(i))
        kf_check_add(k, "environment", "warn",
                     "keyfob agent stop; the next command starts the agent from this shell",
                     "%s here is not the one that the agent was started with, and uses",
                     kf_json_value_str(i));
    return true;
}

static void ask_agent(kf_cli *c, kf_checks *k, bool network) {
    kf_err e;
    kf_json *p = kf_json_obj();
    if (network) kf_json_set_bool(p, "network", true);
    KF_AUTO(kf_json) r = kf_client_call(c->client, "Doctor", p, DOCTOR_MS, &e);
    if (!r)
        kf_check_add(k, "agent", "fail", "keyfob agent stop, then try again", "%s (%s)", e.what,
                     kf_err_name(e.code));
    for (const kf_json *i = kf_json_first(kf_json_get(r, "checks")); i; i = kf_json_next(i))
        kf_check_add(k, kf_json_str_or(i, "id", "?"), kf_json_str_or(i, "result", "warn"),
                     kf_json_str(i, "todo"), "%s", kf_json_str_or(i, "finding", ""));
}

static int print(const kf_checks *k) {
    for (const kf_json *i = kf_json_first(k->list); i; i = kf_json_next(i)) {
        KF_AUTO_CHARS id = kf_text_safe(kf_json_str(i, "id"));
        KF_AUTO_CHARS result = kf_text_safe(kf_json_str(i, "result"));
        KF_AUTO_CHARS finding = kf_text_safe(kf_json_str(i, "finding"));
        KF_AUTO_CHARS todo = kf_text_safe(kf_json_str(i, "todo"));
        printf("%-4s  %-14s %s\n", result, id, finding);
        if (*todo) printf("%21s-> %s\n", "", todo);
    }
    return kf_cli_flush();
}

int kf_cmd_doctor(kf_cli *c, const kf_args *a) {
    kf_checks k = {.list = kf_json_arr()};
    kf_checks_of_places(&k);
    kf_checks_of_programs(&k);
    kf_checks_of_surroundings(&k);
    if (check_agent(c, &k)) ask_agent(c, &k, a->opt[NETWORK] != NULL);
    int rc;
    if (c->json) {
        kf_json *j = kf_json_obj();
        kf_json_set_str(j, "schema", "keyfob.doctor/1");
        kf_json_set_bool(j, "ok", !k.failed);
        kf_json_set(j, "checks", k.list);
        rc = kf_cli_print(j);
    } else {
        rc = print(&k);
        kf_json_free(k.list);
    }
    return rc ? rc : k.failed;
}
