/* The screen's model: reads the agent's answers into profiles, store and sign-in step. Every
 * text is made safe here. No I/O. */
#include "ui/tui/kernel/model.h"
#include <search.h>
#include "base/mem.h"
#include "base/str.h"
#include "ui/common/person.h"
#include "ui/common/text.h"
#include "wire/msg.h"

/* --- texts ----------------------------------------------------------------------------- */

static void set_text(char **dst, const char *src) {
    free(*dst);
    *dst = kf_text_safe(src ? src : "");
}

static char *safe_of(const kf_json *o, const char *key) {
    return kf_text_safe(kf_json_str_or(o, key, ""));
}

static void safe_buf(char *dst, size_t size) {
    KF_AUTO_CHARS s = kf_text_safe(dst);
    size_t n = strlen(s);
    if (n >= size) { /* a replacement mark may be longer than the byte it stands for */
        n = size - 1;
        while (n && ((unsigned char)s[n] & 0xc0) == 0x80) n--;
    }
    memcpy(dst, s, n);
    dst[n] = 0;
}

static void read_failure(const kf_json *f, kf_err *err, bool *failed) {
    *failed = kf_json_is_obj(f);
    if (!*failed) return;
    kf_msg_read_failure(f, err);
    safe_buf(err->what, sizeof err->what);
    safe_buf(err->hint, sizeof err->hint);
    safe_buf(err->upstream, sizeof err->upstream);
    safe_buf(err->request_id, sizeof err->request_id);
}

/* --- states ---------------------------------------------------------------------------- */

static kf_pstate state_from(const char *name) {
    kf_pstate s = kf_state_find(name);
    return s < KF_PS_COUNT ? s : KF_PS_ERROR;
}

bool kf_model_has_session(const kf_mprofile *p) { return p->state != KF_PS_SIGNED_OUT; }

bool kf_model_is_locked(const kf_model *m) {
    return m->locked || kf_str_eq(m->store_state, "locked");
}

bool kf_model_is_over(const kf_mprofile *p) { return kf_state_is_over(p->state); }

int64_t kf_model_left_ms(const kf_model *m, const kf_mprofile *p) {
    if (p->ends_at == KF_NO_TIME) return KF_NO_TIME;
    return p->ends_at - m->now_ms;
}

/* A keep-alive far behind the token's end keeps the session, not the token. */
bool kf_model_renews_itself(const kf_mprofile *p) {
    return p->renews_at != KF_NO_TIME && (p->ends_at == KF_NO_TIME || p->renews_at <= p->ends_at);
}

/* --- profiles -------------------------------------------------------------------------- */

/* Where a field is kept; text or number is NULL. */
typedef struct place {
    char **text;
    int *number;
} place;

#define PLACE_TEXT(name) \
    { .text = &p->name }
#define PLACE_LIST(name) \
    { .text = &p->name }
#define PLACE_NUMBER(name) \
    { .number = &p->name }
#define PLACE_SECRET(name) \
    { .text = NULL }
#define PLACE(kind, name, limit, flags, check) [KF_PF_##name] = PLACE_##kind(name),
static place place_of(kf_mprofile *p, kf_pf f) {
    const place places[KF_PF_COUNT] = {KF_PROFILE_FIELDS(PLACE)};
    return places[f];
}

char *kf_model_field(const kf_mprofile *p, kf_pf f) {
    kf_mprofile *mine = (kf_mprofile *)(uintptr_t)p; /* only read here */
    place at = place_of(mine, f);
    return at.number ? kf_strfmt("%d", *at.number) : kf_strdup(at.text ? *at.text : "");
}

static void profile_free(kf_mprofile *p) {
    char *texts[] = {p->environment,
                     p->user_id,
                     p->user_email,
                     p->user_name,
                     p->org_id,
                     p->org_name,
                     p->role,
                     p->session_id,
                     p->method,
                     p->impersonator,
                     p->impersonator_reason,
                     p->token_head,
                     p->token_tail};
    for (size_t i = 0; i < KF_LEN(texts); i++) free(texts[i]);
    for (kf_pf f = 0; f < KF_PF_COUNT; f++) {
        place at = place_of(p, f);
        if (at.text) free(*at.text);
    }
    free(p);
}

static int64_t deadline(const kf_model *m, const kf_json *o, const char *key) {
    int64_t v;
    if (!kf_json_int(o, key, &v)) return KF_NO_TIME;
    if (v > INT64_C(1000) * 86400 * 36500) v = INT64_C(1000) * 86400 * 36500;
    if (v < -INT64_C(1000) * 86400 * 36500) v = -INT64_C(1000) * 86400 * 36500;
    return m->now_ms + v;
}

static int small_int(const kf_json *o, const char *key, int dflt) {
    int64_t v = kf_json_int_or(o, key, dflt);
    return v < -1 ? -1 : v > 1000000 ? 1000000 : (int)v;
}

static kf_mprofile *profile_read(const kf_model *m, const kf_json *o) {
    kf_mprofile *p = kf_new(kf_mprofile);
    bool ok = kf_str_set(p->id, sizeof p->id, kf_json_str(o, "id")) &&
              kf_str_set(p->name, sizeof p->name, kf_json_str(o, "name"));
    safe_buf(p->id, sizeof p->id);
    safe_buf(p->name, sizeof p->name);
    struct {
        char **dst;
        const char *key;
    } texts[] = {{&p->environment, "environment"},
                 {&p->user_id, "user_id"},
                 {&p->user_email, "user_email"},
                 {&p->user_name, "user_name"},
                 {&p->org_id, "org_id"},
                 {&p->org_name, "org_name"},
                 {&p->role, "role"},
                 {&p->session_id, "session_id"},
                 {&p->method, "method"},
                 {&p->impersonator, "impersonator"},
                 {&p->impersonator_reason, "impersonator_reason"},
                 {&p->token_head, "token_head"},
                 {&p->token_tail, "token_tail"}};
    for (size_t i = 0; i < KF_LEN(texts); i++) *texts[i].dst = safe_of(o, texts[i].key);
    p->is_default = kf_json_bool(o, "default", false);
    p->confidential = kf_json_bool(o, "confidential", false);
    for (kf_pf f = 0; f < KF_PF_COUNT; f++) {
        place at = place_of(p, f);
        if (at.text) *at.text = safe_of(o, kf_profile_fields[f].name);
        if (at.number) *at.number = small_int(o, kf_profile_fields[f].name, 0);
    }
    p->state = state_from(kf_json_str_or(o, "state", ""));
    read_failure(kf_json_get(o, "failure"), &p->failure, &p->failed);
    p->permissions = small_int(o, "permissions", -1);
    p->renewed_ok = kf_json_get(o, "renewed_ok") && !kf_json_is_null(kf_json_get(o, "renewed_ok"))
                        ? kf_json_bool(o, "renewed_ok", false)
                        : -1;
    p->signed_in_at = kf_json_int_or(o, "signed_in_at", 0);
    p->renewed_at = kf_json_int_or(o, "renewed_at", 0);
    p->expires_at = kf_json_int_or(o, "expires_at", 0);
    p->last_used_at = kf_json_int_or(o, "last_used_at", 0);
    p->renewed_ms = kf_json_int_or(o, "renewed_ms", -1);
    p->life_ms = kf_json_int_or(o, "life_ms", -1);
    p->token_bytes = kf_json_int_or(o, "token_bytes", -1);
    p->skew_s = kf_json_int_or(o, "skew_s", 0);
    p->ends_at = deadline(m, o, "left_ms");
    p->renews_at = deadline(m, o, "renews_in_ms");
    p->retry_at = deadline(m, o, "retry_in_ms");
    if (ok && p->id[0] && p->name[0]) return p;
    profile_free(p); /* no profile without an identity */
    return NULL;
}

static int by_id(const void *a, const void *b) {
    return strcmp(((const kf_mprofile *)a)->id, ((const kf_mprofile *)b)->id);
}

void kf_model_profile(kf_model *m, const kf_json *o) {
    kf_mprofile *p = profile_read(m, o);
    if (!p) return;
    kf_mprofile **node = tsearch(p, &m->by_id, by_id), *old = node ? *node : NULL;
    if (!node) abort();
    if (old != p) {
        p->hidden = p->gone = old->hidden;
        if (old->gone && !p->gone) m->changes++;
        if (!strcmp(p->session_id, old->session_id)) p->session_ends_at = old->session_ends_at;
        kf_mprofile read = *p;
        *p = *old;
        *old = read;
        profile_free(p);
        return;
    }
    if (m->n == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 16;
        m->profile = realloc(m->profile, m->cap * sizeof *m->profile);
        if (!m->profile) abort();
    }
    m->profile[m->n++] = p;
    m->changes++;
}

/* "2026-12-07T07:10:00.000Z"; 0: something else. */
static int64_t time_of(const char *iso) {
    struct tm tm = {0};
    const char *end = iso ? strptime(iso, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
    return end && end - iso == 19 ? (int64_t)timegm(&tm) : 0;
}

void kf_model_sessions(kf_model *m, const char *id, const kf_json *list) {
    kf_mprofile *p = NULL;
    for (size_t i = 0; i < m->n && !p; i++)
        if (kf_str_eq(m->profile[i]->id, id)) p = m->profile[i];
    for (const kf_json *i = kf_json_first(list); p && i; i = kf_json_next(i))
        if (kf_json_bool(i, "current", false))
            p->session_ends_at = time_of(kf_json_str(i, "expires_at"));
}

static bool is_hidden(const kf_mprofile *p, const char *which) {
    return p->hidden && (kf_str_eq(p->id, which) || kf_str_eq(p->name, which));
}

void kf_model_hide(kf_model *m, const char *id, bool hide) {
    for (size_t i = 0; i < m->n; i++) {
        kf_mprofile *p = m->profile[i];
        if (!kf_str_eq(p->id, id) || p->hidden == hide || (hide && p->gone)) continue;
        p->hidden = p->gone = hide;
        m->changes++;
    }
}

bool kf_model_is_hidden(const kf_model *m, const char *which) {
    for (size_t i = 0; i < m->n; i++)
        if (is_hidden(m->profile[i], which)) return true;
    return false;
}

void kf_model_removed(kf_model *m, const char *which) {
    for (size_t i = 0; i < m->n; i++)
        if (is_hidden(m->profile[i], which)) m->profile[i]->hidden = false; /* gone for good */
    for (size_t i = 0; i < m->n; i++)
        if (!m->profile[i]->gone &&
            (kf_str_eq(m->profile[i]->id, which) || kf_str_eq(m->profile[i]->name, which))) {
            m->profile[i]->gone = true;
            m->changes++;
        }
}

size_t kf_model_count(const kf_model *m) {
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++) n += !m->profile[i]->gone;
    return n;
}

const kf_mprofile *kf_model_by_id(const kf_model *m, const char *id) {
    kf_mprofile key = {0};
    if (!kf_str_set(key.id, sizeof key.id, id)) return NULL;
    kf_mprofile *const *node = tfind(&key, &m->by_id, by_id);
    return node && !(*node)->gone ? *node : NULL;
}

const kf_mprofile *kf_model_by_name(const kf_model *m, const char *name) {
    for (size_t i = 0; i < m->n; i++)
        if (!m->profile[i]->gone && !strcmp(m->profile[i]->name, name)) return m->profile[i];
    return NULL;
}

/* --- the agent ------------------------------------------------------------------------- */

void kf_model_store(kf_model *m, const kf_json *s) {
    if (!kf_json_is_obj(s)) return;
    set_text(&m->store_kind, kf_json_str(s, "kind"));
    set_text(&m->store_state, kf_json_str(s, "state"));
    set_text(&m->store_why, kf_json_str(s, "why"));
    set_text(&m->store_choice, kf_json_str(s, "choice"));
    m->locked = kf_json_bool(s, "locked", false);
}

void kf_model_hello(kf_model *m, const kf_json *h) {
    m->hello = true;
    m->agent_pid = kf_json_int_or(h, "pid", 0);
    set_text(&m->agent_build, kf_json_str(h, "build"));
    m->memory_locked = kf_json_bool(h, "memory_locked", false);
    kf_model_store(m, kf_json_get(h, "store"));
}

void kf_model_link(kf_model *m, kf_link_state state, const kf_err *err) {
    m->link = state;
    if (err) {
        m->link_err = *err;
        safe_buf(m->link_err.what, sizeof m->link_err.what);
        safe_buf(m->link_err.hint, sizeof m->link_err.hint);
    }
}

void kf_model_watch(kf_model *m, const kf_json *a) {
    const kf_json *list = kf_json_get(a, "profiles"), *gone = kf_json_get(a, "removed");
    for (const kf_json *p = kf_json_first(list); p; p = kf_json_next(p)) kf_model_profile(m, p);
    for (const kf_json *p = kf_json_first(gone); p; p = kf_json_next(p))
        if (kf_json_value_str(p)) kf_model_removed(m, kf_json_value_str(p));
    kf_model_store(m, kf_json_get(a, "store"));
    m->loaded = true;
    m->partial = kf_json_bool(a, "partial", false);
    m->link = KF_LINK_UP;
}

/* --- the sign-in ----------------------------------------------------------------------- */

static void step_done(kf_mstep *s) {
    for (size_t i = 0; i < s->n_choice; i++) {
        free(s->choice[i].id);
        free(s->choice[i].label);
        free(s->choice[i].detail);
    }
    free(s->choice);
    free(s->note_arg);
    free(s->email);
    free(s->organization);
    free(s->owner);
    free(s->person);
    free(s->person_email);
    free(s->url);
    free(s->user_code);
    free(s->ssh_line);
    kf_secret_free(s->qr);
    kf_secret_free(s->qr_text);
    memset(s, 0, sizeof *s);
}

void kf_model_step_clear(kf_model *m) {
    step_done(&m->step);
    set_text(&m->flow, "");
}

static kf_step_kind kind_from(const char *name) {
    for (int i = KF_STEP_WAIT; i <= KF_STEP_FAILED; i++)
        if (kf_str_eq(kf_step_kind_name((kf_step_kind)i), name)) return (kf_step_kind)i;
    return KF_STEP_WAIT;
}

static uint32_t acts_from(const kf_json *list) {
    uint32_t acts = 0;
    for (const kf_json *a = kf_json_first(list); a; a = kf_json_next(a)) {
        kf_flow_act act;
        if (kf_json_value_str(a) && kf_flow_act_from_name(kf_json_value_str(a), &act))
            acts |= 1u << act;
    }
    return acts;
}

static void add_choices(kf_mstep *s, const kf_json *list) {
    size_t n = kf_json_count(list);
    if (!n) return;
    s->choice = realloc(s->choice, (s->n_choice + n) * sizeof *s->choice);
    if (!s->choice) abort();
    for (const kf_json *c = kf_json_first(list); c; c = kf_json_next(c))
        s->choice[s->n_choice++] = (kf_mchoice){kf_strdup(kf_json_str_or(c, "id", "")),
                                                safe_of(c, "label"), safe_of(c, "detail")};
}

static kf_secret *secret_of(const kf_json *o, const char *key) {
    const char *s = kf_json_str(o, key);
    return s && *s ? kf_secret_new(s, strlen(s)) : NULL;
}

static void read_place(const kf_model *m, const kf_json *o, kf_mstep *s) {
    char *line = m->ssh_line && s->field == KF_FIELD_REDIRECT_URL
                     ? m->ssh_line(kf_json_str(o, "url"))
                     : NULL;
    s->url = safe_of(o, "url");
    s->user_code = safe_of(o, "user_code");
    s->ssh_line = kf_text_safe(line);
    s->qr = secret_of(o, "qr");
    s->qr_text = secret_of(o, "qr_text");
    free(line);
}

static char *person_of(const kf_json *person, bool elsewhere) {
    char text[700] = "";
    if (kf_json_is_obj(person)) kf_person_words(person, elsewhere, text, sizeof text);
    return kf_strdup(text);
}

static void read_persons(const kf_json *o, kf_mstep *s) {
    bool elsewhere = s->note == KF_NOTE_OTHER_ENVIRONMENT;
    const kf_json *person = kf_json_get(o, "person");
    s->owner = person_of(kf_json_get(o, "owner"), elsewhere);
    s->person = person_of(person, elsewhere);
    s->person_email = safe_of(person, "email");
}

void kf_model_step(kf_model *m, const kf_json *answer) {
    const kf_json *o = kf_json_get(answer, "step");
    set_text(&m->flow, kf_json_str(answer, "flow"));
    if (!kf_json_is_obj(o)) return;
    kf_mstep *s = &m->step;
    uint32_t serial = (uint32_t)kf_json_int_or(o, "serial", 0);
    if (s->any && s->serial == serial && s->kind == KF_STEP_CHOOSE && s->more_choices) {
        add_choices(s, kf_json_get(o, "choices"));
        s->more_choices = kf_json_bool(o, "choices_more", false);
        return;
    }
    step_done(s);
    s->any = true;
    s->serial = serial;
    s->kind = kind_from(kf_json_str_or(o, "kind", ""));
    for (int f = 0; f < KF_FIELD_COUNT; f++)
        if (kf_str_eq(kf_field_name((kf_field)f), kf_json_str_or(o, "field", "")))
            s->field = (kf_field)f;
    for (int n = 0; n < KF_NOTE_COUNT; n++)
        if (kf_str_eq(kf_note_name((kf_note)n), kf_json_str_or(o, "note", "")))
            s->note = (kf_note)n;
    s->acts = acts_from(kf_json_get(o, "acts"));
    s->note_arg = safe_of(o, "note_arg");
    add_choices(s, kf_json_get(o, "choices"));
    s->more_choices = kf_json_bool(o, "choices_more", false);
    s->ends_at = deadline(m, o, "left_ms");
    s->since_ms = m->now_ms;
    read_place(m, o, s);
    read_persons(o, s);
    read_failure(kf_json_get(o, "failure"), &s->err, &s->failed);
    const kf_json *p = kf_json_get(o, "profile");
    s->email = safe_of(p, "user_email");
    s->organization = safe_of(p, "org_name");
    if (!kf_str_set(s->profile, sizeof s->profile, kf_json_str_or(p, "id", ""))) s->profile[0] = 0;
    if (kf_json_is_obj(p)) kf_model_profile(m, p);
}

void kf_model_init(kf_model *m) {
    memset(m, 0, sizeof *m);
    char **texts[] = {&m->store_kind,  &m->store_state, &m->store_why,  &m->store_choice,
                      &m->agent_build, &m->flow,        &m->sandbox_url};
    for (size_t i = 0; i < KF_LEN(texts); i++) *texts[i] = kf_strdup("");
    m->config_path = kf_strdup("~/.config/keyfob/keyfob.conf");
}

static void nothing(void *p) { (void)p; }

void kf_model_done(kf_model *m) {
    tdestroy(m->by_id, nothing);
    for (size_t i = 0; i < m->n; i++) profile_free(m->profile[i]);
    free(m->profile);
    step_done(&m->step);
    kf_secret_free(m->env_api_key);
    free(m->env_client_id);
    char *texts[] = {m->store_kind,  m->store_state, m->store_why,   m->store_choice,
                     m->agent_build, m->flow,        m->config_path, m->sandbox_url};
    for (size_t i = 0; i < KF_LEN(texts); i++) free(texts[i]);
    memset(m, 0, sizeof *m);
}
