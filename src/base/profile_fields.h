#pragma once
/* The settings of a profile: the one list of them. keyfob.conf, the interface's parameters and
 * Profile object, the portable file, `keyfob profile add`, `edit`, `copy` and `show`, and the form
 * of the screen are made from it; their words are in ui/common/profile_words.h. A new setting is a
 * row here, a row there, a member in data/io.keyfob.Agent.varlink, and the code that wants it. */
#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "base/json.h"

#define KF_API_HOST_DEFAULT "https://api.workos.com"

/* What a field is and where it is kept: TEXT in an array of limit bytes; LIST, which is long and
 * rare, behind a pointer; NUMBER 0 to limit, where 0 is not set; SECRET in the store alone.
 * ALWAYS: every Profile of the interface has it. ALONE: no other profile may have the same.
 *
 * kind, name, limit, flags, check of a value that is set (NULL: none) */
#define KF_PROFILE_FIELDS(X)                                 \
    X(TEXT, client_id, 72, KF_PF_ALWAYS, kf_check_client_id) \
    X(SECRET, api_key, 512, KF_PF_ALONE, NULL)               \
    X(TEXT, api_host, 256, KF_PF_ALWAYS, kf_check_api_host)  \
    X(NUMBER, redirect_port, 65535, KF_PF_ALWAYS, NULL)      \
    X(TEXT, organization_id, 72, KF_PF_ALWAYS, NULL)         \
    X(TEXT, label, 128, 0, NULL)                             \
    X(LIST, git_host, 16 * 261 + 1, KF_PF_ALONE, kf_hosts_parse)

typedef enum kf_pf_kind { KF_PF_TEXT, KF_PF_LIST, KF_PF_NUMBER, KF_PF_SECRET } kf_pf_kind;
enum { KF_PF_ALWAYS = 1, KF_PF_ALONE = 2 };

#define KF_PF_ID(kind, name, limit, flags, check) KF_PF_##name,
typedef enum kf_pf { KF_PROFILE_FIELDS(KF_PF_ID) KF_PF_COUNT } kf_pf;
#undef KF_PF_ID

#define KF_PF_MEMBER_TEXT(name, limit) char name[limit];
#define KF_PF_MEMBER_LIST(name, limit) const char *name; /* of who made it; NULL counts as "" */
#define KF_PF_MEMBER_NUMBER(name, limit) int name;
#define KF_PF_MEMBER_SECRET(name, limit)
#define KF_PF_MEMBER(kind, name, limit, flags, check) KF_PF_MEMBER_##kind(name, limit)
typedef struct kf_conf_profile { /* plain copies; "" = not set */
    char id[17], name[65];
    KF_PROFILE_FIELDS(KF_PF_MEMBER)
    bool confidential; /* an API key was stored for it */
} kf_conf_profile;
#undef KF_PF_MEMBER

typedef struct kf_profile_field {
    const char *name;
    kf_pf_kind kind;
    size_t limit, at; /* at: in kf_conf_profile */
    unsigned flags;
    bool (*check)(const char *value, char **norm, kf_err *err);
} kf_profile_field;
extern const kf_profile_field kf_profile_fields[KF_PF_COUNT];

/* Parameters of a method that takes settings, as kf_method_params_ok reads them; with a blank at
 * the end. */
#define KF_PF_PARAM_TEXT "=s "
#define KF_PF_PARAM_LIST "=s "
#define KF_PF_PARAM_SECRET "=s "
#define KF_PF_PARAM_NUMBER "=n "
#define KF_PF_PARAM(kind, name, limit, flags, check) #name KF_PF_PARAM_##kind
#define KF_PROFILE_PARAMS KF_PROFILE_FIELDS(KF_PF_PARAM)

/* The value as it is kept: a host normalised, "" for what is not set. Caller frees. False: what
 * begins with the name of the field. */
KF_CHECK bool kf_profile_field_check(kf_pf f, const char *value, char **norm, kf_err *err);
/* norm: of kf_profile_field_check. A LIST keeps the pointer. */
void kf_profile_field_put(kf_pf f, kf_conf_profile *p, const char *norm);
char *kf_profile_field_text(kf_pf f, const kf_conf_profile *p); /* "": not set; caller frees */
bool kf_profile_fields_same(const kf_conf_profile *a, const kf_conf_profile *b);

/* A member of a JSON object as text; NULL: it is not there. Caller frees. */
char *kf_profile_field_read(kf_pf f, const kf_json *from);
/* Text as a member of the right kind. */
void kf_profile_field_write(kf_pf f, kf_json *to, const char *text);
