/* The actions on the selected profile, why one is not possible, and the drawing of a profile's
 * facts. The agent does the work. */
#include "ui/tui/places/profile_do.h"
#include "ui/tui/places/tabs.h"
#include "base/str.h"
#include "ui/common/words.h"
#include "ui/tui/parts/widget.h"

kf_json *kf_profile_params(const kf_mprofile *p) {
    kf_json *params = kf_json_obj();
    kf_json_set_str(params, "profile", p->id);
    return params;
}

static kf_json *default_params(const kf_mprofile *p) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "id", p->id);
    kf_json_set_str(j, "name", p->name); /* what is absent stays as it is */
    kf_json_set_bool(j, "make_default", true);
    return j;
}

/* A keyring asks by itself. Of a vault the agent's answer says which dialog it takes. */
static void unlock(const kf_model *m, kf_out *o) {
    if (kf_str_eq(m->store_kind, "secret-service"))
        kf_out_push(o, &kf_screen_unlock, &(kf_args){.what = KF_UNLOCK_KEYRING});
    else kf_out_job(o, "Unlock", NULL, NULL);
}

bool kf_profile_do(const kf_model *m, const kf_mprofile *p, kf_action act, kf_out *o) {
    kf_args args = {0};
    if (act == KF_DO_UNLOCK) {
        unlock(m, o);
        return true;
    }
    if (!p) return false;
    memcpy(args.profile, p->id, sizeof args.profile);
    switch (act) {
    case KF_DO_SIGN_IN: kf_out_push(o, &kf_screen_chooser, &args); return true;
    case KF_DO_ORGANIZATION: kf_out_push(o, &kf_screen_orgs, &args); return true;
    case KF_DO_EXPORT: kf_out_push(o, &kf_screen_export, &args); return true;
    case KF_DO_COPY: kf_out_job(o, "GetToken", kf_profile_params(p), p); return true;
    case KF_DO_CLAIMS:
        args.what = KF_TAB_CLAIMS;
        kf_out_push(o, &kf_screen_profile, &args);
        return true;
    case KF_DO_RENEW: kf_out_job(o, "Renew", kf_profile_params(p), p); return true;
    case KF_DO_DEFAULT: kf_out_job(o, "PutProfile", default_params(p), p); return true;
    case KF_DO_EDIT: kf_out_push(o, &kf_screen_form, &args); return true;
    case KF_DO_DUPLICATE:
        args.what = KF_FORM_COPY;
        kf_out_push(o, &kf_screen_form, &args);
        return true;
    case KF_DO_SIGN_OUT:
        args.what = KF_CONFIRM_SIGN_OUT;
        kf_out_push(o, &kf_screen_confirm, &args);
        return true;
    case KF_DO_DELETE:
        if (p->confidential || kf_model_has_session(p)) kf_out_push(o, &kf_screen_typed, &args);
        else kf_out_remove(o, p); /* only settings */
        return true;
    case KF_DO_DETAILS:
        args.what = KF_PANEL_STATE;
        args.err = &p->failure;
        args.title = p->name;
        kf_out_push(o, &kf_screen_panel, &args);
        return true;
    default: return false;
    }
}

const char *kf_profile_why_not(const kf_model *m, const kf_mprofile *p, kf_action act) {
    switch (act) {
    case KF_DO_OPEN:
    case KF_DO_SIGN_IN:
    case KF_DO_EDIT:
    case KF_DO_DUPLICATE:
    case KF_DO_DELETE:
        if (!p) return "no profile is selected";
        break;
    case KF_DO_UNLOCK:
        if (!kf_model_is_locked(m) && kf_str_eq(m->store_state, "ok"))
            return "nothing is locked here";
        break;
    case KF_DO_RENEW:
    case KF_DO_ORGANIZATION:
    case KF_DO_CLAIMS:
    case KF_DO_COPY:
    case KF_DO_SIGN_OUT:
        if (!p) return "no profile is selected";
        if (!kf_model_has_session(p)) return "this profile is not signed in, press s";
        if (kf_model_is_over(p) && act != KF_DO_SIGN_OUT)
            return "the session is over, press s to sign in again";
        break;
    case KF_DO_EXPORT:
        if (!p) return "no profile is selected";
        if (kf_model_is_over(p) && !p->confidential)
            return "there is no token and no API key, press s";
        break;
    case KF_DO_DEFAULT:
        if (!p) return "no profile is selected";
        if (p->is_default) return "it is the default already";
        break;
    case KF_DO_DETAILS:
        if (!p) return "no profile is selected";
        if (!p->failed) return "there is no error to explain";
        break;
    default: return NULL;
    }
    if (m->link == KF_LINK_DOWN && act != KF_DO_OPEN && act != KF_DO_DETAILS)
        return "the agent does not answer";
    return NULL;
}

void kf_agent_text(const kf_model *m, bool compact, char *out, size_t size) {
    static const struct {
        const char *kind, *word;
    } kinds[] = {{"memory", "memory only"}, {"vault", "vault"}, {"secret-service", "keyring"}};
    const char *agent = m->link == KF_LINK_UP     ? m->locked ? "agent locked" : "agent ok"
                        : m->link == KF_LINK_DOWN ? "no agent"
                                                  : "asking the agent";
    const char *kind = m->store_kind;
    for (size_t i = 0; i < KF_LEN(kinds); i++)
        if (kf_str_eq(kind, kinds[i].kind)) kind = kinds[i].word;
    if (compact || m->link != KF_LINK_UP || !kind[0]) {
        snprintf(out, size, "%s", agent);
        return;
    }
    const char *state = kf_str_eq(m->store_kind, "memory")     ? ""
                        : kf_str_eq(m->store_state, "ok")      ? " unlocked"
                        : kf_str_eq(m->store_state, "unknown") ? ""
                        : kf_str_eq(m->store_state, "new")     ? " not made yet"
                                                               : m->store_state;
    snprintf(out, size, "%s  %s%s%s", agent, kind, state[0] && state[0] != ' ' ? " " : "", state);
}

/* --- facts ----------------------------------------------------------------------------- */

typedef struct facts {
    kf_grid *g;
    kf_rect r;
    int y, label;
} facts;

static void fact(facts *f, const char *label, kf_ink ink, const char *value) {
    if (value[0]) f->y += kf_fact(f->g, f->r, f->y, f->label, label, ink, value);
}

static void gap(facts *f) {
    if (f->r.cols >= 44) f->y++;
}

static void clock_text(int64_t unix_s, char out[16]) {
    time_t t = (time_t)unix_s;
    struct tm tm;
    out[0] = 0;
    if (localtime_r(&t, &tm)) (void)strftime(out, 16, "%H:%M:%S", &tm);
}

static void ago_text(int64_t s, char out[32]) {
    if (s < 0) s = 0;
    if (s < 120) snprintf(out, 32, "%lld s ago", (long long)s);
    else if (s < 7200) snprintf(out, 32, "%lld min ago", (long long)s / 60);
    else if (s < 172800) snprintf(out, 32, "%lld h ago", (long long)s / 3600);
    else snprintf(out, 32, "%lld days ago", (long long)s / 86400);
}

static void draw_token(const kf_model *m, const kf_mprofile *p, facts *f, bool overview) {
    char text[256], bar[64], left[24], life[24], in[24];
    int64_t ms = kf_model_left_ms(m, p);
    if (ms == KF_NO_TIME || kf_model_is_over(p)) return;
    if (overview && p->token_head[0]) {
        snprintf(text, sizeof text, "%.12s..(hidden)..%.8s", p->token_head, p->token_tail);
        if (p->token_bytes > 0)
            snprintf(text + strlen(text), 40, "   %lld bytes", (long long)p->token_bytes);
        fact(f, "Access token", KF_INK_TEXT, text);
    }
    kf_words_left(ms, left);
    kf_words_left(p->life_ms > 0 ? p->life_ms : KF_NO_TIME, life);
    size_t cells = f->r.cols - f->label > 44 ? 24 : f->r.cols - f->label > 34 ? 16 : 8;
    kf_bar(bar, cells, ms, p->life_ms);
    if (ms <= 0) snprintf(text, sizeof text, "over; a command that asks gets a new one");
    else if (p->life_ms > 0) snprintf(text, sizeof text, "%s %s of %s", bar, left, life);
    else snprintf(text, sizeof text, "%s left", left);
    fact(f, overview && p->token_head[0] ? "" : "Access token", ms > 0 ? KF_INK_OK : KF_INK_TEXT,
         text);
    if (kf_model_renews_itself(p) && p->renews_at > m->now_ms) {
        kf_words_left(p->renews_at - m->now_ms, in);
        snprintf(text, sizeof text, "renews by itself in %s%s", in,
                 overview ? "; r renews now" : "");
    } else if (p->retry_at != KF_NO_TIME && p->retry_at > m->now_ms) {
        kf_words_left(p->retry_at - m->now_ms, in);
        snprintf(text, sizeof text, "next try in %s; r tries now", in);
    } else
        snprintf(text, sizeof text, "%s%s", ms > 0 ? "renewed when a command asks for it" : "",
                 !overview ? ""
                 : ms > 0  ? "; r renews now"
                           : "r renews now");
    fact(f, "", KF_INK_DIM, text);
}

static void draw_who(const kf_mprofile *p, facts *f) {
    char text[512], id[64];
    if (p->impersonator[0]) { /* first, because it changes what everything else means */
        snprintf(text, sizeof text, "%.160s acts as this user%s%.200s", p->impersonator,
                 p->impersonator_reason[0] ? ": " : "", p->impersonator_reason);
        fact(f, "IMPERSONATED", KF_INK_BAD, text);
    }
    if (p->user_email[0] || p->user_name[0]) {
        snprintf(text, sizeof text, p->user_name[0] ? "%.160s <%.160s>" : "%.160s%.160s",
                 p->user_name, p->user_email);
        fact(f, "User", KF_INK_STRONG, text);
        fact(f, "", KF_INK_DIM, p->user_id);
    } else if (kf_model_has_session(p)) fact(f, "User", KF_INK_DIM, "not known yet");
    if (p->org_id[0]) {
        kf_short_id(p->org_id, id, sizeof id);
        snprintf(text, sizeof text, p->org_name[0] ? "%.160s   %s" : "%.0s%s", p->org_name, id);
        fact(f, "Organization", KF_INK_TEXT, text);
    }
    if (p->role[0]) {
        if (p->permissions >= 0)
            snprintf(text, sizeof text, "%.120s   %d permission%s", p->role, p->permissions,
                     p->permissions == 1 ? "" : "s");
        else snprintf(text, sizeof text, "%.120s", p->role);
        fact(f, "Role", KF_INK_TEXT, text);
    }
    kf_short_id(p->session_id, id, sizeof id);
    fact(f, "Session", KF_INK_TEXT, id);
}

/* "a.example, b.example and 3 more" */
static void git_text(const char *list, char *out, size_t size) {
    size_t n = 0, used = 0;
    out[0] = 0;
    for (const char *h = list; *h; h += strcspn(h, ";"), h += *h == ';') {
        int len = (int)strcspn(h, ";");
        if (used + (size_t)len + 40 < size)
            used += (size_t)snprintf(out + used, size - used, "%s%.*s", used ? ", " : "", len, h);
        else n++;
    }
    if (n) snprintf(out + used, size - used, " and %zu more", n);
}

static void draw_where(const kf_model *m, const kf_mprofile *p, facts *f) {
    char text[512], when[16], ago[32];
    snprintf(text, sizeof text, "%.60s%s%.100s", p->environment, p->environment[0] ? "   " : "",
             p->client_id);
    fact(f, "Environment", KF_INK_TEXT, text);
    fact(f, "Label", KF_INK_TEXT, p->label);
    fact(f, "API host", KF_INK_TEXT, p->api_host);
    fact(f, "API key", p->confidential ? KF_INK_TEXT : KF_INK_DIM,
         p->confidential ? "stored, never shown"
                         : "none: passwords and codes need one (e adds it)");
    git_text(p->git_host, text, sizeof text);
    fact(f, "Git hosts", KF_INK_TEXT, text);
    if (p->signed_in_at) {
        clock_text(p->signed_in_at, when);
        ago_text(m->wall - p->signed_in_at, ago);
        snprintf(text, sizeof text, "%s, %s%s%.60s", when, ago, p->method[0] ? ", with " : "",
                 p->method);
        for (char *c = strchr(text, ','); c && *c; c++)
            *c = *c == '_' ? ' ' : *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
        fact(f, "Signed in", KF_INK_TEXT, text);
    }
    if (p->renewed_at) {
        clock_text(p->renewed_at, when);
        snprintf(text, sizeof text, "%s  %s", when, p->renewed_ok == 0 ? "failed" : "ok");
        if (p->renewed_ms >= 0)
            snprintf(text + strlen(text), 40, "  %lld ms", (long long)p->renewed_ms);
        fact(f, "Last renewal", p->renewed_ok == 0 ? KF_INK_WARN : KF_INK_TEXT, text);
    }
    if (p->skew_s > 30 || p->skew_s < -30) {
        snprintf(text, sizeof text, "this computer is %lld s %s; keyfob counts with server time",
                 (long long)(p->skew_s < 0 ? -p->skew_s : p->skew_s),
                 p->skew_s < 0 ? "ahead" : "behind");
        fact(f, "Clock", KF_INK_WARN, text);
    }
}

int kf_profile_draw(const kf_model *m, const kf_mprofile *p, kf_grid *g, kf_rect r, bool overview) {
    facts f = {g, r, r.y, r.cols < 50 ? 13 : 14};
    kf_pstate s = p->state;
    if (!overview) {
        kf_grid_text(g, f.y, r.x, r.cols, KF_INK_STRONG, p->name);
        f.y += 2;
    }
    draw_who(p, &f);
    if (!overview || s != KF_PS_SIGNED_IN) fact(&f, "State", kf_state_ink(s), kf_state_words(s));
    gap(&f);
    if (overview && p->failed && s != KF_PS_SIGNED_IN && s != KF_PS_SIGNED_OUT) {
        f.y += kf_error_draw(g, (kf_rect){f.y, r.x, r.y + r.rows - f.y, r.cols}, "", &p->failure,
                             false);
        gap(&f);
    }
    draw_token(m, p, &f, overview);
    gap(&f);
    draw_where(m, p, &f);
    return f.y - r.y;
}
