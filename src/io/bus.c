/* Facts about the session bus and its Secret Service for `keyfob doctor`. It reads no secret and
 * unlocks nothing. */
#include "io/bus.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <unistd.h>
#include "base/str.h"

enum { DEADLINE_MS = 3000 };
#define DBUS "org.freedesktop.DBus"
#define SECRETS "org.freedesktop.secrets"

struct kf_bus {
    kf_loop *loop;
    kf_loop_id timer;
    kf_bus_done done; /* NULL: cancelled, only clean up */
    void *user;
    bool timed_out;
    GCancellable *cancel;
    GDBusConnection *bus;
    kf_bus_report r;
};

bool kf_bus_there(void) {
    const char *addr = getenv("DBUS_SESSION_BUS_ADDRESS"), *run = getenv("XDG_RUNTIME_DIR");
    if (addr && *addr) return true;
    KF_AUTO_CHARS path = kf_strfmt("%s/bus", run && *run ? run : "/nonexistent");
    return access(path, F_OK) == 0;
}

static void finish(kf_bus *b) {
    if (b->done) {
        kf_loop_cancel(b->loop, b->timer);
        b->done(b->user, &b->r);
    }
    g_clear_object(&b->bus);
    g_clear_object(&b->cancel);
    g_free(b);
}

static void say(kf_bus *b, const char *text) {
    snprintf(b->r.error, sizeof b->r.error, "%.*s", (int)sizeof b->r.error - 1, text);
}

static void failed(kf_bus *b, const char *what, GError *g) {
    g_autofree char *text =
        g_strdup_printf("%s: %.140s", what, b->timed_out ? "no answer within 3 s" : g->message);
    g_error_free(g);
    say(b, text);
    finish(b);
}

static void call(kf_bus *b, const char *name, const char *path, const char *iface,
                 const char *method, GVariant *args, GAsyncReadyCallback fn) {
    g_dbus_connection_call(b->bus, name, path, iface, method, args, NULL,
                           G_DBUS_CALL_FLAGS_NO_AUTO_START, DEADLINE_MS, b->cancel, fn, b);
}

/* The answer of a call, or NULL when it failed and all is said. */
static GVariant *answer(kf_bus *b, GAsyncResult *res, const char *what, const char *type) {
    GError *g = NULL;
    GVariant *v = g_dbus_connection_call_finish(b->bus, res, &g);
    if (v && !g_variant_is_of_type(v, G_VARIANT_TYPE(type))) {
        g_variant_unref(v);
        v = NULL;
        g_set_error(&g, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "an answer of another kind");
    }
    if (!v) failed(b, what, g);
    return v;
}

static void got_items(GObject *src, GAsyncResult *res, gpointer p) {
    kf_bus *b = p;
    g_autoptr(GVariant) v = answer(b, res, "which items does the keyring have", "(aoao)");
    if (!v) return;
    g_autoptr(GVariant) open = g_variant_get_child_value(v, 0);
    g_autoptr(GVariant) locked = g_variant_get_child_value(v, 1);
    b->r.locked_items = (unsigned)g_variant_n_children(locked);
    b->r.items = (unsigned)g_variant_n_children(open) + b->r.locked_items;
    finish(b);
}

/* Only in an open collection: KeePassXC opens a dialog for a search in a locked one. */
static void ask_items(kf_bus *b) {
    GVariantBuilder a;
    g_variant_builder_init(&a, G_VARIANT_TYPE("a{ss}"));
    g_variant_builder_add(&a, "{ss}", "application", "keyfob");
    call(b, SECRETS, "/org/freedesktop/secrets", "org.freedesktop.Secret.Service", "SearchItems",
         g_variant_new("(a{ss})", &a), got_items);
}

static void got_locked(GObject *src, GAsyncResult *res, gpointer p) {
    kf_bus *b = p;
    g_autoptr(GVariant) v = answer(b, res, "is the keyring locked", "(v)");
    if (!v) return;
    g_autoptr(GVariant) inner = NULL;
    g_variant_get(v, "(v)", &inner);
    b->r.locked =
        g_variant_is_of_type(inner, G_VARIANT_TYPE_BOOLEAN) && g_variant_get_boolean(inner);
    if (b->r.locked) finish(b);
    else ask_items(b);
}

static void got_alias(GObject *src, GAsyncResult *res, gpointer p) {
    kf_bus *b = p;
    const char *path;
    g_autoptr(GVariant) v = answer(b, res, "which is the default keyring", "(o)");
    if (!v) return;
    g_variant_get(v, "(&o)", &path);
    b->r.collection = strcmp(path, "/") != 0 && kf_str_set(b->r.path, sizeof b->r.path, path);
    if (b->r.collection)
        call(b, SECRETS, path, "org.freedesktop.DBus.Properties", "Get",
             g_variant_new("(ss)", "org.freedesktop.Secret.Collection", "Locked"), got_locked);
    else finish(b);
}

static void name_of(int pid, char *out, size_t size) {
    char path[40], text[64] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    text[n > 0 ? strcspn(text, "\n") : 0] = 0;
    if (!kf_str_set(out, size, text)) out[0] = 0;
}

static void got_pid(GObject *src, GAsyncResult *res, gpointer p) {
    kf_bus *b = p;
    guint32 pid;
    g_autoptr(GVariant) v = answer(b, res, "which process is the Secret Service", "(u)");
    if (!v) return;
    g_variant_get(v, "(u)", &pid);
    b->r.pid = (int)pid;
    name_of((int)pid, b->r.program, sizeof b->r.program);
    call(b, SECRETS, "/org/freedesktop/secrets", "org.freedesktop.Secret.Service", "ReadAlias",
         g_variant_new("(s)", "default"), got_alias);
}

static void got_owner(GObject *src, GAsyncResult *res, gpointer p) {
    kf_bus *b = p;
    GError *g = NULL;
    g_autoptr(GVariant) v = g_dbus_connection_call_finish(b->bus, res, &g);
    if (!v && g_error_matches(g, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER)) {
        g_error_free(g);
        finish(b);
        return;
    }
    if (!v) {
        failed(b, "who is the Secret Service", g);
        return;
    }
    b->r.provider = true;
    call(b, DBUS, "/org/freedesktop/DBus", DBUS, "GetConnectionUnixProcessID",
         g_variant_new("(s)", SECRETS), got_pid);
}

static void got_bus(GObject *src, GAsyncResult *res, gpointer p) {
    kf_bus *b = p;
    GError *g = NULL;
    b->bus = g_bus_get_finish(res, &g);
    if (!b->bus) {
        failed(b, "connect to the session bus", g);
        return;
    }
    g_dbus_connection_set_exit_on_close(b->bus, FALSE); /* a bus that ends must not end the agent */
    b->r.bus = true;
    call(b, DBUS, "/org/freedesktop/DBus", DBUS, "GetNameOwner", g_variant_new("(s)", SECRETS),
         got_owner);
}

static void too_late(void *user) {
    kf_bus *b = user;
    b->timer = 0;
    b->timed_out = true;
    g_cancellable_cancel(b->cancel);
}

static void begin(void *user) {
    kf_bus *b = user;
    const char *addr = getenv("DBUS_SESSION_BUS_ADDRESS");
    b->timer = 0;
    snprintf(b->r.address, sizeof b->r.address, "%.199s", addr ? addr : "");
    if (!kf_bus_there()) {
        say(b, "there is no session bus here (DBUS_SESSION_BUS_ADDRESS is not set)");
        finish(b);
        return;
    }
    b->timer = kf_loop_after(b->loop, DEADLINE_MS, too_late, b);
    b->cancel = g_cancellable_new();
    g_bus_get(G_BUS_TYPE_SESSION, b->cancel, got_bus, b);
}

kf_bus *kf_bus_check(kf_loop *l, kf_bus_done done, void *user) {
    kf_bus *b = g_new0(kf_bus, 1);
    *b = (kf_bus){.loop = l, .done = done, .user = user};
    b->timer = kf_loop_after(l, 0, begin, b);
    return b;
}

kf_bus *kf_bus_cancel(kf_bus *b) {
    if (!b) return NULL;
    kf_loop_cancel(b->loop, b->timer);
    b->done = NULL;
    if (b->cancel)
        g_cancellable_cancel(b->cancel); /* its callback comes once more, and cleans up */
    else finish(b);
    return NULL;
}
