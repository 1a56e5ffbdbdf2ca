/* The session that a sign-in brought is of another person than the profile's, or of another
 * environment. Nothing was stored; what becomes of it is asked here, or a script has said it. */
#include "ui/cli/login.h"

#include "auth/flow.h"
#include "auth/profile.h"
#include "base/str.h"
#include "ui/cli/index.h"
#include "ui/common/person.h"
#include "ui/common/words.h"
#include "wire/msg.h"

enum { PERSON_MAX = 700 };

static bool is_elsewhere(const kf_json *step) {
    return kf_str_eq(kf_json_str(step, "note"), kf_note_name(KF_NOTE_OTHER_ENVIRONMENT));
}

static bool fail_other(const kf_login *l, const kf_json *step, kf_err *err) {
    char owner[PERSON_MAX], person[PERSON_MAX];
    kf_person_words(kf_json_get(step, "owner"), is_elsewhere(step), owner, sizeof owner);
    kf_person_words(kf_json_get(step, "person"), is_elsewhere(step), person, sizeof person);
    return kf_fail(err, KF_ERR_WORKOS_OTHER_USER, "%.60s belongs to %.90s, and %.90s signed in",
                   l->profile, owner, person);
}

/* yes, no, or new:NAME */
static bool scripted(kf_login *l, const char *flow, const kf_json *step, const char *said,
                     kf_err *err) {
    if (!strcmp(said, "yes")) return kf_login_send(l, flow, step, "replace", NULL, err);
    if (!strcmp(said, "no")) return fail_other(l, step, err);
    if (kf_str_starts(said, "new:")) {
        KF_AUTO(kf_secret) name = kf_secret_new(said + 4, strlen(said + 4));
        return kf_login_send(l, flow, step, "new_profile", name, err);
    }
    return kf_fail(err, KF_ERR_USAGE_BAD, "other_user is yes, no or new:NAME, not %.80s", said);
}

static void free_name(const kf_login *l, const char *email, char name[65]) {
    kf_profile_row *rows = NULL;
    size_t n = 0;
    bool known = kf_cli_index(&rows, &n, NULL), taken = true;
    for (int i = 1; taken && i < 100; i++) {
        kf_person_profile_name(l->profile, email, i, name);
        taken = false;
        for (size_t k = 0; known && k < n; k++) taken = taken || !strcmp(rows[k].name, name);
    }
    free(rows);
}

/* NULL: cancelled. */
static kf_secret *ask_name(kf_login *l, const kf_json *step, kf_err *err) {
    char name[65];
    free_name(l, kf_json_str(kf_json_get(step, "person"), "email"), name);
    KF_AUTO_CHARS prompt = kf_strfmt("Name of the new profile [%s]", name);
    kf_secret *typed = kf_ask(prompt, false, err);
    if (typed && !kf_secret_len(typed)) {
        kf_secret_free(typed);
        typed = kf_secret_new(name, strlen(name));
    }
    return typed;
}

static void show_question(const kf_login *l, const kf_json *step) {
    bool elsewhere = is_elsewhere(step);
    char owner[PERSON_MAX], person[PERSON_MAX];
    kf_person_words(kf_json_get(step, "owner"), elsewhere, owner, sizeof owner);
    kf_person_words(kf_json_get(step, "person"), elsewhere, person, sizeof person);
    fprintf(stderr,
            "You signed in as another %s.\n"
            "  the session of %s belongs to  %s\n"
            "  you signed in as %*s %s\n"
            "Nothing was stored yet, and nothing was changed.\n"
            "  1  Keep both: store the new session in a new profile\n"
            "  2  Replace: %s gets the new session, and %s\n"
            "  3  Stop: keyfob ends the new session at WorkOS\n",
            elsewhere ? "environment" : "person", l->profile, owner, (int)strlen(l->profile) + 10,
            "", person, l->profile,
            elsewhere ? "the old one is removed" : "keyfob ends the old one at WorkOS");
}

static bool ask(kf_login *l, const char *flow, const kf_json *step, kf_err *err) {
    const kf_json *failure = kf_json_get(step, "failure");
    kf_err why;
    bool again = kf_json_is_obj(failure); /* a new profile could not be made */
    if (again) {
        kf_words_error w;
        kf_msg_read_failure(failure, &why);
        kf_words_for_cli(&why, l->profile, &w);
        kf_cli_note(l->c, "%s", w.happened);
    } else show_question(l, step);
    for (;;) {
        KF_AUTO(kf_secret)
        typed = again ? kf_secret_new("1", 1) : kf_ask("Choose 1, 2 or 3 [3]", false, err);
        const char *said = typed ? kf_secret_peek(typed) : "";
        if (!typed) return false;
        if (!*said || !strcmp(said, "3"))
            return kf_fail(err, KF_ERR_SYS_CANCELLED, "%s still belongs to the same person",
                           l->profile);
        if (!strcmp(said, "2")) return kf_login_send(l, flow, step, "replace", NULL, err);
        again = !strcmp(said, "1");
        if (!again) continue;
        KF_AUTO(kf_secret) name = ask_name(l, step, err);
        if (!name) return false;
        if (kf_login_send(l, flow, step, "new_profile", name, err)) return true;
        if (err->code != KF_ERR_USAGE_BAD_ANSWER) return false;
        kf_cli_note(l->c, "%s", err->what);
    }
}

bool kf_login_other(kf_login *l, const char *flow, const kf_json *step, kf_err *err) {
    if (kf_login_came_back(l, step, err)) return false;
    KF_AUTO(kf_secret) said = kf_answers_take(&l->in, "other_user");
    if (said) return scripted(l, flow, step, kf_secret_peek(said), err);
    if (l->in.bad.code) return *err = l->in.bad, false;
    if (l->in.given || !kf_can_ask(l->c)) return fail_other(l, step, err);
    return ask(l, flow, step, err);
}
