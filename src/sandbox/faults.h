#pragma once
/* Scripted misbehaviour: which answer goes wrong, and how. README.md has the format.
 * Not locked: the owner's mutex guards it. */
#include <stdbool.h>
#include <stddef.h>
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "sandbox/http.h"

typedef struct kf_faults kf_faults;
typedef struct kf_fault kf_fault;

/* NULL: KF_ERR_USAGE_CONFIG, what says which entry and member. Caller frees. */
kf_faults *kf_faults_parse(const char *text, size_t len, kf_err *err);
kf_faults *kf_faults_free(kf_faults *f);

/* Counts the request in every entry that means it, and gives the first entry whose
 * turn it is, or NULL. path: as it came; place: with {id}, or NULL; grant: or NULL.
 * f may be NULL. Borrowed. */
const kf_fault *kf_faults_pick(kf_faults *f, const char *path, const char *place,
                               const char *grant);
/* Whether the request is to be handled all the same. fault may be NULL: yes. */
bool kf_fault_handles(const kf_fault *fault);
/* Whether it takes this member out of a successful answer. */
bool kf_fault_removes(const kf_fault *fault, const char *member);
/* Changes the members of a successful answer; body may be NULL. */
void kf_fault_edit(const kf_fault *fault, int status, kf_json *body);
/* Changes what goes out. */
void kf_fault_apply(const kf_fault *fault, kf_web_res *res);

KF_AUTO_DEFINE(kf_faults);
