/* A key out of a text of which every other byte stays. */
#include "auth/import_impl.h"

#include <string.h>
#include "base/buf.h"
#include "base/str.h"

typedef struct finder {
    const char *text, *p, *end;
    kf_import_form form;
    const kf_secret *const *key;
    size_t n_keys, n, max;
    kf_import_span *out;
} finder;

static void found(finder *f, const char *p, size_t len) {
    for (size_t i = 0; i < f->n_keys && f->n < f->max; i++) {
        if (!len || kf_secret_len(f->key[i]) != len || !kf_ct_eq(kf_secret_peek(f->key[i]), p, len))
            continue;
        f->out[f->n++] = (kf_import_span){(size_t)(p - f->text), len};
        return;
    }
}

/* --- JSON, which kf_json_parse has found right
 * ------------------------------------------------------- */

typedef enum where { OTHER, ROOT, ENVIRONMENTS, ENVIRONMENT, KEY } where;

static bool is(const char *p, size_t len, const char *word) {
    return strlen(word) == len && !memcmp(p, word, len);
}

static where inside(const finder *f, where w, const char *name, size_t len) {
    if (w == ROOT && f->form == KF_IMPORT_CREDENTIALS)
        return is(name, len, "staging") ? ENVIRONMENT : OTHER;
    if (w == ROOT) return is(name, len, "environments") ? ENVIRONMENTS : OTHER;
    if (w == ENVIRONMENTS) return ENVIRONMENT;
    return w == ENVIRONMENT &&
                   (is(name, len, "apiKey") || is(name, len, "api_key") || is(name, len, "apikey"))
               ? KEY
               : OTHER;
}

static void blanks(finder *f) {
    while (f->p < f->end && strchr(" \t\r\n", *f->p)) f->p++;
}

/* Its letters; p goes behind the closing quote. */
static size_t string(finder *f, const char **at) {
    *at = ++f->p;
    while (f->p < f->end && *f->p != '"') f->p += *f->p == '\\' ? 2 : 1;
    size_t len = (size_t)(f->p - *at);
    f->p++;
    return len;
}

static void value(finder *f, where w) {
    const char *at;
    size_t len;
    blanks(f);
    if (f->p >= f->end) return;
    if (*f->p == '"') {
        len = string(f, &at);
        if (w == KEY) found(f, at, len);
        return;
    }
    if (*f->p != '{' && *f->p != '[') { /* number, true, false, null */
        while (f->p < f->end && !strchr(",]} \t\r\n", *f->p)) f->p++;
        return;
    }
    char close = *f->p++ == '{' ? '}' : ']';
    for (blanks(f); f->p < f->end && *f->p != close; blanks(f)) {
        where in = OTHER;
        if (close == '}') {
            len = string(f, &at);
            in = inside(f, w, at, len);
            blanks(f);
            f->p++; /* the colon */
        }
        value(f, in);
        blanks(f);
        if (f->p < f->end && *f->p == ',') f->p++;
    }
    f->p++;
}

static void see(void *user, const kf_env_line *l) {
    if (kf_env_is(l, "WORKOS_API_KEY") && !l->open && !l->rest) found(user, l->value, l->value_len);
}

size_t kf_import_spans(kf_import_form form, const char *text, size_t len,
                       const kf_secret *const *keys, size_t n_keys, kf_import_span *out,
                       size_t max) {
    finder f = {.text = text,
                .p = text,
                .end = text + len,
                .form = form,
                .key = keys,
                .n_keys = n_keys,
                .out = out,
                .max = max};
    if (memchr(text, 0, len)) return 0;
    if (form == KF_IMPORT_ENV) {
        kf_env_each(text, len, see, &f);
        return f.n;
    }
    KF_AUTO(kf_json) doc = kf_json_parse(text, len, NULL);
    if (kf_json_is_obj(doc)) value(&f, ROOT);
    return f.n;
}

kf_secret *kf_import_cut(const char *text, size_t len, const kf_import_span *span, size_t n) {
    size_t less = 0, from = 0, to = 0;
    for (size_t i = 0; i < n; i++) less += span[i].len;
    kf_secret *s = kf_secret_zero(len - less);
    char *out = kf_secret_edit(s);
    for (size_t i = 0; i <= n; i++) {
        size_t stop = i < n ? span[i].at : len;
        memcpy(out + to, text + from, stop - from);
        to += stop - from;
        from = i < n ? stop + span[i].len : stop;
    }
    return s;
}

/* --- what is shown
 * ------------------------------------------------------------------------------------ */

/* Brackets and blanks are kept, and the name of the member; whatever else is on that line may be a
 * secret. */
static bool harmless(char c) { return strchr(" \t{}[],:\"'`", c) != NULL; }

static const char *name_before(const char *line, const char *at) {
    const char *p = at;
    if (p > line && strchr("\"'`", p[-1])) p--;
    while (p > line && strchr(" \t", p[-1])) p--;
    if (p == line || !strchr(":=", p[-1])) return at;
    p--;
    while (p > line && strchr(" \t", p[-1])) p--;
    if (p > line && p[-1] == '"') p--;
    while (p > line &&
           ((p[-1] >= 'A' && p[-1] <= 'Z') || (p[-1] >= 'a' && p[-1] <= 'z') || p[-1] == '_'))
        p--;
    if (p > line && p[-1] == '"') p--;
    if (p - line == 7 && !memcmp(line, "export ", 7)) p = line;
    return p;
}

static char *shown(const char *line, const char *name, const char *at, const char *key,
                   const char *behind, const char *stop) {
    kf_buf b;
    kf_buf_init(&b, 4096);
    bool front = name - line < 200, back = stop - behind < 200;
    for (const char *p = line; p < name; p++) front = front && harmless(*p);
    for (const char *p = behind; p < stop; p++) back = back && harmless(*p);
    bool ok = front ? kf_buf_add(&b, line, (size_t)(name - line)) : kf_buf_adds(&b, "…");
    ok = ok && kf_buf_add(&b, name, (size_t)(at - name)) && kf_buf_adds(&b, key);
    ok = ok &&
         (back ? kf_buf_add(&b, behind, (size_t)(stop - behind))
               : (*behind == '"' || *behind == '\'' || *behind == '`' ? kf_buf_add(&b, behind, 1)
                                                                      : true) &&
                     kf_buf_adds(&b, "…"));
    if (!ok) kf_buf_clear(&b);
    return kf_buf_steal(&b);
}

kf_json *kf_import_change(const char *text, size_t len, kf_import_span span) {
    const char *at = text + span.at, *line = at, *behind = at + span.len;
    const char *stop = memchr(behind, '\n', (size_t)(text + len - behind));
    size_t number = 1;
    if (!stop) stop = text + len;
    if (stop > behind && stop[-1] == '\r') stop--;
    while (line > text && line[-1] != '\n') line--;
    for (const char *p = text; p < line; p++) number += *p == '\n';
    const char *name = name_before(line, at);
    KF_AUTO(kf_secret) key = kf_secret_new(at, span.len);
    KF_AUTO_CHARS masked = kf_import_mask(key);
    KF_AUTO_CHARS before = shown(line, name, at, masked, behind, stop);
    KF_AUTO_CHARS after = shown(line, name, at, "", behind, stop);
    kf_json *j = kf_json_obj();
    kf_json_set_int(j, "line", (int64_t)number);
    kf_json_set_str(j, "before", before);
    kf_json_set_str(j, "after", after);
    return j;
}
