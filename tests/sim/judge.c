/* What must hold. A session may be lost only when it could not have been kept: no stretch of
 * QUIET_MS without trouble lay in the time in which WorkOS would still have given the pair, or in
 * which an agent had it and could have stored it. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include "keeper/keeper_impl.h"

enum { QUIET_MS = 10 * 1000, ASKED_MS = 25 * 1000 };

void sim_disturb(int by) {
    int64_t now = sim_true_ms();
    if (!S.disturbed && by > 0) {
        size_t most = KF_LEN(S.quiets);
        if (S.n_quiets == most) memmove(S.quiets, S.quiets + 1, --S.n_quiets * sizeof *S.quiets);
        S.quiets[S.n_quiets++] = (quiet){S.quiet_since, now};
    }
    S.disturbed += by;
    if (S.disturbed < 0) abort();
    if (!S.disturbed) S.quiet_since = now;
}

static int64_t overlap(quiet q, int64_t from, int64_t to) {
    if (q.from < from) q.from = from;
    if (q.to > to) q.to = to;
    return q.to - q.from;
}

static bool was_quiet(int64_t from, int64_t to) {
    for (size_t i = 0; i < S.n_quiets; i++)
        if (overlap(S.quiets[i], from, to) >= QUIET_MS) return true;
    return !S.disturbed && overlap((quiet){S.quiet_since, sim_true_ms()}, from, to) >= QUIET_MS;
}

/* At the moment of sending: a token that is spent, though its successor is stored. */
void sim_check_spent(int session, int token) {
    sim_session *s = &S.session[session];
    int64_t used = s->used_at[token], now = sim_true_ms(), age = now - used;
    char text[64], fp[33], boot[37];
    kf_ledger l = {0};
    const char *line = sim_disk_ledger(s->profile);
    snprintf(text, sizeof text, "rt_%d_%d_x", session, token);
    KF_AUTO(kf_secret) secret = kf_secret_new(text, strlen(text));
    kf_token_fp(secret, fp);
    bool readable = kf_ledger_parse(line, strlen(line), &l, NULL) && kf_boot_id(boot, NULL);
    const kf_intent *i = readable ? kf_ledger_intent_for(&l, fp) : NULL;
    if (i)
        s->sent_at[token] = now - kf_intent_age_ms(i, i->host_id, boot, kf_boot_ms(), kf_unix_s());
    /* who cannot see the store as it was, and whose ledger means this one, cannot know better */
    if (S.store == STORE_OLD && kf_str_eq(l.fp, fp)) return;
    if (used && age > WINDOW_MS && s->kept[token + 1])
        sim_broken("no token is spent outside its window",
                   "token %d of session %d is sent %lld ms after its first use; a store has token "
                   "%d",
                   token, session, (long long)age, token + 1);
}

void sim_check_published(const proc *p, int profile, const kf_token *t, bool renewed) {
    int s, n;
    if (!sim_token_of(t->session->refresh_token, &s, &n)) abort();
    if (t->unsaved) S.unsaved_told++;
    if (!t->unsaved && !S.session[s].kept[n] && !S.session[s].lost_at[n])
        sim_broken("nothing is published that is not stored",
                   "agent %d gives token %d of session %d, which no store has", p->number, n, s);
    int64_t over = sim_true_ms() - t->session->exp * 1000;
    if (over > 1000 && t->left_ms > 0 && S.net != NET_LIES && S.net != NET_MIX)
        sim_broken("no token is given that is over", "agent %d gives one that ended %lld ms ago",
                   p->number, (long long)over);
    if (renewed && t->renewed && !S.acceptable[profile][s] && !t->unsaved)
        sim_broken("a sign-in is not undone",
                   "agent %d renewed session %d of p%d, which another one replaced", p->number, s,
                   profile);
}

/* ---- the end ---- */

static long long ago(int64_t true_ms) { /* on the story's clock, s */
    return true_ms ? (long long)(true_ms - sim_true_ms() + S.now) / 1000 : 0;
}

/* Could it have been kept? */
static bool is_excused(int session) {
    const sim_session *s = &S.session[session];
    int n = s->current;
    /* By the intent: WorkOS may take it later, and then gives it for longer. Nobody can know. */
    int64_t from = n ? s->sent_at[n - 1] : s->made_at;
    if (n && s->used_at[n - 1] < from) from = s->used_at[n - 1]; /* that intent was lost */
    int64_t to = from + ASKED_MS;
    sim_story(
        "judge: session %d, token %d: kept %d %d, sent %lld, used %lld, lost %lld %lld, held until "
        "%lld",
        session, n, s->kept[n], n ? s->kept[n - 1] : 0, ago(n ? s->sent_at[n - 1] : 0),
        ago(n ? s->used_at[n - 1] : 0), ago(s->lost_at[n]), ago(n ? s->lost_at[n - 1] : 0),
        ago(s->held_until[n]));
    if (s->kept[n]) return false;
    if (n && s->lost_at[n - 1] && !s->kept[n - 1]) return true;
    if (s->offered[n] && !s->held_since[n]) return false; /* an answer was thrown away */
    if (s->lost_at[n]) {
        /* The store had it and went back. Who has it in memory does not look at a store for no
         * reason; who comes afterwards can have it again, inside the window, if the store went back
         * to the token before it. */
        if (s->lost_at[n] > from) from = s->lost_at[n];
        if (s->held_until[n] > from) from = s->held_until[n];
    } else if (was_quiet(s->held_since[n], s->held_until[n])) {
        return false;
    }
    return !was_quiet(from, to);
}

static void check_last(const sim_last *l) {
    bool any = false, excused = false;
    int alive = -1;
    if (!l->is_answered) {
        sim_broken("every waiter is answered", "the last caller of p%d is not", l->profile);
        return;
    }
    if (l->has_token) {
        if (!S.acceptable[l->profile][l->session])
            sim_broken("a sign-in is not undone", "p%d ends with session %d", l->profile,
                       l->session);
        else if (l->token != l->current)
            sim_broken("the newest pair counts", "p%d ends with token %d of %d", l->profile,
                       l->token, l->current);
        return;
    }
    for (int i = 0; i < S.n_sessions; i++) {
        if (!S.acceptable[l->profile][i]) continue;
        any = true;
        if (!S.session[i].is_alive) excused = true; /* a sign-out that was not confirmed */
        else if (is_excused(i)) excused = true;
        else alive = i;
    }
    if (S.may_be_out[l->profile] || !any || excused) {
        S.over_told++;
        return;
    }
    sim_broken("no session is lost",
               "p%d: session %d is alive at WorkOS, and its caller got %s: %s", l->profile, alive,
               kf_err_name(l->err.code), l->err.what);
}

static bool is_at_rest(const proc *p) {
    for (int i = 0; i < PROFILES; i++) {
        const kf_entry *e = kf_entry_by_id(p->keeper, sim_ids[i]);
        if (e && (e->work || e->queue.length || e->waiters->len || e->unsaved || e->forget))
            return false;
    }
    return !p->jobs && !p->ops && !p->requests;
}

static bool all_at_rest(void) {
    bool rest = true;
    for (int i = 0; i < PROFILES; i++) rest = rest && !sim_disk_locked(i);
    for (int i = 0; i < AGENTS; i++) rest = rest && (!S.agent[i].alive || is_at_rest(&S.agent[i]));
    return rest;
}

/* A renewal ahead of time may be under way just now. */
static void come_to_rest(void) {
    for (int i = 0; i < 100 && !S.failed && !all_at_rest(); i++) sim_run(S.now + 1000);
}

static void check_rest(proc *p) {
    if (is_at_rest(p)) return;
    for (int i = 0; i < PROFILES && !S.failed; i++) {
        const kf_entry *e = kf_entry_by_id(p->keeper, sim_ids[i]);
        if (e && (e->work || e->queue.length || e->waiters->len || e->unsaved || e->forget))
            sim_broken("no work is left at rest", "agent %d, p%d: work %d, %u queued, %u wait%s",
                       p->number, i, e->work ? (int)e->work->kind : -1, e->queue.length,
                       e->waiters->len, e->unsaved ? ", unsaved" : "");
    }
    sim_broken("no work is left at rest", "agent %d:%s%s%s", p->number, p->jobs ? " jobs" : "",
               p->ops ? " store" : "", p->requests ? " requests" : "");
}

void sim_check_end(const sim_last last[PROFILES]) {
    for (int i = 0; i < PROFILES && !S.failed; i++) check_last(&last[i]);
    come_to_rest();
    for (int i = 0; i < AGENTS && !S.failed; i++)
        if (S.agent[i].alive) check_rest(&S.agent[i]);
    for (int i = 0; i < PROFILES && !S.failed; i++) {
        if (sim_disk_locked(i)) sim_broken("no work is left at rest", "p%d is locked", i);
        if (sim_disk_sealed(i) && last[i].has_token)
            sim_broken("no work is left at rest", "p%d has a second place", i);
        if (last[i].has_token && strstr(sim_disk_ledger(i), "\"intent\""))
            sim_broken("no work is left at rest", "p%d has an intent: %s", i, sim_disk_ledger(i));
    }
    for (int i = 0; i < AGENTS && !S.failed; i++)
        if (S.agent[i].alive) sim_agent_end(&S.agent[i]);
    if (!S.failed && S.open_asks)
        sim_broken("every waiter is answered", "%lld are not", (long long)S.open_asks);
}
