/* What is around keyfob: variables, browser, clipboard, limits. */
#include "ui/cli/doctor.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "guard/path.h"
#include "ui/common/open.h"

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
        {"WORKOS_API_KEY",
         "an API key is in the environment, where every program started from here reads it",
         "keyfob profile add NAME --client-id ID --api-key-stdin, then unset it"},
        {"WORKOS_COOKIE_PASSWORD",
         "a cookie password is in the environment, where every program started from here reads it",
         "unset it when it is not needed"},
#ifdef KF_TEST_BUILD
        {"KEYFOB_TEST_KDF", "new vaults get a weak key derivation, which is for tests",
         "unset KEYFOB_TEST_KDF"},
#endif
    };
    bool any = false;
    for (size_t i = 0; i < KF_LEN(bad); i++)
        if (set(bad[i].name))
            any = true, kf_check_add(k, "environment", "warn", bad[i].todo, "%s: %s", bad[i].name,
                                     bad[i].finding);
    KF_AUTO_CHARS names = kf_strdup("");
    for (char **e = environ; *e; e++) {
        if (!kf_str_starts(*e, "WORKOS_") && !kf_str_starts(*e, "KEYFOB_")) continue;
        char *more = kf_strfmt("%s%s%.*s", names, *names ? ", " : "", (int)strcspn(*e, "="), *e);
        free(names);
        names = more;
    }
    if (!any)
        kf_check_add(k, "environment", "ok", NULL, "%s%s",
                     *names ? "set: " : "no variable of keyfob is set", names);
}

/* The agent that is running may have started without it; the next one will not. */
static void check_store_of_environment(kf_checks *k) {
    static const char *const all[] = {"auto", "secret-service", "vault", "memory"};
    const char *store = set("KEYFOB_STORE");
    bool known = !store;
    for (size_t i = 0; i < KF_LEN(all); i++) known = known || kf_str_eq(store, all[i]);
    if (!known)
        kf_check_add(k, "environment", "fail",
                     "KEYFOB_STORE is auto, secret-service, vault or memory; or unset it",
                     "KEYFOB_STORE=%s is no store", store);
}

static void check_passphrase_file(kf_checks *k) {
    const char *path = set("KEYFOB_PASSPHRASE_FILE");
    struct stat st;
    kf_err e;
    if (!path) return;
    if (stat(path, &st))
        kf_check_add(k, "passphrase_file", "warn",
                     "write the passphrase into that file, or unset KEYFOB_PASSPHRASE_FILE",
                     "%s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        kf_check_add(k, "passphrase_file", "fail", "give the path of a file",
                     "%s is not a regular file", path);
    else if (!kf_path_check(path, KF_PATH_SECRET, &e)) {
        KF_AUTO_CHARS todo =
            kf_strfmt("%s; change the passphrase if other users may have read it", e.hint);
        kf_check_add(k, "passphrase_file", "fail", *e.hint ? todo : "look at the path", "%s",
                     e.what);
    } else if (access(path, R_OK) || !st.st_size) {
        kf_check_add(k, "passphrase_file", "fail", "write the passphrase into it", "%s %s", path,
                     st.st_size ? "cannot be read" : "is empty");
    } else kf_check_add(k, "passphrase_file", "ok", NULL, "%s", path);
}

static bool is_program(const char *path) {
    struct stat st;
    return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

static bool in_path(const char *program) {
    if (!*program || strchr(program, '/')) return is_program(program);
    KF_AUTO_CHARS path = kf_strdup(set("PATH") ? set("PATH") : "/usr/bin:/bin");
    for (char *save = NULL, *dir = strtok_r(path, ":", &save); dir;
         dir = strtok_r(NULL, ":", &save)) {
        KF_AUTO_CHARS file = kf_strfmt("%s/%s", dir, program);
        if (is_program(file)) return true;
    }
    return false;
}

static void check_browser(kf_checks *k) {
    const char *todo = "set BROWSER, or use --method device, or open the address on any computer";
    kf_err e;
    KF_AUTO_CHARS program = kf_open_program(&e);
    if (!program) kf_check_add(k, "browser", "warn", todo, "%s", e.what);
    else
        kf_check_add(k, "browser", "ok", NULL, "%s%s", program,
                     set("BROWSER") ? ", from BROWSER" : "");
}

static void check_clipboard(kf_checks *k) {
    static const struct {
        const char *tool, *display;
    } all[] = {{"wl-copy", "WAYLAND_DISPLAY"},
               {"xclip", "DISPLAY"},
               {"xsel", "DISPLAY"}}; /* ui/clip/tool.c */
    const char *want = set("KEYFOB_CLIPBOARD");
    bool native = kf_str_eq(want, "native"), display = false;
    if (want && !native && !kf_str_eq(want, "auto")) {
        if (kf_str_eq(want, "none") || kf_str_eq(want, "osc52"))
            kf_check_add(k, "clipboard", "ok", NULL, "KEYFOB_CLIPBOARD=%s", want);
        else
            kf_check_add(k, "clipboard", "warn", "KEYFOB_CLIPBOARD is auto, native, osc52 or none",
                         "KEYFOB_CLIPBOARD=%s is no way: nothing can be copied", want);
        return;
    }
    for (size_t i = 0; i < KF_LEN(all); i++) {
        if (!set(all[i].display)) continue;
        display = true;
        if (!in_path(all[i].tool)) continue;
        kf_check_add(k, "clipboard", "ok", NULL, "%s", all[i].tool);
        return;
    }
    if (display)
        kf_check_add(k, "clipboard", "warn",
                     set("WAYLAND_DISPLAY") ? "install wl-clipboard" : "install xclip or xsel",
                     "no clipboard tool is there");
    else if (native)
        kf_check_add(k, "clipboard", "warn", "set KEYFOB_CLIPBOARD=auto, for the terminal's own",
                     "KEYFOB_CLIPBOARD=native, and there is no display: nothing can be copied");
    else if (set("TMUX")) kf_check_add(k, "clipboard", "ok", NULL, "tmux");
    else kf_check_add(k, "clipboard", "ok", NULL, "no display: the terminal's own (OSC 52)");
}

static void check_limits(kf_checks *k) {
    struct rlimit files = {0};
    enum { WANTED = 256 };
    getrlimit(RLIMIT_NOFILE, &files);
    bool few = files.rlim_cur < WANTED;
    kf_check_add(k, "limits", few ? "warn" : "ok", few ? "ulimit -n 1024" : NULL, "%llu open files",
                 (unsigned long long)files.rlim_cur);
}

void kf_checks_of_surroundings(kf_checks *k) {
    check_environment(k);
    check_store_of_environment(k);
    check_passphrase_file(k);
    check_browser(k);
    check_clipboard(k);
    check_limits(k);
}
