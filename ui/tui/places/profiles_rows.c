/* The rows of the list: which there are, in which order, and how wide. It draws nothing. */
#include "base/str.h"
#include "ui/tui/parts/when.h"
#include "ui/tui/places/profiles.h"

const kf_mprofile *kf_profiles_at(const kf_profiles *s, const kf_model *m, size_t row) {
    return row < s->n && s->order[row] < m->n && !m->profile[s->order[row]]->gone
               ? m->profile[s->order[row]]
               : NULL;
}

/* --- filter ------------------------------------------------------------------------------ */

static bool has_word(const kf_mprofile *p, const char *word) {
    return strcasestr(p->name, word) || strcasestr(p->user_email, word) ||
           strcasestr(p->user_name, word) || strcasestr(p->org_name, word) ||
           strcasestr(p->environment, word);
}

/* Each word has to be somewhere, and none of those behind a '!'. */
bool kf_profiles_match(const kf_profiles *s, const kf_mprofile *p) {
    char words[80], *rest = words;
    snprintf(words, sizeof words, "%s", kf_line_text(&s->filter));
    for (char *w = strsep(&rest, " "); w; w = strsep(&rest, " ")) {
        bool is_not = *w == '!';
        if (!w[is_not]) continue;
        if (has_word(p, w + is_not) == is_not) return false;
    }
    return true;
}

/* --- order ------------------------------------------------------------------------------- */

static int by_default(const kf_mprofile *p, const kf_mprofile *q) {
    bool never = p->state == KF_PS_SIGNED_OUT && !p->last_used_at;
    bool also = q->state == KF_PS_SIGNED_OUT && !q->last_used_at;
    if (p->is_default != q->is_default) return p->is_default ? -1 : 1;
    if (never != also) return never ? 1 : -1;
    if (p->last_used_at != q->last_used_at) return p->last_used_at > q->last_used_at ? -1 : 1;
    return strcmp(p->name, q->name);
}

/* What is not known comes last, whichever way the column is sorted. */
static int by_text(const char *a, const char *b, bool reverse) {
    if (!*a != !*b) return *a ? -1 : 1;
    int d = strcasecmp(a, b);
    return reverse ? -d : d;
}

static int by_time(int64_t a, int64_t b, bool reverse) {
    if (!a != !b) return a ? -1 : 1;
    int d = a < b ? -1 : a > b;
    return reverse ? -d : d;
}

static int compare_by(const kf_profiles *s, const kf_mprofile *p, const kf_mprofile *q) {
    switch (s->sort) {
    case KF_COL_NAME: return by_text(p->name, q->name, s->reverse);
    case KF_COL_ENV: return by_text(p->environment, q->environment, s->reverse);
    case KF_COL_WHO: return by_text(p->user_email, q->user_email, s->reverse);
    case KF_COL_ORG: return by_text(p->org_name, q->org_name, s->reverse);
    case KF_COL_STATE: {
        int d = (int)kf_state_needs_person(q->state) - (int)kf_state_needs_person(p->state);
        if (!d) d = (int)p->state - (int)q->state;
        return s->reverse ? -d : d;
    }
    case KF_COL_ENDS: return by_time(p->session_ends_at, q->session_ends_at, s->reverse);
    case KF_COL_USED: return by_time(p->last_used_at, q->last_used_at, !s->reverse);
    default: return s->reverse ? by_default(q, p) : 0;
    }
}

typedef struct sorting {
    const kf_profiles *s;
    const kf_model *m;
} sorting;

static int compare_rows(const void *a, const void *b, void *arg) {
    const sorting *x = arg;
    const kf_mprofile *p = x->m->profile[*(const uint32_t *)a],
                      *q = x->m->profile[*(const uint32_t *)b];
    int d = compare_by(x->s, p, q);
    return d ? d : by_default(p, q);
}

static void sort_from(kf_profiles *s, const kf_model *m, size_t from) {
    sorting x = {s, m};
    if (s->n > from) qsort_r(s->order + from, s->n - from, sizeof *s->order, compare_rows, &x);
}

static void add_slot(kf_profiles *s, uint32_t slot) {
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 32;
        s->order = realloc(s->order, s->cap * sizeof *s->order);
        if (!s->order) abort();
    }
    s->order[s->n++] = slot;
}

/* --- widths ------------------------------------------------------------------------------ */

const char *kf_profiles_text(const kf_model *m, const kf_mprofile *p, kf_column c, char buf[16]) {
    char span[12], age[8];
    switch (c) {
    case KF_COL_NAME: return p->name;
    case KF_COL_ENV: return p->environment;
    case KF_COL_WHO: return p->user_email;
    case KF_COL_ORG: return p->org_name[0] ? p->org_name : p->org_id;
    case KF_COL_STATE: return kf_state_words(p->state);
    case KF_COL_ENDS:
        buf[0] = 0;
        if (!p->session_ends_at || kf_state_is_over(p->state)) return buf;
        kf_span(p->session_ends_at - m->wall, span);
        snprintf(buf, 16, "%s", span);
        return buf;
    case KF_COL_USED:
        buf[0] = 0;
        if (!p->last_used_at) return buf;
        kf_age(m->wall - p->last_used_at, age);
        snprintf(buf, 16, "%s", age);
        return buf;
    case KF_COLUMNS: break;
    }
    return "";
}

/* All rows count and not only those in view, and the columns of time have one width, so that
 * nothing moves while one scrolls or waits. */
static void measure_columns(kf_profiles *s, const kf_model *m) {
    const kf_grid g = {.ascii = m->ascii};
    char buf[16];
    memset(s->most, 0, sizeof s->most);
    for (size_t i = 0; i < s->n; i++) {
        const kf_mprofile *p = kf_profiles_at(s, m, i);
        for (int c = 0; p && c < KF_COLUMNS; c++) {
            const char *text = kf_profiles_text(m, p, (kf_column)c, buf);
            int bytes = (int)strlen(text) + (c == KF_COL_NAME && p->is_default);
            if (bytes <= s->most[c]) continue; /* a column is at least a byte: most rows end here */
            int n = kf_grid_cols(&g, text) + (c == KF_COL_NAME && p->is_default);
            if (n > s->most[c]) s->most[c] = n;
        }
    }
    if (s->most[KF_COL_ENDS]) s->most[KF_COL_ENDS] = 6;
    if (s->most[KF_COL_USED]) s->most[KF_COL_USED] = 4;
    s->most[KF_COL_STATE] = 13;
}

/* --- the list ---------------------------------------------------------------------------- */

void kf_profiles_find(kf_profiles *s, const kf_model *m) {
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(m->profile[s->order[i]]->id, s->at)) {
            s->cur = i;
            return;
        }
    if (s->cur >= s->n) s->cur = s->n ? s->n - 1 : 0;
    const kf_mprofile *p = kf_profiles_at(s, m, s->cur);
    snprintf(s->at, sizeof s->at, "%s", p ? p->id : "");
}

void kf_profiles_move(kf_profiles *s, const kf_model *m, size_t to) {
    s->cur = to;
    const kf_mprofile *p = kf_profiles_at(s, m, s->cur);
    if (p) snprintf(s->at, sizeof s->at, "%s", p->id);
}

/* When the list opens, when filter or sorting change: never under the cursor. */
void kf_profiles_sort(kf_profiles *s, const kf_model *m) {
    s->n = 0;
    for (size_t i = 0; i < m->n; i++)
        if (!m->profile[i]->gone && kf_profiles_match(s, m->profile[i])) add_slot(s, (uint32_t)i);
    sort_from(s, m, 0);
    s->seen = m->changes;
    measure_columns(s, m);
    kf_profiles_find(s, m);
}

/* The row that the filter means: the exact name, else the first name that begins with it, else the
 * first row. A cursor that stays on a longer name would sign in to the wrong profile. */
static void find_meant(kf_profiles *s, const kf_model *m) {
    const char *f = kf_line_text(&s->filter);
    size_t len = strlen(f), exact = s->n, prefix = s->n;
    if (!len) return;
    for (size_t i = 0; i < s->n; i++) {
        const char *name = m->profile[s->order[i]]->name;
        if (exact == s->n && !strcasecmp(name, f)) exact = i;
        if (prefix == s->n && !strncasecmp(name, f, len)) prefix = i;
    }
    kf_profiles_move(s, m, exact < s->n ? exact : prefix < s->n ? prefix : 0);
}

void kf_profiles_filtered(kf_profiles *s, const kf_model *m) {
    kf_profiles_sort(s, m);
    find_meant(s, m);
}

/* Rows keep their place; what is gone leaves, what is new comes last. */
void kf_profiles_merge(kf_profiles *s, const kf_model *m) {
    bool was_partial = s->partial;
    s->partial = m->partial;
    if (s->seen == m->changes) {
        measure_columns(s, m);
        return;
    }
    if (!s->n || (was_partial && !s->touched)) {
        s->cur = 0; /* nobody chose the row that was first so far */
        s->at[0] = 0;
        kf_profiles_sort(s, m);
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
        if (!m->profile[i]->gone && !known[i] && kf_profiles_match(s, m->profile[i]))
            add_slot(s, (uint32_t)i);
    free(known);
    sort_from(s, m, keep);
    s->seen = m->changes;
    measure_columns(s, m);
    kf_profiles_find(s, m);
}

bool kf_profiles_next(kf_profiles *s, const kf_model *m) {
    for (size_t i = 1; i <= s->n; i++) {
        size_t row = (s->cur + i) % s->n;
        const kf_mprofile *p = kf_profiles_at(s, m, row);
        if (!p || !kf_state_needs_person(p->state)) continue;
        kf_profiles_move(s, m, row);
        return true;
    }
    return false;
}
