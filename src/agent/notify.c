/* Runs the on_sign_in_needed command, once for each profile that newly needs a person, with a
 * limit on how many run. The command gets a short allow-list of variables and no secrets. */
#include "agent/notify.h"

#include "agent/settings.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/command.h"

extern char **environ;

enum {
    LIMIT_MS = 30 * 1000,
    AGAIN_MS = 60 * 1000,
    BURST = 10,
    BURST_MS = 60 * 1000,
    KEPT_MAX = 64
};

/* One command, from the moment it is wanted until its profile may have another. */
typedef struct kf_notice {
    struct kf_notice *next;
    kf_agent *a;
    char id[17], name[65], reason[40];
    kf_loop_id timer;
    kf_command *command;
    int64_t at; /* boot ms of its start; 0: not yet */
} kf_notice;

static void drop(kf_notice *n) {
    kf_notice **p = &n->a->notices;
    while (*p != n) p = &(*p)->next;
    *p = n->next;
    kf_loop_cancel(n->a->loop, n->timer);
    kf_command_kill(n->command);
    free(n);
}

static void is_over(void *user) {
    kf_notice *n = user;
    n->timer = 0;
    drop(n);
}

static void ended(void *user, int status) {
    kf_notice *n = user;
    n->command = NULL; /* frees itself */
    if (status)
        kf_log(KF_LOG_WARN, "profile %s: on_sign_in_needed %s", n->name,
               status < 0 ? "was ended after 30 s or by a signal" : "failed");
    int64_t left = n->at + AGAIN_MS - kf_boot_ms();
    n->timer = kf_loop_after(n->a->loop, left, is_over, n);
}

/* An allow-list: nothing of ours, no proxy with a password in it. */
static bool is_passed(const char *var) {
    static const char *const all[] = {
        "HOME=", "PATH=", "LANG=", "LC_", "TZ=", "XDG_", "DBUS_SESSION_BUS_ADDRESS="};
    for (size_t i = 0; i < KF_LEN(all); i++)
        if (kf_str_starts(var, all[i])) return true;
    return false;
}

static void run(kf_notice *n, const char *script) {
    size_t count = 0, k = 0;
    while (environ[count]) count++;
    char **env = calloc(count + 4, sizeof *env);
    if (!env) abort();
    for (size_t i = 0; i < count; i++)
        if (is_passed(environ[i])) env[k++] = environ[i];
    KF_AUTO_CHARS profile = kf_strfmt("KEYFOB_PROFILE=%s", n->name);
    KF_AUTO_CHARS reason = kf_strfmt("KEYFOB_REASON=%s", n->reason);
    env[k++] = profile;
    env[k++] = reason;
    kf_err e;
    n->at = kf_boot_ms();
    n->command = kf_command_run(n->a->loop, script, env, LIMIT_MS, ended, n, &e);
    free(env);
    if (n->command) kf_log(KF_LOG_INFO, "profile %s: on_sign_in_needed runs", n->name);
    else {
        kf_log(KF_LOG_WARN, "profile %s: on_sign_in_needed: %s", n->name, e.what);
        drop(n);
    }
}

/* A whole company's sessions may end at once: the first ones are enough to be noticed. */
static bool too_many(const kf_notice *one) {
    size_t recent = 0, all = 0;
    int64_t since = kf_boot_ms() - BURST_MS;
    for (const kf_notice *n = one->a->notices; n; n = n->next) {
        all++;
        recent += n->at && n->at > since;
        if (n != one && n->at && !strcmp(n->id, one->id))
            return true; /* it runs, or has just run */
    }
    return recent >= BURST || all > KEPT_MAX;
}

static void begin(void *user) {
    kf_notice *n = user;
    n->timer = 0;
    kf_conf *c = kf_settings(n->a, NULL);
    const char *script = c ? kf_conf_get(c, "on_sign_in_needed") : NULL;
    if (!script) {
        drop(n);
    } else if (!kf_conf_is_private(c)) {
        kf_log(KF_LOG_ERROR,
               "on_sign_in_needed is not run: %s, or its folder, can be changed by others",
               n->a->conf_path);
        drop(n);
    } else if (too_many(n)) {
        kf_log(KF_LOG_WARN, "profile %s: on_sign_in_needed is not run: too many at once", n->name);
        drop(n);
    } else run(n, script);
}

void kf_notify_sign_in_needed(kf_agent *a, const char *id, const char *name, const char *reason) {
    kf_notice *n = kf_new(kf_notice);
    *n = (kf_notice){.next = a->notices, .a = a};
    if (!kf_str_set(n->id, sizeof n->id, id) || !kf_str_set(n->name, sizeof n->name, name) ||
        !kf_str_set(n->reason, sizeof n->reason, reason)) {
        free(n);
        return;
    }
    a->notices = n;
    n->timer = kf_loop_after(a->loop, 0, begin,
                             n); /* not inside the keeper: the settings may be read again */
}

void kf_notify_end(kf_agent *a) {
    while (a->notices) drop(a->notices);
}
