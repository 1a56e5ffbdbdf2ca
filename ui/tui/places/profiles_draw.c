/* How the list of profiles looks: columns, pane, summary, and the lines around them. */
#include "base/str.h"
#include "ui/common/words.h"
#include "ui/tui/parts/env.h"
#include "ui/tui/parts/when.h"
#include "ui/tui/places/profile_facts.h"
#include "ui/tui/places/profiles.h"

enum { GAP = 2, PANE_COLS = 38, WHO_LEAST = 12, SOON_S = 8 * 3600 };

static const char *const heads[KF_COLUMNS] = {"NAME",  "ENV",  "WHO", "ORGANIZATION",
                                              "STATE", "ENDS", "USED"};

/* --- columns ----------------------------------------------------------------------------- */

typedef struct columns {
    int w[KF_COLUMNS]; /* 0: not shown */
    int total;
} columns;

static void add_up(columns *c) {
    c->total = -GAP;
    for (int i = 0; i < KF_COLUMNS; i++)
        if (c->w[i]) c->total += c->w[i] + GAP;
}

static void give_up(columns *c, kf_column which, int least, int room) {
    if (c->total <= room || !c->w[which]) return;
    int over = c->total - room, can = c->w[which] - least;
    if (least && can <= 0) return;
    c->w[which] = least && can < over ? least : least ? c->w[which] - over : 0;
    add_up(c);
}

/* By content; where there is no room for all, in this order. */
static columns columns_for(const kf_profiles *s, int room) {
    columns c = {0};
    for (int i = 0; i < KF_COLUMNS; i++) {
        int head = (int)strlen(heads[i]);
        c.w[i] = !s->most[i] ? 0 : s->most[i] > head ? s->most[i] : head;
        if (c.w[i] > 40) c.w[i] = 40;
    }
    add_up(&c);
    give_up(&c, KF_COL_ORG, 0, room);
    give_up(&c, KF_COL_WHO, WHO_LEAST, room);
    give_up(&c, KF_COL_USED, 0, room);
    give_up(&c, KF_COL_ENV, 0, room);
    give_up(&c, KF_COL_WHO, 0, room);
    give_up(&c, KF_COL_NAME, 4, room);
    return c;
}

static bool is_right(int column) { return column == KF_COL_ENDS || column == KF_COL_USED; }

static kf_ink ink_of(const kf_model *m, const kf_mprofile *p, int column) {
    bool over = p->state == KF_PS_SIGNED_OUT;
    switch (column) {
    case KF_COL_NAME:
        return over ? KF_INK_DIM : p->state == KF_PS_LOCKED ? KF_INK_TEXT : KF_INK_STRONG;
    case KF_COL_ENV: return kf_env_ink(p->environment);
    case KF_COL_STATE: return p->state == KF_PS_LOCKED ? KF_INK_DIM : kf_state_ink(p->state);
    case KF_COL_ENDS: return p->session_ends_at - m->wall < SOON_S ? KF_INK_WARN : KF_INK_TEXT;
    case KF_COL_USED: return KF_INK_DIM;
    default: return KF_INK_TEXT;
    }
}

static void draw_name(const kf_mprofile *p, kf_ink ink, kf_grid *g, int y, int x, int w) {
    int star = p->is_default ? 1 : 0, n = kf_grid_cols(g, p->name);
    if (n + star > w) n = kf_grid_middle(g, y, x, w - star, ink, p->name);
    else kf_grid_text(g, y, x, w, ink, p->name);
    if (star) kf_grid_text(g, y, x + n, 1, KF_INK_KEY, "*");
}

static void draw_row(const kf_model *m, const kf_mprofile *p, const columns *c, kf_grid *g, int y,
                     kf_rect r, bool at) {
    int x = r.x;
    char buf[16];
    for (int i = 0; i < KF_COLUMNS; i++) {
        if (!c->w[i]) continue;
        const char *text = kf_profiles_text(m, p, (kf_column)i, buf);
        kf_ink ink = ink_of(m, p, i);
        if (i == KF_COL_NAME) draw_name(p, ink, g, y, x, c->w[i]);
        else if (is_right(i)) kf_grid_right(g, y, x, c->w[i], ink, text);
        else kf_grid_text(g, y, x, c->w[i], ink, text);
        x += c->w[i] + GAP;
    }
    if (at) kf_row_mark(g, y, r);
}

static void draw_heads(const kf_profiles *s, const columns *c, kf_grid *g, int y, int x) {
    for (int i = 0; i < KF_COLUMNS; i++) {
        kf_ink ink = s->sort == i ? KF_INK_STRONG : KF_INK_DIM;
        if (!c->w[i]) continue;
        if (is_right(i)) kf_grid_right(g, y, x, c->w[i], ink, heads[i]);
        else kf_grid_text(g, y, x, c->w[i], ink, heads[i]);
        x += c->w[i] + GAP;
    }
}

/* --- beside and below -------------------------------------------------------------------- */

static void draw_pane(const kf_model *m, const kf_mprofile *p, kf_grid *g, kf_rect r) {
    kf_fact_page f = {0};
    int env = kf_grid_cols(g, p->environment);
    kf_grid_text(g, r.y, r.x, r.cols - (env ? env + 2 : 0), KF_INK_STRONG, p->name);
    kf_grid_right(g, r.y, r.x, r.cols, kf_env_ink(p->environment), p->environment);
    kf_rect body = {r.y + 2, r.x, r.rows - 2, r.cols};
    if (p->failed && !kf_state_is_over(p->state) && p->state != KF_PS_SIGNED_IN)
        body.y += kf_error_draw(g, body, "", &p->failure, false) + 1;
    else if (kf_state_is_over(p->state))
        body.y += kf_grid_wrap(g, body.y, r.x, r.cols, 2, KF_INK_TEXT,
                               kf_model_has_session(p) ? "The session is over. s signs in again."
                                                       : "Nobody is signed in. s signs in.",
                               true) +
                  1;
    body.rows = r.y + r.rows - body.y;
    kf_profile_facts(&f, m, p, true);
    kf_page_facts_draw(&f, KF_NO_CURSOR, 14, g, body);
    kf_page_done(&f);
}

static void pair(kf_grid *g, int y, int x, int label, int cols, const char *name, kf_ink ink,
                 const char *value) {
    if (!*value) return;
    kf_grid_text(g, y, x, label - 1, KF_INK_DIM, name);
    kf_grid_text(g, y, x + label, cols - label, ink, value);
}

static void draw_summary(const kf_model *m, const kf_mprofile *p, kf_grid *g, kf_rect r) {
    char text[400], when[24], age[24] = "";
    int half = r.x + 42;
    kf_words_error w;
    if (kf_state_is_over(p->state) || p->state == KF_PS_LOCKED || kf_state_needs_person(p->state)) {
        kf_words_for_error(&p->failure, &w);
        const char *why = p->state == KF_PS_LOCKED   ? "It is locked. The session is kept."
                          : !kf_model_has_session(p) ? "Nobody is signed in here."
                          : p->failed                ? w.happened
                                                     : "The session is over.";
        const char *todo = p->state == KF_PS_LOCKED
                               ? "U unlocks. t, s, x and r ask for what is needed first."
                           : !kf_model_has_session(p) ? "s signs in."
                           : p->failed                ? w.todo
                                                      : "s signs in again.";
        kf_grid_text(g, r.y, r.x, r.cols, KF_INK_TEXT, why);
        kf_grid_text(g, r.y + 1, r.x, r.cols, KF_INK_TEXT, todo);
        return;
    }
    snprintf(text, sizeof text, "%.160s%s%.80s", p->org_name[0] ? p->org_name : p->org_id,
             p->role[0] && (p->org_name[0] || p->org_id[0]) ? ", " : "", p->role);
    pair(g, r.y, r.x, 14, 40, "Organization", KF_INK_TEXT, text);
    if (p->last_used_at) kf_age_words(m->wall - p->last_used_at, age);
    pair(g, r.y + 1, r.x, 14, 40, "Used", KF_INK_TEXT, age);
    if (p->session_ends_at) kf_when(p->session_ends_at, m->wall, when);
    else if (p->signed_in_at) kf_when(p->signed_in_at, m->wall, when);
    else when[0] = 0;
    pair(g, r.y, half, 10, r.cols - 42, p->session_ends_at ? "Ends" : "Since", KF_INK_TEXT, when);
    if (!p->renewed_at) return;
    kf_when(p->renewed_at, m->wall, when);
    snprintf(text, sizeof text, "%s, %s", when, p->renewed_ok == 0 ? "failed" : "ok");
    if (p->renewed_ms >= 0)
        snprintf(text + strlen(text), 40, ", %lld ms", (long long)p->renewed_ms);
    pair(g, r.y + 1, half, 10, r.cols - 42, "Renewed",
         p->renewed_ok == 0 ? KF_INK_BAD : KF_INK_TEXT, text);
}

static void draw_hint(const kf_model *m, kf_grid *g, kf_rect r) {
    static const char *const brief = "Press s: plain@example.test, password sandbox-password";
    const char *text = "This is the sandbox: nothing leaves this computer. Press s and sign in as "
                       "plain@example.test, orgs@example.test "
                       "or totp@example.test with the password sandbox-password. The code of "
                       "totp@example.test comes from the TOTP secret "
                       "JBSWY3DPEHPK3PXP: oathtool --totp -b JBSWY3DPEHPK3PXP";
    if (!m->sandbox) return;
    int need = kf_grid_wrap(g, 0, 0, r.cols, 99, KF_INK_DIM, text, false);
    if (need >= r.rows)
        text = brief, need = kf_grid_wrap(g, 0, 0, r.cols, 99, KF_INK_DIM, text, false);
    if (need < r.rows)
        kf_grid_wrap(g, r.y + r.rows - need, r.x, r.cols, need, KF_INK_DIM, text, true);
}

static void draw_empty(const kf_profiles *s, const kf_model *m, kf_grid *g, kf_rect r) {
    if (m->link == KF_LINK_DOWN && !m->loaded)
        kf_error_draw(g, r, "The agent could not be reached", &m->link_err, true);
    else if (!m->loaded)
        kf_grid_text(g, r.y + 1, r.x, r.cols, KF_INK_DIM, "Asking the agent for your profiles.");
    else if (!kf_line_is_empty(&s->filter))
        kf_grid_printf(g, r.y + 1, r.x, r.cols, KF_INK_TEXT,
                       "No profile matches \"%s\". Esc clears the filter.",
                       kf_line_text(&s->filter));
}

/* Which part of the list is in view, in the last column. */
static void draw_scroll_mark(const kf_profiles *s, size_t top, int rows, kf_grid *g, int y) {
    if (s->n <= (size_t)rows) return;
    int high = (int)((size_t)rows * (size_t)rows / s->n), least = high < 1 ? 1 : high;
    int from = (int)(top * (size_t)(rows - least) / (s->n - (size_t)rows));
    kf_grid_vline(g, y + from, g->cols - 1, least);
}

/* --- the page ---------------------------------------------------------------------------- */

static int rows_in(const kf_view *v) { return v->body.rows - 1; }

void kf_profiles_draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const kf_profiles *s = st;
    kf_rect r = v->body;
    bool wide = v->tier == KF_TIER_WIDE;
    const kf_mprofile *p = kf_profiles_at(s, m, s->cur);
    if (!s->n) {
        draw_empty(s, m, g, r);
        return;
    }
    columns c = columns_for(s, wide ? r.cols - PANE_COLS - 3 : r.cols);
    int rows = rows_in(v), split = r.x + c.total + 1, used = 0;
    kf_rect list = {r.y, r.x, r.rows, wide ? c.total : r.cols};
    draw_heads(s, &c, g, r.y, r.x);
    size_t top = kf_scroll_top(s->cur, s->n, rows);
    for (size_t i = top; i < s->n && used < rows; i++, used++)
        if (s->order[i] < m->n)
            draw_row(m, m->profile[s->order[i]], &c, g, r.y + 1 + used, list, i == s->cur);
    kf_grid_cursor(g, r.y + 1 + (int)(s->cur - top), 0);
    draw_hint(m, g, (kf_rect){r.y + 1 + used, r.x, rows - used, list.cols});
    draw_scroll_mark(s, top, rows, g, r.y + 1);
    if (wide) kf_grid_vline(g, r.y, split, r.rows);
    if (wide && p) draw_pane(m, p, g, (kf_rect){r.y, split + 2, r.rows, r.x + r.cols - split - 2});
    if (v->foot.rows >= 2 && p) draw_summary(m, p, g, v->foot);
}

static size_t attention(const kf_model *m, const kf_profiles *s, bool shown) {
    size_t n = 0;
    for (size_t i = 0; i < (shown ? s->n : m->n); i++) {
        const kf_mprofile *p = shown ? kf_profiles_at(s, m, i) : m->profile[i];
        n += p && !p->gone && kf_state_needs_person(p->state);
    }
    return n;
}

void kf_profiles_title(const void *st, const kf_model *m, bool compact, char *left, char *right,
                       size_t size) {
    snprintf(left, size, "keyfob%s%s", m->sandbox ? " sandbox" : "", compact ? "  Profiles" : "");
    size_t n = compact ? attention(m, st, false) : 0;
    if (compact && m->link == KF_LINK_UP && n)
        snprintf(right, size, "%s%zu need%s you", kf_mark(KF_INK_BAD), n, n == 1 ? "s" : "");
    else kf_agent_text(m, right, size);
}

/* "2,000" */
static void with_comma(size_t n, char out[24]) {
    if (n < 1000) snprintf(out, 24, "%zu", n);
    else snprintf(out, 24, "%zu,%03zu", n / 1000, n % 1000);
}

void kf_profiles_about(const void *st, const kf_model *m, const kf_view *v, char *name, char *tail,
                       size_t size) {
    const kf_profiles *s = st;
    const kf_mprofile *p = kf_profiles_at(s, m, s->cur);
    int rows = rows_in(v);
    size_t top = kf_scroll_top(s->cur, s->n, rows);
    char from[24], to[24], all[24];
    if (p && v->tier != KF_TIER_WIDE)
        snprintf(name, size, "%s%s%s%s%.60s", p->name, p->environment[0] ? kf_mark(KF_INK_DIM) : "",
                 p->environment[0] ? " - " : "", kf_mark(kf_env_ink(p->environment)),
                 p->environment);
    if (s->n <= (size_t)rows || rows < 1) return;
    with_comma(top + 1, from);
    with_comma(top + (size_t)rows, to);
    with_comma(s->n, all);
    snprintf(tail, size, "%s-%s of %s", from, to, all);
}

static void count_text(const kf_profiles *s, const kf_model *m, bool filtered, char *out,
                       size_t size) {
    char shown[24], whole[24];
    size_t all = kf_model_count(m), need = attention(m, s, filtered), locked = 0, sign_in = 0;
    for (size_t i = 0; i < m->n; i++) {
        locked += !m->profile[i]->gone && m->profile[i]->state == KF_PS_LOCKED;
        sign_in += !m->profile[i]->gone && m->profile[i]->state == KF_PS_NEEDS_SIGN_IN;
    }
    with_comma(s->n, shown);
    with_comma(all, whole);
    size_t n = filtered ? (size_t)snprintf(out, size, "%s of %s match", shown, whole)
                        : (size_t)snprintf(out, size, "%s profile%s", whole, all == 1 ? "" : "s");
    if (need)
        snprintf(out + n, size - n, ", %s%zu need%s %s", kf_mark(KF_INK_BAD), need,
                 need == 1 ? "s" : "", need <= sign_in ? "sign-in" : "you");
    else if (!filtered && locked) snprintf(out + n, size - n, ", %zu locked", locked);
    else if (!filtered && all) snprintf(out + n, size - n, ", all well");
}

void kf_profiles_status(const void *st, const kf_model *m, bool compact, char *left, char *right,
                        size_t size) {
    const kf_profiles *s = st;
    const kf_mprofile *p = kf_profiles_at(s, m, s->cur);
    bool filtered = s->typing || !kf_line_is_empty(&s->filter);
    char age[24];
    if (filtered)
        snprintf(left, size, "/%s%s%s", kf_mark(KF_INK_KEY), kf_line_text(&s->filter),
                 s->typing ? "_" : "");
    if (compact && filtered) snprintf(right, size, "%zu of %zu", s->n, kf_model_count(m));
    if (compact && filtered) return;
    if (compact && p && p->state == KF_PS_LOCKED)
        snprintf(left, size, "U unlocks. Sessions are kept.");
    else if (compact && p && p->org_name[0] && p->last_used_at) {
        kf_age_words(m->wall - p->last_used_at, age);
        snprintf(left, size, "%.60s, used %s", p->org_name, age);
    } else if (compact && p)
        snprintf(left, size, "%.60s", p->org_name[0] ? p->org_name : p->user_email);
    else if (!filtered && kf_model_is_locked(m)) snprintf(left, size, "U unlocks");
    if (compact) return;
    if (m->link == KF_LINK_DOWN)
        snprintf(right, size, "%sthe agent does not answer: trying again", kf_mark(KF_INK_BAD));
    else if (m->loaded) count_text(s, m, filtered, right, size);
}
