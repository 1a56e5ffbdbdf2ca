/* Byte 0: which tool's text; the rest is the text. What is read is bounded and whole; and when
 * every key that was found is taken out, the text reads as before without those keys, and nothing
 * but their letters has gone. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "auth/import.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool truth) {
    if (!truth) abort();
}

/* after is text without the spans, which are in order. */
static void only_spans(const char *text, size_t len, const kf_import_span *span, size_t n,
                       const kf_secret *after) {
    const char *rest = kf_secret_peek(after);
    size_t at = 0, cut = 0;
    for (size_t i = 0; i < n; i++) {
        hold(span[i].at >= at && span[i].len && span[i].at + span[i].len <= len);
        hold(!memcmp(text + at, rest + at - cut, span[i].at - at));
        at = span[i].at + span[i].len;
        cut += span[i].len;
    }
    hold(kf_secret_len(after) == len - cut && !memcmp(text + at, rest + at - cut, len - at));
}

static void clean(kf_import_form form, const char *text, size_t len, const kf_import *i) {
    const kf_secret *keys[8];
    size_t n = 0;
    for (size_t k = 0; k < i->n && n < 8; k++)
        if (i->item[k].key) keys[n++] = i->item[k].key;
    kf_import_span span[32];
    size_t spans = kf_import_spans(form, text, len, keys, n, span, 32);
    KF_AUTO(kf_secret) after = kf_import_cut(text, len, span, spans);
    only_spans(text, len, span, spans, after);
    for (size_t k = 0; k < spans; k++) {
        KF_AUTO(kf_json) shown = kf_import_change(text, len, span[k]);
        const char *line = kf_json_str(shown, "before");
        KF_AUTO_CHARS whole = kf_strfmt("%.*s", (int)span[k].len, text + span[k].at);
        hold(line && (strlen(whole) < 20 || !strstr(line, whole)));
    }
    KF_AUTO(kf_import)
    again = kf_import_read(form, "", kf_secret_peek(after), kf_secret_len(after), NULL);
    hold(again != NULL);
    if (spans < 32)
        hold(
            !kf_import_spans(form, kf_secret_peek(after), kf_secret_len(after), keys, n, span, 32));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    kf_import_form form = (kf_import_form)(data[0] % 4);
    const char *text = (const char *)data + 1;
    KF_AUTO(kf_import) i = kf_import_read(form, "place", text, size - 1, NULL);
    if (!i) return 0;
    hold(i->n <= KF_IMPORT_ITEMS);
    char name[65];
    for (size_t k = 0; k < i->n; k++) {
        const kf_import_item *it = &i->item[k];
        hold(it->problem || ((it->key || *it->client_id) && *it->api_host));
        hold(!kf_import_profile_name("p-", it->name, name) || kf_profile_name_ok(name));
        KF_AUTO_CHARS masked = it->key ? kf_import_mask(it->key) : NULL;
        hold(!masked || strlen(masked) <= 15);
    }
    clean(form, text, size - 1, i);
    KF_AUTO(kf_import)
    config = kf_import_read(KF_IMPORT_CONFIG, "",
                            "{\"environments\":{\"staging\":{\"apiKey\":\"sk_a\"}}}", 46, NULL);
    hold(config != NULL);
    kf_import_join(config, i);
    hold(!i->n);
    return 0;
}
