/* Builds the sandbox's answers: WorkOS's three shapes of an error, and optional members of an
 * object. */
#include "sandbox/answer.h"
#include "base/str.h"
#include "sandbox/ids.h"

static kf_answer two(int status, const char *k1, const char *v1, const char *k2, const char *v2) {
    kf_json *body = kf_json_obj();
    if (k1) kf_json_set_str(body, k1, v1);
    kf_json_set_str(body, k2, v2);
    return (kf_answer){.status = status, .body = body};
}

kf_answer kf_answer_a(int status, const char *code, const char *message) {
    return two(status, "code", code, "message", message);
}

kf_answer kf_answer_b(const char *error, const char *description) {
    return two(400, "error", error, "error_description", description);
}

kf_answer kf_answer_c(int status, const char *message) {
    return two(status, NULL, NULL, "message", message);
}

kf_answer kf_answer_unauthorized(void) { return kf_answer_c(401, "Unauthorized"); }

kf_answer kf_answer_parameters(const char *field, const char *message) {
    kf_answer a = kf_answer_a(422, "invalid_request_parameters", message);
    kf_json *errors = kf_json_arr(), *one = kf_json_obj();
    kf_json_set_str(one, "code", "invalid");
    kf_json_set_str(one, "field", field);
    kf_json_set_str(one, "message", message);
    kf_json_add(errors, one);
    kf_json_set(a.body, "errors", errors);
    return a;
}

kf_answer kf_answer_not_found(const char *what) {
    KF_AUTO_CHARS text = kf_strfmt("%s not found.", what);
    return kf_answer_c(404, text);
}

void kf_set_or_null(kf_json *obj, const char *key, const char *value) {
    if (value) kf_json_set_str(obj, key, value);
    else kf_json_set_null(obj, key);
}

void kf_set_time(kf_json *obj, const char *key, int64_t unix_s) {
    char text[25];
    if (unix_s) kf_iso_time(unix_s, text);
    kf_set_or_null(obj, key, unix_s ? text : NULL);
}
