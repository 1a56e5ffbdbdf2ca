/* Sessions of the person who is signed in, and ending one of them or all others. */
#include "base/str.h"
#include "ui/tui/parts/items.h"
#include "ui/tui/parts/widget.h"
#include "ui/tui/places/tabs.h"

static const char *const session_keys[] = {"id",         "status",       "auth_method",
                                           "ip_address", "user_agent",   "created_at",
                                           "expires_at", "impersonator", NULL};
enum { ID, STATUS, METHOD, IP, AGENT, MADE, ENDS, BY };

static void sessions_load(void *st, const kf_model *m, const kf_mprofile *p, kf_out *o) {
    kf_items_load(st, m, "ListSessions", p->id, o);
}

static bool sessions_result(void *st, const kf_event *ev) {
    return kf_items_result(st, ev, "sessions", session_keys);
}

static bool sessions_missing(const void *st, const kf_mprofile *p) { return kf_items_missing(st); }
static bool sessions_count(const void *st, size_t *n) { return kf_items_count(st, n); }
static bool sessions_wait(const void *st) { return ((const kf_items *)st)->call != 0; }
static void sessions_done(void *st) { kf_items_done(st); }

static bool sessions_copy(const void *st, const kf_model *m, const kf_mprofile *p, kf_copy *out) {
    const kf_item *i = kf_items_at(st);
    if (i) kf_copy_set(out, "session ID", i->text[ID]);
    return i != NULL;
}

/* --- what keys do ----------------------------------------------------------------------- */

static void end_session(const kf_item *i, const kf_mprofile *p, kf_out *o) {
    char about[120], made[24];
    if (!i) return;
    kf_time_short(i->text[MADE], made);
    snprintf(about, sizeof about, "of %s, %.60s", made,
             i->text[IP][0] ? i->text[IP] : i->text[METHOD]);
    kf_args a = {.what = KF_CONFIRM_REVOKE, .title = about};
    memcpy(a.profile, p->id, sizeof a.profile);
    if (kf_str_set(a.item, sizeof a.item, i->text[ID])) kf_out_push(o, &kf_screen_confirm, &a);
}

static bool sessions_act(void *st, const kf_model *m, const kf_mprofile *p, kf_action act,
                         kf_out *o) {
    if (kf_items_move(st, act)) return true;
    if (act == KF_DO_DELETE) end_session(kf_items_at(st), p, o);
    else if (act == KF_DO_OTHERS) {
        kf_args a = {.what = KF_TYPED_OTHERS};
        memcpy(a.profile, p->id, sizeof a.profile);
        kf_out_push(o, &kf_screen_typed, &a);
    } else return false;
    return true;
}

static const char *sessions_why_not(const void *st, kf_action act) {
    const kf_items *l = st;
    const kf_item *i = kf_items_at(l);
    if (act == KF_DO_DETAILS) return l->failed ? NULL : "there is no error to explain";
    if (!i) return "there is no session to end";
    if (act != KF_DO_DELETE) return NULL;
    if (i->current) return "this is the session of the profile, S signs out";
    return kf_str_eq(i->text[STATUS], "active") ? NULL : "this session is over already";
}

/* --- drawing ---------------------------------------------------------------------------- */

static kf_ink status_ink(const kf_item *i) {
    return kf_str_eq(i->text[STATUS], "active") ? KF_INK_OK : KF_INK_DIM;
}

static void draw_session(const kf_item *i, kf_grid *g, int y, kf_rect r) {
    char made[24];
    int x = r.x, wide = r.cols >= 70;
    kf_time_short(i->text[MADE], made);
    kf_grid_text(g, y, x, 9, status_ink(i), i->text[STATUS]);
    kf_grid_text(g, y, x + 10, 16, KF_INK_TEXT, made);
    if (!wide) {
        kf_grid_text(g, y, x + 27, r.cols - 27, KF_INK_DIM, i->current ? "this" : i->text[IP]);
        return;
    }
    kf_grid_text(g, y, x + 28, 12, KF_INK_TEXT, i->text[METHOD]);
    kf_grid_text(g, y, x + 41, 15, KF_INK_TEXT, i->text[IP]);
    kf_grid_text(g, y, x + 57, r.cols - 57, i->current ? KF_INK_STRONG : KF_INK_DIM,
                 i->current ? "this session" : i->text[AGENT]);
}

/* The selected one in full. */
static void draw_session_facts(const kf_item *i, kf_grid *g, kf_rect r) {
    int y = r.y;
    char ends[24];
    kf_time_short(i->text[ENDS], ends);
    y += kf_fact(g, r, y, 14, i->current ? "This session" : "Session", KF_INK_TEXT, i->text[ID]);
    if (i->text[AGENT][0]) y += kf_fact(g, r, y, 14, "From", KF_INK_TEXT, i->text[AGENT]);
    if (ends[0]) y += kf_fact(g, r, y, 14, "Ends", KF_INK_TEXT, ends);
    if (i->text[BY][0]) kf_fact(g, r, y, 14, "Impersonator", KF_INK_BAD, i->text[BY]);
}

static int sessions_draw(const void *st, const kf_model *m, const kf_mprofile *p, bool details,
                         kf_grid *g, kf_rect r) {
    const kf_items *l = st;
    int y = r.y, facts = r.rows >= 14 ? 6 : 0;
    if (kf_items_draw_none(l, m, "sessions", details, g, r)) return r.rows;
    if (r.rows >= 8) {
        kf_grid_text(g, y, r.x, r.cols, KF_INK_DIM,
                     r.cols >= 70 ? "STATUS    BEGAN (UTC)       METHOD       ADDRESS         WHERE"
                                  : "STATUS    BEGAN (UTC)      ADDRESS");
        y++;
    }
    int rows = r.y + r.rows - y - facts;
    size_t top = kf_scroll_top(l->cur, l->n, rows);
    for (int k = 0; k < rows && top + (size_t)k < l->n; k++) {
        draw_session(&l->item[top + (size_t)k], g, y + k, r);
        kf_items_mark(l, top + (size_t)k, g, y + k, r);
    }
    const kf_item *at = kf_items_at(l);
    if (facts && at) draw_session_facts(at, g, (kf_rect){r.y + r.rows - 5, r.x, 5, r.cols});
    return r.rows;
}

const kf_tab kf_tab_sessions = {.is_listed = true,
                                .copy = sessions_copy,
                                .name = "Sessions",
                                .only = "only at the sessions",
                                .state_size = sizeof(kf_items),
                                .own = {KF_DO_OTHERS},
                                .takes = {KF_DO_DELETE, KF_DO_DETAILS},
                                .hints = {KF_DO_BACK, KF_DO_COPY, KF_DO_SIGN_IN, KF_DO_EXPORT,
                                          KF_DO_YANK, KF_DO_DELETE, KF_DO_OTHERS, KF_DO_REDRAW,
                                          KF_DO_DETAILS},
                                .method = {"RevokeSession"},
                                .load = sessions_load,
                                .is_missing = sessions_missing,
                                .result = sessions_result,
                                .act = sessions_act,
                                .why_not = sessions_why_not,
                                .draw = sessions_draw,
                                .count = sessions_count,
                                .waits = sessions_wait,
                                .done = sessions_done};
