/* agent start, stop, status; and the small ones: version, help, completion, ui. */
#include "ui/cli/cli.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>
#include "base/str.h"
#include "ui/common/text.h"
#include "wire/msg.h"

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
        printf("The agent is running: pid %lld, keyfob %s\n", (long long)kf_json_int_or(hello, "pid", 0), kf_json_str_or(hello, "build", "?"));
        printf("Socket  %s\nStore   %s, %s%s%s\n", path, *kind ? kind : "not picked yet", kf_json_str_or(s, "state", ""), *why ? ": " : "", why);
        if (!kf_json_bool(hello, "memory_locked", true)) printf("Memory  could not be locked: secrets may reach the swap\n");
    }
    return kf_cli_flush();
}

int kf_cmd_agent_status(kf_cli *c, const kf_args *a) {
    (void)a;
    kf_err e;
    KF_AUTO_CHARS path = kf_socket_path(&e);
    if (!path) return kf_cli_fail(c, &e);
    c->client = kf_client_open(KF_CLIENT_NO_START | KF_CLIENT_NO_HELLO, &e);
    if (!c->client && e.code != KF_ERR_WIRE_NO_AGENT) return kf_cli_fail(c, &e);
    kf_json *p = kf_json_obj();
    kf_json_set_int(p, "protocol", KF_PROTOCOL);
    kf_json_set_str(p, "build", KF_VERSION);
    KF_AUTO(kf_json) hello = c->client ? kf_client_call(c->client, "Hello", p, 5000, &e) : (kf_json_free(p), NULL);
    if (c->client && !hello) return kf_cli_fail(c, &e);
    return print_status(c, hello, path);
}

int kf_cmd_agent_start(kf_cli *c, const kf_args *a) {
    kf_err e;
    c->client = kf_client_open(0, &e);
    if (!c->client) return kf_cli_fail(c, &e);
    c->client = kf_client_close(c->client);
    return kf_cmd_agent_status(c, a);
}

/* The agent holds agent.run for its life: free means gone. */
static bool wait_gone(const char *socket_path, kf_err *err) {
    KF_AUTO_CHARS lock = kf_strdup(socket_path);
    *strrchr(lock, '/') = 0;
    KF_AUTO_CHARS run = kf_strfmt("%s/agent.run", lock);
    int fd = open(run, O_RDWR | O_CLOEXEC);
    if (fd < 0) return true;
    for (int ms = 0; ms < 15000; ms += 5) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) return close(fd), true;
        poll(NULL, 0, 5);
    }
    close(fd);
    return kf_fail(err, KF_ERR_WIRE_BUSY, "the agent is still busy after 15 s");
}

int kf_cmd_agent_stop(kf_cli *c, const kf_args *a) {
    kf_err e;
    if (kf_client_read_only()) return kf_fail(&e, KF_ERR_USAGE_READ_ONLY, "agent stop would end what the agent holds in memory"), kf_cli_fail(c, &e);
    KF_AUTO_CHARS path = kf_socket_path(&e);
    if (!path) return kf_cli_fail(c, &e);
    c->client = kf_client_open(KF_CLIENT_NO_START | KF_CLIENT_NO_HELLO, &e);
    if (!c->client && e.code != KF_ERR_WIRE_NO_AGENT) return kf_cli_fail(c, &e);
    if (c->client) {
        KF_AUTO(kf_json) r = kf_client_call(c->client, "Quit", NULL, 15000, &e);
        if (!r && e.code != KF_ERR_WIRE_CLOSED) return kf_cli_fail(c, &e);
        c->client = kf_client_close(c->client); /* it waits for its clients' answers to be read */
    }
    if (!wait_gone(path, &e)) return kf_cli_fail(c, &e);
    if (c->json) return kf_cmd_agent_status(c, a);
    kf_cli_note(c, "the agent is not running");
    return 0;
}

int kf_cmd_version(kf_cli *c, const kf_args *a) {
    (void)a;
    if (!c->json) {
        printf("keyfob %s\n", KF_VERSION);
        return kf_cli_flush();
    }
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "schema", "keyfob.version/1");
    kf_json_set_str(j, "version", KF_VERSION);
    kf_json_set_int(j, "protocol", KF_PROTOCOL);
    return kf_cli_print(j);
}

int kf_cmd_help(kf_cli *c, const kf_args *a) {
    size_t n;
    const kf_command *all = kf_commands(&n), *hit = NULL;
    if (a->opt[1]) { /* for those who make the man pages */
        for (size_t i = 0; i < n; i++) printf("%s\n", all[i].name);
        return kf_cli_flush();
    }
    KF_AUTO_CHARS name = kf_strfmt("%s%s%s", a->n_pos ? a->pos[0] : "", a->n_pos > 1 ? " " : "", a->n_pos > 1 ? a->pos[1] : "");
    for (size_t i = 0; i < n && a->n_pos; i++)
        if (!strcmp(all[i].name, name)) hit = &all[i];
    if (!hit && kf_str_eq(name, "commands") && !a->opt[0]) return kf_command_list(), kf_cli_flush();
    int rc = a->n_pos && !hit ? kf_topic_show(name, a->opt[0] != NULL) : -1;
    if (rc >= 0) return rc;
    if (a->n_pos && !hit)
        return kf_group_help(name) ? kf_cli_flush() : kf_cli_usage(c, "there is no command or topic %s; topics: %s", name, kf_topic_names());
    if (a->opt[0]) return kf_command_man(hit);
    if (hit) kf_command_help(hit);
    else kf_help();
    return kf_cli_flush();
}

int kf_cmd_completion(kf_cli *c, const kf_args *a) {
    if (kf_str_eq(a->pos[0], "words")) { /* what the scripts ask */
        int n = 0;
        while (a->rest && a->rest[n]) n++;
        return kf_complete(n, a->rest);
    }
    int rc = a->rest ? -1 : kf_completion(a->pos[0]);
    return rc < 0 ? kf_cli_usage(c, "completion is for bash, zsh or fish") : rc;
}

int kf_cmd_ui(kf_cli *c, const kf_args *a) {
    (void)a;
    kf_err e;
    KF_AUTO_CHARS path = kf_program_path("keyfob-tui", &e);
    if (!path) return kf_cli_fail(c, &e);
    char *argv[] = {path, NULL};
    execv(path, argv);
    kf_fail_errno(&e, KF_ERR_SYS_SPAWN, "start %s", path);
    return kf_cli_fail(c, &e);
}
