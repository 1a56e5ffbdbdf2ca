/* The table of the agent's calls, the check of their parameters, and the calls about tokens,
 * renewals and sign-outs. The other calls are in methods_*.c and in the files that methods.h
 * names. */
#include "agent/methods.h"

#include <string.h>
#include "agent/drive.h"
#include "agent/profile_json.h"
#include "keeper/keeper.h"
#include "agent/locking.h"
#include "agent/settings.h"
#include "agent/takeover.h"
#include "agent/watch.h"
#include "base/build.h"
#include "base/log.h"
#include "base/str.h"
#include "wire/msg.h"

typedef void (*method_fn)(kf_agent *a, kf_call *call);

/* One of varlink's own errors, and the name that it is about. */
static void fail_name(kf_call *call, const char *error, const char *key, const char *name) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, key, name);
    kf_call_varlink_error(call, error, j);
}

/* --- tokens --------------------------------------------------------------------------------------
 */

static void token_here(void *user, const kf_token *t, const kf_err *err) {
    kf_call *call = user;
    kf_agent *a = kf_call_host(call);
    if (!t) {
        kf_call_fail(call, err);
        return;
    }
    kf_json *j = kf_json_obj();
    kf_json_set_secret(j, "access_token", t->session->access_token);
    /* of this clock, whatever the server's */
    kf_json_set_int(j, "expires_at", (kf_unix_ms() + t->left_ms + 500) / 1000);
    kf_json_set_int(j, "left_ms", t->left_ms);
    kf_json_set_int(j, "life_ms", t->session->life_s * 1000);
    kf_json_set_bool(j, "renewed", t->renewed);
    kf_json_set_bool(j, "short", t->is_short);
    kf_json_set_str(j, "client_id", t->session->client_id);
    if (*t->session->organization_id) kf_json_set_str(j, "org_id", t->session->organization_id);
    kf_json_set_str(j, "name", t->profile->name);
    if (t->unsaved) kf_json_set(j, "failure", kf_msg_failure(t->unsaved));
    if (kf_call_bool(call, "with_profile", false))
        kf_json_set(j, "profile", kf_profile_json(a->keeper, t->profile->id));
    kf_call_reply(call, j);
}

/* The profile that a call names, by itself or by the host that git asks about. NULL: err. */
static const char *token_profile(const kf_agent *a, const kf_json *p, kf_err *err) {
    const char *name = kf_json_str(p, "profile"), *host = kf_json_str(p, "git_host");
    KF_AUTO_CHARS norm = NULL;
    if (!host) return name;
    if (name) return kf_fail(err, KF_ERR_USAGE_BAD, "either profile or git_host, not both"), NULL;
    if (!kf_hosts_parse(host, &norm, err)) return NULL;
    const kf_conf_profile *c = kf_conf_find_git_host(a->conf, norm);
    if (!c)
        kf_fail(err, KF_ERR_USAGE_NO_PROFILE, "no profile is bound to the git host %.200s", norm);
    return c ? c->id : NULL;
}

static void get_token(kf_agent *a, kf_call *call) {
    const kf_json *p = kf_call_params(call);
    kf_err e;
    if (!kf_json_str(p, "profile") && !kf_json_str(p, "git_host")) {
        fail_name(call, "org.varlink.service.InvalidParameter", "parameter", "profile");
        return;
    }
    const char *profile = token_profile(a, p, &e);
    if (!profile) {
        kf_call_fail(call, &e);
        return;
    }
    kf_keeper_token(a->keeper, profile, kf_json_int_or(p, "min_valid_ms", -1),
                    kf_json_bool(p, "renew", false), token_here, call);
}

static void token_renewed(void *user, const kf_token *t, const kf_err *err) {
    kf_call *call = user;
    kf_agent *a = kf_call_host(call);
    if (!t) {
        kf_call_fail(call, err);
        return;
    }
    kf_json *j = kf_json_obj();
    kf_json_set(j, "profile", kf_profile_json(a->keeper, t->profile->id));
    kf_call_reply(call, j);
}
static void renew(kf_agent *a, kf_call *call) {
    kf_keeper_token(a->keeper, kf_call_str(call, "profile", ""), -1, true, token_renewed, call);
}

static void signed_out(void *user, bool server_ended, const kf_err *note, const kf_err *err) {
    kf_call *call = user;
    if (err) {
        kf_call_fail(call, err);
        return;
    }
    kf_json *j = kf_json_obj();
    kf_json_set_bool(j, "server_ended", server_ended);
    if (note) kf_json_set(j, "note", kf_msg_failure(note));
    kf_call_reply(call, j);
}
static void sign_out(kf_agent *a, kf_call *call) {
    kf_keeper_sign_out(a->keeper, kf_call_str(call, "profile", ""),
                       kf_call_bool(call, "local_only", false), signed_out, call);
}

/* --- varlink's own -------------------------------------------------------------------------------
 */

static void get_info(kf_agent *a, kf_call *call) {
    kf_json *j = kf_json_obj(), *list = kf_json_arr();
    kf_json_set_str(j, "vendor", "keyfob");
    kf_json_set_str(j, "product", "keyfob agent");
    kf_json_set_str(j, "version", kf_build);
    kf_json_set_str(j, "url", "");
    kf_json_add(list, kf_json_new_str("org.varlink.service"));
    kf_json_add(list, kf_json_new_str(KF_IFACE));
    kf_json_set(j, "interfaces", list);
    kf_call_reply(call, j);
}

/* https://varlink.org/Service */
static const char service_text[] =
    "# The Varlink Service Interface is provided by every varlink service. It\n"
    "# describes the service and the interfaces it implements.\n"
    "interface org.varlink.service\n\n"
    "method GetInfo() -> (vendor: string, product: string, version: string, url: string, "
    "interfaces: []string)\n"
    "method GetInterfaceDescription(interface: string) -> (description: string)\n\n"
    "error InterfaceNotFound (interface: string)\n"
    "error MethodNotFound (method: string)\n"
    "error MethodNotImplemented (method: string)\n"
    "error InvalidParameter (parameter: string)\n"
    "error ExpectedMore ()\n";

static void get_description(kf_agent *a, kf_call *call) {
    const char *name = kf_call_str(call, "interface", "");
    bool ours = kf_str_eq(name, KF_IFACE);
    if (!ours && !kf_str_eq(name, "org.varlink.service")) {
        fail_name(call, "org.varlink.service.InterfaceNotFound", "interface", name);
        return;
    }
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "description", ours ? kf_interface_text : service_text);
    kf_call_reply(call, j);
}

/* --- table ---------------------------------------------------------------------------------------
 */

/* What must be there before the call runs, and how it may be called. */
enum {
    SETTINGS = 1,
    STORE = 2,
    MORE = 4,   /* with more */
    WRITES = 8, /* not with read_only */
    FEW = 16    /* FEW_MAX at once */
};
enum { FEW_MAX = 8 };

/* params: as kf_method_params_ok reads them */
typedef struct method {
    const char *name;
    method_fn fn;
    unsigned needs;
    const char *params;
} method;
static const method table[] = {
    {KF_IFACE ".FindImports", kf_method_find_imports, FEW,
     "source=s path=s keyring=b interactive=b"},
    {KF_IFACE ".Import", kf_method_import, SETTINGS | WRITES | FEW,
     "source=S name=s profile=S path=s client_id=s keyring=b interactive=b make_default=b"},
    {KF_IFACE ".PreviewCleanUp", kf_method_preview_clean_up, STORE, "source=S path=s profiles=L"},
    {KF_IFACE ".CleanUp", kf_method_clean_up, STORE | WRITES,
     "source=S path=s profiles=L file=S digest=S"},
    {KF_IFACE ".GetToken", get_token, STORE,
     "profile=s git_host=s min_valid_ms=n renew=b with_profile=b"},
    {KF_IFACE ".Hello", kf_method_hello, 0,
     "protocol=N build=S read_only=b take_over=b home=s environment=o bus=s"},
    {KF_IFACE ".ListProfiles", kf_method_list_profiles, SETTINGS, ""},
    {KF_IFACE ".GetProfile", kf_method_get_profile, SETTINGS, "profile=S load=b"},
    {KF_IFACE ".PutProfile", kf_method_put_profile, SETTINGS | WRITES,
     "id=s name=S " KF_PROFILE_PARAMS "no_api_key=b make_default=b"},
    {KF_IFACE ".PutProfiles", kf_method_put_profiles, SETTINGS | WRITES, "profiles=L dry_run=b"},
    {KF_IFACE ".RemoveProfile", kf_method_remove_profile, STORE | WRITES, "profile=S"},
    {KF_IFACE ".GetApiKey", kf_method_get_api_key, STORE, "profile=S"},
    {KF_IFACE ".Renew", renew, STORE | WRITES, "profile=S"},
    {KF_IFACE ".SignIn", kf_drive_sign_in, STORE | MORE | WRITES,
     "profile=S method=S email=s organization_id=s client_id=s api_key=s interactive=b provider=s "
     "connection_id=s "
     "domain_hint=s screen_hint=s prompt=s max_age=n invitation_token=s as_other_user=b"},
    {KF_IFACE ".Answer", kf_drive_answer, 0, "flow=S serial=N act=S value=s"},
    {KF_IFACE ".Cancel", kf_drive_cancel, 0, "flow=S"},
    {KF_IFACE ".SignOut", sign_out, STORE | WRITES, "profile=S local_only=b"},
    {KF_IFACE ".TakeToken", kf_method_take_token, STORE | WRITES,
     "profile=S refresh_token=S client_id=s as_other_user=b"},
    {KF_IFACE ".ListOrganizations", kf_method_list_organizations, STORE,
     "profile=S api_key=s client_id=s"},
    {KF_IFACE ".SwitchOrganization", kf_method_switch_organization, STORE | WRITES,
     "profile=S organization_id=S"},
    {KF_IFACE ".ListSessions", kf_method_list_sessions, STORE, "profile=S api_key=s client_id=s"},
    {KF_IFACE ".RevokeSession", kf_method_revoke_session, STORE | WRITES,
     "profile=S session=S others=b api_key=s client_id=s"},
    {KF_IFACE ".CheckSession", kf_method_check_session, STORE, "profile=S api_key=s client_id=s"},
    {KF_IFACE ".ListFactors", kf_method_list_factors, STORE, "profile=S api_key=s client_id=s"},
    {KF_IFACE ".EnrollFactor", kf_method_enroll_factor, STORE | MORE | WRITES,
     "profile=S api_key=s client_id=s"},
    {KF_IFACE ".VerifyFactor", kf_method_verify_factor, WRITES, "enrollment=S code=S"},
    {KF_IFACE ".DeleteFactor", kf_method_delete_factor, STORE | WRITES,
     "profile=S factor=S api_key=s client_id=s"},
    {KF_IFACE ".Claims", kf_method_claims, STORE, "profile=S verify=b oauth_tokens=b"},
    {KF_IFACE ".Seal", kf_method_seal, STORE, "profile=S password=S min_valid_ms=n hand_over=b"},
    {KF_IFACE ".HandedOver", kf_method_handed_over, WRITES, "hand_over=N"},
    {KF_IFACE ".Unseal", kf_method_unseal, SETTINGS, "sealed=S password=S profile=s verify=b"},
    {KF_IFACE ".Watch", kf_watch_start, SETTINGS | MORE, "open=s"},
    {KF_IFACE ".Unlock", kf_method_unlock, 0, "passphrase=s create=b weak=b from_file=b"},
    {KF_IFACE ".GetSettings", kf_method_get_settings, SETTINGS, ""},
    {KF_IFACE ".PutSettings", kf_method_put_settings, SETTINGS | WRITES, "key=S value=s"},
    {KF_IFACE ".CheckSettings", kf_method_check_settings, 0, "text=S"},
    {KF_IFACE ".ReplaceSettings", kf_method_replace_settings, WRITES, "text=S before=S"},
    {KF_IFACE ".StoreStatus", kf_method_store_status, STORE, ""},
    {KF_IFACE ".MoveStore", kf_method_move_store, STORE | WRITES,
     "to=S passphrase=s create=b interactive=b"},
    {KF_IFACE ".ChangePassphrase", kf_method_change_passphrase, SETTINGS | WRITES, "old=S new=S"},
    {KF_IFACE ".Doctor", kf_method_doctor, FEW, "network=b"},
    {KF_IFACE ".Lock", kf_method_lock, WRITES, ""},
    {KF_IFACE ".Quit", kf_method_quit, WRITES, "force=b"},
    {KF_IFACE ".Restart", kf_method_restart, WRITES, "force=b"},
    {"org.varlink.service.GetInfo", get_info, 0, ""},
    {"org.varlink.service.GetInterfaceDescription", get_description, 0, "interface=S"},
};

static bool param_ok(const kf_json *p, const char *key, char kind) {
    const kf_json *v = kf_json_get(p, key);
    int64_t n;
    if (!v || kf_json_is_null(v)) return kind >= 'a';
    switch (kind) {
    case 's':
    case 'S': return kf_json_str(p, key) != NULL;
    case 'n':
    case 'N': return kf_json_int(p, key, &n) && n >= 0;
    case 'l':
    case 'L': return kf_json_is_arr(v);
    case 'o': return kf_json_is_obj(v);
    default: return kf_json_bool(p, key, true) == kf_json_bool(p, key, false);
    }
}

bool kf_method_params_ok(const char *spec, const kf_json *p, char bad[32]) {
    while (*spec) {
        size_t n = strcspn(spec, "=");
        memcpy(bad, spec, n);
        bad[n] = 0;
        if (!param_ok(p, bad, spec[n + 1])) return false;
        spec += n + 2;
        spec += *spec == ' ';
    }
    return true;
}

/* Calls that mostly read: GetToken's renew, Seal's hand_over. */
static bool asks_to_write(const kf_json *p) {
    return kf_json_bool(p, "renew", false) || kf_json_bool(p, "hand_over", false);
}

static const method *find_method(const char *name) {
    for (size_t i = 0; i < KF_LEN(table); i++)
        if (!strcmp(table[i].name, name)) return &table[i];
    return NULL;
}

static void store_ready(void *user, const kf_err *err) {
    kf_call *call = user;
    if (err) kf_call_fail(call, err);
    else if (kf_call_is_gone(call)) kf_call_drop(call);
    else find_method(kf_call_method(call))->fn(kf_call_host(call), call);
}

static bool may_write(const method *m, const kf_call *call, kf_err *err) {
    bool writes = m->needs & WRITES || asks_to_write(kf_call_params(call));
    return !writes || !kf_call_is_read_only(call) ||
           kf_fail(err, KF_ERR_USAGE_READ_ONLY,
                   "%s would change something, and --read-only forbids it",
                   strrchr(m->name, '.') + 1);
}

static bool may_begin(kf_agent *a, const method *m, kf_err *err) {
    if (m->needs & FEW && kf_door_count(a->door, m->name) > FEW_MAX)
        return kf_fail(err, KF_ERR_WIRE_BUSY, "%d such calls are under way already", FEW_MAX);
    return !(m->needs & (SETTINGS | STORE)) || kf_settings(a, err);
}

void kf_methods_call(void *user, kf_call *call) {
    kf_agent *a = user;
    const method *m = find_method(kf_call_method(call));
    kf_err e;
    char bad[32];
    if (!m) {
        fail_name(call, "org.varlink.service.MethodNotFound", "method", kf_call_method(call));
        return;
    }
    kf_log(KF_LOG_DEBUG, "call: %s from %u", m->name, kf_call_conn(call));
    bool open = !a->locked && a->store && kf_store_get_state(a->store) == KF_STORE_OK;
    if (!may_write(m, call, &e)) kf_call_fail(call, &e);
    else if (!kf_method_params_ok(m->params, kf_call_params(call), bad))
        fail_name(call, "org.varlink.service.InvalidParameter", "parameter", bad);
    else if (m->needs & MORE && !kf_call_wants_more(call))
        kf_call_varlink_error(call, "org.varlink.service.ExpectedMore", NULL);
    else if (!may_begin(a, m, &e)) kf_call_fail(call, &e);
    else if (!(m->needs & STORE) || open) m->fn(a, call);
    else kf_settings_store(a, store_ready, call);
}
