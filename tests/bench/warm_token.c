/* Times whole processes in turn (A B A B ...) and prints medians and the ratio of each to the
 * first: `warm_token RUNS [STDIN] -- CMD_A -- CMD_B [-- CMD_C ...]`. STDIN: a file that each of
 * them reads from its start. The output of the commands is thrown away; a command that fails ends
 * it. Nothing is asserted about time: these are figures to read. */
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CMDS = 16, MAX_RUNS = 5000 };
extern char **environ;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t run(char **argv, posix_spawn_file_actions_t *fa) {
    pid_t pid;
    int st;
    int64_t t0 = now_ns();
    if (posix_spawnp(&pid, argv[0], fa, NULL, argv, environ) || waitpid(pid, &st, 0) != pid)
        return -1;
    int64_t t = now_ns() - t0;
    return WIFEXITED(st) && WEXITSTATUS(st) == 0 ? t : -1;
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
    char **cmd[MAX_CMDS];
    int n_cmds = 0;
    long runs = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    for (int i = 2; i < argc; i++)
        if (!strcmp(argv[i], "--") && i + 1 < argc && n_cmds < MAX_CMDS) {
            argv[i] = NULL; /* ends the command before it */
            cmd[n_cmds++] = &argv[i + 1];
        }
    if (runs < 1 || runs > MAX_RUNS || n_cmds < 2) {
        fprintf(stderr, "usage: warm_token RUNS [STDIN] -- CMD_A... -- CMD_B... [-- ...]\n");
        return 2;
    }
    posix_spawn_file_actions_t fa;
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, 0, argv[2] ? argv[2] : "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
    int64_t *t = calloc((size_t)(runs * n_cmds), sizeof *t);
    if (!t) return 1;
    for (long r = -5; r < runs; r++) /* five warm-up rounds are not counted */
        for (int c = 0; c < n_cmds; c++) {
            int64_t ns = run(cmd[c], &fa);
            if (ns < 0) {
                fprintf(stderr, "warm_token: %s failed\n", cmd[c][0]);
                free(t);
                return 1;
            }
            if (r >= 0) t[c * runs + r] = ns;
        }
    double base = 0;
    printf("%-32s %9s %9s %7s\n", "command", "median ms", "min ms", "ratio");
    for (int c = 0; c < n_cmds; c++) {
        qsort(t + c * runs, (size_t)runs, sizeof *t, by_value);
        double med = (double)t[c * runs + runs / 2] / 1e6;
        if (c == 0) base = med;
        char name[64];
        const char *file = strrchr(cmd[c][0], '/');
        size_t at = (size_t)snprintf(name, sizeof name, "%s", file ? file + 1 : cmd[c][0]);
        for (int i = 1; i <= 3 && cmd[c][i] && at < sizeof name; i++)
            at += (size_t)snprintf(name + at, sizeof name - at, " %s", cmd[c][i]);
        printf("%-32s %9.3f %9.3f %6.2fx\n", name, med, (double)t[c * runs] / 1e6, med / base);
    }
    free(t);
    return 0;
}
