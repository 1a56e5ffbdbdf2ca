/* allow: the person trusts the .keyfob file of a directory. */
#include "ui/cli/cli.h"

#include "auth/profile.h"
#include "base/str.h"
#include "ui/cli/dir.h"
#include "ui/cli/index.h"
#include "ui/common/text.h"

static int print_one(kf_cli *c, const kf_dir_file *f, const char *done, bool allowed) {
    if (c->json) {
        kf_json *j = kf_json_obj();
        kf_json_set_str(j, "schema", "keyfob.allow/1");
        kf_json_set_str(j, "file", f->path);
        if (*f->profile) kf_json_set_str(j, "profile", f->profile);
        kf_json_set_bool(j, "allowed", allowed);
        return kf_cli_print(j);
    }
    KF_AUTO_CHARS path = kf_text_safe(f->path);
    printf("%s: %s%s%s\n", done, path, *f->profile ? " uses the profile " : "", f->profile);
    return kf_cli_flush();
}

static void see(void *user, const char *name, const char *path) {
    if (user) {
        kf_json *one = kf_json_obj();
        kf_json_set_str(one, "file", path);
        kf_json_set_str(one, "profile", name);
        kf_json_add(user, one);
        return;
    }
    KF_AUTO_CHARS safe = kf_text_safe(path);
    printf("%-24s %s\n", name, safe);
}

static int list(kf_cli *c) {
    kf_err e;
    KF_AUTO_CHARS text = kf_dir_list(&e);
    KF_AUTO(kf_json) items = c->json ? kf_json_arr() : NULL;
    if (!text || !kf_allowed_each(text, strlen(text), see, items, &e)) return kf_cli_fail(c, &e);
    if (!c->json) return kf_cli_flush();
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "schema", "keyfob.allowed/1");
    kf_json_set(j, "items", KF_TAKE(items));
    return kf_cli_print(j);
}

/* Where it is or was: the file need not be there, nor be right. */
static bool path_of(const char *dir, kf_dir_file *f, kf_err *err) {
    char real[PATH_MAX];
    kf_dir_file found;
    if (!dir && kf_dir_find(NULL, &found, NULL) > 0)
        return memcpy(f->path, found.path, sizeof found.path), true;
    bool gone =
        dir && *dir == '/' && !realpath(dir, real); /* the directory too: it is taken by its name */
    if (gone && !kf_str_set(real, sizeof real, dir))
        return kf_fail(err, KF_ERR_USAGE_DIRECTORY, "the path is too long");
    if (!gone && !realpath(dir ? dir : ".", real))
        return kf_fail_errno(err, KF_ERR_USAGE_DIRECTORY, "%.200s", dir ? dir : ".");
    KF_AUTO_CHARS path = kf_strfmt("%s/%s", strcmp(real, "/") ? real : "", KF_DIRECTORY_FILE);
    return kf_str_set(f->path, sizeof f->path, path) ||
           kf_fail(err, KF_ERR_USAGE_DIRECTORY, "the path is too long");
}

static int take_back(kf_cli *c, const char *dir) {
    kf_err e;
    kf_dir_file f = {.profile = ""};
    if (!path_of(dir, &f, &e) || !kf_dir_allow(&f, &e)) return kf_cli_fail(c, &e);
    return print_one(c, &f, "No longer allowed", false);
}

static void note_missing(kf_cli *c, const char *name) {
    kf_profile_row *rows = NULL;
    size_t n = 0;
    bool there = !kf_cli_index(&rows, &n, NULL);
    for (size_t i = 0; i < n && !there; i++) there = !strcmp(rows[i].name, name);
    if (!there)
        kf_cli_note(
            c, "there is no profile called %s yet; keyfob profile add %s --client-id ID makes it",
            name, name);
    free(rows);
}

int kf_cmd_allow(kf_cli *c, const kf_args *a) {
    enum { REVOKE, LIST };
    kf_err e;
    kf_dir_file f;
    if (a->opt[LIST])
        return a->opt[REVOKE] || a->pos[0] ? kf_cli_usage(c, "--list stands alone") : list(c);
    if (kf_client_read_only()) {
        kf_fail(&e, KF_ERR_USAGE_READ_ONLY,
                "allow would change what is trusted, and --read-only forbids it");
        return kf_cli_fail(c, &e);
    }
    if (a->opt[REVOKE]) return take_back(c, a->pos[0]);
    int rc = kf_dir_find(a->pos[0], &f, &e);
    if (rc == 0) {
        kf_fail(&e, KF_ERR_USAGE_DIRECTORY, "there is no %s in %.180s", KF_DIRECTORY_FILE,
                a->pos[0] ? a->pos[0] : "this directory or above it");
        kf_hint(&e, "Make one: echo PROFILE > %s", KF_DIRECTORY_FILE);
    }
    if (rc <= 0 || !kf_dir_allow(&f, &e)) return kf_cli_fail(c, &e);
    note_missing(c, f.profile);
    return print_one(c, &f, "Allowed", true);
}
