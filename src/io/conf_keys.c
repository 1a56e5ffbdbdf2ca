/* The table of the [keyfob] settings with the check of each value, and the line numbers of
 * keyfob.conf. It reads and writes no file. */
#include "io/conf_keys.h"

#include <string.h>
#include "base/str.h"

enum { KEEPALIVE_MIN_MS = 60 * 1000, TEXT_MAX = 1024 };

static bool is_store(const char *v) {
    static const char *const all[] = {"auto", "secret-service", "vault", "memory"};
    for (size_t i = 0; i < KF_LEN(all); i++)
        if (!strcmp(v, all[i])) return true;
    return false;
}

static bool is_picked(const char *v) { return !strcmp(v, "secret-service") || !strcmp(v, "vault"); }

static bool is_picked_or_memory(const char *v) { return is_picked(v) || !strcmp(v, "memory"); }

static bool is_keepalive(const char *v) {
    int64_t ms;
    return !strcmp(v, "never") || (kf_duration_parse(v, &ms) && ms >= KEEPALIVE_MIN_MS);
}

static bool is_line(const char *v) {
    size_t n = 0;
    for (; v[n]; n++)
        if ((unsigned char)v[n] < 0x20 || v[n] == 0x7f) return false;
    return n <= TEXT_MAX;
}

static bool is_path(const char *v) { return *v == '/' && is_line(v); }

/* Behind the host: nothing, or a port. */
static bool is_port_or_end(const char *s, const char *end) {
    int n = 0;
    if (s == end) return true;
    if (*s++ != ':' || s == end || end - s > 5) return false;
    for (; s < end; s++) {
        if (*s < '0' || *s > '9') return false;
        n = n * 10 + *s - '0';
    }
    return n > 0 && n <= 65535;
}

static bool is_proxy(const char *v) {
    static const char *const schemes[] = {"http://",    "https://",  "socks4://",
                                          "socks4a://", "socks5://", "socks5h://"};
    static const char hex[] = "0123456789abcdefABCDEF:.", not_in_a_host[] = ":@[]%,;?#";
    const char *host = strstr(v, "://") ? NULL : v;
    for (size_t i = 0; i < KF_LEN(schemes) && !host; i++)
        if (kf_str_starts(v, schemes[i])) host = v + strlen(schemes[i]);
    if (!host || !is_line(v) || strpbrk(v, " \"'<>\\")) return false;
    const char *end = host + strcspn(host, "/");
    for (const char *p = host; p < end; p++)
        if (*p == '@') host = p + 1; /* the last one: curl takes it so */
    size_t six = *host == '[' ? strspn(host + 1, hex) : 0, n = strcspn(host, not_in_a_host);
    if (six) return host[six + 1] == ']' && is_port_or_end(host + six + 2, end);
    n = n < (size_t)(end - host) ? n : (size_t)(end - host);
    return n && is_port_or_end(host + n, end);
}

static const kf_conf_key table[] = {
    {"default", "", "the profile that commands use when none is named", false, kf_profile_name_ok,
     "must be a profile's name"},
    {"store", "auto",
     "where secrets are kept; counts from the next start of the agent, see: keyfob store move",
     false, is_store, "must be auto, secret-service, vault or memory"},
    {"store_picked", "", "what store = auto took", true, is_picked,
     "must be secret-service or vault"},
    {"store_moved_from", "", "an unfinished keyfob store move: where items may still be", true,
     is_picked_or_memory, "must be secret-service, vault or memory"},
    {"keepalive", "12h", "how often a session that nobody uses is renewed", false, is_keepalive,
     "must be never, or a duration of a minute or more (12h)"},
    {"proxy", "", "the proxy for WorkOS; else https_proxy of the agent's environment", false,
     is_proxy, "must be a proxy: [http://]host[:port]"},
    {"ca_file", "", "certificates to trust instead of the system's (PEM)", false, is_path,
     "must be an absolute path"},
    {"on_sign_in_needed", "",
     "a command for sh, run once when a profile needs a person (KEYFOB_PROFILE, KEYFOB_REASON)",
     false, is_line, "must be one line of at most 1024 characters"},
};

const kf_conf_key *kf_conf_keys(size_t *n) {
    *n = KF_LEN(table);
    return table;
}

const kf_conf_key *kf_conf_key_find(const char *name) {
    for (size_t i = 0; i < KF_LEN(table); i++)
        if (kf_str_eq(table[i].name, name)) return &table[i];
    return NULL;
}

/* --- lines
 * ---------------------------------------------------------------------------------------- */

static const char *skip_blanks(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\t')) p++;
    return p;
}

static bool is_group(const char *p, const char *end, const char *group) {
    const char *close = p < end && *p == '[' ? memchr(p, ']', (size_t)(end - p)) : NULL;
    return close && (size_t)(close - p - 1) == strlen(group) &&
           !memcmp(p + 1, group, strlen(group));
}

static bool is_key(const char *p, const char *end, const char *key) {
    size_t n = strlen(key);
    if ((size_t)(end - p) <= n || memcmp(p, key, n)) return false;
    p = skip_blanks(p + n, end);
    return p < end && *p == '=';
}

size_t kf_conf_line_of(const char *text, const char *group, const char *key) {
    size_t line = 0, found = 0, header = 0;
    bool inside = false;
    for (const char *p = text; *p;) {
        const char *end = p + strcspn(p, "\n"), *q = skip_blanks(p, end);
        line++;
        if (q < end && *q == '[') {
            inside = is_group(q, end, group);
            if (inside) header = line;
        } else if (inside && key && is_key(q, end, key)) found = line;
        p = end + (*end != 0);
    }
    return found ? found : header;
}

size_t kf_conf_bad_line(const char *text) {
    size_t n = 0;
    bool group = false;
    for (const char *p = text; *p;) {
        size_t len = strcspn(p, "\n");
        n++;
        const char *q = p;
        while (q < p + len && (*q == ' ' || *q == '\t')) q++;
        size_t rest = (size_t)(p + len - q);
        bool blank = rest == 0 || *q == '\r', comment = *q == '#';
        if (!blank && !comment) {
            if (*q == '[') {
                if (!memchr(q, ']', rest)) return n;
                group = true;
            } else if (!group || *q == '=' || !memchr(q, '=', rest)) return n;
        }
        p += len + (p[len] == '\n');
    }
    return n;
}

const char *kf_proxy_without_login(const char *url) {
    const char *host = strstr(url, "://"), *at = strrchr(url, '@');
    return at ? at + 1 : host ? host + 3 : url;
}
