#pragma once
/* Text of $XDG_STATE_HOME/keyfob/<id>.lock: what this machine knows of a profile's
 * refresh token without holding it. The owner reads and writes the file
 * while it holds the flock; this is only its format (one JSON line). */
#include <stdint.h>
#include "base/json.h"

typedef struct kf_intent { /* a POST is on its way, or its answer was lost */
    bool set;
    char fp[33];      /* fingerprint of the token that was sent */
    char host_id[33]; /* machine-id hash */
    char boot_id[37];
    int64_t boot_ms, unix_s; /* first send */
    char organization_id[96];
} kf_intent;

typedef struct kf_ledger {
    int64_t generation; /* 0: nothing known */
    char fp[33]; /* first 128 bits of SHA-256 of the current refresh token, hex; "" unknown */
    kf_intent intent;
    kf_intent
        previous;   /* of the token that fp replaced: a store that gives it back was rolled back */
    bool unsaved;   /* no store has confirmed the pair of fp */
    char ended[48]; /* kf_err_name of what ended the session of fp, or with fp "" every
                       session up to generation (signed out here); "" alive */
    int64_t ended_at; /* unix s, 0 = not ended */
} kf_ledger;

/* Empty text is an empty ledger. Anything else that is not ours: KF_ERR_STORE_DAMAGED. */
KF_CHECK bool kf_ledger_parse(const char *text, size_t len, kf_ledger *out, kf_err *err);
char *kf_ledger_print(const kf_ledger *l); /* one line with newline; caller frees */

/* Age of an intent: by the boot clock within one boot of one host, else by the wall clock. */
int64_t kf_intent_age_ms(const kf_intent *i, const char *host_id, const char *boot_id,
                         int64_t boot_ms, int64_t unix_s);
/* Which of the ledger's intents is for this token; NULL: none. */
const kf_intent *kf_ledger_intent_for(const kf_ledger *l, const char *fp);

typedef enum kf_ledger_match {
    KF_LEDGER_FRESH,
    KF_LEDGER_ADOPT,
    KF_LEDGER_STALE,
    KF_LEDGER_REPLAY
} kf_ledger_match;
/* A person who signed out wanted the stored session gone, so a copy that is left is not an
 * alarm. */
bool kf_ledger_signed_out(const kf_ledger *l);
/* Compares the stored token (fp, generation) with the ledger. FRESH: same, or nothing known. ADOPT:
 * the store is newer (another agent rotated): write it into the ledger. STALE: the store is older
 * than the ledger: never spend it. REPLAY: an intent is open for exactly this token, or it is the
 * previous one and WorkOS still answers it with the pair that replaced it (previous_counts: inside
 * that window). */
kf_ledger_match kf_ledger_compare(const kf_ledger *l, const char *fp, int64_t generation,
                                  bool previous_counts);
