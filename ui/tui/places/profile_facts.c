/* What keyfob knows of a profile, as facts. Nothing here asks the agent or counts seconds. */
#include "ui/tui/places/profile_facts.h"
#include "base/str.h"
#include "ui/tui/parts/env.h"
#include "ui/tui/parts/when.h"
#include "ui/tui/parts/widget.h"

static const struct {
    const char *kind, *word, *whole;
} stores[] = {{"memory", "memory", "memory only: it ends with the agent"},
              {"vault", "vault", "the sealed vault"},
              {"secret-service", "keyring", "Secret Service"}};

static const char *store_word(const char *kind, bool whole) {
    for (size_t i = 0; i < KF_LEN(stores); i++)
        if (kf_str_eq(kind, stores[i].kind)) return whole ? stores[i].whole : stores[i].word;
    return kind;
}

void kf_agent_text(const kf_model *m, char *out, size_t size) {
    const char *kind = store_word(m->store_kind, false), *state = m->store_state;
    if (m->link != KF_LINK_UP)
        snprintf(out, size, "%s%s", kf_mark(m->link == KF_LINK_DOWN ? KF_INK_BAD : KF_INK_DIM),
                 m->link == KF_LINK_DOWN ? "no agent" : "asking the agent");
    else if (m->locked && !kf_str_eq(state, "locked"))
        snprintf(out, size, "%sagent locked", kf_mark(KF_INK_WARN));
    else if (m->sandbox) out[0] = 0; /* the left end says it */
    else if (kf_str_eq(m->store_kind, "memory"))
        snprintf(out, size, "%smemory only", kf_mark(KF_INK_DIM));
    else if (!kind[0] || kf_str_eq(state, "unknown")) snprintf(out, size, "%s", kind);
    else if (kf_str_eq(state, "ok")) snprintf(out, size, "%s%s open", kf_mark(KF_INK_DIM), kind);
    else
        snprintf(out, size, "%s%s %s", kf_mark(KF_INK_WARN), kind,
                 kf_str_eq(state, "new") ? "not made yet" : state);
}

/* --- who -------------------------------------------------------------------------------- */

static void add_who(kf_fact_page *f, const kf_mprofile *p, bool pane) {
    char id[64];
    if (p->impersonator[0]) { /* first, because it changes what everything else means */
        kf_page_fact(f, "IMPERSONATED", KF_INK_BAD, "%.160s acts as this user%s%.200s",
                     p->impersonator, p->impersonator_reason[0] ? ": " : "",
                     p->impersonator_reason);
    }
    if (pane || !p->user_name[0]) {
        kf_page_fact(f, "Who", KF_INK_TEXT, "%.160s", p->user_name);
        kf_page_fact(f, p->user_name[0] ? "" : "Who", KF_INK_TEXT, "%.160s", p->user_email);
    } else {
        kf_page_fact(f, "Who", KF_INK_TEXT, "%.160s <%.160s>", p->user_name, p->user_email);
        kf_page_copies(f, p->user_email);
    }
    if (!p->user_email[0] && !p->user_name[0] && kf_model_has_session(p)) {
        kf_page_fact(f, "Who", KF_INK_DIM, "not known yet");
        kf_page_copies(f, "");
    }
    if (!pane) kf_page_fact(f, "User ID", KF_INK_TEXT, "%.300s", p->user_id);
    kf_short_id(p->org_id, id, sizeof id);
    if (pane)
        kf_page_fact(f, "Organization", KF_INK_TEXT, "%.160s", *p->org_name ? p->org_name : id);
    else {
        kf_page_fact(f, "Organization", KF_INK_TEXT, "%.160s%s%.200s", p->org_name,
                     p->org_name[0] && p->org_id[0] ? "   " : "", p->org_id);
        if (p->org_id[0]) kf_page_copies(f, p->org_id);
    }
    if (p->role[0] && p->permissions >= 0)
        kf_page_fact(f, "Role", KF_INK_TEXT, "%.120s, %d permission%s", p->role, p->permissions,
                     p->permissions == 1 ? "" : "s");
    else kf_page_fact(f, "Role", KF_INK_TEXT, "%.120s", p->role);
}

/* --- session ---------------------------------------------------------------------------- */

/* "Password", "MagicAuth" as WorkOS writes them, in our words. */
static void with_method(const char *method, char *out, size_t size) {
    size_t n = 0;
    for (; *method && n + 2 < size; method++) {
        bool upper = *method >= 'A' && *method <= 'Z';
        if (upper && n && out[n - 1] != ' ' && method[1] >= 'a' && method[1] <= 'z') out[n++] = ' ';
        out[n++] = *method == '_' ? ' ' : upper ? (char)(*method + 32) : *method;
    }
    out[n] = 0;
}

static void add_session(kf_fact_page *f, const kf_model *m, const kf_mprofile *p, bool pane) {
    char when[24], how[64], age[24];
    f->gap = true;
    if (p->state != KF_PS_SIGNED_IN)
        kf_page_fact(f, "State", kf_state_ink(p->state), "%s", kf_state_words(p->state));
    if (p->signed_in_at && !kf_model_is_over(p)) {
        kf_when(p->signed_in_at, m->wall, when);
        with_method(p->method, how, sizeof how);
        kf_page_fact(f, "Session", KF_INK_TEXT, "since %s%s%s", when,
                     how[0] && !pane ? ", with " : "", pane ? "" : how);
    }
    if (p->session_ends_at) {
        kf_when(p->session_ends_at, m->wall, when);
        kf_page_fact(f, p->signed_in_at ? "" : "Session", KF_INK_TEXT, "ends %s", when);
    }
    if (!pane) kf_page_fact(f, "Session ID", KF_INK_TEXT, "%.200s", p->session_id);
    if (p->last_used_at) {
        kf_age_words(m->wall - p->last_used_at, age);
        kf_page_fact(f, "Used", KF_INK_TEXT, "%s", age);
    }
}

/* How much is left, by the minute: nobody has to hurry, because a command gets a fresh one. */
static void add_token(kf_fact_page *f, const kf_model *m, const kf_mprofile *p) {
    int64_t ms = kf_model_left_ms(m, p), life = p->life_ms > 0 ? (p->life_ms + 59999) / 60000 : 0,
            left = ms / 60000;
    char bar[32];
    const char *renews =
        kf_model_renews_itself(p) ? "renews by itself" : "renews when a command asks";
    if (ms == KF_NO_TIME || kf_model_is_over(p)) return;
    f->gap = true;
    kf_bar(bar, 10, ms, p->life_ms);
    if (ms <= 0) kf_page_fact(f, "Access token", KF_INK_TEXT, "made when a command asks");
    else if (!left) kf_page_fact(f, "Access token", KF_INK_TEXT, "less than a minute left");
    else if (life)
        kf_page_fact(f, "Access token", KF_INK_TEXT, "%lld min of %lld left   %s", (long long)left,
                     (long long)life, bar);
    else kf_page_fact(f, "Access token", KF_INK_TEXT, "%lld min left", (long long)left);
    kf_page_copies(f, "");
    if (ms <= 0) return;
    if (p->retry_at != KF_NO_TIME && p->retry_at > m->now_ms)
        kf_page_fact(f, "", KF_INK_WARN, "the agent tries again by itself; r tries now");
    else kf_page_fact(f, "", KF_INK_DIM, "%s", renews);
    kf_page_copies(f, "");
}

static void add_renewal(kf_fact_page *f, const kf_model *m, const kf_mprofile *p) {
    char when[24], took[32] = "";
    if (p->renewed_at) {
        kf_when(p->renewed_at, m->wall, when);
        if (p->renewed_ms >= 0) snprintf(took, sizeof took, ", %lld ms", (long long)p->renewed_ms);
        kf_page_fact(f, "Last renewed", p->renewed_ok == 0 ? KF_INK_BAD : KF_INK_TEXT, "%s, %s%s",
                     when, p->renewed_ok == 0 ? "failed" : "ok", took);
    }
    if (p->skew_s > 30 || p->skew_s < -30)
        kf_page_fact(f, "Clock", KF_INK_WARN,
                     "this computer is %lld s %s; keyfob counts with server time",
                     (long long)(p->skew_s < 0 ? -p->skew_s : p->skew_s),
                     p->skew_s < 0 ? "ahead" : "behind");
}

/* --- settings --------------------------------------------------------------------------- */

static void add_git_hosts(kf_fact_page *f, const char *list) {
    const char *label = "Git hosts";
    for (const char *h = list; *h; h += strcspn(h, ";"), h += *h == ';', label = "")
        kf_page_fact(f, label, KF_INK_TEXT, "%.*s", (int)strcspn(h, ";"), h);
}

static void add_settings(kf_fact_page *f, const kf_model *m, const kf_mprofile *p, bool pane) {
    const char *host = p->api_host;
    f->gap = !pane;
    if (pane) {
        kf_page_fact(f, "API key", KF_INK_TEXT, "%s",
                     p->confidential ? "stored, never shown" : "none");
        kf_page_fact(f, "Kept in", KF_INK_TEXT, "%s", store_word(m->store_kind, true));
        return;
    }
    kf_page_fact(f, "Environment", kf_env_ink(p->environment), "%.60s", p->environment);
    kf_page_fact(f, "Client ID", KF_INK_TEXT, "%.200s", p->client_id);
    kf_page_fact(f, "API key", p->confidential ? KF_INK_TEXT : KF_INK_DIM, "%s",
                 p->confidential ? "stored, never shown"
                                 : "none: passwords and codes need one (e adds it)");
    kf_page_copies(f, "");
    kf_page_fact(f, "API host", KF_INK_TEXT, "%.200s", host);
    kf_page_fact(f, "Kept in", KF_INK_TEXT, "%s", store_word(m->store_kind, true));
    kf_page_fact(f, "Label", KF_INK_TEXT, "%.200s", p->label);
    add_git_hosts(f, p->git_host);
    kf_page_fact(f, "From a shell", KF_INK_TEXT, "keyfob token %s", p->name);
}

void kf_profile_facts(kf_fact_page *f, const kf_model *m, const kf_mprofile *p, bool pane) {
    add_who(f, p, pane);
    add_session(f, m, p, pane);
    add_token(f, m, p);
    add_renewal(f, m, p);
    add_settings(f, m, p, pane);
}
