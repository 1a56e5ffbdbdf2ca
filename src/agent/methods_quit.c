/* Quit: ends the agent, but not with a session that is in its memory alone. */
#include "agent/methods.h"

#include "keeper/keeper.h"
#include "agent/lifetime.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

enum { TRY_MS = 4000, STEP_MS = 50 };

typedef struct quitting {
    kf_agent *a;
    kf_call *call;
    int64_t since;
    kf_loop_id timer;
} quitting;

static void quitting_free(void *user) {
    quitting *q = user;
    kf_loop_cancel(q->a->loop, q->timer);
    free(q);
}

static void client_gone(void *user) { kf_call_drop(user); } /* the agent stays */

static void agree(kf_agent *a, kf_call *call) {
    kf_json *j = kf_json_obj();
    kf_json_set(j, "lost", kf_keeper_unsaved(a->keeper, KF_UNSAVED_AT_RISK));
    kf_json_set(j, "sealed", kf_keeper_unsaved(a->keeper, KF_UNSAVED_SEALED));
    kf_log(KF_LOG_INFO, "agent: asked to stop");
    kf_call_reply(call, j);
    kf_lifetime_stop(a);
}

static void refuse(kf_call *call, const kf_json *names) {
    char list[160] = "";
    kf_err e;
    for (const kf_json *i = kf_json_first(names); i; i = kf_json_next(i)) {
        KF_AUTO_CHARS more = kf_strfmt("%s%s%s", list, *list ? ", " : "", kf_json_value_str(i));
        if (!kf_str_set(list, sizeof list, more)) break;
    }
    kf_fail(&e, KF_ERR_STORE_UNSAVED, "the agent holds the only copy of %s", list);
    kf_hint(&e, "The agent keeps running. Free some space or open the keyring, then run it again. "
                "keyfob agent stop --force ends it and loses these sessions.");
    kf_call_fail(call, &e);
}

static void quit_look(void *user) {
    quitting *q = user;
    kf_agent *a = q->a;
    q->timer = 0;
    KF_AUTO(kf_json) names = kf_keeper_unsaved(a->keeper, KF_UNSAVED_AT_RISK);
    if (!kf_json_count(names)) agree(a, q->call);
    else if (kf_boot_ms() - q->since >= TRY_MS) refuse(q->call, names);
    else q->timer = kf_loop_after(a->loop, STEP_MS, quit_look, q);
}

void kf_method_quit(kf_agent *a, kf_call *call) {
    if (kf_call_bool(call, "force", false)) {
        agree(a, call);
        return;
    }
    quitting *q = kf_new(quitting);
    *q = (quitting){.a = a, .call = call, .since = kf_boot_ms()};
    kf_call_keep(call, q, quitting_free);
    kf_call_on_gone(call, client_gone, call);
    kf_keeper_save_now(a->keeper);
    quit_look(q);
}
