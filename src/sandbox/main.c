/* keyfob-sandbox: options, signals, the end. */
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/build.h"
#include "base/str.h"
#include "guard/process.h"
#include "sandbox/disk.h"
#include "sandbox/ids.h"
#include "sandbox/sandbox.h"
#include "sandbox/tls.h"

enum { MAX_SEED = 8 * 1024 * 1024, MAX_FAULTS = 1024 * 1024 };

typedef struct options {
    int64_t port, token_life_ms, replay_ms, idle_ms; /* idle_ms 0: never */
    int64_t code_life_ms, device_life_ms, device_interval_ms;
    const char *ready_file, *seed, *faults, *tls;
    bool lifeline, quiet, no_limits;
} options;

static const char usage[] =
    "Usage: keyfob-sandbox [OPTION]...\n"
    "A stand-in for WorkOS on 127.0.0.1, for trying keyfob and for its tests.\n"
    "Its first line of output is its address. It never leaves this machine.\n\n"
    "  --port N            listen on this port (default 0: any free one)\n"
    "  --ready-file F      write the address and the process id there, when it answers\n"
    "  --token-life D      access tokens live this long (default 5m)\n"
    "  --replay-window D   a spent refresh token gets the same answer for this long\n"
    "                      (default 30s; 0: never)\n"
    "  --code-life D       codes by e-mail live this long (default 10m), and those of the\n"
    "                      browser (5m at most)\n"
    "  --device-life D     device codes live this long (default 5m)\n"
    "  --device-interval D devices are to ask this often (default 5s)\n"
    "  --no-limits         no rate limits\n"
    "  --seed FILE         clients, organizations, accounts (JSON) instead of the built-in ones\n"
    "  --faults FILE       answers that go wrong (JSON); read again on SIGHUP\n"
    "  --tls DIR           HTTPS with DIR/cert.pem and key.pem, made with a ca.pem if they are\n"
    "                      absent; read again on SIGHUP\n"
    "  --idle-exit D       end after this long without a request\n"
    "  --lifeline          end when standard input does\n"
    "  --quiet             only the address on standard output\n"
    "  --help, --version\n\n"
    "D is a duration: 500ms 3s 5m 2h 1d. SIGTERM ends it. The file formats are in\n"
    "src/sandbox/README.md.\n";

enum {
    OPT_PORT = 256,
    OPT_READY,
    OPT_LIFE,
    OPT_REPLAY,
    OPT_CODE_LIFE,
    OPT_DEVICE_LIFE,
    OPT_DEVICE_INTERVAL,
    OPT_NO_LIMITS,
    OPT_SEED,
    OPT_FAULTS,
    OPT_TLS,
    OPT_IDLE,
    OPT_LIFELINE,
    OPT_QUIET,
    OPT_HELP,
    OPT_VERSION
};

static const struct option longopts[] = {
    {"port", required_argument, NULL, OPT_PORT},
    {"ready-file", required_argument, NULL, OPT_READY},
    {"token-life", required_argument, NULL, OPT_LIFE},
    {"replay-window", required_argument, NULL, OPT_REPLAY},
    {"code-life", required_argument, NULL, OPT_CODE_LIFE},
    {"device-life", required_argument, NULL, OPT_DEVICE_LIFE},
    {"device-interval", required_argument, NULL, OPT_DEVICE_INTERVAL},
    {"no-limits", no_argument, NULL, OPT_NO_LIMITS},
    {"seed", required_argument, NULL, OPT_SEED},
    {"faults", required_argument, NULL, OPT_FAULTS},
    {"tls", required_argument, NULL, OPT_TLS},
    {"idle-exit", required_argument, NULL, OPT_IDLE},
    {"lifeline", no_argument, NULL, OPT_LIFELINE},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static int complain(const kf_err *err) {
    fprintf(stderr, "keyfob-sandbox: %s\n", err->what);
    return kf_err_exit(err->code);
}

static bool port_number(const char *text, int64_t *out) {
    if (!*text || strlen(text) > 5 || text[strspn(text, "0123456789")]) return false;
    long n = strtol(text, NULL, 10);
    if (n > 65535) return false;
    *out = n;
    return true;
}

/* One option; false: its argument is no good. */
static bool take(options *o, int opt, const char *arg) {
    switch (opt) {
    case OPT_PORT: return port_number(arg, &o->port);
    case OPT_READY: o->ready_file = arg; return true;
    case OPT_LIFE: return kf_duration_parse(arg, &o->token_life_ms) && o->token_life_ms >= 1000;
    case OPT_REPLAY:
        if (kf_str_eq(arg, "0")) {
            o->replay_ms = 0;
            return true;
        }
        return kf_duration_parse(arg, &o->replay_ms);
    case OPT_CODE_LIFE: return kf_duration_parse(arg, &o->code_life_ms) && o->code_life_ms >= 1000;
    case OPT_DEVICE_LIFE:
        return kf_duration_parse(arg, &o->device_life_ms) && o->device_life_ms >= 1000;
    case OPT_DEVICE_INTERVAL:
        return kf_duration_parse(arg, &o->device_interval_ms) && o->device_interval_ms >= 1000;
    case OPT_NO_LIMITS: o->no_limits = true; return true;
    case OPT_SEED: o->seed = arg; return true;
    case OPT_FAULTS: o->faults = arg; return true;
    case OPT_TLS: o->tls = arg; return true;
    case OPT_IDLE: return kf_duration_parse(arg, &o->idle_ms) && o->idle_ms > 0;
    case OPT_LIFELINE: o->lifeline = true; return true;
    case OPT_QUIET: o->quiet = true; return true;
    default: return false;
    }
}

/* -1: go on; otherwise the exit status. */
static int parse(options *o, int argc, char **argv) {
    int opt, index = 0;
    *o = (options){.token_life_ms = 5 * 60 * 1000,
                   .replay_ms = 30 * 1000,
                   .code_life_ms = 10 * 60 * 1000,
                   .device_life_ms = 5 * 60 * 1000,
                   .device_interval_ms = 5000};
    while ((opt = getopt_long(argc, argv, "", longopts, &index)) != -1) {
        if (opt == OPT_HELP || opt == OPT_VERSION) {
            printf(opt == OPT_HELP ? "%s" : "keyfob-sandbox %s\n",
                   opt == OPT_HELP ? usage : kf_build);
            return fflush(stdout) == 0 ? 0 : 1;
        }
        if (opt == '?') return 2; /* getopt has said why */
        if (!take(o, opt, optarg)) {
            fprintf(stderr, "keyfob-sandbox: --%s: '%s' is not allowed\n", longopts[index].name,
                    optarg);
            return 2;
        }
    }
    if (optind == argc) return -1;
    fprintf(stderr, "keyfob-sandbox: unexpected argument '%s'\n", argv[optind]);
    return 2;
}

static bool load_faults(kf_sandbox *s, const char *path, kf_err *err) {
    KF_AUTO_CHARS text = NULL;
    size_t len;
    if (!kf_disk_read(path, MAX_FAULTS, &text, &len, err)) return false;
    kf_faults *f = kf_faults_parse(text, len, err);
    if (f) kf_sandbox_set_faults(s, f);
    return f != NULL;
}

static kf_sandbox *make_sandbox(const options *o, kf_err *err) {
    KF_AUTO_CHARS seed = NULL;
    kf_sandbox_opts so = {.token_life_s = o->token_life_ms / 1000,
                          .replay_window_ms = o->replay_ms,
                          .code_life_s = o->code_life_ms / 1000,
                          .device_life_s = o->device_life_ms / 1000,
                          .device_interval_s = o->device_interval_ms / 1000,
                          .limits = !o->no_limits};
    if (o->seed && !kf_disk_read(o->seed, MAX_SEED, &seed, &so.seed_len, err)) return NULL;
    so.seed = seed;
    KF_AUTO(kf_sandbox) s = kf_sandbox_new(&so, err);
    if (s && o->faults && !load_faults(s, o->faults, err)) return NULL;
    return KF_TAKE(s);
}

static bool start(kf_web *web, const options *o, kf_err *err) {
    KF_AUTO_CHARS cert = NULL;
    KF_AUTO_CHARS key = NULL;
    if (o->tls && (!kf_tls_prepare(o->tls, err) || !kf_tls_load(o->tls, &cert, &key, err)))
        return false;
    return kf_web_start(web, cert, key, err);
}

/* Errors keep what is in force: a running test bench should not fall over a typo. */
static void reload(kf_sandbox *s, kf_web *web, const options *o) {
    kf_err err = {0};
    if (o->faults && !load_faults(s, o->faults, &err)) complain(&err);
    if (o->tls && !start(web, o, &err)) complain(&err);
}

/* Until a signal, the end of standard input, or idleness. */
static void serve(kf_sandbox *s, kf_web *web, const options *o, int signals) {
    struct pollfd p[2] = {{.fd = signals, .events = POLLIN},
                          {.fd = o->lifeline ? STDIN_FILENO : -1, .events = POLLIN}};
    for (;;) {
        int64_t left = o->idle_ms ? o->idle_ms - kf_sandbox_idle_ms(s) : -1;
        if (o->idle_ms && left <= 0) return;
        poll(p, 2, left > 60000 ? 60000 : (int)left);
        struct signalfd_siginfo info;
        if (p[0].revents && read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
            if (info.ssi_signo != SIGHUP) return;
            reload(s, web, o);
        }
        char junk[512];
        if (p[1].revents && read(STDIN_FILENO, junk, sizeof junk) <= 0) return;
    }
}

static void announce(const kf_sandbox *s, const char *url, bool quiet) {
    KF_AUTO_CHARS accounts = quiet ? NULL : kf_sandbox_accounts(s);
    printf("%s\n", url);
    if (accounts) printf("%s", accounts);
    fflush(stdout);
}

static bool write_ready(const char *path, const char *url, kf_err *err) {
    KF_AUTO_CHARS text = kf_strfmt("%s\n%ld\n", url, (long)getpid());
    return kf_disk_write(path, text, strlen(text), 0600, err);
}

/* Only the one we wrote: another sandbox may have taken the name meanwhile. */
static void remove_ready(const char *path, const char *url) {
    KF_AUTO_CHARS ours = kf_strfmt("%s\n%ld\n", url, (long)getpid());
    KF_AUTO_CHARS there = NULL;
    size_t len;
    if (kf_disk_read(path, 4096, &there, &len, NULL) && kf_str_eq(there, ours)) unlink(path);
}

static bool run(const options *o, int signals, kf_err *err) {
    KF_AUTO(kf_sandbox) s = make_sandbox(o, err);
    if (!s) return false;
    kf_web_opts wo = {.port = (uint16_t)o->port, .handler = kf_sandbox_handle, .user = s};
    kf_web *web = kf_web_new(&wo, err);
    if (!web) return false;
    KF_AUTO_CHARS url =
        kf_strfmt("%s://127.0.0.1:%u", o->tls ? "https" : "http", (unsigned)kf_web_port(web));
    kf_sandbox_set_base(s, url);
    bool ok = start(web, o, err);
    if (ok) announce(s, url, o->quiet);
    ok = ok && (!o->ready_file || write_ready(o->ready_file, url, err));
    if (ok) {
        serve(s, web, o, signals);
        if (o->ready_file) remove_ready(o->ready_file, url);
    }
    kf_web_free(web); /* before s: its threads use it */
    return ok;
}

int main(int argc, char **argv) {
    options o;
    kf_err err = {0};
    kf_process_close();
    int status = parse(&o, argc, argv);
    if (status >= 0) return status;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL); /* before any thread: they inherit it */
    signal(SIGPIPE, SIG_IGN);
    umask(077);
    int signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (signals < 0) return 1;
    return run(&o, signals, &err) ? 0 : complain(&err);
}
