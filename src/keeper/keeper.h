#pragma once
/* The keeper owns the sessions: one entry per profile of keyfob.conf, its state, its
 * timers, its single flight of renewal, its lock and ledger. Nobody else
 * reads or writes session records. Everything is asynchronous on the loop; callbacks run
 * once, never inside the call that asked, never after kf_keeper_free (which gives those
 * that are still open KF_ERR_WIRE_CLOSED). */
#include "auth/ledger.h"
#include "auth/person.h"
#include "auth/profile.h"
#include "auth/refresh.h"
#include "auth/session.h"
#include "io/conf.h"
#include "io/http.h"
#include "io/store.h"
#include "loop/task.h"

typedef struct kf_keeper kf_keeper;

/* What the keeper works with. It borrows all of it until kf_keeper_free. store, conf and locked
 * are read at each use, because their owner changes them. */
typedef struct kf_keeper_env {
    kf_loop *loop;
    kf_worker *worker;
    kf_http *http;
    const char *state_dir;  /* locks with ledgers, sealed second copies, the list of profiles */
    kf_store *const *store; /* NULL inside: none is open */
    kf_conf *const *conf;   /* NULL inside: keyfob.conf is broken, and what was known stays */
    const bool *locked;     /* nothing is given out, and nothing is renewed */
    void *user;             /* of the functions */
    bool (*store_is_memory)(void *user);  /* chosen, whether it is open yet or not */
    bool (*store_is_opening)(void *user); /* so a locked store is about to change */
    void (*open_store)(void *user);       /* a profile is looked at; may end later, or fail */
    void (*secret_stored)(void *user);    /* by the open store, whatever it was */
} kf_keeper_env;

typedef enum kf_state {
    KF_STATE_SIGNED_OUT, /* never signed in, or a person signed out */
    KF_STATE_SIGNED_IN,  /* whatever the age of its access token: a command that asks gets one */
    KF_STATE_RENEWING,
    KF_STATE_NEEDS_SIGN_IN, /* WorkOS ended the session, or it is lost */
    KF_STATE_OFFLINE,
    KF_STATE_LOCKED,
    KF_STATE_UNSAVED,
    KF_STATE_STALE,
    KF_STATE_ERROR
} kf_state;
const char *kf_state_name(kf_state s); /* "needs_sign_in", ... */
bool kf_state_is_over(kf_state s);     /* there is no session that a token can come from */

typedef struct kf_token { /* borrowed during the callback */
    const kf_conf_profile *profile;
    const kf_session *session;
    int64_t left_ms;
    bool renewed;          /* a renewal ran for this call */
    bool is_short;         /* min_valid is longer than a token lives */
    const kf_err *unsaved; /* NULL, or why no store has this session yet */
} kf_token;
typedef void (*kf_token_done)(void *user, const kf_token *t, const kf_err *err); /* t NULL: err */
typedef void (*kf_keeper_done)(void *user, const kf_err *err); /* err NULL: done */
/* api_key NULL and err NULL: the profile has none. Borrowed. */
typedef void (*kf_key_done)(void *user, const kf_secret *api_key, const kf_err *err);
typedef void (*kf_signout_done)(void *user, bool server_ended, const kf_err *note,
                                const kf_err *err);

kf_keeper *kf_keeper_new(const kf_keeper_env *env, kf_err *err); /* env is copied */
kf_keeper *kf_keeper_free(kf_keeper *k);
/* The settings changed (or the store was opened): entries follow keyfob.conf. Sessions of entries
 * that stay are kept. */
void kf_keeper_reload(kf_keeper *k);
/* Called for every change of an entry that a person could see; id borrowed. gone: the profile was
 * removed. */
void kf_keeper_on_change(kf_keeper *k, void (*fn)(void *user, const char *id, bool gone),
                         void *user);

/* Called once when a session that was alive has ended and only a person can go on; not for what a
 * person did (signing out), and not again before the next sign-in. Borrowed; reason: the error's
 * name. */
void kf_keeper_on_person(kf_keeper *k,
                         void (*fn)(void *user, const char *id, const char *name,
                                    const char *reason),
                         void *user);

/* profile: name or id. min_valid_ms < 0: default. Loads from the store at the first use; serves a
 * valid token without any lock; renews under the profile's lock with ledger and re-read (single
 * flight). */
void kf_keeper_token(kf_keeper *k, const char *profile, int64_t min_valid_ms, bool renew,
                     kf_token_done done, void *user);
/* The session as it is, read from the store when it was not yet; never renewed, may be over. An
 * ended one is an error. */
void kf_keeper_session(kf_keeper *k, const char *profile, kf_token_done done, void *user);
/* A renewal that asks for another organization. A refusal leaves the session as it was. The session
 * must have been read (kf_keeper_session). */
void kf_keeper_switch(kf_keeper *k, const char *profile, const char *organization_id,
                      kf_keeper_done done, void *user);
/* A refresh token from elsewhere: stored (unverified), not tried yet; the next renewal does that.
 * When WorkOS does not take it, or when it is of another user and any_user is false, the session
 * that was there before comes back. */
void kf_keeper_take(kf_keeper *k, const char *profile, const kf_secret *refresh_token,
                    bool any_user, kf_keeper_done done, void *user);
/* Holds the session still for at most 30 s: nobody renews it, in no process. done gets it, or why
 * not (unsaved, an interrupted renewal, no session). 0: there is no such profile, and done is not
 * called. */
uint32_t kf_keeper_hand_over(kf_keeper *k, const char *profile, kf_token_done done, void *user);
/* taken: it is somebody else's now, and forgotten here without telling WorkOS; done says when. Else
 * everything is as before, and done is not called. False: nothing is held by that number (any
 * more). */
bool kf_keeper_hand_over_end(kf_keeper *k, const char *profile, uint32_t serial, bool taken,
                             kf_keeper_done done, void *user);
/* A finished sign-in: stores it (generation after the old one's), publishes it, then revokes the
 * old server session if there is a key. session owned. interactive: a person waits, the store may
 * ask. any_user false: a session of another user than the profile's, or of another environment, is
 * KF_ERR_WORKOS_OTHER_USER; nothing is stored or revoked then, and kf_keeper_owner says whose the
 * profile is. */
void kf_keeper_adopt(kf_keeper *k, const char *profile, kf_session *session, bool interactive,
                     bool any_user, kf_keeper_done done, void *user);
/* Whose session was in the way of the last one that was not adopted. False: there is none. */
KF_CHECK bool kf_keeper_owner(const kf_keeper *k, const char *profile, kf_person *out);
/* Revokes at WorkOS where possible (local_only: not), then forgets session and ledger generation
 * mark. */
void kf_keeper_sign_out(kf_keeper *k, const char *profile, bool local_only, kf_signout_done done,
                        void *user);
/* WorkOS says that the session sid is over (why): after the store was read again the profile needs
 * a sign-in, and done gets why. Another session is there by now: done gets no error, and nothing
 * happened. */
void kf_keeper_session_over(kf_keeper *k, const char *profile, const char *sid, const kf_err *why,
                            kf_keeper_done done, void *user);
/* Deletes session and API key of a profile from the store. done without err: both are deleted, and
 * the profile has no other work until the caller calls kf_keeper_remove_end. With err: nothing has
 * changed. */
void kf_keeper_remove(kf_keeper *k, const char *profile, kf_keeper_done done, void *user);
/* gone: the settings no longer have the profile; its entry goes, and callers that wait in it get an
 * error. Not gone: session and API key are stored again. done runs afterwards. */
void kf_keeper_remove_end(kf_keeper *k, const char *id, bool gone, kf_keeper_done done, void *user);
/* API keys are bound to the origin they were stored for. */
void kf_keeper_api_key(kf_keeper *k, const char *profile, kf_key_done done, void *user);
void kf_keeper_set_api_key(kf_keeper *k, const char *profile, const kf_secret *key,
                           kf_keeper_done done, void *user);
/* Of a profile that keyfob.conf does not have yet: stored first, so that the profile is never seen
 * without its key. When the settings cannot take the profile, the key is dropped again. */
void kf_keeper_first_key(kf_keeper *k, const kf_conf_profile *p, const kf_secret *key,
                         kf_keeper_done done, void *user);
void kf_keeper_first_key_drop(kf_keeper *k, const char *id);
/* Runs done once the index that clients read without an agent says what is true now (err: it could
 * not be written; the log has it, and the next change tries again). */
void kf_keeper_index_then(kf_keeper *k, kf_keeper_done done, void *user);
/* Reads every ledger, on the worker. found runs when there is an answer of WorkOS that can still be
 * had: a renewal was interrupted a moment ago. Once a store is open, kf_keeper_go_on fetches it. */
void kf_keeper_look_for_urgent(kf_keeper *k, kf_loop_fn found, void *user);
void kf_keeper_go_on(kf_keeper *k); /* what is due now, for every profile */
void kf_keeper_watch_open(kf_keeper *k, const char *profile, int delta); /* +1/-1: open in detail */
/* From store to store, item by item under the profiles' locks. clear false: copies (done: how many
 * are there now); true: takes out of from what into has as well (done: how many; left: how many
 * stay, because of doubt). Stops at the first error when it copies. One at a time; both stores must
 * live until fn, which runs once, or until kf_keeper_free. */
typedef void (*kf_passage_done)(void *user, size_t done, size_t left, const kf_err *err);
void kf_keeper_pass_items(kf_keeper *k, kf_store *from, kf_store *into, bool clear,
                          kf_passage_done fn, void *user);
void kf_keeper_look_again(kf_keeper *k); /* the store's state has changed: states may have, too */
/* A session that an earlier agent wrote down, and that this one has not read from the store. */
bool kf_keeper_is_known(kf_keeper *k, const char *profile);
/* on: no new work is begun; callers who need a renewal wait, tokens at hand are served. */
void kf_keeper_hold(kf_keeper *k, bool on);
bool kf_keeper_at_rest(
    const kf_keeper *k,
    const char **unsaved); /* nothing under way; *unsaved: a profile whose session no store has */
/* Everybody who waits for a token gets err; work that is under way goes on. */
void kf_keeper_turn_away(kf_keeper *k, const kf_err *err);
/* All sessions of the store leave memory (agent lock). */
void kf_keeper_forget_memory(kf_keeper *k);
/* A profile as it is now. Borrowed from the keeper until the loop goes on. */
typedef struct kf_profile_view {
    const kf_conf_profile *profile;
    bool is_default;
    const char *environment; /* "" not known */
    kf_state state;
    bool is_failing;
    kf_err failure;             /* is_failing: why */
    const kf_session *session;  /* NULL: not read yet, or none */
    const kf_profile_row *hint; /* without a session: what an earlier agent knew, or NULL */
    bool is_served;             /* a caller gets its token, so far as is known */
    int64_t left_ms;            /* of that token; may be negative */
    int64_t last_used_at;       /* unix s */
    bool renewed_any, renewed_ok;
    int64_t renewed_ms; /* how long the last renewal took */
    int64_t next_ms;    /* until keyfob does something by itself; -1: it does nothing */
    bool is_retry;      /* ... because something failed */
} kf_profile_view;
KF_CHECK bool kf_keeper_view(kf_keeper *k, const char *profile, kf_profile_view *out);
/* What callers are told while everything is locked. store NULL: none is open. */
void kf_keeper_fail_locked(const kf_store *store, kf_err *err);
/* Names of profiles whose session the store has not taken: those that are in memory alone, or those
 * that are sealed in the second place as well. Owned by the caller. */
typedef enum kf_unsaved { KF_UNSAVED_AT_RISK, KF_UNSAVED_SEALED } kf_unsaved;
kf_json *kf_keeper_unsaved(const kf_keeper *k, kf_unsaved which);
void kf_keeper_save_now(kf_keeper *k); /* tries all of them at once, whatever was planned */
bool kf_keeper_busy(
    const kf_keeper *k); /* renewals or saves under way, or unsaved sessions: do not quit */
bool kf_keeper_has_work(const kf_keeper *k); /* sessions to keep alive: do not leave for idleness */
