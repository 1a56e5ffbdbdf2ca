/* Files of the state directory: L and a ledger, P and the list of profiles. What is read is
 * written and read again as the same. What a newer keyfob wrote is told from a damaged file. */
#include "auth/ledger.h"
#include "auth/profile.h"
#include "base/str.h"
#include "fuzz.h"

static void read_ledger(const char *p, size_t n) {
    kf_ledger a, b;
    kf_err e = {0};
    if (!kf_ledger_parse(p, n, &a, &e)) {
        hold(e.code == KF_ERR_STORE_DAMAGED || e.code == KF_ERR_STORE_NEWER);
        return;
    }
    KF_AUTO_CHARS text = kf_ledger_print(&a);
    hold(kf_ledger_parse(text, strlen(text), &b, NULL));
    KF_AUTO_CHARS again = kf_ledger_print(&b);
    hold(!strcmp(text, again));
    hold(a.generation >= 0 && strlen(a.fp) < sizeof a.fp && strlen(a.ended) < sizeof a.ended);
    for (int64_t g = a.generation - 1; g <= a.generation + 1; g++)
        hold(kf_ledger_compare(&a, a.fp, g, true) == kf_ledger_compare(&b, a.fp, g, true));
    (void)kf_ledger_intent_for(&a, a.intent.fp);
    (void)kf_intent_age_ms(&a.intent, "h", "b", 1, 1700000000);
}

static void read_profiles(const char *p, size_t n) {
    kf_profile_row *rows = NULL, *back = NULL;
    size_t k = 0, m = 0;
    kf_err e = {0};
    if (!kf_profile_index_parse(p, n, &rows, &k, &e)) {
        hold(e.code != KF_ERR_NONE && !rows);
        return;
    }
    for (size_t i = 0; i < k; i++) hold(strlen(rows[i].id) == 16 && *rows[i].name);
    KF_AUTO_CHARS text = kf_profile_index_print(rows, k);
    hold(text && kf_profile_index_parse(text, strlen(text), &back, &m, NULL) && k == m);
    KF_AUTO_CHARS again = kf_profile_index_print(back, m);
    hold(!strcmp(text, again));
    free(rows);
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    if (data[0] == 'L') read_ledger((const char *)data + 1, size - 1);
    else read_profiles((const char *)data + 1, size - 1);
    return 0;
}
