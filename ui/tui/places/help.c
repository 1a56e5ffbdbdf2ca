/* Everything that can be done on the screen below, from the table of actions; Enter does it. A
 * search finds profiles, too, where one can be gone to: on the list and from another profile. */
#include "base/str.h"
#include "ui/tui/parts/widget.h"
#include "ui/tui/places/places.h"

enum { MAX = 64 };

typedef struct help {
    const kf_action_row *row[MAX];
    char why[MAX][80]; /* "" possible */
    size_t n, cur;
    kf_line filter;
    bool typing, profiles;
    int below; /* screens that go when a profile is opened */
} help;

static void init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    help *s = st;
    size_t n;
    const kf_action_row *all = kf_actions(&n);
    kf_line_init(&s->filter, 64, false);
    s->typing = args->what;
    s->profiles = args->where & (KF_AT_LIST | KF_AT_PROFILE);
    s->below = args->where & KF_AT_PROFILE ? 2 : 1;
    for (size_t i = 0; i < n && s->n < MAX; i++) {
        if (!(all[i].where & args->where) || all[i].id == KF_DO_HELP ||
            all[i].id == KF_DO_PALETTE || all[i].id == KF_DO_RUN ||
            all[i].id == KF_DO_PICK /* which one? the rows say it themselves */)
            continue;
        const char *why = kf_out_why_not(o, all[i].id);
        snprintf(s->why[s->n], sizeof s->why[0], "%s", why ? why : "");
        s->row[s->n++] = &all[i];
    }
}

static void done(void *st) { kf_line_done(&((help *)st)->filter); }

enum { NAMED, BEGINS, IN_NAME, IN_SENTENCE, NOT };

static bool begins(const char *text, const char *part) {
    return !strncasecmp(text, part, strlen(part));
}

/* How well an action fits the search: who types its name means it, whatever the sentence of another
 * one says. */
static int fit(const kf_action_row *a, const char *f) {
    if (!f[0] || !strcasecmp(a->name, f) || !strcasecmp(a->hint, f)) return NAMED;
    if (begins(a->name, f) || begins(a->hint, f)) return BEGINS;
    if (strcasestr(a->name, f) || strcasestr(a->hint, f)) return IN_NAME;
    return strcasestr(a->sentence, f) ? IN_SENTENCE : NOT;
}

/* The actions that fit, the best first. */
static size_t filtered(const help *s, size_t want, size_t *at) {
    const char *f = kf_line_text(&s->filter);
    size_t n = 0;
    for (int how = NAMED; how < NOT; how++)
        for (size_t i = 0; i < s->n; i++) {
            if (fit(s->row[i], f) != how) continue;
            if (n == want && at) *at = i;
            n++;
        }
    return n;
}

/* The same for profiles, which come after the actions, and only in a search: the list is where all
 * of them are. */
static size_t named(const help *s, const kf_model *m, size_t want, const kf_mprofile **p) {
    const char *f = kf_line_text(&s->filter);
    size_t n = 0;
    for (size_t i = 0; f[0] && s->profiles && i < m->n; i++) {
        if (m->profile[i]->gone || !strcasestr(m->profile[i]->name, f)) continue;
        if (n == want && p) *p = m->profile[i];
        n++;
    }
    return n;
}

static size_t rows(const help *s, const kf_model *m) {
    return filtered(s, 0, NULL) + named(s, m, 0, NULL);
}

static void open_profile(const help *s, const kf_mprofile *p, kf_out *o) {
    kf_args a = {0};
    memcpy(a.profile, p->id, sizeof a.profile);
    kf_out_select(o, p->id);
    kf_out_pop(o, s->below);
    kf_out_push(o, &kf_screen_profile, &a);
}

static void run(const help *s, const kf_model *m, kf_out *o) {
    const kf_mprofile *p = NULL;
    size_t at = 0, n = filtered(s, s->cur, &at);
    if (s->cur >= n) {
        (void)named(s, m, s->cur - n, &p);
        if (p) open_profile(s, p, o);
        return;
    }
    if (s->why[at][0]) kf_out_say(o, KF_SAY_INFO, "%s: %s", s->row[at]->key, s->why[at]);
    else kf_out_run(o, s->row[at]->id);
}

static void update(void *st, const kf_model *m, const kf_event *ev, kf_out *o) {
    help *s = st;
    char msg[120];
    if (ev->kind == KF_EV_KEY && s->typing && kf_line_key(&s->filter, ev->key)) s->cur = 0;
    else if (ev->kind == KF_EV_PASTE) {
        kf_line_paste(&s->filter, ev->text, ev->len, msg, sizeof msg);
        if (msg[0]) kf_out_say(o, KF_SAY_INFO, "%s", msg);
        s->cur = 0;
    } else if (ev->kind == KF_EV_MODEL) s->cur = kf_list_move(s->cur, rows(s, m), 1, KF_DO_NONE);
    else if (ev->kind != KF_EV_DO) return;
    else if (kf_is_move(ev->act)) s->cur = kf_list_move(s->cur, rows(s, m), 10, ev->act);
    else if (ev->act == KF_DO_FILTER) s->typing = true;
    else if (ev->act == KF_DO_RUN) run(s, m, o);
    else if (ev->act == KF_DO_BACK && (!kf_line_is_empty(&s->filter))) {
        kf_line_clear(&s->filter);
        s->typing = false;
        s->cur = 0;
    } else if (ev->act == KF_DO_BACK) kf_out_pop(o, 1);
}

static void draw_row(const kf_model *m, const help *s, size_t i, kf_grid *g, kf_rect r, int y,
                     bool at) {
    const kf_action_row *row = s->row[i];
    const char *key = row->id == KF_DO_SAVE && m->ctrl_s ? "Ctrl-S" : row->key;
    bool no = s->why[i][0], wide = r.cols >= 60;
    int name = wide ? 14 : 12, x = r.x;
    kf_grid_text(g, y, x, 9, no ? KF_INK_DIM : KF_INK_KEY, key);
    kf_grid_text(g, y, x + 10, name - 1, no ? KF_INK_DIM : KF_INK_STRONG, row->hint);
    x += 10 + name;
    if (no) kf_grid_printf(g, y, x, r.cols - (x - r.x), KF_INK_DIM, "(%s)", s->why[i]);
    else kf_grid_text(g, y, x, r.cols - (x - r.x), KF_INK_TEXT, row->sentence);
    if (at) kf_row_mark(g, y, r);
}

static void draw_profile(const kf_mprofile *p, kf_grid *g, kf_rect r, int y, bool at) {
    kf_pstate state = p->state;
    kf_grid_text(g, y, r.x, 9, KF_INK_DIM, "profile");
    kf_grid_text(g, y, r.x + 10, r.cols - 10 - 15, KF_INK_STRONG, p->name);
    kf_grid_text(g, y, r.x + r.cols - 14, 14, kf_state_ink(state), kf_state_words(state));
    if (at) kf_row_mark(g, y, r);
}

static void draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const help *s = st;
    kf_rect r = v->body;
    int y = r.y;
    if (v->tier != KF_TIER_COMPACT)
        kf_grid_text(g, y++, r.x, r.cols, KF_INK_DIM,
                     "What can be done here. Enter does the selected one.");
    if (s->typing || !kf_line_is_empty(&s->filter)) {
        int x = r.x + kf_grid_text(g, y, r.x, 8, KF_INK_DIM, "Search ");
        kf_line_draw(&s->filter, g, y++, x, r.cols - 7 < 40 ? r.cols - 7 : 40, s->typing);
    }
    size_t n = rows(s, m), actions = filtered(s, 0, NULL);
    int room = r.y + r.rows - y;
    size_t top = kf_scroll_top(s->cur, n, room);
    for (int k = 0; k < room && top + (size_t)k < n; k++) {
        size_t at = 0, row = top + (size_t)k;
        const kf_mprofile *p = NULL;
        (void)filtered(s, row, &at);
        if (row >= actions) (void)named(s, m, row - actions, &p);
        if (p) draw_profile(p, g, r, y + k, row == s->cur);
        else draw_row(m, s, at, g, r, y + k, row == s->cur);
    }
    if (!n) kf_grid_text(g, y, r.x, r.cols, KF_INK_TEXT, "Nothing matches. Esc clears the search.");
    if (!s->typing) kf_grid_cursor(g, y + (int)(s->cur - top), r.x - 2);
}

static kf_typing typing(const void *st, const kf_model *m) {
    return ((const help *)st)->typing ? KF_TYPING_TEXT : KF_TYPING_NONE;
}

static void title(const void *st, const kf_model *m, bool compact, char *left, char *right,
                  size_t size) {
    snprintf(left, size, "keyfob%s > Help", m->sandbox ? " sandbox" : "");
    snprintf(right, size, "keyfob %s", KF_VERSION);
}

static void status(const void *st, const kf_model *m, bool compact, char *left, char *right,
                   size_t size) {
    const help *s = st;
    size_t at = 0, n = filtered(s, s->cur, &at);
    if (compact && s->cur >= n)
        snprintf(left, size, "%s", named(s, m, 0, NULL) ? "Opens this profile." : "");
    else if (compact) snprintf(left, size, "%s", s->why[at][0] ? s->why[at] : s->row[at]->sentence);
    else
        snprintf(left, size, "%zu of %zu", rows(s, m),
                 s->n + (s->profiles && !kf_line_is_empty(&s->filter) ? kf_model_count(m) : 0));
}

static void hints(const void *st, const kf_model *m, kf_action out[12]) {
    int n = 0;
    out[n++] = KF_DO_RUN;
    if (!((const help *)st)->typing) out[n++] = KF_DO_FILTER;
    out[n] = KF_DO_BACK;
}

const kf_screen_class kf_screen_help = {.name = "help",
                                        .state_size = sizeof(help),
                                        .where = KF_AT_HELP,
                                        .init = init,
                                        .update = update,
                                        .draw = draw,
                                        .done = done,
                                        .typing = typing,
                                        .title = title,
                                        .status = status,
                                        .hints = hints};
