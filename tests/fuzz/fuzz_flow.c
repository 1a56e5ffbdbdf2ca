/* Bytes -> answers of a person and replies of WorkOS. Each round takes one byte of
 * choice, two of length and so many of content. What must hold whatever comes: a step
 * is always there, a refused answer changes nothing, a session only with DONE. */
#include <stddef.h>
#include <stdint.h>
#include "auth/flow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct input {
    const uint8_t *p;
    size_t n;
} input;

static unsigned byte(input *in) { return in->n ? (in->n--, *in->p++) : 0; }

static kf_secret *text(input *in) {
    size_t n = byte(in) << 8 | byte(in);
    if (n > in->n) n = in->n;
    kf_secret *s = kf_secret_new(in->p, n);
    in->p += n;
    in->n -= n;
    return s;
}

static void hold(bool truth) {
    if (!truth) abort();
}

static void check(const kf_flow *f) {
    const kf_step *s = kf_flow_step(f);
    hold(s && *kf_step_kind_name(s->kind) && s->note < KF_NOTE_COUNT);
    hold((s->kind == KF_STEP_FIELD) == (s->field != KF_FIELD_NONE));
    hold(s->kind != KF_STEP_CHOOSE || (s->n_choice && s->choice && s->acts == 1u << KF_ACT_CHOOSE));
    hold(s->kind != KF_STEP_FAILED || s->err.code != KF_ERR_NONE);
    for (size_t i = 0; i < s->n_choice; i++)
        hold(s->choice[i].id[0] && s->choice[i].label && s->choice[i].detail);
}

static void reply(kf_flow *f, const kf_job *j, unsigned what, const kf_secret *body) {
    static const int status[] = {200, 201, 400, 401, 403, 404, 408, 422,
                                 429, 500, 502, 302, 0,   200, 403, 400};
    static const kf_moment now = {
        .unix_s = 1700000000, .boot_ms = 1, .boot_id = "b", .date = 1700000001};
    hold(j->kind == KF_JOB_REQUEST && j->path && j->path[0] == '/' &&
         !strpbrk(j->path, " ?#%.\r\n"));
    kf_err e;
    kf_fail(&e, KF_ERR_NET_BROKEN, "as the input says");
    int st = status[what & 15];
    kf_flow_job_done(f, j->id, st, what & 16 ? NULL : body, (int32_t)(what >> 5), "req",
                     st ? NULL : &e, &now);
    hold(kf_flow_step(f)->kind != KF_STEP_WAIT ||
         st); /* no answer never leaves the person waiting */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input in = {data, size};
    unsigned how = byte(&in);
    KF_AUTO(kf_secret) key = kf_secret_new("sk_test_1", 9);
    kf_flow_opts o = {.method = KF_BY_PASSWORD,
                      .client_id = "client_1",
                      .api_key = key,
                      .origin = "https://api.example.test",
                      .email = how & 1 ? "a@b.c" : NULL,
                      .organization_id = how & 2 ? "org_1" : NULL};
    KF_AUTO(kf_flow) f = kf_flow_new(&o, NULL);
    hold(f);
    for (int round = 0; round < 24 && in.n; round++) {
        const kf_step *s = kf_flow_step(f);
        uint32_t serial = s->serial;
        unsigned what = byte(&in);
        KF_AUTO(kf_secret) v = text(&in);
        kf_job j;
        if (kf_flow_next_job(f, &j)) {
            if (what == 255) kf_flow_cancel(f);
            reply(f, &j, what, v);
        } else if (s->kind == KF_STEP_CHOOSE && what & 1) { /* a choice that is there */
            char id[96];
            memcpy(id, s->choice[what / 2 % s->n_choice].id, sizeof id);
            KF_AUTO(kf_secret) chosen = kf_secret_new(id, strlen(id));
            hold(kf_flow_answer(f, serial, KF_ACT_CHOOSE, chosen, NULL));
        } else if (!kf_flow_answer(f, serial, (kf_flow_act)(what % 8), v, NULL))
            hold(kf_flow_step(f)->serial == serial);
        check(f);
    }
    bool done = kf_flow_step(f)->kind == KF_STEP_DONE;
    KF_AUTO(kf_session) session = kf_flow_take_session(f);
    hold(done == (session != NULL));
    return 0;
}
