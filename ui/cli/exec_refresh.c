/* The token file of `exec --refresh`: its directory, the time of the next renewal, and the
 * process that asks the agent. Waiting for the agent never holds up the command's output. */
#include "ui/cli/exec_refresh.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "auth/refresh.h"
#include "base/mem.h"
#include "base/str.h"
#include "guard/process.h"
#include "ui/common/outfile.h"
#include "ui/common/text.h"
#include "ui/common/words.h"
#include "wire/rundir.h"

/* LEAD: renew so much before --min-valid would be hurt. The asking process ends by itself after
 * ASK_S. */
enum { LOOK_MS = 10000 };
enum {
    LEAD_MS = 5000,
    LEAST_MS = 250,
    BACKOFF_MAX_MS = 60000,
    CALL_MS = 120000,
    ASK_S = 150,
    ANSWER_MAX = 1 << 20
};

struct kf_refresh {
    kf_rundir dir;
    char *path, *profile_id, *client_id, *org_id;
    int timer, answer;                /* answer: from the process that asks, -1 none */
    int64_t due_boot_ms, due_wall_ms; /* the next renewal, whichever clock gets there first */
    pid_t asking;
    kf_buf text; /* of the answer */
    int64_t margin_ms, want_ms;
    int failures;
};

/* --- when
 * ------------------------------------------------------------------------------------------ */

static int64_t clock_ms(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until the renewal is due; <= 0: it is. The boot clock stands still while a virtual machine is
 * paused. */
static int64_t left_ms(const kf_refresh *r) {
    int64_t boot = r->due_boot_ms - clock_ms(CLOCK_BOOTTIME);
    int64_t wall = r->due_wall_ms - clock_ms(CLOCK_REALTIME);
    return boot < wall ? boot : wall;
}

/* The wall clock is looked at every LOOK_MS: no timer of the boot clock hears of it. */
static void arm_timer(kf_refresh *r) {
    int64_t ms = left_ms(r) < LOOK_MS ? left_ms(r) : LOOK_MS;
    if (ms < 1) ms = 1;
    struct itimerspec t = {.it_value = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}};
    timerfd_settime(r->timer, 0, &t, NULL);
}

static void set_timer(kf_refresh *r, int64_t in_ms) {
    r->due_boot_ms = clock_ms(CLOCK_BOOTTIME) + in_ms;
    r->due_wall_ms = clock_ms(CLOCK_REALTIME) + in_ms;
    arm_timer(r);
}

/* The next renewal, by the token just got. A margin that no token has is half its life. */
static void plan(kf_refresh *r, const kf_json *a) {
    int64_t left = kf_json_int_or(a, "left_ms", 0), life = kf_json_int_or(a, "life_ms", left);
    int64_t margin = r->margin_ms >= 0 ? r->margin_ms : life / 2 < 60000 ? life / 2 : 60000;
    int64_t lead = (life - margin) / 4 < LEAD_MS ? (life - margin) / 4 : LEAD_MS;
    r->want_ms = lead > 0 ? margin + lead : life / 2;
    set_timer(r, left - r->want_ms > LEAST_MS ? left - r->want_ms : LEAST_MS);
}

kf_refresh *kf_refresh_open(const kf_exec *x, kf_err *err) {
    kf_refresh *r = kf_new(kf_refresh);
    const kf_json *a = x->answer;
    const char *token = kf_json_str_or(a, "access_token", "");
    *r = (kf_refresh){.answer = -1, .margin_ms = -1};
    if (x->min_valid && !kf_duration_parse(x->min_valid, &r->margin_ms))
        r->margin_ms = -1; /* checked by the first call */
    kf_buf_init(&r->text, ANSWER_MAX);
    r->profile_id =
        kf_strdup(kf_json_str_or(kf_json_get(a, "profile"), "id", kf_json_str_or(a, "name", "")));
    r->client_id = kf_strdup(kf_json_str_or(a, "client_id", ""));
    r->org_id = kf_strdup(kf_json_str_or(a, "org_id", ""));
    r->timer = timerfd_create(CLOCK_BOOTTIME,
                              TFD_CLOEXEC | TFD_NONBLOCK); /* goes on while the machine sleeps */
    if (r->timer < 0) kf_fail_errno(err, KF_ERR_SYS_IO, "timer");
    else if (kf_rundir_open(&r->dir, "exec.", false, err)) {
        r->path = kf_strfmt("%s/token", r->dir.path);
        if (kf_outfile_write(r->path, token, strlen(token), true, err)) return plan(r, a), r;
    }
    return kf_refresh_close(r);
}

static void end_asking(kf_refresh *r) {
    if (r->answer < 0) return;
    close(r->answer);
    r->answer = -1;
    kill(r->asking, SIGKILL);
    while (waitpid(r->asking, NULL, 0) < 0 && errno == EINTR) {
    }
    kf_buf_clear(&r->text);
}

kf_refresh *kf_refresh_close(kf_refresh *r) {
    if (!r) return NULL;
    end_asking(r);
    kf_rundir_close(&r->dir);
    if (r->timer >= 0) close(r->timer);
    kf_buf_done(&r->text);
    free(r->path), free(r->profile_id), free(r->client_id), free(r->org_id);
    free(r);
    return NULL;
}

const char *kf_refresh_path(const kf_refresh *r) { return r->path; }

/* --- asking
 * ---------------------------------------------------------------------------------------- */

/* In a process of its own: waiting for the agent, or starting it, must not hold up the command's
 * output. Its end of the pipe says the answer, or {"error": what happened}. */
static _Noreturn void ask(const kf_refresh *r, int out) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    sigset_t none;
    sigemptyset(&none);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0); /* what is typed for the command is not for us */
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 || dup2(out, 3) < 0)
        _exit(1);
    kf_process_close_from(4, -1);
    fcntl(3, F_SETFD, FD_CLOEXEC);
    signal(SIGALRM, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    alarm(ASK_S);
    kf_cli c = {.quiet = true, .no_input = true};
    kf_err e;
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", r->profile_id);
    kf_json_set_int(p, "min_valid_ms", r->want_ms);
    KF_AUTO(kf_json) a = kf_cli_call(&c, "GetToken", p, CALL_MS, &e);
    if (!a) {
        kf_words_error w;
        kf_words_for_cli(&e, NULL, &w);
        a = kf_json_obj();
        kf_json_set_str(a, "error", w.happened);
        kf_json_set_int(a, "retry_after", e.retry_after);
    }
    char *text = kf_json_print(a);
    for (size_t n = strlen(text), at = 0; at < n;) {
        ssize_t k = write(3, text + at, n - at);
        if (k <= 0) _exit(1);
        at += (size_t)k;
    }
    _exit(0);
}

static bool start_asking(kf_refresh *r) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) return false;
    fflush(NULL);
    r->asking = fork();
    if (r->asking == 0) ask(r, ends[1]);
    close(ends[1]);
    if (r->asking < 0) return close(ends[0]), false;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    r->answer = ends[0];
    return true;
}

static void failed(kf_refresh *r, const kf_cli *c, const char *why, int32_t retry_after,
                   const char *line_end) {
    int64_t wait = kf_refresh_backoff_ms(r->failures, retry_after, (uint16_t)getpid());
    if (!r->failures++ && !c->quiet) {
        KF_AUTO_CHARS safe = kf_text_safe(why);
        fprintf(stderr,
                "keyfob: the token in the file could not be renewed: %s It is tried again.%s", safe,
                line_end);
    }
    set_timer(r, wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS);
}

static void take(kf_refresh *r, const kf_cli *c, kf_mask_words *words, const char *line_end) {
    kf_err e;
    KF_AUTO(kf_json) a = r->text.len ? kf_json_parse(r->text.data, r->text.len, &e) : NULL;
    const char *token = kf_json_str(a, "access_token");
    end_asking(r);
    if (!token) {
        failed(r, c, kf_json_str_or(a, "error", "the agent gave no answer."),
               (int32_t)kf_json_int_or(a, "retry_after", -1), line_end);
        return;
    }
    /* the command was started for one organization; its variables say which */
    if (strcmp(r->client_id, kf_json_str_or(a, "client_id", "")) != 0 ||
        strcmp(r->org_id, kf_json_str_or(a, "org_id", "")) != 0) {
        failed(r, c, "the profile is in another organization or environment now.", -1, line_end);
        return;
    }
    if (words) {
        KF_AUTO(kf_secret) s = kf_secret_new(token, strlen(token));
        if (!kf_mask_words_add(words, s)) {
            failed(r, c, "the new token is too long to be hidden.", -1, line_end);
            return;
        }
    }
    if (!kf_outfile_write(r->path, token, strlen(token), true, &e)) {
        KF_AUTO_CHARS why = kf_strfmt("%s.", e.what);
        failed(r, c, why, -1, line_end);
        return;
    }
    r->failures = 0;
    plan(r, a);
}

void kf_refresh_poll(const kf_refresh *r, struct pollfd p[2]) {
    p[0] = (struct pollfd){.fd = r->timer, .events = POLLIN};
    p[1] = (struct pollfd){.fd = r->answer, .events = POLLIN};
}

void kf_refresh_step(kf_refresh *r, kf_cli *c, kf_mask_words *words, const char *line_end) {
    uint64_t times;
    bool rang = read(r->timer, &times, sizeof times) == sizeof times && r->answer < 0;
    if (rang && left_ms(r) > 0) arm_timer(r);
    else if (rang && !start_asking(r)) failed(r, c, "no process could be started.", -1, line_end);
    while (r->answer >= 0) {
        char part[4096];
        ssize_t n = read(r->answer, part, sizeof part);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n > 0 && kf_buf_add(&r->text, part, (size_t)n)) continue;
        take(r, c, words, line_end);
        kf_wipe(part, sizeof part);
        return;
    }
}
