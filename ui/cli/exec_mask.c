/* The filter of `exec --mask`: finds tokens and their parts in a stream and replaces them. It
 * reads and writes nothing itself. */
#include "ui/cli/exec_mask.h"

#include "base/mem.h"
#include "base/str.h"

/* SHOWN: letters of a part that may be shown while waiting for the next; far from enough to guess
 * the rest */
enum { SHOWN = 8, CUT = 16, PARTS = 3 };

typedef struct word {
    size_t at, len;  /* in its token */
    size_t enough;   /* so many bytes of it are hidden also when it does not go on */
    size_t harmless; /* so many may be shown; less than enough */
} word;

typedef struct entry {
    kf_secret *token;
    word words[PARTS];
    int n;
} entry;

struct kf_mask_words {
    entry entries[KF_MASK_TOKENS];
    size_t n;
    bool first[256]; /* bytes that a word begins with */
};

kf_mask_words *kf_mask_words_new(void) {
    kf_mask_words *w = kf_new(kf_mask_words);
    return w;
}

kf_mask_words *kf_mask_words_free(kf_mask_words *w) {
    for (size_t i = 0; w && i < w->n; i++) kf_secret_free(w->entries[i].token);
    free(w);
    return NULL;
}

static void add_word(entry *e, size_t at, size_t len, size_t enough, size_t harmless) {
    if (len < KF_MASK_TOKEN_MIN) return;
    if (enough > len) enough = len;
    if (enough < KF_MASK_TOKEN_MIN) enough = KF_MASK_TOKEN_MIN;
    if (harmless >= enough) harmless = enough - 1;
    e->words[e->n++] = (word){at, len, enough, harmless};
}

/* header.payload.signature, or something opaque. */
static void split(entry *e, const char *t, size_t len) {
    const char *dot = memchr(t, '.', len);
    size_t payload = dot ? (size_t)(dot - t) + 1 : len;
    const char *second = dot ? memchr(t + payload, '.', len - payload) : NULL;
    if (!second) {
        add_word(e, 0, len, len, SHOWN);
        return;
    }
    size_t signature = (size_t)(second - t) + 1;
    /* a header is the same for all tokens of an environment: what it says is public */
    add_word(e, 0, len, signature + CUT, payload);
    add_word(e, payload, signature - 1 - payload, SIZE_MAX, SHOWN);
    add_word(e, signature, len - signature, (len - signature) / 2, SHOWN);
}

bool kf_mask_words_add(kf_mask_words *w, const kf_secret *token) {
    size_t len = kf_secret_len(token);
    if (len < KF_MASK_TOKEN_MIN || len > KF_MASK_TOKEN_MAX) return false;
    for (size_t i = 0; i < w->n; i++)
        if (kf_secret_eq(w->entries[i].token, token)) return true;
    if (w->n == KF_MASK_TOKENS) {
        kf_secret_free(w->entries[0].token);
        memmove(w->entries, w->entries + 1, --w->n * sizeof *w->entries);
    }
    entry *e = &w->entries[w->n++];
    *e = (entry){.token = kf_secret_copy(token)};
    split(e, kf_secret_peek(e->token), len);
    memset(w->first, 0, sizeof w->first);
    for (size_t i = 0; i < w->n; i++)
        for (int k = 0; k < w->entries[i].n; k++)
            w->first[(unsigned char)kf_secret_peek(
                w->entries[i].token)[w->entries[i].words[k].at]] = true;
    return true;
}

typedef struct found {
    size_t len;      /* so many bytes are to be hidden; 0: none */
    bool open;       /* with more bytes it may be more */
    size_t harmless; /* when open */
} found;

/* What begins at p: the longest of all words. */
static found look(const kf_mask_words *w, const char *p, size_t n) {
    found f = {.harmless = SIZE_MAX};
    for (size_t i = 0; i < w->n; i++) {
        const char *token = kf_secret_peek(w->entries[i].token);
        for (int k = 0; k < w->entries[i].n; k++) {
            const word *x = &w->entries[i].words[k];
            size_t same = 0, most = x->len < n ? x->len : n;
            while (same < most && p[same] == token[x->at + same]) same++;
            if (same >= x->enough && same > f.len) f.len = same;
            if (same == n && n < x->len) {
                f.open = true;
                if (x->harmless < f.harmless) f.harmless = x->harmless;
            }
        }
    }
    return f;
}

void kf_mask_init(kf_mask *m, const kf_mask_words *words) {
    *m = (kf_mask){.words = words};
    kf_buf_init(&m->held, KF_MASK_TOKEN_MAX + KF_MASK_CHUNK);
}

void kf_mask_done(kf_mask *m) { kf_buf_done(&m->held); }

size_t kf_mask_waiting(const kf_mask *m) { return m->held.len - m->told; }

static void put(kf_buf *out, const char *p, size_t n) {
    if (n && !kf_buf_add(out, p, n)) abort(); /* the caller promised room */
}

/* Bytes from to to are no part of anything hidden. */
static void show(kf_mask *m, size_t from, size_t to, kf_buf *out) {
    if (from < m->told) from = m->told;
    if (from < to) put(out, m->held.data + from, to - from);
}

static void scan(kf_mask *m, bool at_end, kf_buf *out) {
    const char *p = m->held.data;
    size_t n = m->held.len, i = 0, plain = 0; /* plain to i waits to be shown */
    while (i < n) {
        if (!m->words->first[(unsigned char)p[i]]) {
            i++;
            continue;
        }
        found f = look(m->words, p + i, n - i);
        if (f.open && !at_end) break;
        if (!f.len) {
            i++;
            continue;
        }
        show(m, plain, i, out);
        if (i >= m->told || !m->replaced) put(out, KF_MASK_TEXT, sizeof KF_MASK_TEXT - 1);
        plain = i += f.len;
    }
    show(m, plain, i, out);
    kf_buf_drop(&m->held, i);
    m->told = m->told > i ? m->told - i : 0;
    if (!m->told) m->replaced = false;
}

void kf_mask_feed(kf_mask *m, const void *p, size_t n, kf_buf *out) {
    if (n && !kf_buf_add(&m->held, p, n))
        abort(); /* what is held is shorter than the longest word */
    scan(m, false, out);
}

/* So many bytes of what is held give nothing away, whichever word they turn out to belong to. */
static size_t harmless(const kf_mask *m) {
    size_t limit = m->held.len;
    for (size_t i = 0; i < limit; i++) {
        if (!m->words->first[(unsigned char)m->held.data[i]]) continue;
        found f = look(m->words, m->held.data + i, m->held.len - i);
        if (f.len) limit = i;
        else if (f.open && f.harmless < limit - i) limit = i + f.harmless;
    }
    return limit;
}

void kf_mask_pause(kf_mask *m, bool with_rest, kf_buf *out) {
    if (!kf_mask_waiting(m)) return;
    size_t limit = harmless(m);
    if (limit > m->told) {
        show(m, m->told, limit, out);
        m->told = limit;
        m->replaced = false;
    }
    if (!with_rest || m->told == m->held.len) return;
    if (!m->replaced) put(out, KF_MASK_TEXT, sizeof KF_MASK_TEXT - 1);
    m->told = m->held.len;
    m->replaced = true;
}

void kf_mask_end(kf_mask *m, kf_buf *out) {
    scan(m, true, out);
    kf_buf_clear(&m->held);
    m->told = 0;
}
