/* Items by their paths: search, read, write, create, delete. */
#include "base/str.h"
#include "io/keyring.h"

static void drop_got(kf_keyring_op *o) {
    for (size_t i = 0; i < o->n_got; i++) {
        free(o->got[i].path);
        kf_secret_free(o->got[i].blob);
    }
    free(o->got);
    o->got = NULL;
    o->n_got = 0;
}

void kf_keyring_drop_found(kf_keyring_op *o) {
    drop_got(o);
    g_clear_pointer(&o->found, g_strfreev);
    g_clear_pointer(&o->shut, g_strfreev);
    free(o->path);
    o->path = NULL;
}

/* --- search ------------------------------------------------------------------------------- */

static void take_found(kf_keyring_op *o, GVariant *v) {
    kf_keyring_drop_found(o);
    g_variant_get(v, "(^ao^ao)", &o->found, &o->shut);
    o->then(o);
}

static void search_for(kf_keyring_op *o, GVariantBuilder *attributes, kf_keyring_fn then) {
    g_variant_builder_add(attributes, "{ss}", "application", "keyfob");
    o->then = then;
    kf_keyring_call(o, "search the keyring", KF_KEYRING_ROOT, KF_KEYRING_SERVICE, "SearchItems",
                    g_variant_new("(a{ss})", attributes), "(aoao)", take_found);
}

void kf_keyring_search(kf_keyring_op *o, const char *id, const char *kind, kf_keyring_fn then) {
    GVariantBuilder a;
    g_variant_builder_init(&a, G_VARIANT_TYPE("a{ss}"));
    g_variant_builder_add(&a, "{ss}", "id", id);
    g_variant_builder_add(&a, "{ss}", "kind", kind);
    search_for(o, &a, then);
}

void kf_keyring_search_all(kf_keyring_op *o, kf_keyring_fn then) {
    GVariantBuilder a;
    g_variant_builder_init(&a, G_VARIANT_TYPE("a{ss}"));
    search_for(o, &a, then);
}

/* --- read --------------------------------------------------------------------------------- */

static int compare_paths(const void *a, const void *b) {
    return strcmp(((const kf_keyring_got *)a)->path, ((const kf_keyring_got *)b)->path);
}

static void take_values(kf_keyring_op *o, GVariant *v) {
    g_autoptr(GVariant) all = g_variant_get_child_value(v, 0);
    GVariantIter it;
    const char *path;
    GVariant *encoded;
    drop_got(o);
    o->got = calloc(g_variant_n_children(all) + 1, sizeof *o->got);
    if (!o->got) abort();
    g_variant_iter_init(&it, all);
    while (g_variant_iter_loop(&it, "{&o@(oayays)}", &path, &encoded)) {
        SecretValue *value = secret_service_decode_dbus_secret(o->service, encoded);
        gsize n = 0;
        const char *text = value ? secret_value_get(value, &n) : NULL;
        if (text)
            o->got[o->n_got++] =
                (kf_keyring_got){.path = kf_strdup(path), .blob = kf_secret_new(text, n)};
        if (value) secret_value_unref(value);
    }
    qsort(o->got, o->n_got, sizeof *o->got, compare_paths);
    if (o->n_got) o->then(o);
    else kf_keyring_again(o, "read an item: it was deleted or locked in the meantime");
}

void kf_keyring_read(kf_keyring_op *o, char **paths, kf_keyring_fn then) {
    o->then = then;
    kf_keyring_call(
        o, "read an item", KF_KEYRING_ROOT, KF_KEYRING_SERVICE, "GetSecrets",
        g_variant_new("(^aoo)", paths, secret_service_get_session_dbus_path(o->service)),
        "(a{o(oayays)})", take_values);
}

/* --- write, create, delete ---------------------------------------------------------------- */

static GVariant *encode_secret(const kf_keyring_op *o, const kf_secret *s) {
    SecretValue *v = secret_value_new(kf_secret_peek(s), (gssize)kf_secret_len(s), "text/plain");
    GVariant *encoded = secret_service_encode_dbus_secret(o->service, v);
    secret_value_unref(v);
    return encoded;
}

static void was_written(kf_keyring_op *o, GVariant *v) { o->then(o); }

/* Never CreateItem with replace: KeePassXC opens a dialog for it. */
void kf_keyring_write(kf_keyring_op *o, const char *path, const kf_secret *value,
                      kf_keyring_fn then) {
    o->then = then;
    kf_keyring_call(o, "write an item", path, KF_KEYRING_ITEM, "SetSecret",
                    g_variant_new("(@(oayays))", encode_secret(o, value)), "()", was_written);
}

static void take_created(kf_keyring_op *o, GVariant *v) {
    if (!v || !g_variant_is_of_type(v, G_VARIANT_TYPE_OBJECT_PATH)) {
        kf_keyring_fail(o, KF_ERR_STORE_DENIED, "create an item");
        return;
    }
    free(o->path);
    o->path = kf_strdup(g_variant_get_string(v, NULL));
    o->then(o);
}

static void create_answered(kf_keyring_op *o, GVariant *v) {
    g_autoptr(GVariant) item = g_variant_get_child_value(v, 0);
    g_autoptr(GVariant) prompt = g_variant_get_child_value(v, 1);
    const char *path = g_variant_get_string(prompt, NULL);
    if (strcmp(path, "/")) kf_keyring_prompt(o, path, take_created);
    else take_created(o, item);
}

void kf_keyring_create(kf_keyring_op *o, const char *id, const char *kind, const char *label,
                       const kf_secret *value, kf_keyring_fn then) {
    if (!o->collection) {
        kf_keyring_fail(o, KF_ERR_STORE_ABSENT, "there is no default keyring yet");
        return;
    }
    GVariantBuilder a, properties;
    g_variant_builder_init(&a, G_VARIANT_TYPE("a{ss}"));
    g_variant_builder_add(&a, "{ss}", "xdg:schema", "io.keyfob.Item");
    g_variant_builder_add(&a, "{ss}", "application", "keyfob");
    g_variant_builder_add(&a, "{ss}", "id", id);
    g_variant_builder_add(&a, "{ss}", "kind", kind);
    g_variant_builder_init(&properties, G_VARIANT_TYPE("a{sv}"));
    g_variant_builder_add(&properties, "{sv}", KF_KEYRING_ITEM ".Label",
                          g_variant_new_string(label));
    g_variant_builder_add(&properties, "{sv}", KF_KEYRING_ITEM ".Attributes",
                          g_variant_builder_end(&a));
    o->then = then;
    kf_keyring_call(o, "create an item", o->collection, KF_KEYRING_COLLECTION, "CreateItem",
                    g_variant_new("(a{sv}@(oayays)b)", &properties, encode_secret(o, value), FALSE),
                    "(oo)", create_answered);
}

static void take_deleted(kf_keyring_op *o, GVariant *v) {
    if (v) o->then(o);
    else kf_keyring_fail(o, KF_ERR_STORE_DENIED, "delete an item");
}

static void delete_answered(kf_keyring_op *o, GVariant *v) {
    const char *prompt = "/";
    if (v) g_variant_get(v, "(&o)", &prompt); /* NULL: it was gone already */
    if (strcmp(prompt, "/")) kf_keyring_prompt(o, prompt, take_deleted);
    else o->then(o);
}

void kf_keyring_delete(kf_keyring_op *o, const char *path, kf_keyring_fn then) {
    o->then = then;
    o->gone_is_fine = true;
    kf_keyring_call(o, "delete an item", path, KF_KEYRING_ITEM, "Delete", NULL, "(o)",
                    delete_answered);
}
