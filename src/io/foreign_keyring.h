#pragma once
/* Items that another tool of the person's keeps in the Secret Service, found by their attributes
 * and only read. Never prompts unless interactive; ends within 5 s, or with a person at the prompt
 * 5 min. */
#include "base/secret.h"
#include "loop/loop.h"

enum { KF_FOREIGN_ITEMS = 16, KF_FOREIGN_MAX = 1 << 20 };

typedef struct kf_foreign kf_foreign;
/* The values, the one changed last first; borrowed. None and no err: there is no such item. err:
 * KF_ERR_STORE_LOCKED (not interactive), _ABSENT, _SILENT, _DENIED. */
typedef void (*kf_foreign_done)(void *user, const kf_secret *const *value, size_t n,
                                const kf_err *err);
/* Items with {service, username: name}, as keyring libraries write them; where there are none,
 * {service, account: name}, as secret-tool users do. done never runs inside the call; freed behind
 * it. */
kf_foreign *kf_foreign_find(kf_loop *l, const char *service, const char *name, bool interactive,
                            kf_foreign_done done, void *user);
kf_foreign *
kf_foreign_cancel(kf_foreign *f); /* no callback after this; NULL is fine; returns NULL */
