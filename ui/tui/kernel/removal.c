/* A profile that was deleted goes from the screen at once and from the agent ten seconds later, so
 * that it can be taken back; and what has to be waited for before keyfob ends. */
#include "ui/tui/kernel/app_impl.h"

enum { TAKE_BACK_MS = 10000, LEAVE_MS = 10000 };

static const kf_call *asked(const kf_app *a) { /* a removal that the agent has not answered yet */
    for (int i = 0; i < KF_CALLS; i++)
        if (a->call[i].id && a->call[i].kind == KF_CALL_JOB &&
            !strcmp(a->call[i].method, "RemoveProfile"))
            return &a->call[i];
    return NULL;
}

void kf_app_remove_now(kf_app *a) {
    kf_mremoval r = a->m->removal;
    kf_mprofile p = {0}; /* what the call is about: the model hides it */
    kf_json *params = kf_json_obj();
    if (!r.id[0]) {
        kf_json_free(params);
        return;
    }
    a->m->removal = (kf_mremoval){0};
    memcpy(p.id, r.id, sizeof p.id);
    memcpy(p.name, r.name, sizeof p.name);
    kf_json_set_str(params, "profile", r.id);
    if (kf_out_job(a, "RemoveProfile", params, &p)) return;
    kf_model_hide(a->m, r.id, false); /* too many calls: it stays */
    a->stale = true;
}

void kf_out_remove(kf_out *o, const kf_mprofile *p) {
    kf_mremoval r = {.at_ms = o->m->now_ms + TAKE_BACK_MS};
    memcpy(r.id, p->id, sizeof r.id);
    memcpy(r.name, p->name, sizeof r.name);
    kf_app_remove_now(o);
    o->m->removal = r;
    kf_model_hide(o->m, r.id, true);
    o->stale = true;
}

void kf_app_take_back(kf_app *a) {
    kf_mremoval r = a->m->removal;
    a->m->removal = (kf_mremoval){0};
    kf_model_hide(a->m, r.id, false);
    kf_out_say(a, KF_SAY_GOOD, "%s is back; nothing was deleted", r.name);
    kf_out_select(a, r.id);
    a->stale = false;
    kf_app_model_changed(a);
}

void kf_app_removal_time(kf_app *a) {
    int64_t now = a->m->now_ms;
    if (a->m->removal.id[0] && a->m->removal.at_ms <= now) kf_app_remove_now(a);
    const kf_call *c = a->leaving ? asked(a) : NULL;
    if (c && c->held) a->leave_at = now + LEAVE_MS; /* a person types the passphrase */
    if (!c || a->leave_at > now) return;
    a->leave_fx.kind = KF_FX_QUIT; /* the agent hangs: kf_app_unfinished tells of it */
    a->leave_fx.status = 1;
    kf_app_leave(a, a->leave_fx);
}

int64_t kf_app_removal_at(const kf_app *a) {
    if (a->leaving) return a->leave_at;
    return a->m->removal.id[0] ? a->m->removal.at_ms : 0;
}

/* It came by the clock and not by a key: the passphrase is not asked in the middle of something
 * else. */
bool kf_app_remove_later(kf_app *a, kf_call *c) {
    const kf_level *l = &a->level[a->depth - 1];
    bool idle = l->cls->where & (KF_AT_FIRST | KF_AT_LIST | KF_AT_PROFILE) &&
                !(l->cls->typing && l->cls->typing(l->st, a->m));
    kf_mremoval r = {.at_ms = a->m->now_ms + TAKE_BACK_MS};
    if (idle || a->leaving || a->m->removal.id[0] || strcmp(c->method, "RemoveProfile") != 0)
        return false;
    memcpy(r.id, c->profile, sizeof r.id);
    memcpy(r.name, c->name, sizeof r.name);
    a->m->removal = r;
    kf_app_call_clear(c);
    return true;
}

void kf_app_leave(kf_app *a, kf_fx fx) {
    kf_mremoval r = a->m->removal;
    bool again = a->leaving, pending = r.id[0];
    kf_app_remove_now(a);
    if (pending && !asked(a)) return; /* it could not be begun, and that was said */
    a->leaving = !again && asked(a);
    if (a->leaving) memcpy(a->leave_name, pending ? r.name : asked(a)->name, sizeof a->leave_name);
    a->leave_fx = fx;
    a->leave_at = a->m->now_ms + LEAVE_MS;
    if (!a->leaving) kf_app_fx(a, fx);
}

void kf_app_removed(kf_app *a, const char *id, bool ok) {
    bool leaving = a->leaving;
    if (ok) kf_model_removed(a->m, id);
    else kf_model_hide(a->m, id, false);
    if (!leaving || (ok && asked(a))) return;
    a->leaving = false;
    a->was_deleted = ok;
    if (ok) kf_app_fx(a, a->leave_fx); /* else the person sees why it is still there */
}

kf_unfinished kf_app_unfinished(const kf_app *a, char name[65]) {
    const kf_call *c = asked(a);
    bool kept = a->m->removal.id[0], gone = !kept && !c && a->was_deleted;
    snprintf(name, 65, "%s", kept ? a->m->removal.name : c ? c->name : gone ? a->leave_name : "");
    return kept ? KF_LEFT_KEPT : c ? KF_LEFT_UNKNOWN : gone ? KF_LEFT_DELETED : KF_LEFT_NOTHING;
}
