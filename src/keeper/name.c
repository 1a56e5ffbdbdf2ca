/* The name of a session's organization, when WorkOS only gave its id. It is asked for with the
 * API key in the background, and the id is shown if that fails. The next renewal stores it. */
#include "keeper/keeper_impl.h"

#include <string.h>
#include "auth/account.h"
#include "keeper/answer.h"

enum { LOOKUPS_MAX = 4 };

typedef struct kf_lookup {
    kf_keeper *k;
    char id[17], organization[96];
    uint32_t http;
} kf_lookup;

static kf_entry *still_wanted(const kf_lookup *l) {
    kf_entry *e = g_hash_table_lookup(l->k->by_id, l->id);
    bool wanted = e && e->session && !*e->session->organization_name &&
                  kf_str_eq(e->session->organization_id, l->organization);
    return wanted ? e : NULL;
}

static void drop(kf_lookup *l) {
    g_ptr_array_remove_fast(l->k->lookups, l);
    g_free(l);
}

static void answered(void *user, kf_http_resp *resp, const kf_err *err) {
    kf_lookup *l = user;
    kf_entry *e = still_wanted(l);
    KF_AUTO(kf_json) body = !err && resp->status == 200 ? kf_ask_body(resp) : NULL;
    if (e && kf_account_organization_name(body, l->organization, e->session->organization_name,
                                          sizeof e->session->organization_name))
        kf_entry_changed(e);
    drop(l);
}

void kf_name_look_up(kf_entry *e) {
    const kf_session *s = e->session;
    kf_keeper *k = e->k;
    if (!s || !*s->organization_id || *s->organization_name || !e->prof.confidential ||
        !e->api_key || k->lookups->len >= LOOKUPS_MAX ||
        kf_str_eq(e->name_asked, s->organization_id))
        return;
    KF_AUTO_CHARS path = kf_account_organization_path(s->organization_id);
    if (!path) return;
    memcpy(e->name_asked, s->organization_id, sizeof e->name_asked);
    kf_lookup *l = g_new0(kf_lookup, 1);
    l->k = k;
    memcpy(l->id, e->prof.id, sizeof l->id);
    memcpy(l->organization, s->organization_id, sizeof l->organization);
    g_ptr_array_add(k->lookups, l);
    kf_http_req r = {.method = "GET",
                     .origin = s->origin,
                     .path = path,
                     .bearer = e->api_key,
                     .timeout_ms = KF_ASIDE_TIMEOUT_MS};
    l->http = kf_http_send(k->env.http, &r, answered, l);
}

void kf_name_cancel(kf_keeper *k) {
    for (guint i = 0; i < k->lookups->len; i++) {
        kf_lookup *l = g_ptr_array_index(k->lookups, i);
        kf_http_cancel(k->env.http, l->http);
        g_free(l);
    }
    g_ptr_array_set_size(k->lookups, 0);
}
