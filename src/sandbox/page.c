/* Pagination of the sandbox's lists: reads limit, before, after and order, and picks the items
 * of the page. */
#include "sandbox/page.h"
#include <errno.h>
#include "base/str.h"

enum { LIMIT = 10, MAX_LIMIT = 100 };

typedef struct view { /* the items in the order asked for */
    const kf_json **item;
    size_t n;
} view;

static bool read_limit(const char *text, size_t *out) {
    char *end = NULL;
    if (!text) return true;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (errno || !*text || *end || n < 1 || n > MAX_LIMIT) return false;
    *out = (size_t)n;
    return true;
}

static view make_view(const kf_json *items, bool newest_first) {
    view v = {.n = kf_json_count(items)};
    size_t i = 0;
    v.item = calloc(v.n + 1, sizeof *v.item);
    if (!v.item) abort();
    for (const kf_json *j = kf_json_first(items); j; j = kf_json_next(j), i++)
        v.item[newest_first ? v.n - 1 - i : i] = j;
    return v;
}

static size_t place_of(const view *v, const char *id) {
    size_t i = 0;
    while (i < v->n && !kf_str_eq(kf_json_str(v->item[i], "id"), id)) i++;
    return i;
}

static void set_cursor(kf_json *meta, const char *name, bool there, const view *v, size_t at) {
    if (there) kf_json_set_str(meta, name, kf_json_str(v->item[at], "id"));
    else kf_json_set_null(meta, name);
}

static kf_answer make_page(const view *v, size_t from, size_t to) {
    kf_json *body = kf_json_obj(), *data = kf_json_arr(), *meta = kf_json_obj();
    for (size_t i = from; i < to; i++) kf_json_add(data, kf_json_copy(v->item[i]));
    set_cursor(meta, "before", from > 0 && from < to, v, from);
    set_cursor(meta, "after", to < v->n && to > from, v, to - (to > 0));
    kf_json_set_str(body, "object", "list");
    kf_json_set(body, "data", data);
    kf_json_set(body, "list_metadata", meta);
    return (kf_answer){.status = 200, .body = body};
}

kf_answer kf_page(const kf_web_req *req, kf_json *items) {
    KF_AUTO(kf_json) owned = items;
    size_t limit = LIMIT;
    const char *order = kf_web_query(req, "order");
    const char *before = kf_web_query(req, "before"), *after = kf_web_query(req, "after");
    if (!read_limit(kf_web_query(req, "limit"), &limit))
        return kf_answer_parameters("limit", "limit must be a number from 1 to 100");
    if (order && !kf_str_eq(order, "asc") && !kf_str_eq(order, "desc") &&
        !kf_str_eq(order, "normal"))
        return kf_answer_parameters("order", "order must be asc, desc or normal");
    if (before && after)
        return kf_answer_parameters("before", "before and after exclude each other");
    view v = make_view(owned, !kf_str_eq(order, "asc"));
    const char *cursor = before ? before : after;
    size_t at = cursor ? place_of(&v, cursor) : 0;
    kf_answer out;
    if (cursor && at == v.n) {
        out = kf_answer_parameters(before ? "before" : "after", "the cursor is not in the list");
    } else if (before) {
        out = make_page(&v, at > limit ? at - limit : 0, at);
    } else {
        size_t from = after ? at + 1 : 0;
        out = make_page(&v, from, v.n - from > limit ? from + limit : v.n);
    }
    free(v.item);
    return out;
}
