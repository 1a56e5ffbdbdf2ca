/* See surroundings.h. Reads the environment and follows links; changes nothing. */
#include "wire/surroundings.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "base/str.h"
#include "wire/client.h"

/* other: the second spelling that libcurl reads; http_proxy has none, because a CGI program gets
 * HTTP_PROXY from its client. */
static const struct {
    const char *name, *other;
} variable[] = {
    {"https_proxy", "HTTPS_PROXY"}, {"http_proxy", NULL},    {"all_proxy", "ALL_PROXY"},
    {"no_proxy", "NO_PROXY"},       {"SSL_CERT_FILE", NULL}, {"SSL_CERT_DIR", NULL},
    {"KEYFOB_STORE", NULL},         {"KEYFOB_CONFIG", NULL}, {"DBUS_SESSION_BUS_ADDRESS", NULL}};
enum { BUS = KF_LEN(variable) - 1, BUS_MAX = 512 };

static const char *value_of(size_t i) {
    const char *v = getenv(variable[i].name);
    if (!(v && *v) && variable[i].other) v = getenv(variable[i].other);
    return v && *v ? v : NULL;
}

/* FNV-1a: tells values apart, and is no secret's guard. */
static uint64_t hash(uint64_t h, const char *s) {
    for (; *s; s++) h = (h ^ (unsigned char)*s) * 0x100000001b3u;
    return (h ^ 0xff) * 0x100000001b3u; /* "ab","c" is not "a","bc" */
}
static const uint64_t seed = 0xcbf29ce484222325u;

static void hex(uint64_t h, char out[17]) {
    for (int i = 15; i >= 0; i--, h >>= 4) out[i] = "0123456789abcdef"[h & 15];
    out[16] = 0;
}

/* The path with the links of the part that exists followed. */
static char *resolve(const char *path) {
    char *whole = realpath(path, NULL);
    const char *slash = strrchr(path, '/');
    if (whole || !slash || slash == path) return whole ? whole : kf_strdup(path);
    KF_AUTO_CHARS up = kf_strfmt("%.*s", (int)(slash - path), path);
    KF_AUTO_CHARS parent = resolve(up);
    return kf_strfmt("%s%s", parent, slash);
}

void kf_surroundings_home(char tag[17]) {
    char *dirs[] = {kf_state_dir(), kf_data_dir(), kf_config_home()};
    uint64_t h = seed;
    for (size_t i = 0; i < KF_LEN(dirs); i++) {
        KF_AUTO_CHARS real = resolve(dirs[i]);
        h = hash(h, real);
        free(dirs[i]);
    }
    hex(h, tag);
}

void kf_surroundings_add(kf_json *params) {
    kf_json *env = kf_json_obj();
    char mark[17];
    for (size_t i = 0; i < KF_LEN(variable); i++) {
        const char *v = value_of(i);
        if (!v) continue;
        hex(hash(seed, v), mark);
        kf_json_set_str(env, variable[i].name, mark);
    }
    kf_json_set(params, "environment", env);
    const char *bus = value_of(BUS), *own = getenv("KEYFOB_SOCKET");
    if (bus && strlen(bus) <= BUS_MAX && !kf_json_flaw(bus, strlen(bus)))
        kf_json_set_str(params, "bus", bus);
    if (own && *own) return;
    kf_surroundings_home(mark);
    kf_json_set_str(params, "home", mark);
}

kf_json *kf_surroundings_differ(const kf_json *environment) {
    kf_json *names = kf_json_arr();
    char mark[17];
    for (size_t i = 0; environment && i < KF_LEN(variable); i++) {
        const char *ours = value_of(i), *theirs = kf_json_str_or(environment, variable[i].name, "");
        if (ours) hex(hash(seed, ours), mark);
        if (strcmp(ours ? mark : "", theirs) != 0 && (i != BUS || *theirs))
            kf_json_add(names, kf_json_new_str(variable[i].name));
    }
    return names;
}
