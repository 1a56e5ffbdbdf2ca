/* The messages of io.keyfob.Agent: builds calls, replies, errors and sign-in steps, and reads
 * replies. It sends nothing. */
#include "wire/msg.h"

#include "base/str.h"

enum { CHOICES_A_FRAME = 500 };

kf_json *kf_msg_call(const char *method, kf_json *params, bool more) {
    kf_json *j = kf_json_obj();
    KF_AUTO_CHARS full = kf_strfmt("%s%s", strchr(method, '.') ? "" : KF_IFACE ".", method);
    kf_json_set_str(j, "method", full);
    kf_json_set(j, "parameters", params ? params : kf_json_obj());
    if (more) kf_json_set_bool(j, "more", true);
    return j;
}

kf_json *kf_msg_reply(kf_json *params, bool continues) {
    kf_json *j = kf_json_obj();
    kf_json_set(j, "parameters", params ? params : kf_json_obj());
    if (continues) kf_json_set_bool(j, "continues", true);
    return j;
}

kf_json *kf_msg_failure(const kf_err *e) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "name", kf_err_name(e->code));
    kf_json_set_str(j, "what", e->what);
    kf_json_set_str(j, "hint", e->hint);
    if (e->status) kf_json_set_int(j, "status", e->status);
    if (*e->upstream) kf_json_set_str(j, "upstream", e->upstream);
    if (*e->request_id) kf_json_set_str(j, "request_id", e->request_id);
    if (e->retry_after >= 0) kf_json_set_int(j, "retry_after", e->retry_after);
    return j;
}

kf_json *kf_msg_error(const kf_err *e) {
    kf_json *j = kf_json_obj(), *p = kf_json_obj();
    kf_json_set_str(j, "error", KF_IFACE ".Failed");
    kf_json_set(p, "failure", kf_msg_failure(e));
    kf_json_set(j, "parameters", p);
    return j;
}

/* The sender has the same struct, so its texts fit. */
static void copy(char *dst, size_t size, const char *src) { (void)kf_str_cut(dst, size, src); }

void kf_msg_read_failure(const kf_json *f, kf_err *out) {
    kf_err e = {.code = kf_err_from_name(kf_json_str(f, "name")),
                .retry_after = (int32_t)kf_json_int_or(f, "retry_after", -1)};
    if (e.code == KF_ERR_NONE) e.code = KF_ERR_SYS_BUG;
    copy(e.what, sizeof e.what, kf_json_str(f, "what"));
    copy(e.hint, sizeof e.hint, kf_json_str(f, "hint"));
    copy(e.upstream, sizeof e.upstream, kf_json_str(f, "upstream"));
    copy(e.request_id, sizeof e.request_id, kf_json_str(f, "request_id"));
    e.status = (int)kf_json_int_or(f, "status", 0);
    *out = e;
}

bool kf_msg_result(const kf_json *msg, const kf_json **params, bool *continues, kf_err *err) {
    const char *error = kf_json_str(msg, "error");
    const kf_json *p = kf_json_get(msg, "parameters");
    if (error) {
        const kf_json *f = kf_json_get(p, "failure");
        kf_err e;
        if (kf_json_is_obj(f)) kf_msg_read_failure(f, &e);
        else kf_fail(&e, KF_ERR_WIRE_METHOD, "the agent answered %.100s", error);
        if (err) *err = e;
        return false;
    }
    if (!kf_json_is_obj(p))
        return kf_fail(err, KF_ERR_WIRE_BAD_FRAME, "the agent's answer has no parameters");
    *params = p;
    if (continues) *continues = kf_json_bool(msg, "continues", false);
    return true;
}

static kf_json *acts_of(uint32_t acts) {
    kf_json *a = kf_json_arr();
    for (unsigned i = KF_ACT_SUBMIT; i < KF_ACT_COUNT; i++)
        if (acts & 1u << i) kf_json_add(a, kf_json_new_str(kf_flow_act_name((kf_flow_act)i)));
    return a;
}

static kf_json *person_of(const kf_person *p) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "user_id", p->user_id);
    kf_json_set_str(j, "email", p->email);
    kf_json_set_str(j, "name", p->name);
    kf_json_set_str(j, "client_id", p->client_id);
    kf_json_set_str(j, "api_host", p->origin);
    return j;
}

kf_json *kf_msg_step(const kf_step *s, size_t first) {
    kf_json *j = kf_json_obj();
    kf_json_set_int(j, "serial", s->serial);
    kf_json_set_str(j, "kind", kf_step_kind_name(s->kind));
    kf_json_set_str(j, "field", kf_field_name(s->field));
    kf_json_set(j, "acts", acts_of(s->acts));
    kf_json_set_str(j, "note", kf_note_name(s->note));
    kf_json_set_str(j, "note_arg", s->note_arg);
    kf_json_set_str(j, "url", s->url);
    kf_json_set_str(j, "user_code", s->user_code);
    kf_json_set_secret(j, "qr", s->qr);
    kf_json_set_secret(j, "qr_text", s->qr_text);
    if (s->owner) kf_json_set(j, "owner", person_of(s->owner));
    if (s->person) kf_json_set(j, "person", person_of(s->person));
    if (s->err.code != KF_ERR_NONE) kf_json_set(j, "failure", kf_msg_failure(&s->err));
    if (s->kind == KF_STEP_CHOOSE) {
        kf_json *list = kf_json_arr();
        size_t end = s->n_choice - first > CHOICES_A_FRAME ? first + CHOICES_A_FRAME : s->n_choice;
        for (size_t i = first; i < end; i++) {
            kf_json *c = kf_json_obj();
            kf_json_set_str(c, "id", s->choice[i].id);
            kf_json_set_str(c, "label", s->choice[i].label);
            kf_json_set_str(c, "detail", s->choice[i].detail);
            kf_json_add(list, c);
        }
        kf_json_set(j, "choices", list);
        kf_json_set_bool(j, "choices_more", end < s->n_choice);
    }
    return j;
}
