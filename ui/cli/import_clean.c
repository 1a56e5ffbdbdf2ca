/* The plain-text key in the other tool's file: shown as it would change, and taken out only on a
 * person's word. */
#include "ui/cli/import.h"

#include "base/str.h"
#include "ui/common/text.h"
#include "ui/common/words.h"

enum { WAIT_MS = 60000 };

static kf_json *params(const char *source, const char *path, const kf_json *profiles) {
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "source", source);
    kf_json_set_str(p, "path", path);
    kf_json_set(p, "profiles", kf_json_copy(profiles));
    return p;
}

static void preview(const kf_json *file) {
    KF_AUTO_CHARS path = kf_text_safe(kf_json_str(file, "file"));
    fprintf(stderr, "--- %s\n+++ %s\n", path, path);
    for (const kf_json *i = kf_json_first(kf_json_get(file, "changes")); i; i = kf_json_next(i)) {
        long long line = kf_json_int_or(i, "line", 0);
        fprintf(stderr, "@@ -%lld +%lld @@\n-%s\n+%s\n", line, line,
                kf_json_str_or(i, "before", ""), kf_json_str_or(i, "after", ""));
    }
}

static bool change(kf_cli *c, const char *source, const char *path, const kf_json *profiles,
                   const kf_json *file, kf_err *err) {
    kf_json *p = params(source, path, profiles);
    kf_json_set_str(p, "file", kf_json_str(file, "file"));
    kf_json_set_str(p, "digest", kf_json_str(file, "digest"));
    KF_AUTO(kf_json) r = kf_cli_call(c, "CleanUp", p, WAIT_MS, err);
    return r != NULL;
}

static void to_result(kf_json *result, const kf_json *file, bool done) {
    kf_json *list = kf_json_copy(kf_json_get(result, "clean_up")), *one = kf_json_copy(file);
    if (!list) list = kf_json_arr();
    kf_json_set_bool(one, "done", done);
    kf_json_set(one, "digest", NULL);
    kf_json_add(list, one);
    kf_json_set(result, "clean_up", list);
}

static int one_file(kf_cli *c, const kf_args *a, const char *source, const char *path,
                    const kf_json *profiles, const kf_json *file, kf_json *result) {
    bool want = a->opt[KF_IMPORT_CLEAN_UP] != NULL, ask = kf_can_ask(c),
         dry = a->opt[KF_IMPORT_DRY] != NULL, yes = want && a->opt[KF_IMPORT_YES];
    kf_err e;
    if (!want && !ask) {
        kf_cli_note(c,
                    "the API key still stands in plain text in %s; the same command with "
                    "--skip-existing --clean-up takes it out",
                    kf_json_str_or(file, "file", ""));
        return 0;
    }
    if (!c->quiet || ask) preview(file);
    if (dry) {
        to_result(result, file, false);
        return 0;
    }
    kf_cli_note(c, "%s will not find %s there any more; the store of keyfob has it",
                kf_words_tool(source),
                kf_json_count(kf_json_get(file, "changes")) > 1 ? "each of these API keys"
                                                                : "this API key");
    if (!yes && !kf_ask_yes("Take it out of the file?")) {
        to_result(result, file, false);
        kf_cli_note(c, "the file stays as it is");
        return 0;
    }
    bool ok = change(c, source, path, profiles, file, &e);
    to_result(result, file, ok);
    if (!ok) return kf_cli_fail(c, &e);
    if (!c->json) {
        KF_AUTO_CHARS safe = kf_text_safe(kf_json_str(file, "file"));
        printf("Changed %s\n", safe);
    }
    return 0;
}

int kf_import_clean(kf_cli *c, const kf_args *a, const char *source, const char *path,
                    const kf_json *profiles, kf_json *result) {
    kf_err e;
    bool want = a->opt[KF_IMPORT_CLEAN_UP] != NULL;
    int rc = 0;
    if (a->opt[KF_IMPORT_DRY] && !want) return 0;
    KF_AUTO(kf_json)
    r = kf_cli_call(c, "PreviewCleanUp", params(source, path, profiles), WAIT_MS, &e);
    if (!r) return want ? kf_cli_fail(c, &e) : 0; /* it was an offer only */
    const kf_json *files = kf_json_get(r, "files");
    for (const kf_json *f = kf_json_first(files); f && !rc; f = kf_json_next(f))
        rc = one_file(c, a, source, path, profiles, f, result);
    if (want && !kf_json_count(files))
        kf_cli_note(c,
                    "no file of it has the API keys that keyfob has; nothing is to be cleaned up");
    if (want && !strcmp(source, "workos"))
        kf_cli_note(c, "keyring items of the workos CLI are its own and stay as they are");
    return rc;
}
