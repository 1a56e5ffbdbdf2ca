/* The screen's calls to the agent: starts them, holds them while the store is locked, and
 * delivers the answers to screens, model and message line. It opens no connection. */
#include "ui/tui/kernel/app_impl.h"
#include "base/str.h"
#include "ui/common/sandbox.h"
#include "ui/common/text.h"
#include "ui/common/words.h"

static kf_call *find(kf_app *a, uint32_t id) {
    for (int i = 0; id && i < KF_CALLS; i++)
        if (a->call[i].id == id) return &a->call[i];
    return NULL;
}

void kf_app_call_clear(kf_call *c) {
    c->params = kf_secret_free(c->params);
    memset(c, 0, sizeof *c);
}

/* Sends c; its parameters are kept as a secret, in case it has to be repeated. */
static void issue(kf_app *a, kf_call *c) {
    kf_json *params = kf_json_parse(kf_secret_peek(c->params), kf_secret_len(c->params), NULL);
    c->since_ms = a->m->now_ms;
    c->held = false;
    bool stream = c->kind == KF_CALL_STREAM || c->kind == KF_CALL_WATCH;
    kf_app_fx(a, (kf_fx){.kind = stream ? KF_FX_STREAM : KF_FX_CALL,
                         .call = c->id,
                         .method = c->method,
                         .params = params});
}

static uint32_t add(kf_app *a, kf_call_kind kind, const char *method, kf_json *params) {
    kf_call *c = NULL;
    for (int i = 0; i < KF_CALLS && !c; i++)
        if (!a->call[i].id) c = &a->call[i];
    if (!c) {
        kf_json_free(params);
        kf_out_say(a, KF_SAY_WARN, "Too many things are under way; wait for one to end");
        return 0;
    }
    if (!params) params = kf_json_obj();
    *c = (kf_call){.id = ++a->last_call, .kind = kind, .owner = a->current};
    snprintf(c->method, sizeof c->method, "%s", method);
    c->params = kf_json_print_secret(params);
    kf_json_free(params);
    issue(a, c);
    return c->id;
}

uint32_t kf_out_call(kf_out *o, const char *method, kf_json *params) {
    return add(o, KF_CALL_OWNED, method, params);
}
uint32_t kf_out_stream(kf_out *o, const char *method, kf_json *params) {
    return add(o, KF_CALL_STREAM, method, params);
}

uint32_t kf_out_job(kf_out *o, const char *method, kf_json *params, const kf_mprofile *p) {
    kf_call *c = find(o, add(o, KF_CALL_JOB, method, params));
    if (!c) return 0;
    if (p) {
        memcpy(c->profile, p->id, sizeof c->profile);
        memcpy(c->name, p->name, sizeof c->name);
    }
    return c->id;
}

void kf_out_stop(kf_out *o, uint32_t call) {
    kf_call *c = find(o, call);
    if (!c) return;
    kf_app_call_clear(c);
    kf_app_fx(o, (kf_fx){.kind = KF_FX_STOP, .call = call});
}

void kf_app_calls_end(kf_app *a, uint32_t owner) {
    for (int i = 0; i < KF_CALLS; i++)
        if (a->call[i].id && a->call[i].owner == owner && a->call[i].kind != KF_CALL_JOB)
            kf_out_stop(a, a->call[i].id);
}

void kf_app_watch(kf_app *a) {
    a->watch_again_ms = 0;
    for (int i = 0; i < KF_CALLS; i++)
        if (a->call[i].id && a->call[i].kind == KF_CALL_WATCH) kf_out_stop(a, a->call[i].id);
    if (a->m->link != KF_LINK_DOWN) a->m->link = KF_LINK_WAITING;
    add(a, KF_CALL_WATCH, "Watch", kf_json_obj());
}

/* The store of the sandbox is its agent's memory: another agent has no API key until it gets it
 * again. */
void kf_app_hello(kf_app *a, const kf_json *hello) {
    int64_t before = a->m->agent_pid;
    kf_model_hello(a->m, hello);
    const kf_mprofile *p = kf_model_by_name(a->m, KF_SANDBOX_PROFILE);
    if (!a->m->sandbox || !before || before == a->m->agent_pid || !p || !p->confidential) return;
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "id", p->id);
    kf_json_set_str(j, "name", p->name);
    kf_json_set_str(j, "api_key", KF_SANDBOX_KEY);
    add(a, KF_CALL_OWNED, "PutProfile", j);
}

const kf_call *kf_app_busy(const kf_app *a) {
    const kf_call *oldest = NULL;
    for (int i = 0; i < KF_CALLS; i++)
        if (a->call[i].id && a->call[i].kind == KF_CALL_JOB && !a->call[i].held &&
            (!oldest || a->call[i].since_ms < oldest->since_ms))
            oldest = &a->call[i];
    return oldest;
}

/* --- ends ------------------------------------------------------------------------------ */

const kf_job_words *kf_app_job_words(const char *method, const char *name) {
    static const kf_job_words all[] = {
        {"Renew", "renew", "renewing", KF_PANEL_RENEW},
        {"SignOut", "sign out of", "signing out of", KF_PANEL_SIGN_OUT},
        {"GetToken", "get the token of", "asking for the token of", KF_PANEL_PLAIN},
        {"RemoveProfile", "delete", "deleting", KF_PANEL_PLAIN},
        {"PutProfile", "change", "changing", KF_PANEL_PLAIN},
        {"Unlock", "unlock the secret store", "unlocking the secret store", KF_PANEL_PLAIN},
        {"SwitchOrganization", "switch the organization of", "changing", KF_PANEL_PLAIN},
        {"RevokeSession", "end sessions of", "ending sessions of", KF_PANEL_PLAIN},
        {"DeleteFactor", "delete the factor of", "changing", KF_PANEL_PLAIN},
        {"local.Copy", "copy a value of", "copying for", KF_PANEL_PLAIN},
        {"local.Write", "write the file for", "writing for", KF_PANEL_PLAIN}};
    static const kf_job_words copy = {"", "copy it", "copying", KF_PANEL_PLAIN};
    static const kf_job_words other = {"", "do that with", "changing", KF_PANEL_PLAIN};
    if (!name[0] && !strcmp(method, "local.Copy")) return &copy;
    for (size_t i = 0; i < KF_LEN(all); i++)
        if (!strcmp(all[i].method, method)) return &all[i];
    return &other;
}

static void job_failed(kf_app *a, const kf_call *c, const kf_err *err) {
    char title[120];
    const kf_job_words *words = kf_app_job_words(c->method, c->name);
    if (!strcmp(c->method, "RemoveProfile")) {
        kf_app_removed(a, c->profile, false);
        kf_app_model_changed(a);
    }
    snprintf(title, sizeof title, "Could not %s%s%.64s", words->fails, c->name[0] ? " " : "",
             c->name);
    kf_args args = {.what = words->repeat, .err = err, .title = title};
    memcpy(args.profile, c->profile, sizeof args.profile);
    for (int i = 0; i < a->depth;
         i++) /* one dialog at a time: what came while a person types is told in the line */
        if (a->level[i].cls->where & (KF_AT_FORM | KF_AT_STEP | KF_AT_TYPED | KF_AT_PANEL)) {
            kf_words_error w;
            kf_words_for_error(err, &w);
            KF_AUTO_CHARS facts = kf_text_safe(err->what[0] ? err->what : w.happened);
            kf_out_say(a, KF_SAY_BAD, "%s: %s", title, facts);
            return;
        }
    kf_out_push(a, a->home->error, &args);
}

static void say_copied(kf_app *a, const kf_json *r) {
    const char *what = kf_json_str_or(r, "what", ""), *way = kf_json_str_or(r, "way", "");
    int64_t ms = kf_json_int_or(r, "clear_after_ms", 0);
    if (kf_json_bool(r, "sent", false) && ms)
        kf_out_say(a, KF_SAY_INFO, "Sent the %s by %s; keyfob can neither check nor clear it", what,
                   way);
    else if (kf_json_bool(r, "sent", false))
        kf_out_say(a, KF_SAY_GOOD, "Sent the %s by %s", what, way);
    else if (ms)
        kf_out_say(a, KF_SAY_GOOD,
                   "Copied the %s (%s); cleared in %lld s, also when keyfob is closed", what, way,
                   (long long)(ms + 999) / 1000);
    else kf_out_say(a, KF_SAY_GOOD, "Copied the %s (%s)", what, way);
}

/* t: the token has come, and goes on to the clipboard. */
static void copy_token(kf_app *a, const kf_call *c, const kf_json *result) {
    const char *token = kf_json_str_or(result, "access_token", "");
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "text", token);
    kf_json_set_str(j, "what", "access token");
    kf_json_set_int(j, "clear_after_ms", 30000);
    kf_out_job(a, "local.Copy", j, kf_model_by_id(a->m, c->profile));
}

static void account_done(kf_app *a, const kf_call *c, const kf_json *result) {
    const kf_mprofile *p = kf_model_by_id(a->m, c->profile);
    int64_t n = kf_json_int_or(result, "revoked", 0);
    if (!strcmp(c->method, "SwitchOrganization"))
        kf_out_say(a, KF_SAY_GOOD, "%s is in %s now", c->name,
                   p && p->org_name[0] ? p->org_name : "the other organization");
    else if (!strcmp(c->method, "RevokeSession"))
        kf_out_say(a, KF_SAY_GOOD, "Ended %lld session%s", (long long)n, n == 1 ? "" : "s");
    else if (!strcmp(c->method, "local.Write"))
        kf_out_say(a, KF_SAY_GOOD, "Written to %.160s; only you can read it",
                   kf_json_str_or(result, "path", ""));
    else if (!strcmp(c->method, "local.Copy")) say_copied(a, result);
    else if (!strcmp(c->method, "Unlock")) kf_out_say(a, KF_SAY_GOOD, "Unlocked");
    else if (!strcmp(c->method, "DeleteFactor")) kf_out_say(a, KF_SAY_GOOD, "Deleted the factor");
}

static void job_done(kf_app *a, const kf_call *c, const kf_json *result) {
    const kf_json *p = kf_json_get(result, "profile");
    if (kf_json_is_obj(p)) kf_model_profile(a->m, p);
    if (!strcmp(c->method, "Renew")) {
        char left[24] = "";
        const kf_mprofile *now = kf_model_by_id(a->m, c->profile);
        kf_words_left(now ? kf_model_left_ms(a->m, now) : KF_NO_TIME, left);
        kf_out_say(a, KF_SAY_GOOD, "Renewed %s: valid for %s", c->name, left);
    } else if (!strcmp(c->method, "SignOut")) {
        if (kf_json_bool(result, "server_ended", false))
            kf_out_say(a, KF_SAY_GOOD, "Signed out of %s", c->name);
        else
            kf_out_say(a, KF_SAY_WARN,
                       "Signed out of %s here, but WorkOS did not confirm the end of the session",
                       c->name);
    } else if (!strcmp(c->method, "RemoveProfile")) {
        kf_app_removed(a, c->profile, true);
        kf_out_say(a, KF_SAY_GOOD, "Deleted %s", c->name);
    } else if (!strcmp(c->method, "PutProfile")) {
        kf_out_say(a, KF_SAY_GOOD, "%s is the default profile now", c->name);
    } else if (!strcmp(c->method, "GetToken")) {
        copy_token(a, c, result);
    } else account_done(a, c, result);
    kf_app_model_changed(a);
    kf_app_all(a, &(kf_event){.kind = KF_EV_JOB, .method = c->method, .call = c->id});
}

static kf_level *owner_of(kf_app *a, uint32_t uid) {
    for (int i = 0; i < a->depth; i++)
        if (a->level[i].uid == uid) return &a->level[i];
    return NULL;
}

static void deliver(kf_app *a, kf_call *slot, const kf_json *result, const kf_err *err) {
    kf_call c = *slot;
    slot->params = NULL;
    kf_app_call_clear(slot);
    kf_level *l = owner_of(a, c.owner);
    if (c.kind == KF_CALL_JOB) {
        bool asks =
            l && err && err->code == KF_ERR_USAGE_EXISTS && !strcmp(c.method, "local.Write");
        if (result) job_done(a, &c, result);
        else if (asks)
            kf_app_send(
                a, l, &(kf_event){.kind = KF_EV_JOB, .method = c.method, .call = c.id, .err = err});
        else job_failed(a, &c, err);
        kf_app_all(a, &(kf_event){.kind = KF_EV_TICK}); /* grants what was wished */
    } else if (l) {
        const kf_json *p = kf_json_get(result, "profile");
        if (kf_json_is_obj(p)) {
            kf_model_profile(a->m, p);
            kf_app_model_changed(a); /* the first profile brings the list */
            l = owner_of(a, c.owner);
        }
        if (l)
            kf_app_send(a, l,
                        &(kf_event){.kind = KF_EV_RESULT,
                                    .call = c.id,
                                    .result = result,
                                    .err = err,
                                    .ended = true});
    }
    kf_secret_free(c.params);
}

static void watch_answer(kf_app *a, kf_call *c, const kf_json *result, bool ended,
                         const kf_err *err) {
    static const int wait_s[] = {1, 2, 5, 10};
    if (result) {
        a->watch_tries = 0;
        kf_model_watch(a->m, result);
    }
    if (!result || ended) {
        kf_err closed = {.code = KF_ERR_WIRE_CLOSED};
        kf_app_call_clear(c);
        kf_model_link(a->m, KF_LINK_DOWN, err ? err : &closed);
        a->watch_again_ms = a->m->now_ms + 1000 * wait_s[a->watch_tries];
        if (a->watch_tries < 3) a->watch_tries++;
    }
    kf_app_model_changed(a);
}

static bool needs_unlock(const kf_err *err) {
    return err && (err->code == KF_ERR_STORE_VAULT_LOCKED || err->code == KF_ERR_STORE_VAULT_NEW ||
                   err->code == KF_ERR_STORE_AGENT_LOCKED);
}

/* A locked keyring, too. What the dialog itself asked for is answered there. */
static bool must_be_held(const kf_call *c, const kf_err *err) {
    if (c->kind == KF_CALL_OWNED && !strcmp(c->method, "Unlock")) return false;
    return needs_unlock(err) || (err && err->code == KF_ERR_STORE_LOCKED);
}

static void hold(kf_app *a, kf_call *c, const kf_err *err) {
    bool is_open = false;
    for (int i = 0; i < a->depth; i++) is_open |= a->level[i].cls == a->home->unlock;
    if (!is_open && kf_app_remove_later(a, c)) return;
    c->held = true;
    c->err = *err;
    if (is_open) return;
    int what = err->code == KF_ERR_STORE_VAULT_NEW      ? KF_UNLOCK_NEW
               : err->code == KF_ERR_STORE_AGENT_LOCKED ? KF_UNLOCK_AGENT
               : err->code == KF_ERR_STORE_LOCKED       ? KF_UNLOCK_KEYRING
                                                        : KF_UNLOCK_VAULT;
    kf_out_push(a, a->home->unlock, &(kf_args){.what = what});
    kf_app_all(a, &(kf_event){.kind = KF_EV_TICK});
}

void kf_app_unheld(kf_app *a, bool unlocked) {
    for (int i = 0; i < KF_CALLS; i++) {
        kf_call *c = &a->call[i];
        if (!c->id || !c->held) continue;
        kf_err err = c->err;
        if (unlocked) issue(a, c);
        else deliver(a, c, NULL, &err);
    }
}

static void step_answer(kf_app *a, kf_call *c, const kf_json *result) {
    kf_model_step(a->m, result);
    if (a->m->step.kind == KF_STEP_FAILED && needs_unlock(&a->m->step.err)) {
        kf_err err = a->m->step.err;
        kf_app_fx(a, (kf_fx){.kind = KF_FX_STOP, .call = c->id});
        c->id = ++a->last_call; /* what the old stream still says is not for the new one */
        kf_model_step_clear(a->m);
        hold(a, c, &err);
        return;
    }
    kf_level *l = owner_of(a, c->owner);
    if (l) kf_app_send(a, l, &(kf_event){.kind = KF_EV_STEP, .call = c->id});
}

static void note_sessions(kf_app *a, const kf_call *c, const kf_json *result) {
    KF_AUTO(kf_json)
    params = kf_json_parse(kf_secret_peek(c->params), kf_secret_len(c->params), NULL);
    kf_model_sessions(a->m, kf_json_str(params, "profile"), kf_json_get(result, "sessions"));
    kf_app_model_changed(a);
}

static void part_answer(kf_app *a, const kf_call *c, const kf_json *result, bool ended) {
    if (!strcmp(c->method, "ListSessions")) note_sessions(a, c, result);
    kf_level *l = owner_of(a, c->owner);
    kf_event ev = {.kind = KF_EV_RESULT, .call = c->id, .result = result, .ended = ended};
    if (l) kf_app_send(a, l, &ev);
}

void kf_app_result(kf_app *a, uint32_t id, const kf_json *result, bool ended, const kf_err *err) {
    kf_call *c = find(a, id);
    if (!c) return;
    if (c->kind == KF_CALL_WATCH) {
        watch_answer(a, c, result, ended, err);
        return;
    }
    if (!result && must_be_held(c, err)) {
        hold(a, c, err);
        return;
    }
    if (c->kind == KF_CALL_STREAM && result) {
        bool watch = !strcmp(c->method, "Watch");
        if (watch) {
            kf_model_watch(a->m, result);
            kf_app_model_changed(a);
        } else if (!strcmp(c->method, "SignIn")) step_answer(a, c, result);
        else part_answer(a, c, result, ended);
        c = find(a, id);
        if (!ended || !c) return;
        kf_app_call_clear(c);
        return;
    }
    bool unlocked = result && !strcmp(c->method, "Unlock");
    if (unlocked) {
        kf_model_store(a->m, kf_json_get(result, "store"));
        kf_app_unheld(a, true);
    }
    deliver(a, c, result, err);
}
