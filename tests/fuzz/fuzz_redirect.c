/* The query of a redirect, as the listener hands it over: only a query with the flow's own state
 * and one code asks WorkOS for a session, with that code. */
#include "auth/flow.h"
#include "base/str.h"
#include "fuzz.h"

static const kf_moment now = {.unix_s = 1700000000, .boot_ms = 1, .boot_id = "b"};

static void hash(const void *p, size_t n, uint8_t out[32]) {
    memset(out, (int)n, 32);
    for (size_t i = 0; i < n; i++) out[i % 32] ^= ((const uint8_t *)p)[i];
}

static bool has_own_state(const char *query, const char *state) {
    const char *at = strstr(query, state);
    return at && strchr(query, '=');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input in = {data, size};
    unsigned how = fuzz_byte(&in);
    kf_flow_opts o = {.method = KF_BY_BROWSER,
                      .client_id = "client_1",
                      .origin = "https://api.example.test",
                      .max_age = -1,
                      .sha256 = hash,
                      .now_ms = 1};
    KF_AUTO(kf_flow) f = kf_flow_new(&o, NULL);
    kf_job listen, job;
    hold(f && kf_flow_next_job(f, &listen) && listen.kind == KF_JOB_LISTEN);
    KF_AUTO_CHARS state = kf_strdup(listen.state);
    kf_flow_listening(f, listen.id, 4000);
    KF_AUTO_CHARS rest = fuzz_text(&in, in.n);
    /* with the right state, so that what is behind it is reached; with none; pasted as an address
     */
    KF_AUTO_CHARS query = how & 1 ? kf_strfmt("%s&state=%s", rest, state) : kf_strdup(rest);
    if (how & 2) {
        KF_AUTO_CHARS url = kf_strfmt("http://127.0.0.1:4000/callback?%s", query);
        KF_AUTO(kf_secret) v = kf_secret_new(url, strlen(url));
        const kf_step *s = kf_flow_step(f);
        uint32_t serial = s->serial;
        if (!kf_flow_answer(f, serial, KF_ACT_SUBMIT, v, NULL))
            hold(kf_flow_step(f)->serial == serial);
    } else {
        KF_AUTO(kf_secret) q = kf_secret_new(query, strlen(query));
        kf_flow_job_done(f, listen.id, 200, q, -1, NULL, NULL, &now);
    }
    bool asks = false;
    while (kf_flow_next_job(f, &job)) {
        if (job.kind != KF_JOB_REQUEST) continue;
        asks = true;
        hold(job.body && strstr(kf_secret_peek(job.body), "\"code\":"));
    }
    hold(!asks || (has_own_state(query, state) && strstr(query, "code")));
    hold(kf_flow_step(f)->kind != KF_STEP_DONE);
    return 0;
}
