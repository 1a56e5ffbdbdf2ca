/* Bytes -> keyfob.conf: what is taken must be taken again when it is written, also after a change;
 * what is refused names a line that exists. */
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"
#include "io/conf.h"
#include "io/conf_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool truth) {
    if (!truth) abort();
}

static size_t lines(const char *s) {
    size_t n = *s != 0;
    for (; *s; s++) n += *s == '\n' && s[1];
    return n;
}

static void refused(const char *text, const kf_err *e) {
    const char *at = strchr(e->what, ':');
    hold(e->code == KF_ERR_USAGE_CONFIG && at);
    long line = strtol(at + 1, NULL, 10);
    hold(line >= 0 && (size_t)line <= lines(text));
}

static void taken(kf_conf *c) {
    kf_err e;
    kf_conf_set(c, "keepalive", "6h");
    KF_AUTO_CHARS text = kf_conf_text(c);
    kf_conf *again = kf_conf_parse("x", text, &e);
    hold(again && kf_str_eq(kf_conf_get(again, "keepalive"), "6h"));
    const kf_conf_profile *a, *b;
    size_t n = kf_conf_profiles(c, &a);
    hold(kf_conf_profiles(again, &b) == n);
    for (size_t i = 0; i < n; i++)
        hold(kf_str_eq(a[i].name, b[i].name) && kf_conf_line_of(text, "keyfob", "keepalive") > 0);
    kf_conf_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = strndup((const char *)data, size);
    kf_err e;
    hold(text != NULL);
    (void)kf_conf_bad_line(text);
    kf_conf *c = kf_conf_parse("x", text, &e);
    if (c) taken(c);
    else refused(text, &e);
    kf_conf_free(c);
    free(text);
    return 0;
}
