#pragma once
/* What an endpoint answers: a status and a body in one of the three shapes of
 * WORKOS.md §1.5, or a page. A value; its owner frees what it holds. */
#include <stdint.h>
#include "base/json.h"

typedef struct kf_answer {
    int status;
    kf_json *body;   /* NULL: empty */
    char *location;  /* of a redirect; heap */
    int retry_after; /* seconds, with 429 */
    char *html;      /* a page instead of body; heap */
} kf_answer;

kf_answer kf_answer_a(int status, const char *code, const char *message); /* {code,message} */
kf_answer kf_answer_b(const char *error,
                      const char *description);         /* 400 {error,error_description} */
kf_answer kf_answer_c(int status, const char *message); /* {message} */
kf_answer kf_answer_unauthorized(void);                 /* 401 C */
/* 422 {code:"invalid_request_parameters",message,errors:[{code,field}]} */
kf_answer kf_answer_parameters(const char *field, const char *message);
kf_answer kf_answer_not_found(const char *what); /* 404 C */

void kf_set_time(kf_json *obj, const char *key, int64_t unix_s); /* 0: null */
void kf_set_or_null(kf_json *obj, const char *key, const char *value);
