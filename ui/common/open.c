/* Chooses and starts the browser for a URL, without a shell, and words the ssh command for a
 * redirect. The browser gets no variable of keyfob's or WorkOS's. */
#include "ui/common/open.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/form.h"
#include "base/str.h"

extern char **environ;

enum { WORDS_MAX = 30, ENTRIES_MAX = 16, EARLY_MS = 2000 };

typedef struct command {
    char *word[WORDS_MAX + 2]; /* NULL ends it */
    size_t n;
} command;

/* The browser that was started last. */
static struct {
    pid_t pid;
    int pidfd; /* of use while pid is not 0 */
    int64_t at;
    char name[64];
} last;

static const char *set(const char *name) {
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

static bool url_ok(const char *url) {
    for (const char *p = url; *p; p++)
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f) return false;
    if (!kf_str_starts(url, "https://") && !kf_str_starts(url, "http://")) return false;
    KF_AUTO_CHARS origin = kf_strdup(url);
    char *host = strstr(origin, "//") + 2;
    host[strcspn(host, "/?#")] = 0;
    char *norm = NULL;
    bool ok = kf_origin_parse(origin, &norm, NULL); /* http: loopback only */
    free(norm);
    return ok;
}

char **kf_clean_environment(void) {
    size_t n = 0, k = 0;
    while (environ[n]) n++;
    char **env = calloc(n + 1, sizeof *env);
    if (!env) abort();
    for (size_t i = 0; i < n; i++)
        if (!kf_str_starts(environ[i], "WORKOS_") && !kf_str_starts(environ[i], "KEYFOB_"))
            env[k++] = environ[i];
    return env;
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- the command ------------------------------------------------------------------------------ */

static void drop_command(command *c) {
    for (size_t i = 0; i < c->n; i++) free(c->word[i]);
    *c = (command){0};
}

/* A word up to a blank; quotes and backslashes as in sh. NULL: there is none, or a quote is open.
 */
static char *take_word(const char **p) {
    const char *s = *p + strspn(*p, " \t");
    char quote = 0, *word = kf_strdup(s);
    size_t n = 0;
    bool some = *s;
    for (; *s && (quote || (*s != ' ' && *s != '\t')); s++) {
        if (quote && *s == quote) quote = 0;
        else if (!quote && (*s == '"' || *s == '\'')) quote = *s;
        else if (*s == '\\' && quote != '\'' && s[1]) word[n++] = *++s;
        else word[n++] = *s;
    }
    word[n] = 0;
    if (!quote) *p = s;
    if (some && !quote) return word;
    free(word);
    return NULL;
}

/* The word with url for each %s; NULL: there is none in it. */
static char *put_url(const char *word, const char *url) {
    char *out = NULL;
    for (const char *at; (at = strstr(word, "%s")); word = at + 2) {
        char *longer = kf_strfmt("%s%.*s%s", out ? out : "", (int)(at - word), word, url);
        free(out);
        out = longer;
    }
    if (!out) return NULL;
    char *whole = kf_strfmt("%s%s", out, word);
    free(out);
    return whole;
}

/* An entry of BROWSER: a program, perhaps with arguments and a %s for the address. */
static bool read_entry(const char *entry, const char *url, command *c) {
    bool has_url = false;
    for (char *w; (w = take_word(&entry));) {
        char *with = c->n ? put_url(w, url) : NULL;
        if (c->n == WORDS_MAX) {
            free(w);
            break;
        }
        has_url |= with != NULL;
        c->word[c->n++] = with ? with : w;
        if (with) free(w);
    }
    bool whole = !entry[strspn(entry, " \t")];
    if (c->n > 1 && kf_str_eq(c->word[c->n - 1], "&")) {
        c->n--; /* it runs in the background anyway */
        free(KF_TAKE(c->word[c->n]));
    }
    if (c->n && !has_url) c->word[c->n++] = kf_strdup(url);
    return c->n && whole;
}

static bool is_program(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool is_here(const char *program) {
    const char *path = set("PATH");
    if (strchr(program, '/')) return is_program(program);
    for (size_t n; path && *path; path += n + (path[n] == ':')) {
        n = strcspn(path, ":");
        KF_AUTO_CHARS whole = kf_strfmt("%.*s/%s", (int)n, path, program);
        if (n && is_program(whole)) return true;
    }
    return false;
}

/* What could open an address here, the first choice first. */
static size_t list_entries(char *own, const char *entry[ENTRIES_MAX]) {
    size_t n = 0;
    for (char *save = NULL, *e = own ? strtok_r(own, ":", &save) : NULL; e && n < ENTRIES_MAX;
         e = strtok_r(NULL, ":", &save))
        entry[n++] = e;
    if (own) return n;
    if (set("DISPLAY") || set("WAYLAND_DISPLAY")) {
        entry[n++] = "xdg-open";
        entry[n++] = "x-www-browser";
    }
    if (set("WSL_DISTRO_NAME") ||
        set("WSL_INTEROP")) { /* the browser is of the Windows around it */
        entry[n++] = "wslview";
        entry[n++] = "rundll32.exe url.dll,FileProtocolHandler";
        entry[n++] = "/mnt/c/Windows/System32/rundll32.exe url.dll,FileProtocolHandler";
    }
    return n;
}

/* The first entry whose program is here, from *from on, which is moved behind it. */
static bool find_command(const char *url, size_t *from, command *c, kf_err *err) {
    const char *browser = set("BROWSER"), *entry[ENTRIES_MAX];
    KF_AUTO_CHARS own = kf_strdup(browser);
    size_t n = list_entries(own, entry);
    for (; *from < n; ++*from) {
        if (read_entry(entry[*from], url, c) && is_here(c->word[0])) return ++*from, true;
        drop_command(c);
    }
    if (browser)
        kf_fail(err, KF_ERR_SYS_SPAWN, "BROWSER names no program that is here: %.120s", browser);
    else if (!n) kf_fail(err, KF_ERR_SYS_SPAWN, "there is no display here to open a browser on");
    else kf_fail(err, KF_ERR_SYS_SPAWN, "%s is not installed", entry[0]);
    return kf_hint(err, "Set BROWSER to a program that opens addresses, or open the address on any "
                        "computer.");
}

char *kf_open_program(kf_err *err) {
    size_t from = 0;
    command c = {0};
    if (!find_command("", &from, &c, err)) return NULL;
    char *program = kf_strdup(c.word[0]);
    drop_command(&c);
    return program;
}

/* --- running it ------------------------------------------------------------------------------- */

static void forget_last(void) {
    if (!last.pid) return;
    waitpid(last.pid, NULL, WNOHANG);
    if (last.pidfd >= 0) close(last.pidfd);
    last.pid = 0;
}

/* In a session of its own with nothing of ours open, so that closing the terminal does not close
 * the browser. */
static int start(char *argv[]) {
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    sigset_t none, all;
    pid_t pid = 0;
    sigemptyset(&none);
    sigfillset(&all);
    forget_last(); /* the one before has long handed over */
    posix_spawn_file_actions_init(&fa);
    posix_spawnattr_init(&at);
    for (int fd = 0; fd < 3; fd++)
        posix_spawn_file_actions_addopen(&fa, fd, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_addclosefrom_np(&fa, 3);
    posix_spawnattr_setflags(&at,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&at, &none);
    posix_spawnattr_setsigdefault(&at, &all);
    char **env = kf_clean_environment();
    int rc = posix_spawnp(&pid, argv[0], &fa, &at, argv, env);
    free(env);
    posix_spawnattr_destroy(&at);
    posix_spawn_file_actions_destroy(&fa);
    if (rc) return rc;
    last.pid = pid;
    last.pidfd = pidfd_open(pid, 0);
    last.at = now_ms();
    (void)kf_str_cut(last.name, sizeof last.name, argv[0]);
    return 0;
}

bool kf_open_url(const char *url, kf_err *err) {
    if (!url || !url_ok(url))
        return kf_fail(err, KF_ERR_USAGE_BAD_URL,
                       "the address is neither https nor one of this machine");
    kf_err why = {0}, none;
    command c = {0};
    for (size_t from = 0; find_command(url, &from, &c, &none); drop_command(&c)) {
        int rc = start(c.word);
        if (!rc) return drop_command(&c), true;
        kf_fail(&why, KF_ERR_SYS_SPAWN, "%.120s: %s", c.word[0], strerror(rc));
        kf_hint(&why, "%s", none.hint);
    }
    if (err) *err = why.code ? why : none;
    return false;
}

int kf_open_fd(void) { return last.pid ? last.pidfd : -1; }

bool kf_open_wait(int ms, kf_err *err) {
    int64_t end = last.at + EARLY_MS, left = end - now_ms();
    int st = 0;
    if (!last.pid) return true;
    struct pollfd p = {.fd = last.pidfd, .events = POLLIN};
    bool early = left > 0;
    int wait = ms < 0 || ms > left ? (int)left : ms;
    if (early && p.fd >= 0 && poll(&p, 1, wait) == 0 && wait < left) return true;
    pid_t ended = waitpid(last.pid, &st, WNOHANG);
    if (!ended) return true;
    bool failed = ended == last.pid && early && st != 0; /* not our child: nobody knows */
    forget_last();
    if (!failed) return true;
    if (WIFEXITED(st))
        kf_fail(err, KF_ERR_SYS_SPAWN,
                "%s ended with status %d, so it may not have opened the "
                "address",
                last.name, WEXITSTATUS(st));
    else kf_fail(err, KF_ERR_SYS_SPAWN, "%s was ended by signal %d", last.name, WTERMSIG(st));
    return kf_hint(err, "Open the address yourself, or set BROWSER to another program.");
}

char *kf_open_ssh_line(const char *authorize_url) {
    const char *ssh = set("SSH_CONNECTION"), *user = set("USER"),
               *query = authorize_url ? strchr(authorize_url, '?') : NULL;
    char here[64] = "";
    if (!ssh || !query || sscanf(ssh, "%*63s %*15s %63s", here) != 1) return NULL;
    if (here[strspn(here, "0123456789abcdefABCDEF.:")]) return NULL;
    KF_AUTO(kf_json) j = kf_form_parse(query + 1, strlen(query + 1), NULL);
    const char *redirect = kf_json_str_or(j, "redirect_uri", ""), *head = "http://127.0.0.1:";
    if (!kf_str_starts(redirect, head)) return NULL;
    long port = strtol(redirect + strlen(head), NULL, 10);
    if (port < 1 || port > 65535) return NULL;
    return kf_strfmt("ssh -L %ld:127.0.0.1:%ld %s%s%s", port, port, user ? user : "",
                     user ? "@" : "", here);
}
