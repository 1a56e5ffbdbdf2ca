/* Plays the transcripts of a folder (README.md beside this file has their language)
 * against the flow: one cmocka test per file. With --bad every file must be refused
 * instead: that is how the runner itself is tested. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include "run.h"

/* --- files ------------------------------------------------------------------------------------ */

static void one_line(run *r, const char *line) {
    run_free_own(r);
    free(r->text);
    r->text = NULL;
    r->text = run_expand(r, line);
    run_directive(r, r->text);
}

static void all_lines(run *r, FILE *in) {
    static char line[16384];
    while (fgets(line, sizeof line, in)) {
        r->line++;
        size_t n = strlen(line);
        if (!n || line[n - 1] != '\n') run_bad(r, "the line is too long, or has no end");
        line[n - 1] = 0;
        one_line(r, line);
    }
    run_finish(r);
    if (!r->started) run_bad(r, "no flow in this file");
}

/* True: the transcript holds. Otherwise error says why. */
static bool play(const char *path, char *error, size_t size) {
    FILE *in = fopen(path, "re");
    run *r = calloc(1, sizeof *r);
    if (!in || !r) {
        snprintf(error, size, "%s: %s", path, strerror(errno));
        if (in) fclose(in);
        free(r);
        return false;
    }
    r->path = path;
    run_fresh_options(r);
    if (!kf_str_set(r->origin, sizeof r->origin, "https://api.example.test")) abort();
    bool ok = setjmp(r->out) == 0;
    if (ok) all_lines(r, in);
    ok = !r->error[0];
    snprintf(error, size, "%s", r->error);
    fclose(in);
    kf_flow_free(r->f);
    kf_session_free(r->session);
    kf_buf_done(&r->out_line);
    run_free_own(r);
    free(r->text);
    kf_secret_free(r->value);
    kf_secret_free(r->body);
    free(r);
    return ok;
}

static void holds(void **state) {
    char error[700];
    if (!play(*state, error, sizeof error)) fail_msg("%s", error);
}

static void is_refused(void **state) {
    char error[700];
    if (play(*state, error, sizeof error))
        fail_msg("%s: was played to its end", (const char *)*state);
    /* a refusal of its own, not a file that could not be read */
    if (!strstr(error, ".flow:")) fail_msg("%s", error);
}

static int is_flow(const struct dirent *d) {
    size_t n = strlen(d->d_name);
    return n > 5 && !strcmp(d->d_name + n - 5, ".flow");
}

int main(int argc, char **argv) {
    bool must_fail = argc == 3 && !strcmp(argv[1], "--bad");
    if (argc != 2 && !must_fail) {
        fprintf(stderr, "usage: run_flow [--bad] FOLDER\n");
        return 2;
    }
    const char *folder = argv[argc - 1];
    struct dirent **found;
    int n = scandir(folder, &found, is_flow, alphasort);
    if (n < 1) {
        fprintf(stderr, "run_flow: no transcript in %s\n", folder);
        return 2;
    }
    struct CMUnitTest *tests = calloc((size_t)n, sizeof *tests);
    if (!tests) abort();
    for (int i = 0; i < n; i++)
        tests[i] =
            (struct CMUnitTest){.name = found[i]->d_name,
                                .test_func = must_fail ? is_refused : holds,
                                .initial_state = kf_strfmt("%s/%s", folder, found[i]->d_name)};
    int failed = _cmocka_run_group_tests("flow", tests, (size_t)n, NULL, NULL);
    for (int i = 0; i < n; i++) {
        free(tests[i].initial_state);
        free(found[i]);
    }
    free(found);
    free(tests);
    return failed ? 1 : 0;
}
