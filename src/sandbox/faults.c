/* The sandbox's faults: reads and checks a script of faults, picks the fault for a request and
 * applies it to the answer. */
#include "sandbox/faults.h"
#include "base/str.h"

enum {
    MAX_FAULTS = 256,
    MAX_BODY_SIZE = 64 * 1024 * 1024,
    MAX_DELAY_MS = 10 * 60 * 1000,
    MAX_HEADERS = 16
};

typedef enum { DROP_NO, DROP_BEFORE, DROP_AFTER } drop_kind;

struct kf_fault {
    char *path, *grant, *body;
    int64_t from, to, seen;
    int64_t status, body_size, delay_ms, truncate; /* 0, -1, 0, -1: not said */
    drop_kind drop;
    bool handle;
    kf_json *headers, *remove, *replace; /* NULL: none */
};

struct kf_faults {
    kf_fault *fault;
    size_t n;
};

kf_faults *kf_faults_free(kf_faults *f) {
    for (size_t i = 0; f && i < f->n; i++) {
        free(f->fault[i].path);
        free(f->fault[i].grant);
        free(f->fault[i].body);
        kf_json_free(f->fault[i].headers);
        kf_json_free(f->fault[i].remove);
        kf_json_free(f->fault[i].replace);
    }
    if (f) free(f->fault);
    free(f);
    return NULL;
}

/* ---- reading ---- */

typedef struct reader {
    const kf_json *obj;
    size_t index;
    kf_err *err;
} reader;

static bool fail_at(const reader *r, const char *key, const char *why) {
    return kf_fail(r->err, KF_ERR_USAGE_CONFIG, "faults: entry %zu: %s: %s", r->index, key, why);
}

static bool number(const reader *r, const char *key, int64_t min, int64_t max, int64_t *out) {
    int64_t n;
    if (!kf_json_get(r->obj, key)) return true;
    if (!kf_json_int(r->obj, key, &n) || n < min || n > max)
        return fail_at(r, key, "not a number that is allowed here");
    *out = n;
    return true;
}

static bool text(const reader *r, const char *key, char **out) {
    if (!kf_json_get(r->obj, key)) return true;
    const char *s = kf_json_str(r->obj, key);
    if (!s) return fail_at(r, key, "not a string");
    *out = kf_strdup(s);
    return true;
}

static bool printable(const char *s) {
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f) return false;
    return true;
}

static bool token(const char *s) { /* RFC 9110 §5.6.2, the letters in use */
    return *s && !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")];
}

static bool read_headers(const reader *r, kf_fault *f) {
    const kf_json *h = kf_json_get(r->obj, "headers");
    const char *type = kf_json_str(r->obj, "content_type"), *date = kf_json_str(r->obj, "date");
    if (h && (!kf_json_is_obj(h) || kf_json_count(h) > MAX_HEADERS))
        return fail_at(r, "headers", "not an object of at most 16 members");
    for (const kf_json *j = kf_json_first(h); j; j = kf_json_next(j))
        if (!token(kf_json_key(j)) || !kf_json_value_str(j) || !printable(kf_json_value_str(j)))
            return fail_at(r, "headers", "a name or value is not allowed");
    if ((kf_json_get(r->obj, "content_type") && (!type || !printable(type))) ||
        (kf_json_get(r->obj, "date") && (!date || !printable(date))))
        return fail_at(r, "content_type or date", "not a header's value");
    f->headers = h ? kf_json_copy(h) : kf_json_obj();
    if (type) kf_json_set_str(f->headers, "Content-Type", type);
    if (date) kf_json_set_str(f->headers, "Date", date);
    return true;
}

static bool read_edits(const reader *r, kf_fault *f) {
    const kf_json *remove = kf_json_get(r->obj, "remove"),
                  *replace = kf_json_get(r->obj, "replace");
    if (remove && !kf_json_is_arr(remove)) return fail_at(r, "remove", "not a list");
    for (const kf_json *j = kf_json_first(remove); j; j = kf_json_next(j))
        if (!kf_json_value_str(j)) return fail_at(r, "remove", "not a list of strings");
    if (replace && !kf_json_is_obj(replace)) return fail_at(r, "replace", "not an object");
    if (remove) f->remove = kf_json_copy(remove);
    if (replace) f->replace = kf_json_copy(replace);
    return true;
}

static bool read_body(const reader *r, kf_fault *f) {
    const kf_json *body = kf_json_get(r->obj, "body");
    if (body)
        f->body =
            kf_json_value_str(body) ? kf_strdup(kf_json_value_str(body)) : kf_json_print(body);
    return number(r, "body_size", 0, MAX_BODY_SIZE, &f->body_size);
}

static bool read_when(const reader *r, kf_fault *f) {
    int64_t nth = 0;
    const int64_t top = INT64_C(1) << 50;
    f->from = 1;
    f->to = top;
    if (!number(r, "nth", 1, top, &nth) || !number(r, "from", 1, top, &f->from) ||
        !number(r, "to", 1, top, &f->to))
        return false;
    if (nth && (kf_json_get(r->obj, "from") || kf_json_get(r->obj, "to")))
        return fail_at(r, "nth", "goes without from and to");
    if (nth) f->from = f->to = nth;
    return f->from <= f->to || fail_at(r, "to", "smaller than from");
}

static bool read_drop(const reader *r, kf_fault *f) {
    const char *drop = kf_json_str(r->obj, "drop");
    if (!kf_json_get(r->obj, "drop")) return true;
    if (kf_str_eq(drop, "before")) f->drop = DROP_BEFORE;
    else if (kf_str_eq(drop, "after")) f->drop = DROP_AFTER;
    else return fail_at(r, "drop", "not \"before\" or \"after\"");
    return true;
}

static bool read_fault(const reader *r, kf_fault *f) {
    static const char *const keys[] = {
        "path",    "grant",     "nth",          "from",     "to",     "status",
        "body",    "date",      "drop",         "truncate", "remove", "replace",
        "headers", "body_size", "content_type", "delay_ms", "handle"};
    *f = (kf_fault){.body_size = -1, .truncate = -1};
    if (!kf_json_is_obj(r->obj)) return fail_at(r, "entry", "not an object");
    for (const kf_json *j = kf_json_first(r->obj); j; j = kf_json_next(j)) {
        size_t i = 0;
        while (i < KF_LEN(keys) && !kf_str_eq(keys[i], kf_json_key(j))) i++;
        if (i == KF_LEN(keys)) return fail_at(r, kf_json_key(j), "not known");
    }
    if (!text(r, "path", &f->path) || !text(r, "grant", &f->grant)) return false;
    if (!f->path) return fail_at(r, "path", "missing");
    f->handle = kf_json_bool(r->obj, "handle", false);
    return read_when(r, f) && number(r, "status", 200, 599, &f->status) && read_body(r, f) &&
           number(r, "delay_ms", 0, MAX_DELAY_MS, &f->delay_ms) &&
           number(r, "truncate", 0, MAX_BODY_SIZE, &f->truncate) && read_drop(r, f) &&
           read_headers(r, f) && read_edits(r, f);
}

kf_faults *kf_faults_parse(const char *json, size_t len, kf_err *err) {
    kf_err why = {0};
    KF_AUTO(kf_json) list = kf_json_parse(json, len, &why);
    if (!list || !kf_json_is_arr(list) || kf_json_count(list) > MAX_FAULTS) {
        kf_fail(err, KF_ERR_USAGE_CONFIG, "faults: %s",
                list ? "not a list of at most 256 entries" : why.what);
        return NULL;
    }
    KF_AUTO(kf_faults) f = calloc(1, sizeof *f);
    if (!f) abort();
    f->fault = calloc(kf_json_count(list) + 1, sizeof *f->fault);
    if (!f->fault) abort();
    for (const kf_json *j = kf_json_first(list); j; j = kf_json_next(j)) {
        reader r = {.obj = j, .index = f->n, .err = err};
        if (!read_fault(&r, &f->fault[f->n++])) return NULL;
    }
    return KF_TAKE(f);
}

/* ---- doing ---- */

static bool grant_is(const char *wanted, const char *grant) {
    static const char *const urns[] = {"urn:workos:oauth:grant-type:",
                                       "urn:ietf:params:oauth:grant-type:"};
    static const char code[] = ":code";
    if (!wanted) return true;
    for (size_t i = 0; i < KF_LEN(urns); i++)
        if (kf_str_starts(wanted, urns[i])) wanted += strlen(urns[i]);
    size_t n = strcspn(wanted, ":"); /* "magic-auth:code" as well as the name of the statistics */
    if (!grant || (wanted[n] && !kf_str_eq(wanted + n, code))) return false;
    return strlen(grant) == n && strncmp(wanted, grant, n) == 0;
}

const kf_fault *kf_faults_pick(kf_faults *f, const char *path, const char *place,
                               const char *grant) {
    const kf_fault *hit = NULL;
    for (size_t i = 0; f && i < f->n; i++) {
        kf_fault *one = &f->fault[i];
        if ((!kf_str_eq(one->path, path) && !kf_str_eq(one->path, place)) ||
            !grant_is(one->grant, grant))
            continue;
        one->seen++;
        if (!hit && one->seen >= one->from && one->seen <= one->to) hit = one;
    }
    return hit;
}

bool kf_fault_handles(const kf_fault *fault) {
    if (!fault || fault->drop == DROP_AFTER) return true;
    return fault->drop == DROP_NO && (!fault->status || fault->handle);
}

bool kf_fault_removes(const kf_fault *fault, const char *member) {
    const kf_json *j = fault ? kf_json_first(fault->remove) : NULL;
    while (j && !kf_str_eq(kf_json_value_str(j), member)) j = kf_json_next(j);
    return j != NULL;
}

void kf_fault_edit(const kf_fault *fault, int status, kf_json *body) {
    if (!fault || !body || status < 200 || status > 299 || !kf_json_is_obj(body)) return;
    for (const kf_json *j = kf_json_first(fault->remove); j; j = kf_json_next(j))
        kf_json_set(body, kf_json_value_str(j), NULL);
    for (const kf_json *j = kf_json_first(fault->replace); j; j = kf_json_next(j))
        kf_json_set(body, kf_json_key(j), kf_json_copy(j));
}

/* body again and again until size is full; without a body, the letter x. */
static char *repeated(const char *body, size_t size) {
    const char *unit = body && *body ? body : "x";
    size_t n = strlen(unit);
    char *out = malloc(size + 1);
    if (!out) abort();
    for (size_t i = 0; i < size; i++) out[i] = unit[i % n];
    out[size] = 0;
    return out;
}

void kf_fault_apply(const kf_fault *fault, kf_web_res *res) {
    if (!fault) return;
    if (fault->status) res->status = (int)fault->status;
    if (fault->body_size >= 0)
        kf_web_set_body(res, repeated(fault->body, (size_t)fault->body_size),
                        (size_t)fault->body_size);
    else if (fault->body) kf_web_set_body(res, kf_strdup(fault->body), strlen(fault->body));
    else if (fault->status && !fault->handle) kf_web_set_body(res, NULL, 0);
    for (const kf_json *j = kf_json_first(fault->headers); j; j = kf_json_next(j))
        kf_web_set_header(res, kf_json_key(j), kf_json_value_str(j));
    res->delay_ms = fault->delay_ms;
    res->hang_up = fault->drop != DROP_NO;
    res->cut = fault->truncate >= 0;
    res->cut_at = res->cut ? (size_t)fault->truncate : 0;
}
