/* Form encoding (application/x-www-form-urlencoded): strict parsing, and escaping of values. */
#include "base/form.h"
#include "base/str.h"

enum { MAX_FIELDS = 64 };

static bool escape_at(const char *s, size_t left, char *out) {
    char digits[3] = {0};
    if (left < 3) return false;
    memcpy(digits, s + 1, 2);
    return kf_unhex(digits, out, 1);
}

/* NULL: broken escape or NUL. */
static char *decode(const char *s, size_t n) {
    kf_buf b;
    kf_buf_init(&b, n + 1);
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        char c = s[i];
        if (c == '+') c = ' ';
        if (c == '%') {
            ok = escape_at(s + i, n - i, &c);
            i += 2;
        }
        ok = ok && c && kf_buf_add(&b, &c, 1);
    }
    char *out = ok ? kf_buf_steal(&b) : NULL;
    kf_buf_done(&b);
    return out;
}

static bool add_field(kf_json *obj, const char *s, size_t n) {
    const char *eq = memchr(s, '=', n);
    size_t name_len = eq ? (size_t)(eq - s) : n;
    KF_AUTO_CHARS name = decode(s, name_len);
    KF_AUTO_CHARS value = eq ? decode(eq + 1, n - name_len - 1) : kf_strdup("");
    if (!name || !value || kf_json_get(obj, name)) return false;
    kf_json_set_str(obj, name, value);
    return true;
}

kf_json *kf_form_parse(const char *text, size_t len, kf_err *err) {
    KF_AUTO(kf_json) obj = kf_json_obj();
    size_t fields = 0;
    for (size_t at = 0; at < len;) {
        const char *amp = memchr(text + at, '&', len - at);
        size_t n = amp ? (size_t)(amp - text) - at : len - at;
        if (n && (++fields > MAX_FIELDS || !add_field(obj, text + at, n))) {
            kf_fail(err, KF_ERR_USAGE_BAD, "form: field %zu is broken or comes twice", fields);
            return NULL;
        }
        at += n + 1;
    }
    /* Form bytes may be anything, JSON text may not: refuse what JSON would. */
    KF_AUTO_CHARS printed = kf_json_print(obj);
    return kf_json_parse(printed, strlen(printed), err);
}

static bool escape(kf_buf *b, const char *s) {
    bool ok = true;
    for (; ok && *s; s++) {
        unsigned char c = (unsigned char)*s;
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     strchr("-._~", c);
        ok = plain ? kf_buf_add(b, s, 1) : kf_buf_addf(b, "%%%02X", c);
    }
    return ok;
}

bool kf_form_add(kf_buf *b, const char *name, const char *value) {
    if (!value || !*value) return true;
    return (!b->len || kf_buf_add(b, "&", 1)) && escape(b, name) && kf_buf_add(b, "=", 1) &&
           escape(b, value);
}

size_t kf_form_unescape(char *s) {
    size_t n = strlen(s), out = 0;
    for (size_t i = 0; i < n; i++) {
        char c = s[i], decoded = 0;
        if (c == '%' && escape_at(s + i, n - i, &decoded) && decoded) {
            c = decoded;
            i += 2;
        }
        s[out++] = c;
    }
    s[out] = 0;
    return out;
}
