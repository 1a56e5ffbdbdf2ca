/* What is around keyfob: variables, its own programs, browser, clipboard, limits. */
#include "ui/cli/doctor.h"

#include <sys/resource.h>
#include <unistd.h>
#include "base/str.h"
#include "wire/client.h"

extern char **environ;

static const char *set(const char *name) {
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

/* Everything that is started from here could read them. Values are never shown. */
static void check_environment(kf_checks *k) {
    static const struct {
        const char *name, *finding, *todo;
    } bad[] = {
        {"WORKOS_API_KEY", "an API key is in the environment, where every program started from here reads it", "keyfob profile add NAME --client-id ID --api-key-stdin, then unset it"},
        {"WORKOS_COOKIE_PASSWORD", "a cookie password is in the environment, where every program started from here reads it", "unset it when it is not needed"},
        {"KEYFOB_TEST_KDF", "new vaults get a weak key derivation, which is for tests", "unset KEYFOB_TEST_KDF"},
    };
    bool any = false;
    for (size_t i = 0; i < KF_LEN(bad); i++)
        if (set(bad[i].name)) any = true, kf_check_add(k, "environment", "warn", bad[i].todo, "%s: %s", bad[i].name, bad[i].finding);
    KF_AUTO_CHARS names = kf_strdup("");
    for (char **e = environ; *e; e++) {
        if (!kf_str_starts(*e, "WORKOS_") && !kf_str_starts(*e, "KEYFOB_")) continue;
        char *more = kf_strfmt("%s%s%.*s", names, *names ? ", " : "", (int)(strcspn(*e, "=") > 60 ? 60 : strcspn(*e, "=")), *e);
        free(names);
        names = more;
    }
    if (!any) kf_check_add(k, "environment", "ok", NULL, "%s%s", *names ? "set: " : "none of ours is set", names);
}

static void check_programs(kf_checks *k) {
    static const char *const all[] = {"keyfobd", "keyfob-tui", "keyfob-clip", "keyfob-sandbox"};
    kf_err e;
    bool bad = false;
    for (size_t i = 0; i < KF_LEN(all); i++) {
        KF_AUTO_CHARS path = kf_program_path(all[i], &e);
        if (!path) bad = true, kf_check_add(k, "programs", i ? "warn" : "fail", "install keyfob again", "%s", e.what);
    }
    if (!bad) kf_check_add(k, "programs", "ok", NULL, "all there, version %s", KF_VERSION);
}

static bool in_path(const char *program) {
    if (strchr(program, '/')) return access(program, X_OK) == 0;
    KF_AUTO_CHARS path = kf_strdup(set("PATH") ? set("PATH") : "/usr/bin:/bin");
    for (char *save = NULL, *dir = strtok_r(path, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
        KF_AUTO_CHARS file = kf_strfmt("%s/%s", dir, program);
        if (access(file, X_OK) == 0) return true;
    }
    return false;
}

static void check_browser(kf_checks *k) {
    const char *own = set("BROWSER");
    bool display = set("DISPLAY") || set("WAYLAND_DISPLAY");
    KF_AUTO_CHARS first = kf_strdup(own ? own : "xdg-open");
    first[strcspn(first, ":")] = 0;
    const char *todo = "set BROWSER, or use --method device, or open the address on any computer";
    if (!own && !display) kf_check_add(k, "browser", "warn", todo, "there is no display here");
    else if (!in_path(first)) kf_check_add(k, "browser", "warn", todo, "%.80s is not there", first);
    else kf_check_add(k, "browser", "ok", NULL, "%.80s%s", first, own ? ", from BROWSER" : "");
}

static void check_clipboard(kf_checks *k) {
    static const struct {
        const char *tool, *display;
    } all[] = {{"wl-copy", "WAYLAND_DISPLAY"}, {"xclip", "DISPLAY"}, {"xsel", "DISPLAY"}}; /* ui/clip/tool.c */
    const char *want = set("KEYFOB_CLIPBOARD");
    bool display = false;
    if (kf_str_eq(want, "none") || kf_str_eq(want, "osc52")) {
        kf_check_add(k, "clipboard", "ok", NULL, "KEYFOB_CLIPBOARD=%s", want);
        return;
    }
    for (size_t i = 0; i < KF_LEN(all); i++) {
        if (!set(all[i].display)) continue;
        display = true;
        if (!in_path(all[i].tool)) continue;
        kf_check_add(k, "clipboard", "ok", NULL, "%s", all[i].tool);
        return;
    }
    if (display) kf_check_add(k, "clipboard", "warn", set("WAYLAND_DISPLAY") ? "install wl-clipboard" : "install xclip or xsel", "no clipboard tool is there");
    else if (set("TMUX")) kf_check_add(k, "clipboard", "ok", NULL, "tmux");
    else kf_check_add(k, "clipboard", "ok", NULL, "no display: the terminal's own (OSC 52)");
}

static void check_limits(kf_checks *k) {
    struct rlimit files = {0};
    enum { WANTED = 256 };
    getrlimit(RLIMIT_NOFILE, &files);
    bool few = files.rlim_cur < WANTED;
    kf_check_add(k, "limits", few ? "warn" : "ok", few ? "ulimit -n 1024" : NULL, "%llu open files", (unsigned long long)files.rlim_cur);
}

void kf_checks_of_surroundings(kf_checks *k) {
    check_environment(k);
    check_programs(k);
    check_browser(k);
    check_clipboard(k);
    check_limits(k);
}
