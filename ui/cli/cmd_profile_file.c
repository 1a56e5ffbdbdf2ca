/* profile export, profile import: settings without secrets, to carry elsewhere. */
#include "ui/cli/import.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "auth/portable.h"
#include "base/str.h"
#include "ui/common/outfile.h"
#include "ui/common/text.h"

enum { WAIT_MS = 60000 };

/* --- export
 * ---------------------------------------------------------------------------------------- */

static const kf_json *by_name(const kf_json *profiles, const char *name) {
    for (const kf_json *p = kf_json_first(profiles); p; p = kf_json_next(p))
        if (kf_str_eq(kf_json_str(p, "name"), name)) return p;
    return NULL;
}

/* The named ones in their order, or all of them. NULL: err. */
static kf_json *chosen(kf_cli *c, const kf_args *a, const kf_json *profiles, bool all,
                       kf_err *err) {
    KF_AUTO(kf_json) items = kf_json_arr();
    for (const kf_json *p = kf_json_first(profiles); all && p; p = kf_json_next(p))
        kf_json_add(items, kf_portable_item(p));
    for (int i = 0; !all && i < (a->n_pos ? a->n_pos : 1); i++) {
        const char *name = kf_cli_profile(c, a->n_pos ? a->pos[i] : NULL, NULL, err);
        if (!name) return NULL;
        const kf_json *p = by_name(profiles, name);
        if (!p) return kf_fail(err, KF_ERR_USAGE_NO_PROFILE, "%s", name), NULL;
        for (int k = 0; k < i; k++)
            if (!strcmp(a->pos[k], a->pos[i]))
                return kf_fail(err, KF_ERR_USAGE_BAD, "%s is named twice", name), NULL;
        kf_json_add(items, kf_portable_item(p));
    }
    return KF_TAKE(items);
}

int kf_cmd_profile_export(kf_cli *c, const kf_args *a) {
    enum { ALL, OUTPUT, FORCE };
    kf_err e;
    if (a->opt[ALL] && a->n_pos) return kf_cli_usage(c, "either --all or names");
    if (a->opt[OUTPUT] && !*a->opt[OUTPUT]) return kf_cli_usage(c, "-o needs the name of a file");
    KF_AUTO(kf_json) profiles = kf_cli_call_all(c, "ListProfiles", NULL, "profiles", WAIT_MS, &e);
    if (!profiles) return kf_cli_fail(c, &e);
    KF_AUTO(kf_json) items = chosen(c, a, profiles, a->opt[ALL] != NULL, &e);
    if (!items) return kf_cli_fail(c, &e);
    KF_AUTO_CHARS text = kf_portable_print(items);
    if (!a->opt[OUTPUT] || kf_str_eq(a->opt[OUTPUT], "-")) {
        fputs(text, stdout);
        return kf_cli_flush();
    }
    if (!kf_outfile_write(a->opt[OUTPUT], text, strlen(text), a->opt[FORCE] != NULL, &e))
        return kf_cli_fail(c, &e);
    if (c->json) return kf_cli_print_file(a->opt[OUTPUT]);
    kf_cli_note(c, "settings of %zu profiles are in %s; it has no secrets", kf_json_count(items),
                a->opt[OUTPUT]);
    return 0;
}

/* --- import
 * ---------------------------------------------------------------------------------------- */

/* Who else may write it could have put any address into it. */
static bool file_ok(const char *path, int fd, kf_err *err) {
    struct stat st;
    if (fstat(fd, &st)) return kf_fail_errno(err, KF_ERR_SYS_IO, "%.200s", path);
    if (!S_ISREG(st.st_mode))
        return kf_fail(err, KF_ERR_USAGE_BAD,
                       "%.200s is not a regular file (to read from a pipe, give - )", path);
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return kf_fail(err, KF_ERR_USAGE_BAD, "%.200s belongs to somebody else", path);
    if (st.st_mode & 022) {
        kf_fail(err, KF_ERR_USAGE_BAD, "%.200s can be written by others", path);
        return kf_hint(err, "Look at what is in it, then: chmod go-w FILE");
    }
    return st.st_size <= KF_PORTABLE_MAX ||
           kf_fail(err, KF_ERR_USAGE_BAD, "%.200s has more than %d KiB", path,
                   KF_PORTABLE_MAX >> 10);
}

/* The whole file, NUL behind it. NULL: err. */
static char *read_file(const char *path, size_t *len, kf_err *err) {
    bool in = !strcmp(path, "-");
    int fd = in ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "%.200s", path), NULL;
    char *text = NULL;
    size_t n = 0;
    ssize_t k = in || file_ok(path, fd, err) ? 1 : -2;
    if (k > 0 && !(text = malloc(KF_PORTABLE_MAX + 2))) abort();
    while (k > 0 && n <= KF_PORTABLE_MAX)
        if ((k = read(fd, text + n, KF_PORTABLE_MAX + 1 - n)) > 0) n += (size_t)k;
        else if (k < 0 && errno == EINTR) k = 1;
    if (k == -1) kf_fail_errno(err, KF_ERR_SYS_IO, "read %.200s", path);
    close(fd);
    if (k < 0) return free(text), NULL;
    text[n] = 0;
    *len = n; /* one more than the most is refused by the reader */
    return text;
}

/* The items as PutProfiles takes them: renamed, without those that are there when skip. NULL: err.
 */
static kf_json *to_put(const kf_json *items, const kf_json *there, const char *prefix, bool skip,
                       kf_json *skipped, kf_err *err) {
    KF_AUTO(kf_json) put = kf_json_arr();
    bool has_default = false;
    for (const kf_json *p = kf_json_first(there); p; p = kf_json_next(p))
        has_default = has_default || kf_json_bool(p, "default", false);
    for (const kf_json *i = kf_json_first(items); i; i = kf_json_next(i)) {
        KF_AUTO_CHARS name = kf_strfmt("%s%s", prefix ? prefix : "", kf_json_str(i, "name"));
        if (!kf_profile_name_ok(name))
            return kf_fail(err, KF_ERR_USAGE_NAME, "'%.80s'", name), NULL;
        if (by_name(there, name)) {
            kf_json_add(skipped, kf_json_new_str(name));
            if (skip) continue;
            kf_fail(err, KF_ERR_USAGE_EXISTS, "there is a profile called %s", name);
            kf_hint(err, "Nothing was imported. --skip-existing leaves out what is there, --prefix "
                         "WORD puts WORD before each name.");
            return NULL;
        }
        kf_json *one = kf_json_copy(i);
        kf_json_set_str(one, "name", name);
        kf_json_set(one, "confidential", NULL);
        kf_json_set(one, "default", NULL);
        if (kf_json_bool(i, "default", false) && !has_default)
            kf_json_set_bool(one, "make_default", true);
        kf_json_add(put, one);
    }
    return KF_TAKE(put);
}

static size_t with_key(const kf_json *items, const kf_json *put) {
    size_t n = 0;
    for (const kf_json *i = kf_json_first(items); i && kf_json_count(put); i = kf_json_next(i))
        n += kf_json_bool(i, "confidential", false);
    return n;
}

static int print_result(kf_cli *c, const kf_json *items, const kf_json *put, const kf_json *skipped,
                        bool dry) {
    if (c->json) {
        kf_json *j = kf_json_obj(), *names = kf_json_arr();
        for (const kf_json *i = kf_json_first(put); i; i = kf_json_next(i))
            kf_json_add(names, kf_json_new_str(kf_json_str(i, "name")));
        kf_json_set_str(j, "schema", "keyfob.profiles-import/1");
        kf_json_set_bool(j, "dry_run", dry);
        kf_json_set(j, "added", names);
        kf_json_set(j, "skipped", kf_json_copy(skipped));
        return kf_cli_print(j);
    }
    for (const kf_json *i = kf_json_first(put); i; i = kf_json_next(i)) {
        KF_AUTO_CHARS host = kf_text_safe(kf_json_str_or(i, "api_host", "https://api.workos.com"));
        printf("%s %s: client %s at %s\n", dry ? "Would add" : "Added", kf_json_str(i, "name"),
               kf_json_str(i, "client_id"), host);
    }
    if (kf_json_count(skipped))
        kf_cli_note(c, "%zu of them were there already and stay as they are",
                    kf_json_count(skipped));
    size_t keys = with_key(items, put);
    if (keys && !dry)
        kf_cli_note(c,
                    "%zu had an API key where they come from; give it again: keyfob profile edit "
                    "NAME --api-key-stdin",
                    keys);
    return kf_cli_flush();
}

int kf_cmd_profile_import(kf_cli *c, const kf_args *a) {
    enum { DRY = KF_IMPORT_DRY, SKIP = KF_IMPORT_SKIP, PREFIX = KF_IMPORT_PREFIX };
    kf_err e, why;
    size_t len = 0;
    if (kf_import_is_from(a) || (!a->pos[0] && kf_can_ask(c))) return kf_import_from(c, a);
    if (!a->pos[0])
        return kf_cli_usage(c, "which file? keyfob profile export makes one; - is stdin; --from "
                               "takes over from other tools");
    KF_AUTO_CHARS text = read_file(a->pos[0], &len, &e);
    if (!text) return kf_cli_fail(c, &e);
    KF_AUTO(kf_json) items = kf_portable_read(text, len, &why);
    if (!items)
        return kf_fail(&e, why.code, "%.60s: %.190s", a->pos[0], why.what), kf_cli_fail(c, &e);
    KF_AUTO(kf_json) there = kf_cli_call_all(c, "ListProfiles", NULL, "profiles", WAIT_MS, &e);
    KF_AUTO(kf_json) skipped = kf_json_arr();
    KF_AUTO(kf_json)
    put = there ? to_put(items, there, a->opt[PREFIX], a->opt[SKIP] != NULL, skipped, &e) : NULL;
    if (!put) return kf_cli_fail(c, &e);
    kf_json *p = kf_json_obj();
    kf_json_set(p, "profiles", kf_json_copy(put));
    if (a->opt[DRY]) kf_json_set_bool(p, "dry_run", true);
    KF_AUTO(kf_json) r = kf_cli_call(c, "PutProfiles", p, WAIT_MS, &e);
    return r ? print_result(c, items, put, skipped, a->opt[DRY] != NULL) : kf_cli_fail(c, &e);
}
