/* sim: runs the keeper in a simulated world, seed after seed, and tells the story of one that
 * breaks a rule. */
#include <getopt.h>
#include <stdio.h>
#include <time.h>
#include "base/log.h"
#include "tests/sim/sim.h"

sim S;

static const char usage[] = "usage: sim [OPTION...]\n"
                            "Runs the keeper in a simulated world and checks what must hold.\n\n"
                            "  --seed N      one seed, with its story\n"
                            "  --quiet       ... without the story\n"
                            "  --seconds N   seeds for so long (default 10)\n"
                            "  --from N      the first seed (default 1)\n"
                            "  --seeds N     so many at the most\n"
                            "  --any         a first seed by the clock\n";

void sim_story(const char *fmt, ...) {
    if (!S.is_told) return;
    va_list ap;
    printf("%12.3f  ", (double)S.now / 1000);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

void sim_broken(const char *rule, const char *fmt, ...) {
    char what[400];
    va_list ap;
    if (S.failed) return;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    S.failed = true;
    snprintf(S.why, sizeof S.why, "%s: %s", rule, what);
    sim_story("BROKEN: %s", S.why);
}

static void log_line(kf_log_level level, const char *line, void *user) {
    if (S.cur) sim_story("agent %d: %s", S.cur->number, line);
    else sim_story("%s", line);
}

static void clear(void) {
    for (int i = 0; i < AGENTS; i++) {
        S.is_told = false;
        if (S.agent[i].alive) sim_agent_crash(&S.agent[i]);
    }
    sim_clock_reset();
    sim_shelf_reset();
    sim_disk_reset();
}

static bool run(uint64_t seed, bool tell) {
    static const int64_t gap[] = {20, 100, 400, 2000, 30000};
    sim_last last[PROFILES];
    memset(&S, 0, sizeof S);
    S.seed = S.dice = seed;
    S.is_told = tell;
    S.order = 1;
    S.quiet_since = sim_true_ms();
    sim_clock_reset();
    S.is_vault = sim_chance(500);
    S.life_s = sim_chance(500) ? 300 : sim_between(20, 600);
    S.gap_ms = gap[sim_pick(KF_LEN(gap))];
    S.end = S.gap_ms * 400;
    if (S.end < 60000) S.end = 60000;
    sim_people_start();
    sim_run(S.end);
    if (!S.failed) sim_people_end(last);
    if (!S.failed) sim_check_end(last);
    clear();
    return !S.failed;
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

typedef struct options {
    uint64_t seed, from, seeds;
    double seconds;
    bool one, quiet;
} options;

static bool read_options(int argc, char **argv, options *o) {
    static const struct option table[] = {{"seed", 1, NULL, 's'},    {"quiet", 0, NULL, 'q'},
                                          {"seconds", 1, NULL, 't'}, {"from", 1, NULL, 'f'},
                                          {"seeds", 1, NULL, 'n'},   {"any", 0, NULL, 'a'},
                                          {"help", 0, NULL, 'h'},    {NULL, 0, NULL, 0}};
    *o = (options){.from = 1, .seeds = UINT64_MAX, .seconds = 10};
    for (int c; (c = getopt_long(argc, argv, "h", table, NULL)) != -1;) {
        switch (c) {
        case 's': o->one = true, o->seed = strtoull(optarg, NULL, 0); break;
        case 'q': o->quiet = true; break;
        case 't': o->seconds = strtod(optarg, NULL); break;
        case 'f': o->from = strtoull(optarg, NULL, 0); break;
        case 'n': o->seeds = strtoull(optarg, NULL, 0); break;
        case 'a': o->from = (uint64_t)time(NULL) << 20; break;
        default: return false;
        }
    }
    return optind == argc;
}

int main(int argc, char **argv) {
    options o;
    uint64_t done = 0, rotations = 0, tokens = 0, crashes = 0, unsaved = 0, over = 0, events = 0;
    static const uint8_t key[16] = "simulated";
    if (!read_options(argc, argv, &o)) return fputs(usage, stderr), 2;
    kf_log_setup(KF_LOG_ERROR, NULL, NULL, key);
    if (o.one) {
        setvbuf(stdout, NULL, _IOLBF, 0);
        if (!o.quiet) kf_log_setup(KF_LOG_DEBUG, log_line, NULL, key);
        bool ok = run(o.seed, !o.quiet);
        printf("seed %llu: %s\n", (unsigned long long)o.seed, ok ? "all rules hold" : S.why);
        return !ok;
    }
    double start = seconds(), now = start;
    for (uint64_t seed = o.from; done < o.seeds && now - start < o.seconds; seed++, done++) {
        if (!run(seed, false)) {
            printf("seed %llu: %s\n%llu seeds held before it. Its story: sim --seed %llu\n",
                   (unsigned long long)seed, S.why, (unsigned long long)done,
                   (unsigned long long)seed);
            return 1;
        }
        rotations += S.rotations, tokens += S.tokens, crashes += S.crashes;
        unsaved += S.unsaved_told, over += S.over_told, events += S.events;
        now = seconds();
    }
    printf("%llu seeds from %llu hold: %llu renewals, %llu tokens (%llu told as unsaved), %llu "
           "kills, %llu profiles over, %llu events, %.0f renewals a second\n",
           (unsigned long long)done, (unsigned long long)o.from, (unsigned long long)rotations,
           (unsigned long long)tokens, (unsigned long long)unsaved, (unsigned long long)crashes,
           (unsigned long long)over, (unsigned long long)events, (double)rotations / (now - start));
    return 0;
}
