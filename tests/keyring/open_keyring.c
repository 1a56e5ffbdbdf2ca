/* open_keyring PASSWORD: unlocks the login keyring of gnome-keyring without a prompt. gnome-keyring
 * has this call for its own programs only. */
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

#define NAME "org.freedesktop.secrets"
#define PATH "/org/freedesktop/secrets"

static GVariant *call(GDBusConnection *bus, const char *iface, const char *method, GVariant *args) {
    g_autoptr(GError) e = NULL;
    GVariant *r =
        g_dbus_connection_call_sync(bus, NAME, PATH, iface, method, args, NULL, 0, 10000, NULL, &e);
    if (!r) fprintf(stderr, "%s: %s\n", method, e->message);
    return r;
}

int main(int argc, char **argv) {
    g_autoptr(GDBusConnection) bus = g_bus_get_sync(G_BUS_TYPE_SESSION, NULL, NULL);
    if (argc != 2 || !bus) return 2;
    g_autoptr(GVariant) session = call(bus, "org.freedesktop.Secret.Service", "OpenSession",
                                       g_variant_new("(sv)", "plain", g_variant_new_string("")));
    if (!session) return 1;
    const char *path;
    g_variant_get_child(session, 1, "&o", &path);
    GVariant *none = g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, "", 0, 1);
    GVariant *password =
        g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, argv[1], strlen(argv[1]), 1);
    g_autoptr(GVariant) done =
        call(bus, "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface",
             "UnlockWithMasterPassword",
             g_variant_new("(o@(oayays))", PATH "/collection/login",
                           g_variant_new("(o@ay@ays)", path, none, password, "text/plain")));
    return !done;
}
