/* The list: one row a profile. First what needs a person, last what nobody has signed in to. */
#include "base/str.h"
#include "ui/common/words.h"
#include "ui/tui/places/places.h"
#include "ui/tui/places/profile_do.h"
#include "ui/tui/parts/widget.h"

typedef struct profiles {
    uint32_t *order; /* slots of the model, in the order shown */
    size_t n, cap, cur;
    unsigned seen; /* kf_model.changes when order was made */
    kf_line filter;
    bool typing;
    bool partial; /* the order is one of a list that was not whole yet */
    bool touched; /* by a key: rows keep their places from then on */
    char at[17];  /* id under the cursor */
    int page;
} profiles;

static const kf_mprofile *selected(const profiles *s, const kf_model *m) {
    return s->cur < s->n && s->order[s->cur] < m->n && !m->profile[s->order[s->cur]]->gone
               ? m->profile[s->order[s->cur]]
               : NULL;
}

static bool contains(const char *text, const char *part) {
    return !part[0] || strcasestr(text, part) != NULL;
}

static bool matches(const profiles *s, const kf_mprofile *p) {
    const char *f = kf_line_text(&s->filter);
    return contains(p->name, f) || contains(p->user_email, f) || contains(p->org_name, f) ||
           contains(p->environment, f);
}

static const kf_model *sort_model; /* qsort has no argument; one thread */

static int rank(const kf_mprofile *p) {
    if (kf_state_needs_person(p->state)) return 0;
    return p->state == KF_PS_SIGNED_OUT ? 2 : 1;
}

static int compare(const void *a, const void *b) {
    const kf_mprofile *p = sort_model->profile[*(const uint32_t *)a],
                      *q = sort_model->profile[*(const uint32_t *)b];
    int d = rank(p) - rank(q);
    if (d) return d;
    if (p->is_default != q->is_default) return p->is_default ? -1 : 1;
    if (p->last_used_at != q->last_used_at) return p->last_used_at > q->last_used_at ? -1 : 1;
    return strcmp(p->name, q->name);
}

static void find_cursor(profiles *s, const kf_model *m) {
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(m->profile[s->order[i]]->id, s->at)) {
            s->cur = i;
            return;
        }
    if (s->cur >= s->n) s->cur = s->n ? s->n - 1 : 0;
    const kf_mprofile *p = selected(s, m);
    snprintf(s->at, sizeof s->at, "%s", p ? p->id : "");
}

static void add_slot(profiles *s, uint32_t slot) {
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 32;
        s->order = realloc(s->order, s->cap * sizeof *s->order);
        if (!s->order) abort();
    }
    s->order[s->n++] = slot;
}

/* Sorting happens when the screen opens, when the filter changes and on Ctrl-L: never under the
 * cursor. */
static void resort(profiles *s, const kf_model *m) {
    s->n = 0;
    for (size_t i = 0; i < m->n; i++)
        if (!m->profile[i]->gone && matches(s, m->profile[i])) add_slot(s, (uint32_t)i);
    sort_model = m;
    if (s->n) qsort(s->order, s->n, sizeof *s->order, compare);
    s->seen = m->changes;
    find_cursor(s, m);
}

static void move_to(profiles *s, const kf_model *m, size_t to) {
    s->cur = to;
    const kf_mprofile *p = selected(s, m);
    if (p) snprintf(s->at, sizeof s->at, "%s", p->id);
}

/* The row that the filter means: the exact name, else the first name that begins with it, else the
 * first row. A cursor that stays on a longer name would sign in to the wrong profile. */
static void find_meant(profiles *s, const kf_model *m) {
    const char *f = kf_line_text(&s->filter);
    size_t len = strlen(f), exact = s->n, prefix = s->n;
    if (!len) return;
    for (size_t i = 0; i < s->n; i++) {
        const char *name = m->profile[s->order[i]]->name;
        if (exact == s->n && !strcasecmp(name, f)) exact = i;
        if (prefix == s->n && !strncasecmp(name, f, len)) prefix = i;
    }
    move_to(s, m, exact < s->n ? exact : prefix < s->n ? prefix : 0);
}

static void filter_changed(profiles *s, const kf_model *m) {
    resort(s, m);
    find_meant(s, m);
}

/* Rows keep their place; what is gone leaves, what is new comes last. */
static void merge(profiles *s, const kf_model *m) {
    bool was_partial = s->partial;
    s->partial = m->partial;
    if (s->seen == m->changes) return;
    if (!s->n || (was_partial && !s->touched)) {
        s->cur = 0; /* nobody chose the row that was first so far */
        s->at[0] = 0;
        resort(s, m);
        return;
    }
    bool *known = calloc(m->n ? m->n : 1, sizeof *known);
    if (!known) abort();
    size_t keep = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (m->profile[s->order[i]]->gone) continue;
        known[s->order[i]] = true;
        s->order[keep++] = s->order[i];
    }
    s->n = keep;
    for (size_t i = 0; i < m->n; i++)
        if (!m->profile[i]->gone && !known[i] && matches(s, m->profile[i]))
            add_slot(s, (uint32_t)i);
    free(known);
    sort_model = m;
    if (s->n > keep) qsort(s->order + keep, s->n - keep, sizeof *s->order, compare);
    s->seen = m->changes;
    find_cursor(s, m);
}

static void init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    profiles *s = st;
    kf_line_init(&s->filter, 64, false);
    s->page = 10;
    s->partial = m->partial;
    resort(s, m);
}

static void done(void *st) {
    profiles *s = st;
    kf_line_done(&s->filter);
    free(s->order);
}

static void act(profiles *s, const kf_model *m, kf_action what, kf_out *o) {
    const kf_mprofile *p = selected(s, m);
    if (kf_is_move(what)) move_to(s, m, kf_list_move(s->cur, s->n, s->page, what));
    else if (what == KF_DO_FILTER) s->typing = true;
    else if (what == KF_DO_BACK) {
        s->typing = false;
        kf_line_clear(&s->filter);
        resort(s, m);
    } else if (what == KF_DO_OPEN && s->typing) s->typing = false;
    else if (what == KF_DO_OPEN && p) {
        kf_args a = {0};
        memcpy(a.profile, p->id, sizeof a.profile);
        kf_out_push(o, &kf_screen_profile, &a);
    } else if (what == KF_DO_ADD) kf_out_push(o, &kf_screen_form, NULL);
    else if (what == KF_DO_IMPORT) kf_out_push(o, &kf_screen_import, NULL);
    else if (what == KF_DO_REDRAW) resort(s, m);
    else kf_profile_do(m, p, what, o);
}

static void update(void *st, const kf_model *m, const kf_event *ev, kf_out *o) {
    profiles *s = st;
    char msg[120];
    s->touched |= ev->kind == KF_EV_DO || ev->kind == KF_EV_KEY || ev->kind == KF_EV_PASTE;
    switch (ev->kind) {
    case KF_EV_MODEL:
        merge(s, m);
        if (kf_out_selected(o)[0] && kf_model_by_id(m, kf_out_selected(o))) {
            if (!matches(s, kf_model_by_id(m, kf_out_selected(o)))) {
                kf_line_clear(
                    &s->filter); /* a cursor on another row than the one told of would mislead */
                resort(s, m);
            }
            snprintf(s->at, sizeof s->at, "%s", kf_out_selected(o));
            find_cursor(s, m);
            kf_out_select(o, "");
        }
        return;
    case KF_EV_DO: act(s, m, ev->act, o); return;
    case KF_EV_KEY:
        if (s->typing && kf_line_key(&s->filter, ev->key)) filter_changed(s, m);
        return;
    case KF_EV_PASTE:
        kf_line_paste(&s->filter, ev->text, ev->len, msg, sizeof msg);
        if (msg[0]) kf_out_say(o, KF_SAY_INFO, "%s", msg);
        filter_changed(s, m);
        return;
    default: return;
    }
}

static kf_typing typing(const void *st, const kf_model *m) {
    return ((const profiles *)st)->typing ? KF_TYPING_TEXT : KF_TYPING_NONE;
}

/* --- drawing --------------------------------------------------------------------------- */

typedef struct columns {
    int name, env, user, org, state, left, end;
} columns; /* widths; 0 not shown */

/* Columns go in this order: user, organization, environment; the time left never goes. */
static columns columns_for(int cols, bool wide) {
    columns c = {.state = 13, .left = 6, .end = cols};
    int rest = cols - 2 - c.state - c.left - 1;
    if (rest >= 54 && !wide) c.env = 10, c.user = 19, c.org = rest - 16 - 10 - 19 - 3, c.name = 15;
    else if (rest >= 44) c.env = 10, c.user = rest - 16 - 10 - 2, c.name = 16;
    else if (rest >= 29) c.env = 10, c.name = rest - 11;
    else c.name = rest - 1;
    if (c.org > 22) {
        int more = c.org - 22;
        c.org = 22 + more / 3;
        c.user += more - more / 3;
    }
    return c;
}

/* The longest that stands in a column, at least its head. */
static void longest(const kf_grid *g, int *most, const char *text) {
    if (strlen(text) <= (size_t)*most) return; /* a column is at least a byte: most rows end here */
    int n = kf_grid_cols(g, text);
    if (n > *most) *most = n;
}

static const char *user_of(const kf_mprofile *p) {
    return p->user_email[0] ? p->user_email : "--"; /* the state says who is not signed in */
}
static const char *org_of(const kf_mprofile *p) {
    return p->org_name[0] ? p->org_name : p->org_id[0] ? p->org_id : "--";
}

static void lend(int *from, int need, int *want, int *to) {
    int n = *from - need < *want ? *from - need : *want;
    if (n <= 0) return;
    *from -= n, *to += n, *want -= n;
}

/* A name that would be shortened gets the columns that nothing stands in. All rows count and not
 * only those in the window, so that nothing moves while one scrolls. */
static void widen_name(const profiles *s, const kf_model *m, const kf_grid *g, columns *c) {
    columns most = {.name = 4, .env = 3, .user = 4, .org = 3};
    for (size_t i = 0; i < s->n; i++) {
        const kf_mprofile *p = s->order[i] < m->n ? m->profile[s->order[i]] : NULL;
        int name = p ? (int)strlen(p->name) + (p->is_default ? 2 : 0) : 0; /* ASCII */
        if (name > most.name) most.name = name;
        if (!p) continue;
        longest(g, &most.env, p->environment);
        longest(g, &most.user, user_of(p));
        longest(g, &most.org, org_of(p));
    }
    int want = most.name - c->name;
    lend(&c->org, most.org, &want, &c->name);
    lend(&c->user, most.user, &want, &c->name);
    lend(&c->env, most.env, &want, &c->name);
}

static int cell(kf_grid *g, int y, int x, int w, kf_ink ink, const char *text) {
    if (w <= 0) return x;
    kf_grid_text(g, y, x, w, ink, text);
    return x + w + 1;
}

static void draw_row(const kf_model *m, const kf_mprofile *p, kf_grid *g, int y, const columns *c,
                     bool at) {
    kf_pstate st = p->state;
    char left[24], name[80];
    kf_words_left(kf_model_left_ms(m, p), left);
    snprintf(name, sizeof name, "%s%s", p->name, p->is_default ? " *" : "");
    if (at) kf_grid_text(g, y, 0, 1, KF_INK_STRONG, ">");
    int x = 2;
    if (kf_grid_cols(g, name) > c->name) {
        int star = p->is_default ? 2 : 0;
        kf_grid_middle(g, y, x, c->name - star, KF_INK_STRONG, p->name);
        if (star) kf_grid_text(g, y, x + c->name - star, star, KF_INK_STRONG, " *");
    } else kf_grid_text(g, y, x, c->name, KF_INK_STRONG, name);
    x += c->name + 1;
    x = cell(g, y, x, c->env, KF_INK_DIM, p->environment);
    x = cell(g, y, x, c->user, p->user_email[0] ? KF_INK_TEXT : KF_INK_DIM, user_of(p));
    x = cell(g, y, x, c->org, KF_INK_TEXT, org_of(p));
    x = cell(g, y, x, c->state, kf_state_ink(st), kf_state_words(st));
    kf_grid_right(g, y, c->end - 1 - c->left, c->left, KF_INK_TEXT, left);
    if (at) kf_grid_tint(g, y, 0, c->end, KF_INK_SELECT);
}

static void draw_header(kf_grid *g, int y, const columns *c) {
    int x = cell(g, y, 2, c->name, KF_INK_DIM, "NAME");
    x = cell(g, y, x, c->env, KF_INK_DIM, "ENV");
    x = cell(g, y, x, c->user, KF_INK_DIM, "USER");
    x = cell(g, y, x, c->org, KF_INK_DIM, "ORG");
    cell(g, y, x, c->state, KF_INK_DIM, "STATE");
    kf_grid_right(g, y, c->end - 1 - c->left, c->left, KF_INK_DIM, "LEFT");
}

static void draw_hint(const kf_model *m, kf_grid *g, kf_rect r) {
    static const char *const brief = "Press s: plain@example.test, password sandbox-password";
    const char *text = "This is the sandbox: nothing leaves this computer. Press s and sign in as "
                       "plain@example.test, orgs@example.test "
                       "or totp@example.test with the password sandbox-password. The code of "
                       "totp@example.test comes from the TOTP secret "
                       "JBSWY3DPEHPK3PXP: oathtool --totp -b JBSWY3DPEHPK3PXP";
    if (!m->sandbox) return;
    int need = kf_grid_wrap(g, 0, 0, r.cols - 2, 99, KF_INK_DIM, text, false);
    if (need >= r.rows)
        text = brief, need = kf_grid_wrap(g, 0, 0, r.cols - 2, 99, KF_INK_DIM, text, false);
    if (need < r.rows)
        kf_grid_wrap(g, r.y + r.rows - need, r.x, r.cols - 2, need, KF_INK_DIM, text, true);
}

static void draw_summary(const kf_model *m, const kf_mprofile *p, kf_grid *g, kf_rect foot) {
    char text[512], bar[32], left[24], life[24], id[64];
    if (!p || foot.rows < 2) return;
    int y = foot.y, x = foot.x;
    x += kf_grid_text(g, y, x, 30, KF_INK_STRONG, p->name) + 2;
    if (kf_model_is_over(p)) {
        kf_grid_text(g, y, x, foot.cols - x, KF_INK_TEXT,
                     kf_model_has_session(p) ? "the session is over: s signs in again"
                                             : "not signed in: s signs in");
        return;
    }
    if (p->state == KF_PS_LOCKED) {
        kf_grid_text(g, y, x, foot.cols - x, KF_INK_TEXT, "locked: U unlocks");
        return;
    }
    kf_short_id(p->session_id, id, sizeof id);
    snprintf(text, sizeof text, "%s%.60s%s%s%s", p->role[0] ? "role " : "", p->role,
             p->role[0] ? ", " : "", id[0] ? "session " : "", id);
    kf_grid_text(g, y, x, foot.cols - x, KF_INK_TEXT, text);
    int64_t ms = kf_model_left_ms(m, p);
    if (ms == KF_NO_TIME) return;
    kf_words_left(ms, left);
    kf_words_left(p->life_ms > 0 ? p->life_ms : KF_NO_TIME, life);
    kf_bar(bar, 20, ms, p->life_ms);
    if (ms <= 0) {
        kf_grid_text(g, y + 1, foot.x, foot.cols, KF_INK_DIM,
                     "a new token is made when a command asks");
        return;
    }
    if (kf_model_renews_itself(p) && p->renews_at > m->now_ms) {
        char in[24];
        kf_words_left(p->renews_at - m->now_ms, in);
        snprintf(text, sizeof text, "token renews by itself in %s", in);
    } else snprintf(text, sizeof text, "token is renewed when a command asks");
    if (p->life_ms > 0)
        kf_grid_printf(g, y + 1, foot.x, foot.cols, KF_INK_DIM, "%-37s %s %s of %s", text, bar,
                       left, life);
    else kf_grid_printf(g, y + 1, foot.x, foot.cols, KF_INK_DIM, "%-37s %s left", text, left);
}

static void draw_empty(const profiles *s, const kf_model *m, kf_grid *g, kf_rect r) {
    if (m->link == KF_LINK_DOWN && !m->loaded) {
        kf_error_draw(g, r, "The agent could not be reached", &m->link_err, true);
        return;
    }
    if (!m->loaded)
        kf_grid_text(g, r.y + 1, r.x, r.cols, KF_INK_DIM, "Asking the agent for your profiles.");
    else if (!kf_line_is_empty(&s->filter))
        kf_grid_printf(g, r.y + 1, r.x, r.cols, KF_INK_TEXT,
                       "No profile matches \"%s\". Esc clears the filter.",
                       kf_line_text(&s->filter));
}

static void draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const profiles *s = st;
    bool wide = v->tier == KF_TIER_WIDE;
    int split = wide ? g->cols * 55 / 100 : g->cols;
    kf_rect r = {v->body.y, 1, v->body.rows, split - 2};
    columns c = columns_for(split, wide);
    const kf_mprofile *p = selected(s, m);
    if (!s->n) {
        draw_empty(s, m, g, (kf_rect){r.y, 1, r.rows, g->cols - 2});
        return;
    }
    widen_name(s, m, g, &c);
    draw_header(g, r.y, &c);
    size_t top = kf_scroll_top(s->cur, s->n, r.rows - 1);
    int used = 1;
    for (size_t i = top; i < s->n && used < r.rows; i++, used++)
        if (s->order[i] < m->n)
            draw_row(m, m->profile[s->order[i]], g, r.y + used, &c, i == s->cur);
    kf_grid_cursor(g, r.y + 1 + (int)(s->cur - top), 0);
    draw_hint(m, g, (kf_rect){r.y + used, r.x, r.rows - used, r.cols});
    if (wide) kf_grid_vline(g, r.y, split, r.rows);
    if (wide && p)
        kf_profile_draw(m, p, g, (kf_rect){r.y, split + 2, r.rows, g->cols - split - 3}, false);
    draw_summary(m, p, g, v->foot);
}

static size_t attention(const kf_model *m) {
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        n += !m->profile[i]->gone && kf_state_needs_person(m->profile[i]->state);
    return n;
}

static void title(const void *st, const kf_model *m, bool compact, char *left, char *right,
                  size_t size) {
    snprintf(left, size, "keyfob%s  Profiles", m->sandbox ? " sandbox" : "");
    size_t n = attention(m);
    if (compact && m->link == KF_LINK_UP && n) snprintf(right, size, "%zu to do", n);
    else kf_agent_text(m, compact, right, size);
}

static void status(const void *st, const kf_model *m, bool compact, char *left, char *right,
                   size_t size) {
    const profiles *s = st;
    const kf_mprofile *p = selected(s, m);
    size_t n = attention(m), all = kf_model_count(m);
    bool filtered = s->typing || !kf_line_is_empty(&s->filter);
    if (filtered) {
        snprintf(left, size, "/%s%s", kf_line_text(&s->filter), s->typing ? "_" : "");
        snprintf(right, size, "%zu of %zu", s->n, all);
    } else if (compact) {
        if (p) snprintf(left, size, "%s  %s  %s", p->name, p->environment, p->org_name);
    } else {
        snprintf(left, size, "%zu of %zu profiles", s->n, all);
        if (m->link == KF_LINK_DOWN)
            snprintf(right, size, "the agent does not answer: trying again");
        else if (n) snprintf(right, size, "%zu need%s attention", n, n == 1 ? "s" : "");
    }
}

static void hints(const void *st, const kf_model *m, kf_action out[12]) {
    const profiles *s = st;
    static const kf_action all[] = {KF_DO_OPEN,   KF_DO_SIGN_IN, KF_DO_RENEW,     KF_DO_COPY,
                                    KF_DO_EXPORT, KF_DO_ADD,     KF_DO_FILTER,    KF_DO_SIGN_OUT,
                                    KF_DO_EDIT,   KF_DO_DELETE,  KF_DO_DUPLICATE, KF_DO_CLOSE};
    if (s->typing) {
        out[0] = KF_DO_BACK;
        return;
    }
    int n = 0; /* first, in the place of the last */
    if (m->removal.id[0]) out[n++] = KF_DO_UNDO;
    if (kf_model_is_locked(m)) out[n++] = KF_DO_UNLOCK;
    memcpy(out + n, all, sizeof all - (size_t)n * sizeof *all);
}

static const char *why_not(const void *st, const kf_model *m, kf_action what) {
    const profiles *s = st;
    if (s->typing) return NULL;
    if (what == KF_DO_IMPORT && m->sandbox) return "not in the sandbox, real keys stay out of it";
    return kf_profile_why_not(m, selected(s, m), what);
}

static bool counts(const void *st, const kf_model *m) {
    for (size_t i = 0; i < m->n; i++)
        if (!m->profile[i]->gone && kf_model_left_ms(m, m->profile[i]) > 0) return true;
    return false;
}

const kf_screen_class kf_screen_profiles = {.name = "profiles",
                                            .state_size = sizeof(profiles),
                                            .where = KF_AT_LIST,
                                            .foot_normal = 2,
                                            .init = init,
                                            .update = update,
                                            .draw = draw,
                                            .done = done,
                                            .typing = typing,
                                            .title = title,
                                            .status = status,
                                            .hints = hints,
                                            .why_not = why_not,
                                            .counts = counts};
