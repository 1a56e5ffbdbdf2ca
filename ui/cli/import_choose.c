/* Which environments, and what they are called here. */
#include "ui/cli/import.h"

#include "auth/import.h"
#include "base/str.h"
#include "ui/common/text.h"

enum { WAIT_MS = 60000 };

char *kf_import_line(const kf_json *i) {
    const char *type = kf_json_str_or(i, "type", ""), *client = kf_json_str_or(i, "client_id", ""),
               *key = kf_json_str(i, "key"), *host = kf_json_str_or(i, "api_host", "");
    bool usual = !strcmp(host, "https://api.workos.com");
    KF_AUTO_CHARS text =
        kf_strfmt("%s%s%s, %s%s%s, from %s", type, *type ? ", " : "",
                  *client ? client : "no client ID", key ? key : "no API key", usual ? "" : ", at ",
                  usual ? "" : host, kf_json_str_or(i, "place", ""));
    return kf_text_safe(text);
}

static char *name_of(const kf_json *i) {
    const char *name = kf_json_str_or(i, "name", "");
    return *name ? kf_text_safe(name) : kf_strdup("(without a name)");
}

void kf_import_picks_done(kf_picks *p) {
    for (size_t i = 0; i < p->n_typed; i++) free(p->typed[i]);
    free(p->pick);
    kf_json_free(p->left_out);
}

static void leave_out(kf_picks *p, const kf_json *item, const char *why) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "name", kf_json_str_or(item, "name", ""));
    kf_json_set_str(j, "reason", why);
    kf_json_add(p->left_out, j);
}

static void take(kf_picks *p, const kf_json *item) {
    for (size_t i = 0; i < p->n; i++)
        if (p->pick[i].item == item) return;
    p->pick[p->n++] = (kf_pick){.item = item, .client_id = kf_json_str_or(item, "client_id", "")};
}

static const kf_json *at(const kf_json *items, size_t number) {
    const kf_json *i = kf_json_first(items);
    while (i && --number) i = kf_json_next(i);
    return i;
}

/* --- which
 * ------------------------------------------------------------------------------------------- */

static bool take_names(const char *names, const kf_json *items, kf_picks *out, kf_err *err) {
    KF_AUTO_CHARS list = kf_strdup(names);
    for (char *name = list, *rest; name; name = rest) {
        rest = strchr(name, ';');
        if (rest) *rest++ = 0;
        size_t before = out->n;
        const kf_json *seen = NULL;
        for (const kf_json *i = kf_json_first(items); i; i = kf_json_next(i)) {
            if (!kf_str_eq(kf_json_str(i, "name"), name)) continue;
            seen = i;
            if (!kf_json_str(i, "problem")) take(out, i);
        }
        KF_AUTO_CHARS safe = kf_text_safe(name);
        if (!seen)
            return kf_fail(err, KF_ERR_USAGE_BAD, "no environment is called %.60s there", safe);
        if (out->n == before && kf_json_str(seen, "problem"))
            return kf_fail(err, KF_ERR_USAGE_BAD, "%.60s: %.160s", safe,
                           kf_json_str(seen, "problem"));
    }
    return true;
}

static void take_all(const kf_json *items, kf_picks *out) {
    for (const kf_json *i = kf_json_first(items); i; i = kf_json_next(i))
        if (kf_json_str(i, "problem")) leave_out(out, i, kf_json_str(i, "problem"));
        else take(out, i);
}

/* "1,3", "all", "": none */
static bool take_numbers(const char *text, const kf_json *items, kf_picks *out) {
    if (!strcmp(text, "all")) {
        take_all(items, out);
        return true;
    }
    while (*text) {
        char *end;
        if (*text == ',' || *text == ' ') {
            text++;
            continue;
        }
        long n = strtol(text, &end, 10);
        const kf_json *i = end > text && n > 0 && n < 10000 ? at(items, (size_t)n) : NULL;
        if (!i || kf_json_str(i, "problem")) return false;
        take(out, i);
        text = end;
    }
    return true;
}

static void list(const kf_json *items) {
    size_t n = 0;
    for (const kf_json *i = kf_json_first(items); i; i = kf_json_next(i)) {
        KF_AUTO_CHARS name = name_of(i);
        KF_AUTO_CHARS line = kf_import_line(i);
        KF_AUTO_CHARS problem = kf_text_safe(kf_json_str(i, "problem"));
        fprintf(stderr, "%3zu  %-16s  %s\n", ++n, name, line);
        if (*problem) fprintf(stderr, "     cannot be imported: %s\n", problem);
    }
}

/* A line of the terminal; NULL: the input ended. The caller's list owns it. */
static const char *asked(kf_picks *out, const char *prompt, kf_err *err) {
    KF_AUTO(kf_secret) line = kf_ask(prompt, false, err);
    if (!line || out->n_typed == KF_LEN(out->typed)) return NULL;
    return out->typed[out->n_typed++] = kf_strdup(kf_secret_peek(line));
}

static bool which(kf_cli *c, const kf_args *a, const kf_json *items, kf_picks *out, kf_err *err) {
    if (a->opt[KF_IMPORT_NAMES]) return take_names(a->opt[KF_IMPORT_NAMES], items, out, err);
    if (a->opt[KF_IMPORT_ALL] || a->opt[KF_IMPORT_DRY] ||
        (kf_json_count(items) == 1 && (a->opt[KF_IMPORT_FROM] || a->opt[KF_IMPORT_AS]))) {
        take_all(items, out);
        return true;
    }
    if (!kf_can_ask(c)) {
        kf_fail(err, KF_ERR_USAGE_NO_INPUT, "%zu environments were found, and none was named",
                kf_json_count(items));
        return kf_hint(err, "Give --name NAME, or --all; --dry-run says what there is.");
    }
    list(items);
    for (int tries = 0; tries < 3; tries++) {
        const char *text = asked(out, "Which (numbers like 1,3 or all; Enter for none)", err);
        if (!text) return false;
        out->n = 0;
        if (take_numbers(text, items, out))
            return out->n || kf_fail(err, KF_ERR_SYS_CANCELLED, "nothing was chosen");
        kf_cli_note(c, "that is no number of the list that can be imported");
    }
    return kf_fail(err, KF_ERR_USAGE_BAD_ANSWER, "three answers that are none");
}

/* --- called what, and by which client ID
 * --------------------------------------------------------------- */

static bool named(kf_cli *c, const kf_args *a, kf_picks *out, kf_pick *p, kf_err *err) {
    const char *as = a->opt[KF_IMPORT_AS], *prefix = a->opt[KF_IMPORT_PREFIX];
    KF_AUTO_CHARS name = name_of(p->item);
    if (as && !kf_profile_name_ok(as)) return kf_fail(err, KF_ERR_USAGE_NAME, "'%.80s'", as);
    if (as) return kf_str_set(p->profile, sizeof p->profile, as);
    if (kf_import_profile_name(prefix, kf_json_str_or(p->item, "name", ""), p->profile))
        return true;
    if (kf_can_ask(c)) {
        KF_AUTO_CHARS prompt = kf_strfmt("A profile name for %.80s", name);
        const char *typed = asked(out, prompt, err);
        if (!typed) return false;
        return (kf_profile_name_ok(typed) && kf_str_set(p->profile, sizeof p->profile, typed)) ||
               kf_fail(err, KF_ERR_USAGE_NAME, "'%.80s'", typed);
    }
    kf_fail(err, KF_ERR_USAGE_NAME, "no profile name can be made of %.80s without guessing", name);
    return kf_hint(err, "Import it alone: --name NAME --as PROFILE");
}

static bool has_client(kf_cli *c, const kf_args *a, kf_picks *out, kf_pick *p, kf_err *err) {
    KF_AUTO_CHARS name = name_of(p->item);
    if (*p->client_id) return true;
    p->client_id = a->opt[KF_IMPORT_CLIENT_ID];
    if (!p->client_id && kf_can_ask(c)) {
        KF_AUTO_CHARS prompt = kf_strfmt("%.80s has no client ID. Client ID (client_...)", name);
        if (!(p->client_id = asked(out, prompt, err))) return false;
    }
    if (p->client_id && kf_client_id_ok(p->client_id)) return true;
    if (p->client_id) return kf_fail(err, KF_ERR_USAGE_NO_CLIENT_ID, "%.80s", p->client_id);
    kf_fail(err, KF_ERR_USAGE_NO_CLIENT_ID, "%.80s has none where it comes from", name);
    return kf_hint(err, "Import it alone: --name NAME --client-id client_...");
}

/* With --all, one that cannot be taken does not keep the others out; it is named. */
static bool settle(kf_cli *c, const kf_args *a, kf_picks *out, kf_err *err) {
    bool all = !a->opt[KF_IMPORT_NAMES] && out->n > 1;
    size_t kept = 0, without = 0;
    if (!out->n) return true;
    for (size_t i = 0; i < out->n; i++) without += !*out->pick[i].client_id;
    if (a->opt[KF_IMPORT_AS] && out->n != 1)
        return kf_fail(err, KF_ERR_USAGE_BAD, "--as is for one environment, and these are %zu",
                       out->n);
    if (a->opt[KF_IMPORT_CLIENT_ID] && without != 1)
        return kf_fail(err, KF_ERR_USAGE_BAD,
                       "--client-id is for one environment that has none, and these are %zu",
                       without);
    for (size_t i = 0; i < out->n; i++) {
        kf_pick p = out->pick[i];
        bool ok = named(c, a, out, &p, err) && has_client(c, a, out, &p, err);
        if (!ok && (!all || err->code == KF_ERR_SYS_CANCELLED)) return false;
        if (ok) out->pick[kept++] = p;
        else leave_out(out, p.item, err->what);
    }
    out->n = kept;
    return true;
}

static bool collide(kf_cli *c, const kf_args *a, kf_picks *out, kf_err *err) {
    KF_AUTO(kf_json) there = kf_cli_call_all(c, "ListProfiles", NULL, "profiles", WAIT_MS, err);
    if (!there) return false;
    for (size_t i = 0; i < out->n; i++) {
        kf_pick *p = &out->pick[i];
        for (size_t k = 0; k < i; k++)
            if (!strcmp(out->pick[k].profile, p->profile)) {
                KF_AUTO_CHARS one = name_of(out->pick[k].item);
                KF_AUTO_CHARS two = name_of(p->item);
                kf_fail(err, KF_ERR_USAGE_EXISTS, "%.60s and %.60s would both be called %s", one,
                        two, p->profile);
                return kf_hint(err, "Import them one by one: --name NAME --as PROFILE.");
            }
        for (const kf_json *j = kf_json_first(there); j; j = kf_json_next(j))
            p->there = p->there || kf_str_eq(kf_json_str(j, "name"), p->profile);
        if (!p->there || a->opt[KF_IMPORT_SKIP]) continue;
        kf_fail(err, KF_ERR_USAGE_EXISTS, "there is a profile called %s", p->profile);
        return kf_hint(err, "--skip-existing leaves out what is there, --prefix WORD puts WORD "
                            "before each name, --as NAME gives another.");
    }
    return true;
}

bool kf_import_choose(kf_cli *c, const kf_args *a, const kf_json *items, kf_picks *out, int *rc) {
    kf_err e;
    *out = (kf_picks){.pick = calloc(kf_json_count(items) + 1, sizeof *out->pick),
                      .left_out = kf_json_arr()};
    if (!out->pick) abort();
    bool ok = which(c, a, items, out, &e) && settle(c, a, out, &e);
    if (ok && !out->n) {
        const kf_json *first = kf_json_first(out->left_out);
        KF_AUTO_CHARS name = name_of(first);
        ok = kf_fail(&e, KF_ERR_USAGE_BAD, "%.60s: %.160s", name,
                     kf_json_str_or(first, "reason", "nothing is left"));
    }
    ok = ok && collide(c, a, out, &e);
    if (!ok) *rc = kf_cli_fail(c, &e);
    return ok;
}
