/* What the world does to the keeper: agents come, go and are killed, people and programs call, and
 * things go wrong for a while. */
#include "tests/sim/sim.h"

#include <stdio.h>

enum { STOP_MS = 10 * 1000, PARTS = 3 };

/* ---- agents ---- */

static bool env_memory(void *user) { return false; }
static bool env_opening(void *user) { return false; }
static void env_stored(void *user) {}

/* A store is opened at the first use, as in the agent. */
static void open_store(void *user) {
    proc *p = user;
    if (p->store_now) return;
    p->store_now = &p->store;
    if (p->keeper) kf_keeper_reload(p->keeper);
}

static void urgent_found(void *user) {
    proc *p = user;
    open_store(p);
    if (p->keeper) kf_keeper_go_on(p->keeper);
}

int sim_alive(void) {
    int n = 0;
    for (int i = 0; i < AGENTS; i++) n += S.agent[i].alive;
    return n;
}

static void conf_set(proc *p) {
    p->conf.n = PROFILES;
    for (int i = 0; i < PROFILES; i++) {
        kf_conf_profile *c = &p->conf.profile[i];
        *c = (kf_conf_profile){.git_host = "", .confidential = i == 0};
        snprintf(c->id, sizeof c->id, "%s", sim_ids[i]);
        snprintf(c->name, sizeof c->name, "p%d", i);
        snprintf(c->client_id, sizeof c->client_id, "client_sim");
        snprintf(c->api_host, sizeof c->api_host, "https://api.workos.test");
    }
}

void sim_agent_start(proc *p) {
    int number = p->number;
    if (!sim_alive()) sim_disturb(-1);
    while (S.orphans) S.orphans--, sim_disturb(-1);
    *p = (proc){.number = number, .alive = true, .life = S.order++};
    p->loop.p = p->worker.p = p->http.p = p->store.p = p;
    p->conf_now = &p->conf;
    conf_set(p);
    sim_story("agent %d: starts", p->number);
    kf_keeper_env env = {.loop = &p->loop,
                         .worker = &p->worker,
                         .http = &p->http,
                         .state_dir = "/s",
                         .store = &p->store_now,
                         .conf = &p->conf_now,
                         .locked = &p->locked,
                         .user = p,
                         .store_is_memory = env_memory,
                         .store_is_opening = env_opening,
                         .open_store = open_store,
                         .secret_stored = env_stored};
    proc *cur = S.cur;
    S.cur = p;
    p->keeper = kf_keeper_new(&env, NULL);
    if (!p->keeper) abort();
    kf_keeper_look_for_urgent(p->keeper, urgent_found, p);
    S.cur = cur;
}

/* stored: only what a store had once; what it never had stays in the agent's memory. */
static void held_until_now(const proc *p, int first_profile, bool stored) {
    for (int s = 0; s < S.n_sessions; s++)
        for (int t = 0; S.session[s].profile >= first_profile && t <= S.session[s].current; t++)
            if (S.session[s].holder[t] == p &&
                (!stored || S.session[s].kept[t] || S.session[s].lost_at[t])) {
                S.session[s].holder[t] = NULL;
                S.session[s].held_until[t] = sim_true_ms();
            }
}

static void agent_gone(proc *p, bool finish) {
    proc *cur = S.cur;
    held_until_now(p, 0, false);
    p->alive = false;
    p->dead = !finish;
    S.cur = p;
    p->keeper = kf_keeper_free(p->keeper);
    sim_jobs_end(p, finish);
    sim_ops_end(p);
    sim_requests_end(p);
    sim_disk_close(p);
    if (sim_has_timers(p) && finish)
        sim_broken("nothing is left", "agent %d ends and has left timers", p->number);
    sim_drop_events(p);
    S.cur = cur;
    p->dead = p->dying = false;
    p->stopped_until = 0;
    if (!sim_alive()) sim_disturb(1);
}

void sim_agent_crash(proc *p) {
    if (!p->alive) return;
    S.crashes++;
    sim_story("agent %d: is killed", p->number);
    p->dead = true;
    agent_gone(p, false);
    S.orphans++; /* only who starts looks for what it left */
    sim_disturb(1);
}

void sim_agent_end(proc *p) {
    sim_story("agent %d: ends", p->number);
    agent_gone(p, true);
}

static void stop_on(void *user) {
    proc *p = user;
    bool busy = kf_keeper_busy(p->keeper);
    S.cur = NULL; /* it is freed here */
    if (busy && S.now - p->stop_since < STOP_MS) {
        sim_after(p, 50, stop_on, p);
        return;
    }
    KF_AUTO(kf_json) risk = kf_keeper_unsaved(p->keeper, KF_UNSAVED_AT_RISK);
    p->stopping = false;
    if (kf_json_count(risk)) sim_story("agent %d: refuses to stop", p->number);
    else sim_agent_end(p);
}

static void stop(proc *p) {
    if (p->stopping) return;
    sim_story("agent %d: is asked to stop", p->number);
    p->stopping = true;
    p->stop_since = S.now;
    kf_keeper_save_now(p->keeper);
    sim_after(p, 0, stop_on, p);
}

void sim_power_cut(void) {
    sim_story("the power goes");
    for (int i = 0; i < AGENTS; i++) sim_agent_crash(&S.agent[i]);
    sim_provider_dies();
    sim_disk_power();
    S.boots++;
    S.boot = S.now;
    sim_disturb(1);
    S.ahead += sim_between(1000, 20000); /* until it is back */
    sim_disturb(-1);
}

/* ---- callers ---- */

typedef struct ask {
    proc *p;
    int profile, session; /* session: of a sign-in */
    bool renew;
    const char *what;
    uint64_t begun;
} ask;

static ask *ask_new(proc *p, int profile, const char *what) {
    ask *q = malloc(sizeof *q);
    if (!q) abort();
    *q = (ask){.p = p, .profile = profile, .what = what, .begun = S.order++};
    S.asked++;
    S.open_asks++;
    sim_story("caller: %s %llu of p%d at agent %d", what, (unsigned long long)q->begun, profile,
              p->number);
    return q;
}

/* False: the caller was cut off, because the agent has died. */
static bool heard(ask *q, const kf_err *err) {
    S.open_asks--;
    S.answered++;
    if (q->p->dead || q->p->dying || !q->p->alive) {
        sim_story("caller: %s %llu of p%d: cut off", q->what, (unsigned long long)q->begun,
                  q->profile);
        return false;
    }
    sim_story("caller: %s %llu of p%d: %s%s%s", q->what, (unsigned long long)q->begun, q->profile,
              err ? kf_err_name(err->code) : "done", err ? ": " : "", err ? err->what : "");
    return true;
}

static void token_here(void *user, const kf_token *t, const kf_err *err) {
    ask *q = user;
    if (heard(q, err) && t) {
        S.tokens++;
        sim_check_published(q->p, q->profile, t, q->renew);
    }
    free(q);
}

/* What was over before this call began counts no more; what ran beside it may have come last. */
static void accept_since(const ask *q) {
    for (int s = 0; s < S.n_sessions; s++)
        if (S.session[s].answered_at && S.session[s].answered_at < q->begun)
            S.acceptable[q->profile][s] = false;
}

static void signed_in(void *user, const kf_err *err) {
    ask *q = user;
    if (heard(q, err) && !err) {
        sim_story("caller: p%d is signed in, session %d", q->profile, q->session);
        accept_since(q);
        S.may_be_out[q->profile] = S.outs[q->profile] || S.out_at[q->profile] > q->begun;
        S.acceptable[q->profile][q->session] = true;
    }
    S.session[q->session].answered_at = S.order++;
    S.ins[q->profile]--;
    free(q);
}

static void signed_out(void *user, bool ended, const kf_err *note, const kf_err *err) {
    ask *q = user;
    if (heard(q, err) && !err) {
        sim_story("caller: p%d is signed out", q->profile);
        accept_since(q);
        S.may_be_out[q->profile] = true;
    }
    S.outs[q->profile]--;
    S.out_at[q->profile] = S.order++;
    free(q);
}

static void switched(void *user, const kf_err *err) {
    heard(user, err);
    free(user);
}

static void ask_token(proc *p, int profile) {
    ask *q = ask_new(p, profile, "token");
    q->renew = sim_chance(600);
    int64_t least = sim_chance(200) ? sim_between(0, S.life_s * 1000) : -1;
    kf_keeper_token(p->keeper, sim_ids[profile], least, q->renew, token_here, q);
}

static void sign_in(proc *p, int profile) {
    if (S.n_sessions + 10 >= SESSIONS) return;
    int s = sim_sign_in(profile);
    kf_session *made = sim_session_made(p, s);
    if (!made) abort();
    ask *q = ask_new(p, profile, "sign-in");
    q->session = s;
    S.ins[profile]++;
    S.session[s].holder[0] = p;
    S.session[s].held_since[0] = sim_true_ms();
    S.acceptable[profile][s] = true; /* stored or not, until the answer says which */
    S.may_be_out[profile] = true;
    sim_story("caller: p%d signs in at agent %d, session %d", profile, p->number, s);
    kf_keeper_adopt(p->keeper, sim_ids[profile], made, false, true, signed_in, q);
}

static void sign_out(proc *p, int profile) {
    ask *q = ask_new(p, profile, "sign-out");
    S.outs[profile]++;
    S.may_be_out[profile] = true;
    sim_story("caller: p%d signs out at agent %d", profile, p->number);
    kf_keeper_sign_out(p->keeper, sim_ids[profile], sim_chance(200), signed_out, q);
}

static void switch_organization(proc *p, int profile) {
    ask *q = ask_new(p, profile, "switch");
    sim_story("caller: p%d switches at agent %d", profile, p->number);
    kf_keeper_switch(p->keeper, sim_ids[profile], sim_chance(500) ? "org_2" : "org_1", switched, q);
}

/* keyfob.conf without its profiles for a moment, and again with them. */
static void conf_back(void *user) {
    proc *p = user;
    p->conf.n = PROFILES;
    kf_keeper_reload(p->keeper);
}

static void conf_away(proc *p) {
    if (p->conf.n != PROFILES) return;
    sim_story("agent %d: the settings lack profiles", p->number);
    p->conf.n = sim_pick(PROFILES);
    held_until_now(p, (int)p->conf.n, true);
    kf_keeper_reload(p->keeper);
    sim_after(p, sim_between(10, 4000), conf_back, p);
}

/* ---- what happens ---- */

static int64_t about(int64_t low, int64_t high) { /* each size as likely as the next */
    int64_t most = low;
    while (most < high && sim_chance(750)) most *= 2;
    return sim_between(low, most > high ? high : most);
}

static proc *somebody(void) {
    proc *p = &S.agent[sim_pick(AGENTS)];
    for (int i = 0; i < AGENTS && !p->alive; i++) p = &S.agent[(p->number + 1) % AGENTS];
    return p->alive ? p : NULL;
}

/* A guest that is paused: its boot clock stands still, and its wall clock is right afterwards. */
static void machine_pauses(void) {
    int64_t ms = about(1000, 3600 * 1000);
    sim_story("the machine is paused for %lld ms", (long long)ms);
    sim_disturb(1);
    S.ahead += ms;
    sim_disturb(-1);
}

static void goes_on(void *user) { sim_disturb(-1); }

static void rare(proc *p, int profile) {
    switch (sim_pick(13)) {
    case 0: sim_agent_crash(p); break;
    case 1: p->steps_left = (int)sim_between(1, 14); break;
    case 2: p->steps_left = (int)sim_between(1, 14); break;
    case 3: stop(p); break;
    case 4:
        if (sim_chance(400)) sim_power_cut();
        break;
    case 5: sim_provider_dies(); break;
    case 6:
        if (p->stopped_until > S.now) break;
        p->stopped_until = S.now + sim_between(500, 40000);
        sim_story("agent %d: is stopped for %lld ms", p->number,
                  (long long)(p->stopped_until - S.now));
        sim_disturb(1);
        sim_after(NULL, p->stopped_until - S.now, goes_on, NULL);
        break;
    case 7: conf_away(p); break;
    case 8: sign_out(p, profile); break;
    case 9: sign_in(p, profile); break;
    case 10: switch_organization(p, profile); break;
    case 11: kf_keeper_save_now(p->keeper); break;
    case 12: machine_pauses(); break;
    }
}

static void tick(void *user) {
    int profile = (int)sim_pick(PROFILES);
    proc *p = somebody();
    if (S.is_calm) return;
    sim_after(NULL, sim_between(1, 2 * S.gap_ms), tick, NULL);
    if (!p || (sim_alive() < AGENTS && sim_chance(30))) {
        p = &S.agent[sim_pick(AGENTS)];
        if (!p->alive && (sim_alive() == 0 || sim_chance(500))) sim_agent_start(p);
        return;
    }
    if (p->stopped_until > S.now) return;
    S.cur = p;
    open_store(p);
    if (S.may_be_out[profile] && !S.ins[profile] && sim_chance(500)) sign_in(p, profile);
    else if (sim_chance(60)) {
        S.cur = NULL;
        rare(p, profile);
    } else ask_token(p, profile);
}

/* ---- trouble ---- */

static trouble *const part[PARTS] = {&S.net, &S.store, &S.disk};

static void trouble_begins(void *user);

static void trouble_ends(void *user) {
    trouble *t = user;
    if (*t == NO_TROUBLE) return;
    if (*t == STORE_OLD) sim_other_store(false);
    *t = NO_TROUBLE;
    sim_disturb(-1);
    sim_story("%s: all is well again", t == &S.net ? "net" : t == &S.store ? "store" : "disk");
    if (!S.is_calm) sim_after(NULL, about(500, 60000), trouble_begins, t);
}

static void trouble_begins(void *user) {
    static const char *const name[] = {
        "",           "down", "hangs",   "loses answers", "late",    "queues", "a page",
        "page after", "429",  "lies",    "refuses",       "doubles", "a mix",  "slow",
        "shut",       "full", "no save", "an old one",    "slow",    "fails"};
    trouble *t = user;
    if (S.is_calm) return;
    if (t == &S.net) *t = NET_DOWN + (int)sim_pick(STORE_SLOW - NET_DOWN);
    else if (t == &S.store) *t = STORE_SLOW + (int)sim_pick(DISK_SLOW - STORE_SLOW);
    else *t = DISK_SLOW + (int)sim_pick(TROUBLES - DISK_SLOW);
    if (*t == STORE_OLD) sim_other_store(true);
    sim_disturb(1);
    sim_story("%s: trouble: %s", t == &S.net ? "net" : t == &S.store ? "store" : "disk", name[*t]);
    sim_after(NULL, about(200, 60000), trouble_ends, t);
}

void sim_people_start(void) {
    int n = 1 + (int)sim_pick(AGENTS);
    for (int i = 0; i < AGENTS; i++) S.agent[i].number = i;
    static const char key[] = "{\"key\":\"sk_test_sim\",\"origin\":\"https://api.workos.test\","
                              "\"client_id\":\"client_sim\"}";
    KF_AUTO(kf_secret) blob = kf_secret_new(key, sizeof key - 1);
    sim_put(0, 1, blob);
    sim_disturb(1); /* nobody lives yet */
    for (int i = 0; i < n; i++) sim_agent_start(&S.agent[i]);
    for (int i = 0; i < PROFILES; i++) {
        S.cur = &S.agent[0];
        open_store(S.cur);
        sign_in(S.cur, i);
        S.cur = NULL;
    }
    sim_after(NULL, 1000, tick, NULL);
    for (int i = 0; i < PARTS; i++)
        if (sim_chance(700)) sim_after(NULL, about(500, 60000), trouble_begins, part[i]);
}

/* ---- the end: nothing goes wrong any more, and one agent at least is there ---- */

static void last_here(void *user, const kf_token *t, const kf_err *err) {
    sim_last *l = user;
    l->is_answered = true;
    l->has_token = t != NULL;
    if (t && !sim_token_of(t->session->refresh_token, &l->session, &l->token)) abort();
    l->current = t ? S.session[l->session].current : -1;
    if (err) l->err = *err;
    if (err)
        sim_story("caller: last token of p%d: %s: %s", l->profile, kf_err_name(err->code),
                  err->what);
}

void sim_people_end(sim_last last[PROFILES]) {
    S.is_calm = true;
    for (int i = 0; i < AGENTS; i++) S.agent[i].steps_left = 0;
    sim_story("the end begins: all is well");
    for (int i = 0; i < PARTS; i++) trouble_ends(part[i]);
    proc *p = NULL;
    for (int i = 0; i < AGENTS && !p; i++)
        if (!S.agent[i].alive) sim_agent_start(p = &S.agent[i]);
    if (!p) p = somebody();
    S.cur = p;
    open_store(p);
    S.cur = NULL;
    sim_run(S.now + 11 * 60 * 1000);                         /* longer than any back-off */
    if (!(p = somebody())) sim_agent_start(p = &S.agent[0]); /* that one was asked to stop */
    open_store(p);
    for (int i = 0; i < PROFILES; i++) {
        last[i] = (sim_last){.profile = i};
        S.cur = p;
        kf_keeper_token(p->keeper, sim_ids[i], -1, true, last_here, &last[i]);
        S.cur = NULL;
    }
    sim_run(S.now + 60 * 1000);
}
