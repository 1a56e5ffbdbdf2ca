#pragma once
/* Calls that ask WorkOS about a person with the profile's API key: session and key first, then
 * requests one after the other. kf_call_reply or kf_call_fail of q->call end it, and free q. Lists
 * are followed to their end, within the bounds of auth/account.h. A client that goes away ends the
 * request that is under way. */
#include "agent/agent.h"
#include "auth/account.h"
#include "door/call.h"
#include "keeper/answer.h"

typedef struct kf_asking kf_asking;
typedef void (*kf_ask_fn)(kf_asking *q);
typedef void (*kf_ask_got)(kf_asking *q, int status,
                           const kf_json *body); /* 2xx; body NULL when it is no JSON */

struct kf_asking {
    kf_agent *a;
    kf_call *call;
    char profile[17], name[65], origin[256]; /* the profile's id, name and API host */
    char user_id[96], sid[96];               /* of its session */
    kf_secret *key;
    kf_secret *given; /* the caller's WORKOS_API_KEY, for a profile without a key; NULL: none */
    kf_json *list;    /* kf_ask_list's result; items of the interface */
    size_t at, done;  /* for the caller: which item, how many were done */
    /* inside */
    uint32_t http;
    kf_account_list what;
    char after[KF_ACCOUNT_ID_MAX];
    int limit, pages;
    kf_ask_fn then;
    kf_ask_got got;
};

/* The caller's API key, if the call brings one and its client ID, where it has one, is the
 * profile's. NULL: none; a key that is none is err. */
kf_secret *kf_ask_take_key(kf_call *call, const kf_conf_profile *p, kf_err *err);
/* then runs once session and key of the call's profile are there; else the call is answered with
 * why not. */
void kf_ask_begin(kf_agent *a, kf_call *call, kf_ask_fn then);
/* The same with what kf_ask_take_key gave; owned. */
void kf_ask_begin_with(kf_agent *a, kf_call *call, kf_secret *given, kf_ask_fn then);
void kf_ask_list(kf_asking *q, kf_account_list what, kf_ask_fn then);
/* path owned, NULL: a bad id, answered as such. body owned, may be NULL. Answers other than 2xx end
 * the call. */
void kf_ask_send(kf_asking *q, const char *method, char *path, kf_secret *body, kf_ask_got got);
