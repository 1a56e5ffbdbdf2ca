/* Bytes -> git's question: what is answered is one host that a profile can be bound to, over https
 * or on this machine, and both that host and the user name are lines of the question as git itself,
 * or any reader of lines, sees them. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include "base/str.h"
#include "ui/cli/git_question.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool truth) {
    if (!truth) abort();
}

/* Is "key=value" the last such line before the empty one, for readers that end a line at \n, and
 * for those that do at \r? */
static bool says(const char *text, const char *ends, const char *key, const char *value) {
    bool hit = !*value;
    size_t n = strlen(key), k;
    for (; *text && *text != '\n'; text += k + (text[k] != 0)) {
        k = strcspn(text, ends);
        if (k > n && !strncmp(text, key, n) && text[n] == '=')
            hit = strlen(value) == k - n - 1 && !strncasecmp(text + n + 1, value, k - n - 1);
    }
    return hit;
}

/* The port as a number; the one that the protocol has anyway is left out. */
static char *without_port(const char *protocol, const char *host) {
    const char *end = strrchr(host, ']'), *colon = strrchr(host, ':');
    if (!colon || (end && colon < end)) return kf_strdup(host);
    unsigned long port = strtoul(colon + 1, NULL, 10);
    bool usual = port == (strcasecmp(protocol, "https") ? 80 : 443) || !colon[1];
    int n = (int)(colon - host);
    return usual ? kf_strfmt("%.*s", n, host) : kf_strfmt("%.*s:%lu", n, host, port);
}

/* The last value of a key, as git reads lines; caller frees. */
static char *last(const char *text, const char *key) {
    char *value = kf_strdup("");
    size_t n = strlen(key), k;
    for (; *text && *text != '\n'; text += k + (text[k] != 0)) {
        k = strcspn(text, "\n");
        if (k <= n || strncmp(text, key, n) || text[n] != '=') continue;
        free(value);
        value = kf_strfmt("%.*s", (int)(k - n - 1), text + n + 1);
    }
    return value;
}

static bool is_clean(const char *s) {
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f) return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    kf_git_question q;
    char *text = strndup((const char *)data, size);
    hold(text != NULL);
    if (kf_git_question_parse(text, strlen(text), &q)) {
        KF_AUTO_CHARS norm = NULL;
        hold(kf_hosts_parse(q.host, &norm, NULL) && !strcmp(norm, q.host) &&
             kf_hosts_has(norm, q.host));
        hold(is_clean(q.host) && is_clean(q.username) && !strpbrk(q.host, " ;/@%?#\\"));
        KF_AUTO_CHARS protocol = last(text, "protocol");
        KF_AUTO_CHARS given = last(text, "host");
        KF_AUTO_CHARS host = without_port(protocol, given);
        hold(!strcasecmp(host, q.host) && says(text, "\n", "username", q.username));
        KF_AUTO_CHARS origin = kf_strfmt("http://%s", q.host);
        KF_AUTO_CHARS any = NULL;
        hold(says(text, "\n", "protocol", "https") ||
             (says(text, "\n", "protocol", "http") && kf_origin_parse(origin, &any, NULL)));
        if (!strchr(text, '\r')) hold(says(text, "\r\n", "host", given));
    }
    free(text);
    return 0;
}
