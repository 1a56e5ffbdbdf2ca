/* Bytes -> answers of a person and replies of WorkOS. Each round takes one byte of
 * choice, two of length and so many of content. What must hold whatever comes: a step
 * is always there, a refused answer changes nothing, a session only with DONE. */
#include <stddef.h>
#include <stdint.h>
#include "auth/flow.h"
#include "base/str.h"

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
    hold(s->kind != KF_STEP_FIELD || s->field != KF_FIELD_NONE);
    hold(s->kind != KF_STEP_SHOW_QR || (kf_secret_len(s->qr) && kf_secret_len(s->qr_text)));
    hold(!s->url || !strpbrk(s->url, " \r\n\t\x1b\"<>"));
    hold(s->kind != KF_STEP_CHOOSE || (s->n_choice && s->choice && s->acts == 1u << KF_ACT_CHOOSE));
    hold(s->kind != KF_STEP_FAILED || s->err.code != KF_ERR_NONE);
    for (size_t i = 0; i < s->n_choice; i++)
        hold(s->choice[i].id[0] && s->choice[i].label && s->choice[i].detail);
}

static void plain_hash(const void *p, size_t n, uint8_t out[32]) {
    memset(out, (int)n, 32);
    for (size_t i = 0; i < n; i++) out[i % 32] ^= ((const uint8_t *)p)[i];
}

static void reply(kf_flow *f, const kf_job *j, unsigned what, const kf_secret *body) {
    static const int status[] = {200, 201, 400, 401, 403, 404, 408, 422,
                                 429, 500, 502, 302, 0,   200, 403, 400};
    static kf_moment now = {.unix_s = 1700000000, .boot_ms = 1, .boot_id = "b", .date = 1700000001};
    kf_err e;
    kf_fail(&e, KF_ERR_NET_BROKEN, "as the input says");
    if (j->kind == KF_JOB_WAIT_UNTIL) {
        now.boot_ms = j->at_ms;
        kf_flow_job_done(f, j->id, 200, NULL, -1, NULL, NULL, &now);
        return;
    }
    int st = status[what & 15];
    if (j->kind == KF_JOB_LISTEN) {
        kf_flow_listening(f, j->id, 4000 + (int)what);
        if (what & 1) return; /* nobody comes; an address may be pasted */
        /* half of them with the right state, so that what is behind it is reached */
        KF_AUTO_CHARS query =
            kf_strfmt("state=%s&%s", what & 2 ? j->state : "x", kf_secret_peek(body));
        KF_AUTO(kf_secret) q = kf_secret_new(query, strlen(query));
        kf_flow_job_done(f, j->id, st ? 200 : 0, q, -1, NULL, st ? NULL : &e, &now);
        return;
    }
    hold(j->path && j->path[0] == '/' && !strpbrk(j->path, " #%.\r\n"));
    bool waiting = kf_flow_step(f)->kind == KF_STEP_WAIT;
    kf_flow_job_done(f, j->id, st, what & 16 ? NULL : body, (int32_t)(what >> 5), "req",
                     st ? NULL : &e, &now);
    kf_job more;
    /* no answer leaves the person waiting for something that is not under way */
    hold(kf_flow_step(f)->kind != KF_STEP_WAIT || !waiting || st || kf_flow_next_job(f, &more));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input in = {data, size};
    unsigned how = byte(&in);
    KF_AUTO(kf_secret) key = kf_secret_new("sk_test_1", 9);
    kf_flow_opts o = {.method = (kf_method)((how >> 2) % KF_METHOD_COUNT),
                      .client_id = "client_1",
                      .api_key = how & 128 ? NULL : key,
                      .origin = "https://api.example.test",
                      .email = how & 1 ? "a@b.c" : NULL,
                      .organization_id = how & 2 ? "org_1" : NULL,
                      .max_age = -1,
                      .sha256 = plain_hash,
                      .now_ms = 1};
    KF_AUTO(kf_flow) f = kf_flow_new(&o, NULL);
    hold(f || !o.api_key);
    if (!f) return 0;
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
