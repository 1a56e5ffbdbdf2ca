/* Lines of a request's head, and of an answer's, that `keyfob serve --proxy` passes on. */
#include <ctype.h>
#include <strings.h>
#include "base/str.h"
#include "fuzz.h"
#include "serve/pass.h"

static void check_passed(const char *name, const char *value, const char *connection) {
    static const char *const stay[] = {"connection",
                                       "keep-alive",
                                       "proxy-authorization",
                                       "proxy-connection",
                                       "te",
                                       "trailer",
                                       "transfer-encoding",
                                       "upgrade",
                                       "authorization",
                                       "host",
                                       "content-length"};
    if (!kf_pass_request_header(name, value, connection)) return;
    for (size_t i = 0; i < KF_LEN(stay); i++) hold(strcasecmp(name, stay[i]) != 0);
    hold(!strpbrk(name, "\r\n: ") && !strpbrk(value, "\r\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input in = {data, size};
    size_t a = fuzz_byte(&in), b = fuzz_byte(&in), c = fuzz_byte(&in);
    KF_AUTO_CHARS name = fuzz_text(&in, a);
    KF_AUTO_CHARS value = fuzz_text(&in, b);
    KF_AUTO_CHARS connection = fuzz_text(&in, c);
    KF_AUTO_CHARS rest = fuzz_text(&in, in.n);
    check_passed(name, value, *connection ? connection : NULL);
    if (kf_pass_target_ok(rest)) hold(rest[0] == '/' && !strpbrk(rest, " #\r\n"));
    if (kf_pass_method_ok(name)) hold(strlen(name) <= 7);
    size_t name_len = 0;
    const char *at = NULL;
    KF_AUTO_CHARS names = kf_pass_connection(rest);
    if (kf_pass_answer_line(rest, strlen(rest), names, &name_len, &at))
        hold(at > rest && at <= rest + strlen(rest) && name_len && rest[name_len] == ':');
    uint64_t length = 0;
    if (kf_pass_answer_length(rest, &length)) hold(strcasestr(rest, "content-length") != NULL);
    return 0;
}
