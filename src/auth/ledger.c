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

bool kf_ledger_parse(const char *p, size_t len, kf_ledger *out, kf_err *err) {
    while (len && (p[len - 1] == '\n' || p[len - 1] == '\r')) len--;
    kf_ledger l = {0};
    if (!len) {
        *out = l;
        return true;
    }
    KF_AUTO(kf_json) j = kf_json_parse(p, len, NULL);
    if (!kf_str_eq(kf_json_str(j, "schema"), "keyfob.ledger/1") || !kf_json_int(j, "generation", &l.generation) || l.generation < 0 ||
        !text(j, "fp", l.fp, sizeof l.fp) || !hex_or_empty(l.fp) || !text(j, "ended", l.ended, sizeof l.ended))
        return kf_fail(err, KF_ERR_STORE_DAMAGED, "the ledger is damaged");
    l.ended_at = kf_json_int_or(j, "ended_at", 0);
    const kf_json *i = kf_json_get(j, "intent");
    if (i) {
        l.intent.set = true;
        if (!kf_json_is_obj(i) || !text(i, "fp", l.intent.fp, sizeof l.intent.fp) || !hex_or_empty(l.intent.fp) || !*l.intent.fp ||
            !text(i, "host_id", l.intent.host_id, sizeof l.intent.host_id) || !text(i, "boot_id", l.intent.boot_id, sizeof l.intent.boot_id) ||
            !text(i, "organization_id", l.intent.organization_id, sizeof l.intent.organization_id) ||
            !kf_json_int(i, "boot_ms", &l.intent.boot_ms) || !kf_json_int(i, "unix_s", &l.intent.unix_s))
            return kf_fail(err, KF_ERR_STORE_DAMAGED, "the ledger's intent is damaged");
    }
    *out = l;
    return true;
}

char *kf_ledger_print(const kf_ledger *l) {
    KF_AUTO(kf_json) j = kf_json_obj();
    kf_json_set_str(j, "schema", "keyfob.ledger/1");
    kf_json_set_int(j, "generation", l->generation);
    kf_json_set_str(j, "fp", l->fp);
    if (*l->ended) {
        kf_json_set_str(j, "ended", l->ended);
        kf_json_set_int(j, "ended_at", l->ended_at);
    }
    if (l->intent.set) {
        kf_json *i = kf_json_obj();
        kf_json_set_str(i, "fp", l->intent.fp);
        kf_json_set_str(i, "host_id", l->intent.host_id);
        kf_json_set_str(i, "boot_id", l->intent.boot_id);
        kf_json_set_int(i, "boot_ms", l->intent.boot_ms);
        kf_json_set_int(i, "unix_s", l->intent.unix_s);
        kf_json_set_str(i, "organization_id", l->intent.organization_id);
        kf_json_set(j, "intent", i);
    }
    KF_AUTO_CHARS line = kf_json_print(j);
    return kf_strfmt("%s\n", line);
}

kf_ledger_match kf_ledger_compare(const kf_ledger *l, const char *fp, int64_t generation) {
    if (l->intent.set && !strcmp(l->intent.fp, fp)) return KF_LEDGER_REPLAY;
    if (!l->generation && !*l->fp) return KF_LEDGER_FRESH;
    if (*l->fp && !strcmp(l->fp, fp)) return KF_LEDGER_FRESH;
    return generation > l->generation ? KF_LEDGER_ADOPT : KF_LEDGER_STALE;
}
