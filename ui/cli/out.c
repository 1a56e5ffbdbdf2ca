/* Streams: stdout for the answer, stderr for everything else. */
#include "ui/cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include "base/str.h"
#include "ui/common/text.h"
#include "ui/common/words.h"

/* As env and timeout do it. */
static int status_of(const kf_cli *c, kf_err_code code) {
    return c->wraps ? 125 : kf_err_exit(code);
}

static int fail_json(kf_cli *c, const kf_err *e, const kf_words_error *w, int rc) {
    KF_AUTO(kf_json) j = kf_json_obj();
    kf_json_set_str(j, "schema", "keyfob.error/1");
    kf_json_set_str(j, "error", kf_err_name(e->code));
    kf_json_set_int(j, "exit", rc);
    kf_json_set_str(j, "profile", c->profile_used);
    kf_json_set_str(j, "happened", w->happened);
    kf_json_set_str(j, "means", w->means);
    kf_json_set_str(j, "todo", w->todo);
    if (e->retry_after >= 0) kf_json_set_int(j, "retry_after_s", e->retry_after);
    else kf_json_set_null(j, "retry_after_s");
    if (e->status) {
        kf_json *h = kf_json_obj();
        kf_json_set_int(h, "status", e->status);
        kf_json_set_str(h, "code", e->upstream);
        kf_json_set_str(h, "request_id", e->request_id);
        kf_json_set(j, "http", h);
    }
    if (c->choices) kf_json_set(j, "choices", KF_TAKE(c->choices));
    KF_AUTO_CHARS raw = kf_json_print(j);
    KF_AUTO_CHARS line = kf_text_json(raw);
    fprintf(stderr, "%s\n", line);
    return rc;
}

int kf_cli_fail(kf_cli *c, const kf_err *e) {
    kf_words_error w;
    kf_err named = *e;
    if (e->code == KF_ERR_USAGE_NO_PROFILE &&
        c->profile_rule) { /* who would look for the name in a file of a directory above? */
        kf_fail(&named, e->code, "%.90s, which %.150s names", c->profile_used, c->profile_rule);
        e = &named;
    }
    kf_words_for_cli(e, c->profile_used, &w);
    int rc = status_of(c, e->code);
    fflush(stdout);
    if (c->json) return fail_json(c, e, &w, rc);
    fprintf(stderr, "keyfob: %s\n", w.happened);
    if (*w.means) fprintf(stderr, "  %s\n", w.means);
    if (*w.todo) fprintf(stderr, "  %s\n", w.todo);
    if (c->verbose && *e->request_id) fprintf(stderr, "  request %s\n", e->request_id);
    return rc;
}

int kf_cli_usage(kf_cli *c, const char *fmt, ...) {
    va_list ap;
    char *text = NULL;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0) abort();
    KF_AUTO_CHARS safe = kf_text_safe(text);
    free(text);
    if (c->json) {
        kf_err e;
        kf_fail(&e, KF_ERR_USAGE_BAD, "%s", safe);
        return kf_cli_fail(c, &e);
    }
    fprintf(stderr, "keyfob: %s\n", safe);
    if (c->command) fprintf(stderr, "usage: keyfob %s %s\n", c->command->name, c->command->args);
    return status_of(c, KF_ERR_USAGE_BAD);
}

void kf_cli_note(const kf_cli *c, const char *fmt, ...) {
    if (c->quiet) return;
    va_list ap;
    char *text = NULL;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0) abort();
    KF_AUTO_CHARS safe = kf_text_safe(text);
    fprintf(stderr, "keyfob: %s\n", safe);
    free(text);
}

int kf_cli_flush(void) {
    if (fflush(stdout) == 0 && !ferror(stdout)) return 0;
    fprintf(stderr, "keyfob: the answer could not be written: %s\n", strerror(errno));
    return 1;
}

int kf_cli_print_file(const char *path) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "schema", "keyfob.file/1");
    kf_json_set_str(j, "path", path);
    return kf_cli_print(j);
}

void kf_cli_set_time(kf_json *j, const char *key, int64_t unix_s) {
    char when[21];
    kf_rfc3339(unix_s, when);
    kf_json_set_str(j, key, unix_s ? when : NULL);
}

int kf_cli_print(kf_json *j) {
    char *raw = kf_json_print(j), *line = kf_text_json(raw);
    kf_json_free(j);
    printf("%s\n", line);
    kf_wipe(raw, strlen(raw));
    kf_wipe(line, strlen(line));
    free(raw);
    free(line);
    return kf_cli_flush();
}
