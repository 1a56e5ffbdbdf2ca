/* Claims: decoded always, verified only when asked for, and never said to be when it is not. */
#include "base/mem.h"
#include "base/str.h"
#include "ui/common/text.h"
#include "ui/common/words.h"
#include "ui/tui/parts/facts.h"
#include "ui/tui/parts/widget.h"
#include "ui/tui/places/tabs.h"
#include "wire/msg.h"

enum { ROWS_MAX = 600 };

typedef struct claim { /* one row */
    char *name, *value;
    int64_t time; /* unix s, 0: no time */
    bool head;
} claim;

typedef struct claims {
    uint32_t call;
    bool loaded, failed, asked; /* asked: to verify */
    int verified;               /* -1 not known */
    kf_err err, why;            /* of the call; why it is not verified */
    char *kid, *alg;
    claim *row;
    size_t n, cur;
    int64_t of; /* the renewal that they are of */
} claims;

static void clear_claims(claims *t) {
    for (size_t i = 0; i < t->n; i++) {
        free(t->row[i].name);
        free(t->row[i].value);
    }
    free(t->row);
    free(t->kid);
    free(t->alg);
    t->row = NULL;
    t->kid = t->alg = NULL;
    t->n = 0;
}

static void claims_done(void *st) { clear_claims(st); }

static void claims_ask(claims *t, const kf_mprofile *p, bool verify, kf_out *o) {
    kf_json *params = kf_json_obj();
    kf_json_set_str(params, "profile", p->id);
    kf_json_set_bool(params, "verify", verify);
    t->asked = verify;
    t->of = p->renewed_at;
    t->call = kf_out_call(o, "Claims", params);
}

static void claims_load(void *st, const kf_model *m, const kf_mprofile *p, kf_out *o) {
    claims_ask(st, p, false, o);
}

/* Of another token than the one that the profile has now. */
static bool claims_missing(const void *st, const kf_mprofile *p) {
    const claims *t = st;
    return !t->call && t->of != p->renewed_at;
}

static void add(claims *t, const char *name, char *value, int64_t time, bool head) {
    if (t->n >= ROWS_MAX) {
        free(value);
        return;
    }
    if (t->n + 1 == ROWS_MAX)
        name = "And more, which keyfob claims --json prints", head = true, time = 0;
    t->row = kf_grow(t->row, t->n, sizeof *t->row);
    t->row[t->n++] = (claim){kf_text_safe(name), value, time, head};
}

static bool is_time(const char *name) {
    return kf_str_eq(name, "exp") || kf_str_eq(name, "iat") || kf_str_eq(name, "nbf") ||
           kf_str_eq(name, "auth_time");
}

static char *text_of(const kf_json *v) {
    if (kf_json_value_str(v)) return kf_text_safe(kf_json_value_str(v));
    KF_AUTO_CHARS raw = kf_json_print(v);
    return kf_text_safe(raw);
}

/* A row each; the elements of a list below one another. */
static void add_all(claims *t, const kf_json *obj) {
    for (const kf_json *i = kf_json_first(obj); i; i = kf_json_next(i)) {
        const char *name = kf_json_key(i);
        if (kf_json_is_null(i)) continue;
        if (!kf_json_is_arr(i)) {
            add(t, name, text_of(i), is_time(name) ? kf_json_int_or(obj, name, 0) : 0, false);
            continue;
        }
        if (!kf_json_count(i)) add(t, name, kf_strdup("(none)"), 0, false);
        for (const kf_json *k = kf_json_first(i); k; k = kf_json_next(k))
            add(t, k == kf_json_first(i) ? name : "", text_of(k), 0, false);
    }
}

static bool claims_result(void *st, const kf_event *ev) {
    claims *t = st;
    if (!ev->call || ev->call != t->call) return false;
    t->call = 0;
    t->failed = ev->err != NULL;
    if (ev->err) {
        t->err = *ev->err;
        return true;
    }
    const kf_json *verified = kf_json_get(ev->result, "verified"),
                  *why = kf_json_get(ev->result, "failure");
    clear_claims(t);
    t->loaded = true;
    t->cur = 0;
    t->verified =
        verified && !kf_json_is_null(verified) ? kf_json_bool(ev->result, "verified", false) : -1;
    t->kid = kf_text_safe(kf_json_str(ev->result, "kid"));
    t->alg = kf_text_safe(kf_json_str(kf_json_get(ev->result, "header"), "alg"));
    t->why = (kf_err){0};
    if (kf_json_is_obj(why)) kf_msg_read_failure(why, &t->why);
    add_all(t, kf_json_get(ev->result, "claims"));
    if (kf_json_is_obj(kf_json_get(ev->result, "user"))) {
        add(t, "The user, as WorkOS described it at the sign-in", kf_strdup(""), 0, true);
        add_all(t, kf_json_get(ev->result, "user"));
    }
    if (kf_json_is_obj(kf_json_get(ev->result, "oauth"))) {
        add(t, "The provider's session (its tokens stay with the agent)", kf_strdup(""), 0, true);
        add_all(t, kf_json_get(ev->result, "oauth"));
    }
    return true;
}

/* What is known about the signature, no more. */
static int draw_proof(const claims *t, kf_grid *g, int y, kf_rect r) {
    char text[900];
    kf_ink ink = KF_INK_TEXT;
    KF_AUTO_CHARS what = kf_text_safe(t->why.what);
    const char *alg = t->alg[0] ? t->alg : "no algorithm";
    if (t->call && t->asked) snprintf(text, sizeof text, "Checking the signature.");
    else if (!t->asked)
        snprintf(text, sizeof text,
                 "Decoded, not verified (%.40s, key %.100s). v checks the signature.", alg, t->kid);
    else if (t->verified == 1) {
        ink = KF_INK_OK;
        snprintf(text, sizeof text, "Verified: WorkOS signed this token (%.40s, key %.100s).", alg,
                 t->kid);
    } else if (t->verified == 0) {
        ink = KF_INK_BAD;
        snprintf(text, sizeof text,
                 "NOT valid: the signature does not fit the keys of this environment: %.240s.",
                 what);
    } else {
        ink = KF_INK_WARN;
        snprintf(text, sizeof text, "Not verified: it could not be checked: %.240s. v tries again.",
                 what);
    }
    return kf_grid_wrap(g, y, r.x, r.cols, 4, ink, text, true);
}

static void with_time(const claim *c, const kf_model *m, char *out, size_t size) {
    time_t when = (time_t)c->time;
    struct tm tm;
    char clock[16] = "", left[24];
    int64_t in = c->time - m->wall;
    if (localtime_r(&when, &tm)) (void)strftime(clock, sizeof clock, "%H:%M:%S", &tm);
    kf_words_left((in < 0 ? -in : in) * 1000, left);
    snprintf(out, size, "%.40s   %s   %s%s%s", c->value, clock, in > 0 ? "in " : "",
             in ? left : "now", in < 0 ? " ago" : "");
}

static void claims_facts(const claims *t, const kf_model *m, kf_fact_page *f) {
    char text[120];
    for (size_t i = 0; i < t->n; i++) {
        const claim *c = &t->row[i];
        if (c->head) {
            kf_page_head(f, c->name);
            continue;
        }
        if (c->time) with_time(c, m, text, sizeof text);
        kf_page_fact(f, c->name, KF_INK_TEXT, "%s",
                     c->time       ? text
                     : c->value[0] ? c->value
                                   : "(empty)");
    }
}

static int claims_draw(const void *st, const kf_model *m, const kf_mprofile *p, bool details,
                       kf_grid *g, kf_rect r) {
    const claims *t = st;
    int y = r.y, label = r.cols < 60 ? 12 : 22;
    if (t->failed) return kf_error_draw(g, r, "There are no claims to show", &t->err, details);
    if (!t->loaded) {
        kf_grid_text(g, y, r.x, r.cols, KF_INK_DIM,
                     !kf_model_is_over(p)      ? "Reading the token."
                     : kf_model_has_session(p) ? "The session is over. s signs in again."
                                               : "Nobody is signed in here. s signs in.");
        return 1;
    }
    y += draw_proof(t, g, y, r) + 1;
    kf_fact_page f = {0};
    claims_facts(t, m, &f);
    y += kf_page_facts_draw(&f, t->cur, label, g, (kf_rect){y, r.x, r.y + r.rows - y, r.cols});
    kf_page_done(&f);
    return y - r.y;
}

static bool claims_copy(const void *st, const kf_model *m, const kf_mprofile *p, kf_copy *out) {
    const claims *t = st;
    bool any = t->loaded && !t->failed && t->cur < t->n && !t->row[t->cur].head;
    if (any) kf_copy_set(out, "claim", t->row[t->cur].value);
    return any;
}

static bool move_claims(claims *t, const kf_model *m, kf_action act) {
    kf_fact_page f = {0};
    claims_facts(t, m, &f);
    t->cur = kf_page_facts_move(&f, t->cur, act);
    kf_page_done(&f);
    return true;
}

static bool claims_act(void *st, const kf_model *m, const kf_mprofile *p, kf_action act,
                       kf_out *o) {
    if (kf_is_move(act)) return move_claims(st, m, act);
    if (act != KF_DO_VERIFY) return false;
    claims_ask(st, p, true, o);
    return true;
}

static const char *claims_why_not(const void *st, kf_action act) {
    const claims *t = st;
    if (act == KF_DO_DETAILS) return t->failed ? NULL : "there is no error to explain";
    return t->loaded ? NULL : "there are no claims yet";
}

const kf_tab kf_tab_claims = {.name = "Claims",
                              .only = "only at the claims, c",
                              .state_size = sizeof(claims),
                              .own = {KF_DO_VERIFY},
                              .takes = {KF_DO_DETAILS},
                              .hints = {KF_DO_BACK, KF_DO_COPY, KF_DO_SIGN_IN, KF_DO_EXPORT,
                                        KF_DO_YANK, KF_DO_VERIFY, KF_DO_RENEW, KF_DO_ORGANIZATION,
                                        KF_DO_DETAILS},
                              .copy = claims_copy,
                              .load = claims_load,
                              .is_missing = claims_missing,
                              .result = claims_result,
                              .act = claims_act,
                              .why_not = claims_why_not,
                              .draw = claims_draw,
                              .done = claims_done};
