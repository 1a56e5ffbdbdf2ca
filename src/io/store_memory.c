/* The store in memory: secrets that end with the process. Answers come through the loop, as with
 * every store. */
#include "base/mem.h"
#include "io/store_class.h"

#include "base/str.h"

typedef struct item {
    struct item *next;
    kf_store_item name;
    kf_secret *blob;
} item;

typedef struct answer {
    struct answer *next;
    struct memory *m;
    kf_loop_id timer;
    kf_store_done done;
    kf_store_list_done list_done;
    void *user;
    kf_secret *blob;
    kf_err err;
    bool failed;
} answer;

typedef struct memory {
    kf_store base;
    item *items;
    answer *open;
} memory;

static void unlink_answer(answer *a) {
    answer **p = &a->m->open;
    while (*p != a) p = &(*p)->next;
    *p = a->next;
}

static void deliver(void *p) {
    answer *a = p;
    unlink_answer(a);
    if (a->list_done) {
        size_t n = 0, k = 0;
        for (item *i = a->m->items; i; i = i->next) n++;
        kf_store_item *all = calloc(n ? n : 1, sizeof *all);
        if (!all) abort();
        for (item *i = a->m->items; i; i = i->next) all[k++] = i->name;
        a->list_done(a->user, all, n, NULL);
        free(all);
    } else a->done(a->user, a->blob, a->failed ? &a->err : NULL);
    kf_secret_free(a->blob);
    free(a);
}

static answer *soon(kf_store *s, kf_store_done done, void *user) {
    memory *m = (memory *)s;
    answer *a = kf_new(answer);
    *a = (answer){.next = m->open, .m = m, .done = done, .user = user};
    m->open = a;
    a->timer = kf_loop_after(s->loop, 0, deliver, a);
    return a;
}

static item **find(memory *m, const char *id, const char *kind) {
    item **p = &m->items;
    while (*p && (strcmp((*p)->name.id, id) || strcmp((*p)->name.kind, kind))) p = &(*p)->next;
    return p;
}

/* The names were checked. */
static void put(memory *m, const char *id, const char *kind, const kf_secret *blob) {
    item **p = find(m, id, kind);
    if (!*p) {
        *p = calloc(1, sizeof **p);
        if (!*p) abort();
        if (!kf_str_set((*p)->name.id, sizeof(*p)->name.id, id) ||
            !kf_str_set((*p)->name.kind, sizeof(*p)->name.kind, kind))
            abort();
    }
    kf_secret_free((*p)->blob);
    (*p)->blob = kf_secret_copy(blob);
}

static void load(kf_store *s, const char *id, const char *kind, bool interactive,
                 kf_store_done done, void *user) {
    answer *a = soon(s, done, user);
    item *i = *find((memory *)s, id, kind);
    if (i) a->blob = kf_secret_copy(i->blob);
    else {
        a->failed = true;
        kf_fail(&a->err, KF_ERR_STORE_NOT_FOUND, "no %s for %s", kind, id);
    }
}

static void save(kf_store *s, const char *id, const char *kind, const char *label,
                 const kf_secret *blob, bool interactive, kf_store_done done, void *user) {
    answer *a = soon(s, done, user);
    if (!kf_store_names_ok(id, kind)) {
        a->failed = true;
        kf_fail(&a->err, KF_ERR_SYS_BUG, "item name %s/%s", id, kind);
        return;
    }
    put((memory *)s, id, kind, blob);
}

static void del(kf_store *s, const char *id, const char *kind, kf_store_done done, void *user) {
    item **p = find((memory *)s, id, kind), *i = *p;
    if (i) {
        *p = i->next;
        kf_secret_free(i->blob);
        free(i);
    }
    soon(s, done, user);
}

static void list(kf_store *s, kf_store_list_done done, void *user) {
    soon(s, NULL, user)->list_done = done;
}
static void probe(kf_store *s, bool interactive, kf_store_done done, void *user) {
    soon(s, done, user);
}
static void reserve(kf_store *s, const char *id, const char *kind, size_t size, bool interactive,
                    kf_store_done done, void *user) {
    probe(s, interactive, done, user);
}
/* Nothing of this store outlives the process, so it has no key that could open a file later. */
static bool refuse_seal(kf_err *err) {
    return kf_fail(err, KF_ERR_STORE_WRITE, "store = memory keeps nothing in files");
}
static kf_secret *seal(kf_store *s, const char *id, const char *kind, const kf_secret *blob,
                       kf_err *err) {
    refuse_seal(err);
    return NULL;
}
static void unseal(kf_store *s, const char *id, const char *kind, const kf_secret *sealed,
                   kf_store_done done, void *user) {
    answer *a = soon(s, done, user);
    a->failed = true;
    refuse_seal(&a->err);
}
static void unlock(kf_store *s, const kf_secret *pass, bool create, kf_store_done done,
                   void *user) {
    soon(s, done, user);
}
static void lock(kf_store *s) { (void)s; }
static kf_store_state state(const kf_store *s) { return KF_STORE_OK; }
static void freeze(const kf_store *s, kf_json *into) {
    kf_json *all = kf_json_arr();
    for (const item *i = ((const memory *)s)->items; i; i = i->next) {
        kf_json *j = kf_json_obj();
        kf_json_set_str(j, "id", i->name.id);
        kf_json_set_str(j, "kind", i->name.kind);
        kf_store_freeze_bytes(j, "blob", i->blob);
        kf_json_add(all, j);
    }
    kf_json_set(into, "items", all);
}

static bool thaw(kf_store *s, const kf_json *from, kf_err *err) {
    const kf_json *all = kf_json_get(from, "items");
    for (const kf_json *j = kf_json_first(all); j; j = kf_json_next(j)) {
        const char *id = kf_json_str_or(j, "id", ""), *kind = kf_json_str_or(j, "kind", "");
        KF_AUTO(kf_secret) blob = kf_store_thaw_bytes(j, "blob");
        if (!blob || !kf_store_names_ok(id, kind))
            return kf_fail(err, KF_ERR_STORE_DAMAGED, "an item of the memory store is damaged");
        put((memory *)s, id, kind, blob);
    }
    return true;
}

static void free_store(kf_store *s) {
    memory *m = (memory *)s;
    while (m->open) {
        answer *a = m->open;
        m->open = a->next;
        kf_loop_cancel(s->loop, a->timer);
        kf_secret_free(a->blob);
        free(a);
    }
    while (m->items) {
        item *i = m->items;
        m->items = i->next;
        kf_secret_free(i->blob);
        free(i);
    }
    free(m);
}

kf_store *kf_store_memory_new(kf_loop *l) {
    static const kf_store_class cls = {.kind = "memory",
                                       .load = load,
                                       .save = save,
                                       .del = del,
                                       .list = list,
                                       .probe = probe,
                                       .reserve = reserve,
                                       .seal = seal,
                                       .unseal = unseal,
                                       .unlock = unlock,
                                       .lock = lock,
                                       .state = state,
                                       .freeze = freeze,
                                       .thaw = thaw,
                                       .free = free_store};
    memory *m = kf_new(memory);
    m->base = (kf_store){&cls, l};
    return &m->base;
}
