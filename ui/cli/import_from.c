/* profile import --from: what the official CLIs or a .env file know becomes profiles. The agent
 * reads and stores; the API keys do not come here. */
#include "ui/cli/import.h"

#include <unistd.h>
#include "base/str.h"
#include "ui/common/text.h"

enum {
    WAIT_MS = 60000,
    PERSON_MS = 6 * 60 * 1000
}; /* PERSON: the keyring's prompt may be open for 5 min */

bool kf_import_is_from(const kf_args *a) {
    static const int own[] = {KF_IMPORT_FROM,      KF_IMPORT_NAMES,    KF_IMPORT_ALL, KF_IMPORT_AS,
                              KF_IMPORT_CLIENT_ID, KF_IMPORT_CLEAN_UP, KF_IMPORT_YES};
    for (size_t i = 0; i < KF_LEN(own); i++)
        if (a->opt[own[i]]) return true;
    return false;
}

/* Of the .env file; NULL: it is not about one. */
static char *env_path(const kf_args *a, const char *source) {
    const char *file = a->pos[0] ? a->pos[0] : ".env";
    if (source ? strcmp(source, "env") != 0 : access(file, F_OK) != 0) return NULL;
    if (*file == '/') return kf_strdup(file);
    char *dir = getcwd(NULL, 0), *path = dir ? kf_strfmt("%s/%s", dir, file) : NULL;
    free(dir);
    return path;
}

static kf_json *where(const kf_cli *c, const char *source, const char *path) {
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "source", source);
    kf_json_set_str(p, "path", path);
    kf_json_set_bool(p, "keyring", !source || !strcmp(source, "workos"));
    kf_json_set_bool(p, "interactive", kf_can_ask(c));
    return p;
}

/* --- places
 * -------------------------------------------------------------------------------------------- */

/* No bus or no provider: then it is in a file, or nowhere. */
static bool no_keyring(const kf_json *place) {
    return kf_str_eq(kf_json_str(place, "error"), kf_err_name(KF_ERR_STORE_ABSENT));
}

static void note_places(kf_cli *c, const kf_json *places) {
    for (const kf_json *p = kf_json_first(places); p; p = kf_json_next(p)) {
        if (kf_json_str(p, "problem") && (c->verbose || !no_keyring(p)))
            kf_cli_note(c, "%s was left out: %s", kf_json_str_or(p, "place", ""),
                        kf_json_str(p, "problem"));
        if (kf_json_bool(p, "cookie_password", false))
            kf_cli_note(
                c, "WORKOS_COOKIE_PASSWORD is in %s as well; it is not taken (keyfob keeps none)",
                kf_json_str_or(p, "place", ""));
    }
}

/* No environment at all: because of a place that was refused, or since there is none. */
static int nothing(kf_cli *c, const kf_json *places) {
    kf_err e;
    char looked[200] = "";
    for (const kf_json *p = kf_json_first(places); p; p = kf_json_next(p)) {
        const char *problem = kf_json_str(p, "problem"), *place = kf_json_str_or(p, "place", "");
        if (problem && !no_keyring(p)) {
            bool said = strstr(problem, place) != NULL;
            kf_fail(&e, kf_err_from_name(kf_json_str(p, "error")), "%.100s%s%.140s",
                    said ? "" : place, said ? "" : ": ", problem);
            if (kf_json_str(p, "hint")) kf_hint(&e, "%s", kf_json_str(p, "hint"));
            return kf_cli_fail(c, &e);
        }
        size_t n = strlen(looked);
        int more = snprintf(looked + n, sizeof looked - n, "%s%s", n ? ", " : "", place);
        if (more < 0 || (size_t)more >= sizeof looked - n) looked[n] = 0;
    }
    kf_fail(&e, KF_ERR_USAGE_BAD, "no WorkOS environment is there; looked at %s", looked);
    return kf_cli_fail(c, &e);
}

/* --- the work
 * ------------------------------------------------------------------------------------------ */

static kf_json *result_of(const kf_picks *picks, bool dry) {
    kf_json *j = kf_json_obj(), *added = kf_json_arr(), *skipped = kf_json_arr(),
            *items = kf_json_arr();
    for (size_t i = 0; i < picks->n; i++) {
        const kf_pick *p = &picks->pick[i];
        kf_json_add(p->there ? skipped : added, kf_json_new_str(p->profile));
        kf_json *one = kf_json_copy(p->item);
        kf_json_set_str(one, "profile", p->profile);
        kf_json_set_str(one, "client_id", p->client_id);
        kf_json_set(one, "profile_name", NULL);
        kf_json_add(items, one);
    }
    kf_json_set_str(j, "schema", "keyfob.profiles-import/1");
    kf_json_set_bool(j, "dry_run", dry);
    kf_json_set(j, "added", added);
    kf_json_set(j, "skipped", skipped);
    kf_json_set(j, "left_out", kf_json_copy(picks->left_out));
    kf_json_set(j, "items", items);
    return j;
}

static void say(const kf_cli *c, const kf_pick *p, bool dry) {
    if (c->json) return;
    KF_AUTO(kf_json) shown = kf_json_copy(p->item);
    kf_json_set_str(shown, "client_id", p->client_id);
    KF_AUTO_CHARS line = kf_import_line(shown);
    printf("%s %s: %s\n",
           p->there ? "Is there already:"
           : dry    ? "Would add"
                    : "Added",
           p->profile, line);
}

static bool add(kf_cli *c, const char *path, const kf_pick *p, kf_err *err) {
    kf_json *q = where(c, kf_json_str(p->item, "source"), path);
    kf_json_set_str(q, "name", kf_json_str(p->item, "name"));
    kf_json_set_str(q, "profile", p->profile);
    kf_json_set_str(q, "client_id", p->client_id);
    KF_AUTO(kf_json) r = kf_cli_call(c, "Import", q, PERSON_MS, err);
    return r != NULL;
}

static int add_all(kf_cli *c, const char *path, const kf_picks *picks, bool dry) {
    kf_err e, why;
    size_t done = 0;
    for (size_t i = 0; i < picks->n; i++) {
        const kf_pick *p = &picks->pick[i];
        if (!dry && !p->there && !add(c, path, p, &why)) {
            kf_fail(&e, why.code, "%s: %.180s", p->profile, why.what);
            kf_hint(&e,
                    "%zu of %zu were imported before; --skip-existing goes on from here. %.120s",
                    done, picks->n, why.hint);
            return kf_cli_fail(c, &e);
        }
        done += !p->there;
        say(c, p, dry);
    }
    return 0;
}

/* Each source has files of its own. */
static int clean(kf_cli *c, const kf_args *a, const char *path, const kf_picks *picks,
                 kf_json *result) {
    static const char *const sources[] = {"workos", "workos-go", "env"};
    int rc = 0;
    for (size_t s = 0; s < KF_LEN(sources) && !rc; s++) {
        KF_AUTO(kf_json) profiles = kf_json_arr();
        for (size_t i = 0; i < picks->n; i++)
            if (kf_str_eq(kf_json_str(picks->pick[i].item, "source"), sources[s]) &&
                kf_json_str(picks->pick[i].item, "key"))
                kf_json_add(profiles, kf_json_new_str(picks->pick[i].profile));
        if (kf_json_count(profiles)) rc = kf_import_clean(c, a, sources[s], path, profiles, result);
    }
    return rc;
}

int kf_import_from(kf_cli *c, const kf_args *a) {
    static const char *const sources[] = {"workos", "workos-go", "env"};
    const char *source = a->opt[KF_IMPORT_FROM];
    bool known = !source, dry = a->opt[KF_IMPORT_DRY] != NULL;
    kf_err e;
    int rc = 0;
    for (size_t i = 0; source && i < KF_LEN(sources); i++)
        known = known || !strcmp(source, sources[i]);
    if (!known) return kf_cli_usage(c, "--from is workos, workos-go or env, not %.40s", source);
    if (!source && !kf_can_ask(c))
        return kf_cli_usage(c, "from where? --from workos, workos-go or env");
    if (a->pos[0] && (!source || strcmp(source, "env") != 0))
        return kf_cli_usage(c, "only --from env takes a file");
    if (a->opt[KF_IMPORT_NAMES] && a->opt[KF_IMPORT_ALL])
        return kf_cli_usage(c, "either --name or --all");
    if (a->opt[KF_IMPORT_AS] && a->opt[KF_IMPORT_PREFIX])
        return kf_cli_usage(c, "either --as or --prefix");
    if (a->opt[KF_IMPORT_CLEAN_UP] && !a->opt[KF_IMPORT_YES] && !dry && !kf_can_ask(c)) {
        kf_fail(&e, KF_ERR_USAGE_NO_INPUT,
                "--clean-up changes a file, and nobody is there to be asked");
        kf_hint(
            &e,
            "Look at it with --clean-up --dry-run when the profiles are there, then give --yes.");
        return kf_cli_fail(c, &e);
    }
    KF_AUTO_CHARS path = env_path(a, source);
    KF_AUTO(kf_json)
    found = kf_cli_call(c, "FindImports", where(c, source, path),
                        kf_can_ask(c) ? PERSON_MS : WAIT_MS, &e);
    if (!found) return kf_cli_fail(c, &e);
    const kf_json *items = kf_json_get(found, "items");
    if (!kf_json_count(items)) return nothing(c, kf_json_get(found, "places"));
    note_places(c, kf_json_get(found, "places"));
    kf_picks picks;
    KF_AUTO(kf_json) result = NULL;
    if (kf_import_choose(c, a, items, &picks, &rc)) {
        for (const kf_json *l = kf_json_first(picks.left_out); l; l = kf_json_next(l))
            kf_cli_note(c, "%s was left out: %s", kf_json_str_or(l, "name", ""),
                        kf_json_str_or(l, "reason", ""));
        rc = add_all(c, path, &picks, dry);
        result = result_of(&picks, dry);
        if (!rc) rc = clean(c, a, path, &picks, result);
        if (!rc || kf_json_get(result, "clean_up"))
            rc = c->json ? kf_cli_print(KF_TAKE(result)) | rc : kf_cli_flush() | rc;
    }
    kf_import_picks_done(&picks);
    return rc;
}
