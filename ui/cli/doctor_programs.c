/* The programs that keyfob consists of: each is asked for its version, because a file that is there
 * may still be an old one, half of one or a script that does nothing. */
#include "ui/cli/doctor.h"

#include "base/build.h"
#include "base/str.h"
#include "ui/cli/run.h"
#include "wire/client.h"

enum { LIMIT_MS = 3000, SAID_MAX = 128 };

/* as: how it calls itself. Caller frees; NULL: nothing is wrong. */
static char *what_is_wrong(const char *name, const char *as) {
    kf_err e;
    char said[SAID_MAX] = "";
    int status = 0;
    KF_AUTO_CHARS path = kf_program_path(name, &e);
    if (!path) return kf_strdup(e.what);
    char *argv[] = {path, (char *)"--version", NULL};
    if (!kf_run_ask(argv, false, LIMIT_MS, said, sizeof said, &status))
        return kf_strfmt("%s cannot be started", path);
    said[strcspn(said, "\n")] = 0;
    if (status < 0) return kf_strfmt("%s --version does not end", path);
    KF_AUTO_CHARS want = kf_strfmt("%s %s", as, kf_build);
    if (kf_str_eq(said, want)) return NULL;
    return *said ? kf_strfmt("%s says that it is %s; this is keyfob %s", path, said, kf_build)
                 : kf_strfmt("%s does not say its version: it is not what it was", path);
}

void kf_checks_of_programs(kf_checks *k) {
    static const struct {
        const char *name, *as;
    } all[] = {{"keyfobd", "keyfobd"},
               {"keyfob-tui", "keyfob-tui"},
               {"keyfob-clip", "keyfob-clip"},
               {"keyfob-serve", "keyfob-serve"},
               {"keyfob-sandbox", "keyfob-sandbox"},
               {"git-credential-keyfob", "keyfob"}};
    bool bad = false;
    for (size_t i = 0; i < KF_LEN(all); i++) {
        KF_AUTO_CHARS why = what_is_wrong(all[i].name, all[i].as);
        if (!why) continue;
        bad = true;
        kf_check_add(k, "programs", i ? "warn" : "fail", "install keyfob again", "%s", why);
    }
    if (!bad) kf_check_add(k, "programs", "ok", NULL, "all there, version %s", kf_build);
}
