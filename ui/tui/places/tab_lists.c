/* Sessions and factors of the person who is signed in. */
#include "base/str.h"
#include "ui/tui/places/tabs.h"
#include "ui/tui/parts/widget.h"

const char *const kf_session_keys[] = {"id",         "status",       "auth_method",
                                       "ip_address", "user_agent",   "created_at",
                                       "expires_at", "impersonator", NULL};
const char *const kf_factor_keys[] = {"id", "type", "created_at", "updated_at", NULL};

static void mark(const kf_items *l, size_t i, kf_grid *g, int y, kf_rect r) {
    if (i != l->cur) return;
    kf_grid_text(g, y, r.x, 1, KF_INK_STRONG, ">");
    kf_grid_tint(g, y, r.x, r.cols, KF_INK_SELECT);
    kf_grid_cursor(g, y, r.x);
}

static kf_ink status_ink(const kf_item *i) {
    return kf_str_eq(i->text[KF_SESSION_STATUS], "active") ? KF_INK_OK : KF_INK_DIM;
}

static void draw_session(const kf_item *i, kf_grid *g, int y, kf_rect r) {
    char made[24];
    int x = r.x + 2, wide = r.cols >= 70;
    kf_time_short(i->text[KF_SESSION_MADE], made);
    kf_grid_text(g, y, x, 9, status_ink(i), i->text[KF_SESSION_STATUS]);
    kf_grid_text(g, y, x + 10, 16, KF_INK_TEXT, made);
    if (!wide) {
        kf_grid_text(g, y, x + 27, r.cols - 29, KF_INK_DIM,
                     i->current ? "this" : i->text[KF_SESSION_IP]);
        return;
    }
    kf_grid_text(g, y, x + 28, 12, KF_INK_TEXT, i->text[KF_SESSION_METHOD]);
    kf_grid_text(g, y, x + 41, 15, KF_INK_TEXT, i->text[KF_SESSION_IP]);
    kf_grid_text(g, y, x + 57, r.cols - 59, i->current ? KF_INK_STRONG : KF_INK_DIM,
                 i->current ? "this session" : i->text[KF_SESSION_AGENT]);
}

/* The selected one in full. */
static void draw_session_facts(const kf_item *i, kf_grid *g, kf_rect r) {
    int y = r.y;
    char ends[24];
    kf_time_short(i->text[KF_SESSION_ENDS], ends);
    y += kf_fact(g, r, y, 14, i->current ? "This session" : "Session", KF_INK_TEXT,
                 i->text[KF_SESSION_ID]);
    if (i->text[KF_SESSION_AGENT][0])
        y += kf_fact(g, r, y, 14, "From", KF_INK_TEXT, i->text[KF_SESSION_AGENT]);
    if (ends[0]) y += kf_fact(g, r, y, 14, "Ends", KF_INK_TEXT, ends);
    if (i->text[KF_SESSION_BY][0])
        kf_fact(g, r, y, 14, "Impersonator", KF_INK_BAD, i->text[KF_SESSION_BY]);
}

void kf_sessions_draw(const kf_items *l, const kf_model *m, bool details, kf_grid *g, kf_rect r) {
    int y = r.y, facts = r.rows >= 14 ? 6 : 0;
    if (kf_items_draw_none(l, m, "sessions", details, g, r)) return;
    if (r.rows >= 8) {
        kf_grid_text(g, y, r.x + 2, r.cols - 2, KF_INK_DIM,
                     r.cols >= 70 ? "STATUS    BEGAN (UTC)       METHOD       ADDRESS         WHERE"
                                  : "STATUS    BEGAN (UTC)      ADDRESS");
        y++;
    }
    int rows = r.y + r.rows - y - facts;
    size_t top = kf_scroll_top(l->cur, l->n, rows);
    for (int k = 0; k < rows && top + (size_t)k < l->n; k++) {
        draw_session(&l->item[top + (size_t)k], g, y + k, r);
        mark(l, top + (size_t)k, g, y + k, r);
    }
    const kf_item *at = kf_items_at(l);
    if (facts && at) draw_session_facts(at, g, (kf_rect){r.y + r.rows - 5, r.x, 5, r.cols});
}

const char *kf_factor_word(const char *type) {
    return kf_str_eq(type, "totp")  ? "Authenticator app"
           : kf_str_eq(type, "sms") ? "Text message"
                                    : type;
}

void kf_factors_draw(const kf_items *l, const kf_model *m, bool details, kf_grid *g, kf_rect r) {
    int y = r.y;
    if (l->loaded && !l->n) {
        kf_grid_wrap(g, y, r.x, r.cols, 3, KF_INK_TEXT,
                     "No factors yet. a sets up an authenticator app.", true);
        return;
    }
    if (kf_items_draw_none(l, m, "factors", details, g, r)) return;
    if (r.rows >= 8) {
        kf_grid_text(g, y, r.x + 2, r.cols - 2, KF_INK_DIM,
                     r.cols >= 60 ? "FACTOR             SET UP (UTC)      ID"
                                  : "FACTOR             SET UP (UTC)");
        y++;
    }
    int rows = r.y + r.rows - y;
    size_t top = kf_scroll_top(l->cur, l->n, rows);
    for (int k = 0; k < rows && top + (size_t)k < l->n; k++) {
        const kf_item *i = &l->item[top + (size_t)k];
        char made[24];
        kf_time_short(i->text[KF_FACTOR_MADE], made);
        kf_grid_text(g, y + k, r.x + 2, 18, KF_INK_STRONG, kf_factor_word(i->text[KF_FACTOR_TYPE]));
        kf_grid_text(g, y + k, r.x + 21, 16, KF_INK_TEXT, made);
        if (r.cols >= 60)
            kf_grid_text(g, y + k, r.x + 39, r.cols - 39, KF_INK_DIM, i->text[KF_FACTOR_ID]);
        mark(l, top + (size_t)k, g, y + k, r);
    }
}
