/* A list that the agent sends in parts: loading, collecting the items, and what is drawn while
 * there are none. */
#include "ui/tui/parts/items.h"
#include "base/str.h"
#include "ui/common/text.h"
#include "ui/tui/parts/widget.h"

static void clear(kf_items *l) {
    for (size_t i = 0; i < l->n; i++)
        for (int k = 0; k < KF_ITEM_TEXTS; k++) free(l->item[i].text[k]);
    free(l->item);
    l->item = NULL;
    l->n = 0;
}

void kf_items_done(kf_items *l) {
    clear(l);
    *l = (kf_items){0};
}

void kf_items_load(kf_items *l, const kf_model *m, const char *method, const char *profile,
                   kf_out *o) {
    size_t cur = l->cur;
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", profile);
    if (l->call) kf_out_stop(o, l->call);
    kf_items_done(l);
    l->cur = cur;
    l->since_ms = m->now_ms;
    l->call = kf_out_stream(o, method, p);
}

static bool add(kf_items *l, const kf_json *list, const char *const keys[]) {
    size_t n = kf_json_count(list);
    if (!n) return true;
    if (l->n + n > KF_ITEMS_MAX)
        return kf_fail(&l->err, KF_ERR_NET_BAD_ANSWER, "the list is longer than %d", KF_ITEMS_MAX);
    l->item = realloc(l->item, (l->n + n) * sizeof *l->item);
    if (!l->item) abort();
    for (const kf_json *i = kf_json_first(list); i; i = kf_json_next(i)) {
        kf_item *one = &l->item[l->n++];
        *one = (kf_item){.current = kf_json_bool(i, "current", false)};
        one->text[0] = kf_strdup(kf_json_str_or(i, keys[0], ""));
        bool more = true;
        for (int k = 1; k < KF_ITEM_TEXTS; k++) {
            more = more && keys[k];
            one->text[k] = kf_text_safe(more ? kf_json_str(i, keys[k]) : "");
        }
    }
    return true;
}

bool kf_items_result(kf_items *l, const kf_event *ev, const char *list, const char *const keys[]) {
    if (!ev->call || ev->call != l->call) return false;
    if (ev->err) l->err = *ev->err;
    l->failed = ev->err || !add(l, kf_json_get(ev->result, list), keys);
    if (!ev->ended && !l->failed) return true;
    l->call = 0;
    l->loaded = !l->failed;
    if (l->cur >= l->n) l->cur = l->n ? l->n - 1 : 0;
    return true;
}

const kf_item *kf_items_at(const kf_items *l) {
    return l->loaded && l->cur < l->n ? &l->item[l->cur] : NULL;
}

bool kf_items_missing(const kf_items *l) { return !l->call && !l->loaded && !l->failed; }

bool kf_items_count(const kf_items *l, size_t *n) {
    *n = l->n;
    return l->loaded;
}

bool kf_items_move(kf_items *l, kf_action act) {
    if (!kf_is_move(act) || l->failed) return false;
    l->cur = kf_list_move(l->cur, l->n, 8, act);
    return true;
}

void kf_items_mark(const kf_items *l, size_t i, kf_grid *g, int y, kf_rect r) {
    if (i != l->cur) return;
    kf_row_mark(g, y, r);
    kf_grid_cursor(g, y, r.x - 2);
}

int kf_items_draw_none(const kf_items *l, const kf_model *m, const char *what, bool details,
                       kf_grid *g, kf_rect r) {
    char text[160];
    if (l->failed) {
        snprintf(text, sizeof text, "There is no list of %s", what);
        return kf_error_draw(g, r, text, &l->err, details);
    }
    if (l->loaded && l->n) return 0;
    if (l->loaded) snprintf(text, sizeof text, "There are no %s.", what);
    else if (m->now_ms - l->since_ms < 3000)
        snprintf(text, sizeof text, "Asking WorkOS for the %s.", what);
    else
        snprintf(text, sizeof text, "Waiting for the %s %lld s, Esc stops.", what,
                 (long long)(m->now_ms - l->since_ms) / 1000);
    return kf_grid_wrap(g, r.y, r.x, r.cols, 2, l->loaded ? KF_INK_TEXT : KF_INK_DIM, text, true);
}

void kf_time_short(const char *iso, char out[24]) {
    size_t n = strlen(iso);
    if (n < 16 || iso[10] != 'T') {
        snprintf(out, 24, "%.23s", iso);
        return;
    }
    snprintf(out, 24, "%.10s %.5s", iso, iso + 11);
}
