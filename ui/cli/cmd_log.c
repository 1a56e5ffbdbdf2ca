/* log: what the agent wrote down, newest last. Two files of about 1 MiB at most, read line by line.
 */
#include "ui/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/str.h"
#include "guard/path.h"
#include "ui/common/text.h"

enum { STAMP = 24, LINE_MAX_BYTES = 8192 }; /* 2026-11-23T14:07:19.876Z */

static bool is_stamp(const char *s) {
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    for (size_t i = 0; i < STAMP; i++)
        if (shape[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != shape[i]) return false;
    return s[STAMP] == ' ';
}

static void put(kf_json *items, char *line) {
    char *level = line + STAMP + 1, *text = level + strcspn(level, " ");
    line[STAMP] = 0;
    if (*text) *text++ = 0;
    text += strspn(text, " ");
    KF_AUTO_CHARS safe_level = kf_text_safe(level);
    KF_AUTO_CHARS safe = kf_text_safe(text);
    if (!items) {
        printf("%s  %-5s  %s\n", line, safe_level, safe);
        return;
    }
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "at", line);
    kf_json_set_str(j, "level", safe_level);
    kf_json_set_str(j, "text", safe);
    kf_json_add(items, j);
}

/* Lines from since on; stamps compare as text. An absent file is an empty one. */
static bool read_log(const char *path, const char *since, kf_json *items, kf_err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ||
               kf_fail_errno(err, KF_ERR_SYS_IO, "open %s", path);
    if (!kf_path_check_fd(fd, path, KF_PATH_FILE, err)) return close(fd), false;
    FILE *f = !fstat(fd, &st) && S_ISREG(st.st_mode) ? fdopen(fd, "r") : NULL;
    if (!f) {
        close(fd);
        return kf_fail(err, KF_ERR_SYS_IO, "%s is not a regular file", path);
    }
    char line[LINE_MAX_BYTES];
    while (
        fgets(line, sizeof line, f)) { /* the rest of a longer one has no stamp, and is left out */
        line[strcspn(line, "\n")] = 0;
        if (strlen(line) > STAMP && is_stamp(line) && strncmp(line, since, 19) >= 0)
            put(items, line);
    }
    bool ok = !ferror(f);
    if (!ok) kf_fail_errno(err, KF_ERR_SYS_IO, "read %s", path);
    fclose(f);
    return ok;
}

int kf_cmd_log(kf_cli *c, const kf_args *a) {
    kf_err e;
    int64_t back = INT64_C(24) * 3600 * 1000;
    if (a->opt[0] && !kf_duration_parse(a->opt[0], &back))
        return kf_cli_usage(c, "--since %s: a duration is a number with ms, s, m, h or d",
                            a->opt[0]);
    int64_t from = (int64_t)time(NULL) - back / 1000;
    char since[21];
    kf_rfc3339(from < 0 ? 0 : from, since);
    const char *own = getenv("KEYFOB_LOG_FILE");
    KF_AUTO_CHARS state = kf_state_dir();
    KF_AUTO_CHARS path = own && *own ? kf_strdup(own) : kf_strfmt("%s/keyfobd.log", state);
    KF_AUTO_CHARS older = kf_strfmt("%s.1", path);
    kf_json *items = c->json ? kf_json_arr() : NULL;
    if (!read_log(older, since, items, &e) || !read_log(path, since, items, &e))
        return kf_json_free(items), kf_cli_fail(c, &e);
    if (!c->json) return kf_cli_flush();
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "schema", "keyfob.log/1");
    kf_json_set(j, "items", items);
    return kf_cli_print(j);
}
