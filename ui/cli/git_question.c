/* Parses the request of git to a credential helper, and refuses hosts that a token must not go
 * to. */
#include "ui/cli/git_question.h"

#include "base/str.h"

typedef struct span {
    const char *at;
    size_t len;
} span;

/* The value, when the line is the one of key. */
static bool value_of(span line, const char *key, span *value) {
    size_t n = strlen(key);
    if (line.len <= n || memcmp(line.at, key, n) != 0 || line.at[n] != '=') return false;
    *value = (span){line.at + n + 1, line.len - n - 1};
    return true;
}

static bool copy(char *dst, size_t size, span s) {
    if (s.len >= size) return false;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] < 0x20 || s.at[i] == 0x7f) return false;
    memcpy(dst, s.at, s.len);
    dst[s.len] = 0;
    return true;
}

/* A token goes over https, or to this machine. https://host:443 is https://host. */
static bool is_for_us(const char *protocol, const char *host, kf_git_question *q) {
    KF_AUTO_CHARS origin = kf_strfmt("%s://%s", protocol, host);
    KF_AUTO_CHARS norm = NULL;
    KF_AUTO_CHARS hosts = NULL;
    return kf_origin_parse(origin, &norm, NULL) && !strpbrk(host, "; \t/") &&
           kf_hosts_parse(strstr(norm, "://") + 3, &hosts, NULL) && *hosts &&
           kf_str_set(q->host, sizeof q->host, hosts);
}

bool kf_git_question_parse(const char *text, size_t len, kf_git_question *q) {
    span protocol = {"", 0}, host = {"", 0}, username = {"", 0}, secret = {"", 0}, can = {"", 0};
    bool authtype = false;
    char p[8], h[sizeof q->host];
    for (const char *end = text + len; text < end && *text != '\n';) {
        const char *nl = memchr(text, '\n', (size_t)(end - text));
        span line = {text, (size_t)((nl ? nl : end) - text)};
        if (value_of(line, "capability[]", &can))
            authtype |= can.len == 8 && !memcmp(can.at, "authtype", 8);
        else if (!value_of(line, "protocol", &protocol) && !value_of(line, "host", &host) &&
                 !value_of(line, "username", &username) && !value_of(line, "password", &secret))
            (void)value_of(line, "credential", &secret);
        text = nl ? nl + 1 : end;
    }
    *q = (kf_git_question){.authtype = authtype, .secret = secret.at, .secret_len = secret.len};
    return copy(p, sizeof p, protocol) && copy(h, sizeof h, host) &&
           copy(q->username, sizeof q->username, username) && is_for_us(p, h, q);
}
