#pragma once
/* Between import.c, import_env.c and import_cut.c. */
#include "auth/import.h"

kf_import_item *kf_import_add(kf_import *i, const char *place,
                              const char *name); /* texts "", no key */
void kf_import_set(char **text, const char *to);
/* Address as found, or problem; problem owned. */
void kf_import_check(kf_import_item *it, const char *endpoint, char *problem);

/* An assignment of a .env file. */
typedef struct kf_env_line {
    const char *name, *value; /* value: without quotes, escapes as they are */
    size_t name_len, value_len, number;
    char quote; /* 0 none */
    bool open,
        rest; /* the quote is not closed in this file; something stands behind the closing one */
} kf_env_line;
typedef void (*kf_env_see)(void *user, const kf_env_line *l);
void kf_env_each(const char *text, size_t len, kf_env_see see, void *user);
bool kf_env_is(const kf_env_line *l, const char *name);
KF_CHECK bool kf_import_env(kf_import *i, const char *place, const char *text, size_t len,
                            kf_err *err);
