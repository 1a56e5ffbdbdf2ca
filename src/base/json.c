/* JSON on top of cJSON: a strict scan before parsing, a lenient parse that repairs a server's
 * text, and typed access. Freed memory is wiped. */
#include "base/json.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include "base/str.h"

enum { DEPTH_MAX = 24, DEPTH_LENIENT_MAX = 500, KEYS_MAX = 1024 };
static const int64_t EXACT = INT64_C(1) << 53; /* up to here a double is every whole number */

/* Tokens pass through cJSON's memory: what it frees is wiped. */
static void wiping_free(void *p) {
    if (!p) return;
    kf_wipe(p, malloc_usable_size(p));
    free(p);
}
static void set_hooks(void) {
    cJSON_Hooks h = {.malloc_fn = malloc, .free_fn = wiping_free};
    cJSON_InitHooks(&h);
}
/* Once: setting them again would take them away for a moment, under another thread's feet. */
static void hooks(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_hooks);
}
static void *need(void *p) {
    if (!p) abort();
    return p;
}

static bool is_hex4(const char *p) {
    for (int i = 0; i < 4; i++)
        if (!p[i] || !strchr("0123456789abcdefABCDEF", p[i])) return false;
    return true;
}

static bool is_plain(unsigned char c) { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\'; }

/* What cJSON bears and we do not: depth, NUL, raw controls in strings, bad UTF-8, nan. One pass, no
 * recursion. */
static const char *scan(const char *text, size_t len, int depth_max, size_t *at) {
    int depth = 0;
    bool in = false;
    for (size_t i = 0; i < len;) {
        while (in && i + 1 < len && is_plain((unsigned char)text[i])) i++; /* most of a token */
        unsigned char c = (unsigned char)text[i];
        *at = i;
        if (!c) return "a NUL byte";
        size_t k = c < 0x80 ? 1 : kf_utf8_len(text + i, len - i);
        if (!k) return "bytes that are not UTF-8";
        if (in) {
            if (c < 0x20) return "a control character in a string";
            if (c == '\\') {
                if (len - i > 1 &&
                    text[i + 1] == 'u') { /* cJSON would make a NUL of what is not hex */
                    if (len - i < 6 || !is_hex4(text + i + 2)) return "an escape that is not valid";
                    if (!memcmp(text + i + 2, "0000", 4)) return "an escaped NUL";
                }
                k = len - i > 1 && (unsigned char)text[i + 1] < 0x80 && text[i + 1] ? 2 : 1;
            } else if (c == '"') in = false;
        } else if (c == '"') in = true;
        else if (c == '{' || c == '[') {
            if (++depth > depth_max) return "nested too deeply";
        } else if (c == '}' || c == ']') depth--;
        else if (c >= 0x80 || (c < 0x20 && !strchr("\t\r\n", c)))
            return "a character outside a string";
        i += k;
    }
    *at = len;
    return in ? "a string without an end" : NULL;
}

/* The next character or escape inside a string; *bad: U+FFFD has to take its place. */
static size_t string_step(const char *p, size_t n, bool *bad) {
    *bad = false;
    if (*p != '\\' || n < 2) {
        size_t k = kf_utf8_len(p, n);
        *bad = !k || (unsigned char)*p < 0x20;
        return k ? k : 1;
    }
    if (p[1] != 'u' || n < 6 || !is_hex4(p + 2))
        return (unsigned char)p[1] >= 0x20 && (unsigned char)p[1] < 0x80 ? 2 : 1;
    unsigned long c = strtoul((const char[5]){p[2], p[3], p[4], p[5], 0}, NULL, 16);
    bool high = c >= 0xd800 && c < 0xdc00;
    if (high && n >= 12 && p[6] == '\\' && p[7] == 'u' && is_hex4(p + 8)) {
        unsigned long low = strtoul((const char[5]){p[8], p[9], p[10], p[11], 0}, NULL, 16);
        if (low >= 0xdc00 && low < 0xe000) return 12;
    }
    *bad = !c || (c >= 0xd800 && c < 0xe000);
    return 6;
}

/* The text with U+FFFD where a string holds what no string of ours may. Heap, *out_len bytes. */
static char *repair_strings(const char *text, size_t len, size_t *out_len) {
    char *out = need(malloc(3 * len + 1));
    size_t n = 0;
    bool in = false, bad;
    for (size_t i = 0, k; i < len; i += k) {
        k = in ? string_step(text + i, len - i, &bad) : (bad = false, 1);
        if (text[i] == '"') in = !in;
        memcpy(out + n, bad ? "\xef\xbf\xbd" : text + i, bad ? 3 : k);
        n += bad ? 3 : k;
    }
    *out_len = n;
    return out;
}

static int by_key(const void *a, const void *b) {
    const cJSON *const *x = a, *const *y = b;
    return strcmp((*x)->string, (*y)->string);
}

static cJSON **sorted_members(const cJSON *j, size_t n) {
    cJSON **all = need(malloc(n * sizeof *all));
    n = 0;
    cJSON *it;
    cJSON_ArrayForEach(it, j) all[n++] = it;
    qsort(all, n, sizeof *all, by_key);
    return all;
}

static const char *check_tree(const cJSON *j) {
    if (cJSON_IsNumber(j) && !isfinite(j->valuedouble)) return "a number out of range";
    size_t n = 0;
    const cJSON *it;
    cJSON_ArrayForEach(it, j) {
        const char *bad = check_tree(it);
        if (bad) return bad;
        n++;
    }
    if (!cJSON_IsObject(j) || n < 2) return NULL;
    if (n > KEYS_MAX) return "too many members in one object";
    cJSON **member = sorted_members(j, n);
    const char *bad = NULL;
    for (size_t i = 1; i < n && !bad; i++)
        if (!by_key(&member[i - 1], &member[i])) bad = "the same member twice";
    free(member);
    return bad;
}

static void make_null(cJSON *j) {
    cJSON_Delete(j->child);
    cJSON_free(j->valuestring);
    j->child = NULL;
    j->valuestring = NULL;
    j->type = cJSON_NULL;
}

/* Which of several a reader takes is chance, so none of them counts. */
static void drop_doubles(cJSON *j, size_t n) {
    cJSON **member = sorted_members(j, n);
    for (size_t i = 1, first = 0; i < n; i++) {
        if (by_key(&member[first], &member[i])) {
            first = i;
            continue;
        }
        make_null(member[first]);
        cJSON_Delete(cJSON_DetachItemViaPointer(j, member[i]));
    }
    free(member);
}

/* Makes null of what check_tree would refuse below j. False: j itself is such a thing. */
static bool prune_tree(cJSON *j, int depth) {
    if (cJSON_IsNumber(j)) return isfinite(j->valuedouble);
    if (!j->child) return depth <= DEPTH_MAX || !(cJSON_IsObject(j) || cJSON_IsArray(j));
    if (depth > DEPTH_MAX) return false;
    size_t n = 0;
    for (cJSON *it = j->child; it; it = it->next, n++)
        if (!prune_tree(it, depth + 1)) make_null(it);
    if (!cJSON_IsObject(j)) return true;
    if (n > KEYS_MAX) return false;
    if (n > 1) drop_doubles(j, n);
    return true;
}

const char *kf_json_flaw(const char *text, size_t len) {
    size_t at;
    return scan(text, len, DEPTH_MAX, &at);
}

static kf_json *parse_scanned(const char *text, size_t len, bool lenient, kf_err *err) {
    hooks();
    size_t at = 0;
    const char *bad = scan(text, len, lenient ? DEPTH_LENIENT_MAX : DEPTH_MAX, &at);
    if (bad) {
        kf_fail(err, KF_ERR_NET_BAD_ANSWER, "JSON: %s at byte %zu", bad, at);
        return NULL;
    }
    const char *end = NULL;
    cJSON *j = cJSON_ParseWithLengthOpts(text, len, &end, false);
    if (!j) {
        kf_fail(err, KF_ERR_NET_BAD_ANSWER, "JSON: not valid at byte %zu",
                end ? (size_t)(end - text) : (size_t)0);
        return NULL;
    }
    while (end < text + len && strchr(" \t\r\n", *end)) end++;
    if (end < text + len) bad = "bytes behind the value";
    else if (lenient) bad = prune_tree(j, 1) ? NULL : "a value that is too large";
    else bad = check_tree(j);
    if (bad) {
        cJSON_Delete(j);
        kf_fail(err, KF_ERR_NET_BAD_ANSWER, "JSON: %s", bad);
        return NULL;
    }
    return j;
}

kf_json *kf_json_parse(const char *text, size_t len, kf_err *err) {
    return parse_scanned(text, len, false, err);
}

kf_json *kf_json_parse_lenient(const char *text, size_t len, kf_err *err) {
    char *fit = repair_strings(text, len, &len);
    kf_json *j = parse_scanned(fit, len, true, err);
    wiping_free(fit);
    return j;
}

kf_json *kf_json_free(kf_json *j) {
    hooks();
    cJSON_Delete(j);
    return NULL;
}

const kf_json *kf_json_get(const kf_json *obj, const char *key) {
    return cJSON_IsObject(obj) ? cJSON_GetObjectItemCaseSensitive(obj, key) : NULL;
}
const char *kf_json_value_str(const kf_json *j) {
    return cJSON_IsString(j) ? j->valuestring : NULL;
}
const char *kf_json_str(const kf_json *obj, const char *key) {
    return kf_json_value_str(kf_json_get(obj, key));
}
const char *kf_json_str_or(const kf_json *obj, const char *key, const char *dflt) {
    const char *s = kf_json_str(obj, key);
    return s ? s : dflt;
}
bool kf_json_int(const kf_json *obj, const char *key, int64_t *out) {
    const cJSON *j = kf_json_get(obj, key);
    if (cJSON_IsRaw(j)) { /* of kf_json_set_int */
        int64_t n = strtoll(j->valuestring, NULL, 10);
        if (n <= -EXACT || n >= EXACT) return false;
        *out = n;
        return true;
    }
    double d = cJSON_IsNumber(j) ? j->valuedouble : NAN;
    if (!(d > -(double)EXACT && d < (double)EXACT) || (double)(int64_t)d != d) return false;
    *out = (int64_t)d;
    return true;
}
int64_t kf_json_int_or(const kf_json *obj, const char *key, int64_t dflt) {
    int64_t n;
    return kf_json_int(obj, key, &n) ? n : dflt;
}
bool kf_json_bool(const kf_json *obj, const char *key, bool dflt) {
    const cJSON *j = kf_json_get(obj, key);
    return cJSON_IsBool(j) ? cJSON_IsTrue(j) : dflt;
}
bool kf_json_is_obj(const kf_json *j) { return cJSON_IsObject(j); }
bool kf_json_is_arr(const kf_json *j) { return cJSON_IsArray(j); }
bool kf_json_is_null(const kf_json *j) { return cJSON_IsNull(j); }
size_t kf_json_count(const kf_json *j) {
    return cJSON_IsArray(j) || cJSON_IsObject(j) ? (size_t)cJSON_GetArraySize(j) : 0;
}
const kf_json *kf_json_first(const kf_json *j) {
    return cJSON_IsArray(j) || cJSON_IsObject(j) ? j->child : NULL;
}
const kf_json *kf_json_next(const kf_json *item) { return item ? item->next : NULL; }
const char *kf_json_key(const kf_json *item) { return item ? item->string : NULL; }

kf_json *kf_json_obj(void) {
    hooks();
    return need(cJSON_CreateObject());
}
kf_json *kf_json_arr(void) {
    hooks();
    return need(cJSON_CreateArray());
}
kf_json *kf_json_new_str(const char *s) {
    hooks();
    return need(cJSON_CreateString(s));
}
kf_json *kf_json_copy(const kf_json *j) {
    hooks();
    return j ? need(cJSON_Duplicate(j, true)) : NULL;
}
void kf_json_set(kf_json *obj, const char *key, kf_json *value) {
    hooks();
    cJSON_DeleteItemFromObjectCaseSensitive(obj, key);
    if (value && !cJSON_AddItemToObject(obj, key, value)) abort();
}
void kf_json_set_str(kf_json *obj, const char *key, const char *s) {
    kf_json_set(obj, key, s ? kf_json_new_str(s) : NULL);
}
/* cJSON writes 15 digits of a number; a longer one goes out as the text it is. */
void kf_json_set_int(kf_json *obj, const char *key, int64_t n) {
    char text[24];
    hooks();
    snprintf(text, sizeof text, "%" PRId64, n);
    bool fits = n > -INT64_C(1000000000000000) && n < INT64_C(1000000000000000);
    kf_json_set(obj, key, need(fits ? cJSON_CreateNumber((double)n) : cJSON_CreateRaw(text)));
}
void kf_json_set_bool(kf_json *obj, const char *key, bool b) {
    kf_json_set(obj, key, need(cJSON_CreateBool(b)));
}
void kf_json_set_null(kf_json *obj, const char *key) {
    kf_json_set(obj, key, need(cJSON_CreateNull()));
}
void kf_json_set_secret(kf_json *obj, const char *key, const kf_secret *s) {
    kf_json_set_str(obj, key, s ? kf_secret_peek(s) : NULL);
}
void kf_json_trim(kf_json *obj, const char *key) {
    cJSON *j = cJSON_IsObject(obj) ? cJSON_GetObjectItemCaseSensitive(obj, key) : NULL;
    if (!cJSON_IsString(j)) return;
    const char *from = j->valuestring;
    size_t was = strlen(from), n = kf_trim(&from, was);
    memmove(j->valuestring, from, n);
    kf_wipe(j->valuestring + n, was - n);
}
void kf_json_add(kf_json *arr, kf_json *value) {
    if (!cJSON_AddItemToArray(arr, value)) abort();
}

static size_t string_size(const char *s) {
    size_t n = 2;
    for (; s && *s; s++) n += (unsigned char)*s < 0x20 ? 6 : *s == '"' || *s == '\\' ? 2 : 1;
    return n;
}

size_t kf_json_size(const kf_json *j) {
    enum { NUMBER_MAX = 26 };
    if (!j) return 0;
    if (cJSON_IsString(j)) return string_size(j->valuestring);
    if (cJSON_IsRaw(j)) return strlen(j->valuestring);
    if (!cJSON_IsObject(j) && !cJSON_IsArray(j)) return NUMBER_MAX;
    size_t n = 2;
    const cJSON *it;
    cJSON_ArrayForEach(it, j) n +=
        kf_json_size(it) + (it->string ? string_size(it->string) + 2 : 1);
    return n;
}

char *kf_json_print(const kf_json *j) {
    hooks();
    return need(cJSON_PrintUnformatted(j));
}
kf_secret *kf_json_print_secret(const kf_json *j) {
    char *s = kf_json_print(j);
    return kf_secret_take(s, strlen(s));
}
