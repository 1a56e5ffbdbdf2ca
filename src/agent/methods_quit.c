/* Quit: ends the agent, but not with a session that is in its memory alone. */
#include "agent/methods.h"

#include "keeper/keeper.h"
#include "agent/lifetime.h"
#include "agent/server.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

enum { TRY_MS = 4000, STEP_MS = 50 };

typedef struct kf_quitting {
    struct kf_quitting *next;
    kf_agent *a;
    uint32_t conn;
    int64_t since;
    kf_loop_id timer;
} kf_quitting;

static void quit_end(kf_quitting *q) {
    kf_quitting **p = &q->a->quitting;
    while (*p != q) p = &(*p)->next;
    *p = q->next;
    kf_loop_cancel(q->a->loop, q->timer);
    free(q);
}

void kf_quits_drop_all(kf_agent *a) {
    while (a->quitting) quit_end(a->quitting);
}

static void agree(kf_agent *a, uint32_t conn) {
    kf_json *j = kf_json_obj();
    kf_json_set(j, "lost", kf_keeper_unsaved(a->keeper, KF_UNSAVED_AT_RISK));
    kf_json_set(j, "sealed", kf_keeper_unsaved(a->keeper, KF_UNSAVED_SEALED));
    kf_log(KF_LOG_INFO, "agent: asked to stop");
    kf_server_reply(a->server, conn, j, false);
    kf_lifetime_stop(a);
}

static void refuse(kf_agent *a, uint32_t conn, const kf_json *names) {
    char list[160] = "";
    kf_err e;
    for (const kf_json *i = kf_json_first(names); i; i = kf_json_next(i)) {
        KF_AUTO_CHARS more = kf_strfmt("%s%s%s", list, *list ? ", " : "", kf_json_value_str(i));
        if (!kf_str_set(list, sizeof list, more)) break;
    }
    kf_fail(&e, KF_ERR_STORE_UNSAVED, "the agent holds the only copy of %s", list);
    kf_hint(&e, "The agent keeps running. Free some space or open the keyring, then run it again. "
                "keyfob agent stop --force ends it and loses these sessions.");
    kf_server_error(a->server, conn, &e);
}

static void quit_look(void *user) {
    kf_quitting *q = user;
    kf_agent *a = q->a;
    q->timer = 0;
    KF_AUTO(kf_json) names = kf_keeper_unsaved(a->keeper, KF_UNSAVED_AT_RISK);
    uint32_t conn = q->conn;
    if (!kf_json_count(names)) {
        quit_end(q);
        agree(a, conn);
    } else if (kf_boot_ms() - q->since >= TRY_MS) {
        quit_end(q);
        refuse(a, conn, names);
    } else {
        q->timer = kf_loop_after(a->loop, STEP_MS, quit_look, q);
    }
}

void kf_method_quit(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    if (kf_json_bool(p, "force", false)) {
        agree(a, conn);
        return;
    }
    kf_quitting *q = kf_new(kf_quitting);
    *q = (kf_quitting){.next = a->quitting, .a = a, .conn = conn, .since = kf_boot_ms()};
    a->quitting = q;
    kf_keeper_save_now(a->keeper);
    quit_look(q);
}
