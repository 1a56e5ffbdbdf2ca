#pragma once
/* Inside of the keeper, shared by the files of this folder and by no other.
 *
 * One entry per profile. Whatever reads or writes a profile's session in the store is a
 * piece of work, and an entry does one at a time, in order; so nothing of one profile
 * ever races with itself. Callers of GetToken wait in the entry and are looked at again
 * whenever a piece of work ends: any number of them, one POST.
 *
 * What waits for the store or the worker holds a kf_ticket: profile id and number of the
 * work, no pointer into the keeper, so an entry may go at any time. */
#include <glib.h>
#include "base/log.h"
#include "base/str.h"
#include "keeper/keeper.h"

#define KF_KIND_SESSION "session"
#define KF_KIND_API_KEY "api-key"

enum {
    KF_LOCK_WAIT_MS = 30 * 1000,
    KF_ASIDE_TIMEOUT_MS = 8 * 1000, /* requests that may be lost: names, revocations */
    KF_REPLAY_MAX_MS = 30 * 1000,   /* WorkOS answers a spent token with its pair for so long */
    KF_MAX_OPEN = 4,                /* requests of one renewal that wait for an answer */
    KF_MAX_TRIES = 8,               /* sends of one token in one renewal */
    KF_MAX_RENEWALS = 16,           /* in flight at one server */
    KF_ASK_AGAIN_MS = 2000,         /* a caller without a token is a reason to ask so often */
    KF_PATIENCE_MS = 1000,          /* a caller with a valid token waits for a fresher one */
    KF_RECENT_USE_MS = 15 * 60 * 1000,
    KF_LEDGER_MAX = 4096,
    KF_RESERVE_MIN = 4096 /* bytes that a record may grow by in a renewal */
};

typedef struct kf_entry kf_entry;
typedef struct kf_work kf_work;
typedef struct kf_gate kf_gate;
typedef struct kf_ticket kf_ticket;
/* The next step of a piece of work. blob borrowed; err NULL: done. */
typedef void (*kf_step_fn)(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err);

/* Outlives the keeper while something still waits; keeper is NULL then. */
typedef struct kf_anchor {
    kf_keeper *keeper;
    unsigned refs;
} kf_anchor;

typedef enum kf_work_kind {
    KF_WORK_LOAD,
    KF_WORK_RENEW,
    KF_WORK_SAVE,
    KF_WORK_ADOPT,
    KF_WORK_SIGN_OUT,
    KF_WORK_REMOVE,
    KF_WORK_SET_KEY,
    KF_WORK_OVER,
    KF_WORK_HAND_OVER
} kf_work_kind;

/* One request of a renewal (keeper_post.c). */
typedef struct kf_try {
    kf_entry *e;         /* the request is cancelled before the entry or its work goes */
    uint32_t http;       /* 0: not sent, or over */
    int64_t at, unix_ms; /* when it was sent, by both clocks */
} kf_try;

struct kf_work {
    kf_work_kind kind;
    uint32_t serial;
    bool started, has_slot, waiting_slot;
    int lock_fd;    /* -1: not held */
    bool lock_lent; /* the worker writes through lock_fd and gives it back */
    int64_t lock_since;
    kf_step_fn locked; /* next step once the lock is there */
    kf_loop_id timer;
    kf_step_fn timer_next;
    kf_gate *gate;    /* RENEW: the server's, while a slot is held or waited for */
    uint32_t http;    /* SIGN_OUT */
    kf_ledger ledger; /* valid while the lock is held */
    bool replay;      /* the intent found in the ledger is for this very token */
    kf_try posts[KF_MAX_TRIES];
    int tries;                  /* of posts, sent so far */
    bool sent;                  /* a request of this renewal may have reached the server */
    bool unproven;              /* ... and nothing proves that it did not spend the token */
    kf_refresh_verdict verdict; /* of why, while other requests are still open */
    int64_t first_send_ms;      /* boot time; of an earlier renewal when replay */
    int64_t next_try;           /* boot ms of the next send; 0: none is planned */
    bool store_is_old;          /* the session in memory is newer, and was stored once */
    bool second_used;  /* the newest session came from the second place (keeper_second.c) */
    kf_session *next;  /* new pair, or a finished sign-in; not published yet */
    kf_session *old;   /* ADOPT, SIGN_OUT: what was there before */
    kf_secret *stored; /* while the second place is read: what the store gave, or why not */
    kf_err stored_err;
    kf_step_fn after_load, after_save; /* of kf_second_newest, kf_save_failed */
    kf_secret *key;                    /* SET_KEY: NULL removes; REMOVE: the deleted item */
    kf_secret *blob;                   /* REMOVE: the deleted session */
    char organization[96];             /* RENEW: switch to it; "" stays */
    char sid[96];                      /* OVER: the session that WorkOS says is over */
    int rounds;       /* RENEW that switches: taken up again behind another renewal */
    kf_err why;       /* the answer that ended the session, while the store is read again */
    bool interactive; /* ADOPT: the store may ask the person */
    bool any_user;    /* ADOPT: of any user */
    bool local_only, server_ended, has_note;
    kf_err note;
    kf_keeper_done done;
    kf_signout_done signout_done;
    kf_token_done token_done; /* HAND_OVER */
    bool held;                /* HAND_OVER waits for the client, REMOVE for its end */
    void *user;
};

typedef struct kf_waiter {
    int64_t since; /* boot ms */
    int64_t min_valid_ms;
    bool renew, renewed, is_short;
    bool freshest; /* renewed by a POST of ours: will do, even if shorter than asked */
    bool as_it_is; /* the session itself, not a token that is valid */
    kf_token_done done;
    void *user;
} kf_waiter;

/* What is wrong, when something is. state is one of OFFLINE, LOCKED, UNSAVED, STALE, ERROR,
 * NEEDS_SIGN_IN, SIGNED_OUT; SIGNED_IN means nothing. */
typedef struct kf_trouble {
    kf_state state; /* SIGNED_IN: none */
    kf_err *err;    /* NULL: none; most entries never have one, and it is large (kf_entry_why) */
} kf_trouble;

struct kf_entry {
    kf_keeper *k;
    kf_conf_profile prof;
    kf_trouble trouble;
    kf_state shown;       /* what was last told and logged */
    kf_session *session;  /* NULL: not read yet, or none */
    bool loaded;          /* the store was asked since the last reason to doubt */
    bool unsaved;         /* session is newer than the store */
    bool unsaved_sign_in; /* ... because a sign-in could not be stored */
    bool second;          /* ... and the second place has it, sealed */
    int64_t unsaved_at;   /* boot ms */
    int64_t urgent;       /* boot ms until which an open intent must be replayed; 0: none */
    int64_t look_at;      /* boot ms: the store again, while urgent and without a session */
    bool told;            /* on_person was called for the end of this session */
    bool forget;          /* kf_keeper_forget_memory while work was under way */
    bool leaving;         /* not in the settings: hidden, ends its work, then goes */
    kf_profile_row *hint; /* NULL, or the index of an earlier agent, until the session is read */
    kf_secret *api_key;   /* cached, checked against the origin */
    char name_asked[96];  /* organization whose name was looked up last */
    kf_person *owner;     /* in the way of the last sign-in that was another person's; or NULL */
    int64_t last_used;    /* boot ms of the last GetToken, 0 = never */
    int64_t last_used_at; /* unix s of the same, also by an earlier agent */
    int open;             /* Watch calls that show it in detail */
    int fails;            /* renewals or saves that failed in a row */
    int64_t retry_at;     /* boot ms: not by itself before this; 0 = no retry planned */
    int64_t not_before;   /* boot ms: Retry-After of the server; nothing by itself before */
    int64_t tried_at;     /* boot ms of the end of the last renewal that failed; 0: none */
    int refusals;         /* in a row, by WorkOS itself */
    bool free_retry;      /* the failure never reached the server: a caller may try at once */
    int64_t jitter_until; /* boot ms: after a resume, spread what is due */
    int64_t renewed_ms;   /* how long the last renewal took */
    bool renewed_any, renewed_ok;
    kf_loop_id alarm, patience;
    kf_work *work;      /* under way */
    GQueue queue;       /* kf_work, later */
    GPtrArray *waiters; /* kf_waiter */
};

struct kf_gate { /* keeper_slots.c */
    char origin[256];
    int taken;
    GQueue waiting; /* kf_entry, in the order of their turn */
};

struct kf_keeper {
    kf_keeper_env env;
    kf_anchor *anchor;
    GHashTable *by_id;      /* id -> kf_entry, owned */
    GHashTable *by_name;    /* name -> kf_entry */
    GHashTable *first_keys; /* id -> kf_secret, of profiles that are about to be made */
    GHashTable *hints;      /* id -> kf_profile_row, from the index and from entries that went */
    uint32_t serial;
    GHashTable *gates; /* origin -> kf_gate, owned */
    GQueue answers;    /* kf_answer, given on the next turn of the loop */
    kf_loop_id answer_timer, index_timer, jump, sweep; /* sweep: entries that leave */
    bool index_dirty, index_unread; /* unread: the file is there and could not be read */
    bool index_newer;               /* a newer keyfob wrote it: it stays as it is */
    GPtrArray *index_writes;        /* under way on the worker */
    int64_t index_at;               /* boot ms of the last write */
    char *index_written;
    GPtrArray *lookups; /* kf_lookup: names of organizations, best effort */
    char boot_id[37], host_id[33];
    GPtrArray *side; /* kf_side: revocations of replaced sessions, best effort */
    void (*on_change)(void *user, const char *id, bool gone);
    void *on_change_user;
    struct kf_passage *passage; /* keeper_move.c */
    bool held;                  /* no new work */
    bool looked; /* for intents, at the start: those of later entries are read alone */
    void (*on_person)(void *user, const char *id, const char *name, const char *reason);
    void *on_person_user;
};

/* keeper.c */
kf_entry *kf_entry_find(kf_keeper *k, const char *name_or_id); /* not one that is leaving */
kf_entry *kf_entry_by_id(kf_keeper *k, const char *id);        /* also one that is leaving */
void kf_entry_lose_work(kf_entry *e); /* queued work and waiters fail: the profile is gone */
void kf_entry_pump(kf_entry *e);      /* serves who can be served, starts what is needed */
void kf_entry_arm(kf_entry *e);       /* the alarm for what comes next by itself */
bool kf_entry_wants_renewal(kf_entry *e,
                            bool unattended);  /* by waiters; unattended: also by time */
int64_t kf_entry_renew_due(const kf_entry *e); /* boot ms; -1: on use only */
void kf_entry_fail_waiters(kf_entry *e,
                           const kf_err *err); /* those with a token that will do are served */
void kf_entry_forget(kf_entry *e);             /* session and key out of memory */
bool kf_entry_usable(const kf_entry *e);       /* its session may be handed out while valid */
void kf_entry_serve(kf_entry *e); /* answers the waiters for whom the token at hand will do */
int64_t kf_entry_left_ms(const kf_entry *e); /* session must be there */
kf_moment kf_keeper_now(const kf_keeper *k, int64_t date);
kf_moment kf_keeper_answer_moment(const kf_keeper *k, int64_t date); /* for a new session */
uint16_t kf_keeper_dice(void);

/* keeper_calls.c */
void kf_queue_work(kf_keeper *k, const char *profile,
                   kf_work *w); /* or tells that there is no such profile */
void kf_entry_answer(kf_entry *e, const kf_waiter *w, const kf_err *err);
void kf_fail_no_profile(kf_err *err, const char *name);
void kf_answers_drop(kf_keeper *k);
void kf_keeper_answer_done(kf_keeper *k, kf_keeper_done done, void *user, const kf_err *err);
void kf_keeper_answer_signout(kf_keeper *k, const kf_work *w, const kf_err *err);

/* keeper_view.c */
void kf_entry_changed(kf_entry *e); /* computes the state, logs and tells a change */
void kf_entry_trouble(kf_entry *e, kf_state s, const kf_err *err); /* SIGNED_IN: none */
const kf_err *
kf_entry_why(const kf_entry *e); /* of the trouble; never NULL, code NONE without one */
kf_state kf_entry_state(const kf_entry *e);
const char *kf_entry_open_state_name(const kf_entry *e);    /* as if the agent was open */
const char *kf_entry_resting_state_name(const kf_entry *e); /* as if nothing was under way */
bool kf_entry_has_hinted_session(const kf_entry *e); /* known to be in the store, not read yet */
bool kf_entry_is_default(const kf_entry *e);
const char *kf_entry_environment(const kf_entry *e); /* "" not known */

/* keeper_index.c */
void kf_entry_knows(kf_entry *e, const kf_profile_row *row);
void kf_entry_forget_hint(kf_entry *e);
void kf_keeper_index_dirty(kf_keeper *k);
void kf_keeper_index_flush(kf_keeper *k); /* at the end of the keeper */
void kf_keeper_index_read(kf_keeper *k);  /* into k->hints */
void kf_entry_hint(kf_entry *e);          /* before the session leaves memory: what to show of it */

/* keeper_work.c: the steps that pieces of work are made of */
kf_work *kf_work_new(kf_keeper *k, kf_work_kind kind);
void kf_work_free(kf_work *w); /* gives back lock, slot must be gone already */
void kf_work_start(kf_entry *e, kf_work *w);
void kf_work_end(kf_entry *e); /* ends e->work: lock, slot, then the next piece */
void kf_work_lock(kf_entry *e, kf_work *w, kf_step_fn next); /* also reads the ledger */
void kf_work_unlock(kf_work *w);
void kf_fail_held(int lock_fd, const char *id, kf_err *err); /* SYS_LOCK_TIMEOUT, with the holder */
void kf_work_after(kf_entry *e, kf_work *w, int64_t ms, kf_step_fn next);
void kf_work_ledger_write(kf_entry *e, kf_work *w,
                          kf_step_fn next); /* w->ledger, fsync on the worker */
void kf_work_load(kf_entry *e, const char *kind, bool interactive, kf_step_fn next);
void kf_work_save(kf_entry *e, const char *kind, const kf_secret *blob, bool interactive,
                  kf_step_fn next);
void kf_work_delete(kf_entry *e, const char *kind, kf_step_fn next);
void kf_work_reserve(kf_entry *e, size_t size, kf_step_fn next); /* size: of the record now */
void kf_work_key(kf_entry *e,
                 kf_step_fn next); /* blob: the API key; NULL without err: the profile is public */
void kf_work_unseal(kf_entry *e, const char *kind, const kf_secret *sealed, kf_step_fn next);
/* For what ends on the loop later, and finds the entry only if it still does this work. */
kf_ticket *kf_ticket_new(kf_entry *e, kf_step_fn next);
void kf_ticket_redeem(kf_ticket *c, const kf_secret *blob, const kf_err *err); /* frees c */
kf_anchor *kf_anchor_hold(kf_anchor *a);
void kf_anchor_drop(kf_anchor *a);
/* Without the lock; absent is empty. changed_at: unix s, or NULL. */
bool kf_ledger_file_read(const char *path, kf_ledger *out, int64_t *changed_at, kf_err *err);
bool kf_entry_ledger_peek(const kf_entry *e, kf_ledger *out, int64_t *changed_at, kf_err *err);

/* keeper_slots.c */
bool kf_slot_take(kf_entry *e, kf_work *w);   /* false: its turn comes later, by kf_work_after */
void kf_slot_give(kf_keeper *k, kf_work *w);  /* nothing if it has none */
void kf_slot_forget(kf_entry *e, kf_work *w); /* no longer waits for one */
kf_gate *kf_slot_gate(kf_keeper *k, const char *origin); /* never NULL */

/* keeper_store.c */
void kf_load_start(kf_entry *e, kf_work *w);
void kf_adopt_start(kf_entry *e, kf_work *w);
void kf_set_key_start(kf_entry *e, kf_work *w);
void kf_remove_start(kf_entry *e, kf_work *w);
/* Parses a stored session and holds it against ledger and origin. NULL: err says why it must not be
 * used (STORE_STALE, WORKOS_ORIGIN, STORE_DAMAGED, the error that ended it). */
kf_session *kf_entry_accept(kf_entry *e, const kf_secret *blob, const kf_ledger *l,
                            kf_ledger_match *match, kf_err *err);
void kf_entry_look_for_urgent(kf_entry *e);                          /* urgent.c */
int64_t kf_entry_window_left(const kf_entry *e, const kf_ledger *l); /* ms; urgent.c */
int64_t kf_entry_intent_age(const kf_entry *e, const kf_intent *i);  /* ms */
int64_t kf_entry_previous_age(const kf_entry *e, const kf_intent *i);
void kf_entry_store_is_old(kf_entry *e); /* its session is in memory alone: saved soon */
void kf_entry_from_second(kf_entry *e);  /* its session is in the second place alone: saved soon */
kf_secret *kf_entry_key_parse(const kf_entry *e, const kf_secret *blob, kf_err *err);
bool kf_entry_bound(const kf_entry *e, const kf_session *s);
void kf_entry_set_session(kf_entry *e, kf_session *s);       /* owned; publishes */
void kf_entry_store_trouble(kf_entry *e, const kf_err *err); /* the state a store's failure means */
void kf_token_fp(const kf_secret *token, char out[33]);
void kf_side_revoke(kf_keeper *k, const kf_entry *e, const kf_session *old, const kf_secret *key);
void kf_side_cancel(kf_keeper *k);

/* keeper_post.c: the requests of a renewal */
void kf_post_start(kf_entry *e, kf_work *w); /* ends in kf_renew_won or kf_renew_lost */
void kf_post_cancel(kf_keeper *k, kf_work *w);
bool kf_post_open(const kf_work *w);

/* keeper_renew.c */
void kf_renew_start(kf_entry *e, kf_work *w);
void kf_renew_won(kf_entry *e, kf_work *w);  /* w->next is the new pair */
void kf_renew_lost(kf_entry *e, kf_work *w); /* w->why and w->verdict say what the answer was */
/* Ends a renewal that waits for WorkOS; the intent stays. Nothing when there is none. */
void kf_renew_give_up(kf_entry *e);
void kf_back_off(kf_entry *e, const kf_err *err, bool sent);
void kf_renew_end_failed(kf_entry *e, const kf_err *err); /* tells who waits; ends the work */

/* keeper_save.c: the only copy of a session */
void kf_save_start(kf_entry *e, kf_work *w);
/* The store refused w->next (err): it goes to the second place, stays in memory and is tried again.
 * next: the step afterwards. The ledger keeps the intent, or what w->ledger had as previous. */
void kf_save_failed(kf_entry *e, kf_work *w, const kf_err *err, kf_step_fn next);
void kf_ledger_now(kf_work *w,
                   const kf_session *s); /* fp and generation; the intent becomes previous */

/* keeper_second.c: a sealed copy in the state directory of a session that the store refused */
void kf_second_write(kf_entry *e, kf_work *w, const kf_session *s,
                     kf_step_fn next); /* err: it is not there */
void kf_second_remove(kf_entry *e);    /* absent is fine; flushed later, by the worker */
bool kf_second_there(const kf_entry *e);
/* blob and err: what the store gave. next gets the newer of that and the second place. */
void kf_second_newest(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err,
                      kf_step_fn next);

/* keeper_switch.c */
bool kf_switch_open(const kf_entry *e, const kf_work *w); /* it has still to be asked for */
void kf_switch_over(kf_entry *e, kf_work *w,
                    const kf_err *err); /* NULL: looks where the session is now */
bool kf_switch_refused(
    const kf_work *w); /* w->why says no to the organization, not to the session */
const char *kf_renew_organization(const kf_work *w); /* what to send; may be "" */

/* keeper_take.c */
kf_secret *
kf_take_previous(kf_entry *e, kf_work *w,
                 const kf_secret *blob); /* what the new one takes the place of; NULL: none */
void kf_take_renewed(
    kf_entry *e,
    const kf_session *unverified);          /* it was real: what it took the place of is ended */
bool kf_take_back(kf_entry *e, kf_work *w); /* WorkOS did not take it (w->why): what was there is
                                               put back; false: nothing was */

/* keeper_person.c */
/* old: what the store or memory has, or NULL. True: next is another person's, and err says so. */
bool kf_person_in_the_way(kf_entry *e, const kf_session *old, const kf_session *next, kf_err *err);
/* The same by what the index of an earlier agent says, for a store that cannot be read. */
bool kf_person_hinted_in_the_way(kf_entry *e, const kf_session *next, kf_err *err);
/* A refresh token from elsewhere was renewed (w->next) and is another person's: its session is
 * ended, and the one before is put back. False: it is not. */
bool kf_person_take_refused(kf_entry *e, kf_work *w);

/* keeper_name.c */
void kf_name_look_up(kf_entry *e); /* of the session's organization, when it is not known */
void kf_name_cancel(kf_keeper *k);

/* keeper_move.c */
void kf_passage_cancel(kf_keeper *k);

/* keeper_over.c */
void kf_over_start(kf_entry *e, kf_work *w);

/* keeper_signout.c */
void kf_sign_out_start(kf_entry *e, kf_work *w);
void kf_sign_out_ledger(kf_work *w, int64_t generation); /* the one that is ended here */
void kf_handed_over_forget(kf_entry *e, kf_work *w);     /* the lock is held; ends the work */

/* keeper_handover.c */
void kf_hand_over_start(kf_entry *e, kf_work *w);
