/* The ledger's format: parses, prints and compares one JSON line. The owner of the file locks,
 * reads and writes it. */
#include "auth/ledger.h"

#include "base/str.h"

/* Absent is "", another type is damage. */
static bool text(const kf_json *j, const char *key, char *dst, size_t size) {
    const kf_json *v = kf_json_get(j, key);
    return (!v || kf_json_value_str(v)) && kf_str_set(dst, size, kf_json_value_str(v));
}

static bool hex_or_empty(const char *s) {
    uint8_t raw[16];
    return !*s || kf_unhex(s, raw, 16);
}

static bool read_intent(const kf_json *j, const char *key, kf_intent *out, kf_err *err) {
    const kf_json *i = kf_json_get(j, key);
    if (!i) return true;
    out->set = true;
    if (kf_json_is_obj(i) && text(i, "fp", out->fp, sizeof out->fp) && *out->fp &&
        hex_or_empty(out->fp) && text(i, "host_id", out->host_id, sizeof out->host_id) &&
        text(i, "boot_id", out->boot_id, sizeof out->boot_id) &&
        text(i, "organization_id", out->organization_id, sizeof out->organization_id) &&
        kf_json_int(i, "boot_ms", &out->boot_ms) && kf_json_int(i, "unix_s", &out->unix_s))
        return true;
    return kf_fail(err, KF_ERR_STORE_DAMAGED, "the ledger's %s is damaged", key);
}

static const char schema[] = "keyfob.ledger/1", family[] = "keyfob.ledger/";

bool kf_ledger_parse(const char *p, size_t len, kf_ledger *out, kf_err *err) {
    while (len && (p[len - 1] == '\n' || p[len - 1] == '\r')) len--;
    kf_ledger l = {0};
    if (!len) {
        *out = l;
        return true;
    }
    KF_AUTO(kf_json) j = kf_json_parse(p, len, NULL);
    const char *is = kf_json_str_or(j, "schema", "");
    if (kf_str_starts(is, family) && strcmp(is, schema))
        return kf_fail(err, KF_ERR_STORE_NEWER, "the ledger (%.40s)", is);
    if (strcmp(is, schema) || !kf_json_int(j, "generation", &l.generation) || l.generation < 0 ||
        !text(j, "fp", l.fp, sizeof l.fp) || !hex_or_empty(l.fp) ||
        !text(j, "ended", l.ended, sizeof l.ended))
        return kf_fail(err, KF_ERR_STORE_DAMAGED, "the ledger is damaged");
    l.ended_at = kf_json_int_or(j, "ended_at", 0);
    l.unsaved = kf_json_bool(j, "unsaved", false);
    if (!read_intent(j, "intent", &l.intent, err) || !read_intent(j, "previous", &l.previous, err))
        return false;
    *out = l;
    return true;
}

static void print_intent(kf_json *j, const char *key, const kf_intent *intent) {
    if (!intent->set) return;
    kf_json *i = kf_json_obj();
    kf_json_set_str(i, "fp", intent->fp);
    kf_json_set_str(i, "host_id", intent->host_id);
    kf_json_set_str(i, "boot_id", intent->boot_id);
    kf_json_set_int(i, "boot_ms", intent->boot_ms);
    kf_json_set_int(i, "unix_s", intent->unix_s);
    kf_json_set_str(i, "organization_id", intent->organization_id);
    kf_json_set(j, key, i);
}

char *kf_ledger_print(const kf_ledger *l) {
    KF_AUTO(kf_json) j = kf_json_obj();
    kf_json_set_str(j, "schema", schema);
    kf_json_set_int(j, "generation", l->generation);
    kf_json_set_str(j, "fp", l->fp);
    if (*l->ended) {
        kf_json_set_str(j, "ended", l->ended);
        kf_json_set_int(j, "ended_at", l->ended_at);
    }
    if (l->unsaved) kf_json_set_bool(j, "unsaved", true);
    print_intent(j, "intent", &l->intent);
    print_intent(j, "previous", &l->previous);
    KF_AUTO_CHARS line = kf_json_print(j);
    return kf_strfmt("%s\n", line);
}

int64_t kf_intent_age_ms(const kf_intent *i, const char *host_id, const char *boot_id,
                         int64_t boot_ms, int64_t unix_s) {
    if (kf_str_eq(i->host_id, host_id) && kf_str_eq(i->boot_id, boot_id))
        return boot_ms - i->boot_ms;
    return (unix_s - i->unix_s) * 1000;
}

const kf_intent *kf_ledger_intent_for(const kf_ledger *l, const char *fp) {
    if (l->intent.set && !strcmp(l->intent.fp, fp)) return &l->intent;
    return l->previous.set && !strcmp(l->previous.fp, fp) ? &l->previous : NULL;
}

bool kf_ledger_signed_out(const kf_ledger *l) {
    return !strcmp(l->ended, kf_err_name(KF_ERR_WORKOS_NOT_SIGNED_IN));
}

kf_ledger_match kf_ledger_compare(const kf_ledger *l, const char *fp, int64_t generation,
                                  bool previous_counts) {
    const kf_intent *i = kf_ledger_intent_for(l, fp);
    if (i && (i == &l->intent || previous_counts)) return KF_LEDGER_REPLAY;
    if (!l->generation && !*l->fp) return KF_LEDGER_FRESH;
    if (*l->fp && !strcmp(l->fp, fp)) return KF_LEDGER_FRESH;
    return generation > l->generation ? KF_LEDGER_ADOPT : KF_LEDGER_STALE;
}
