/* keyfob help TOPIC: what belongs to no single command. The keys come from the screen's own table. */
#include "ui/cli/cli.h"

#include "base/str.h"
#include "ui/common/actions.h"

static const struct {
    const char *name, *text;
} topics[] = {
    {"exit-codes",
     "   0  done; for status --check: the token is valid\n"
     "   1  failed, other\n"
     "   2  wrong usage or settings\n"
     "   3  a person is needed: not signed in, session ended, --no-input and a question\n"
     "   4  no such profile, organization, session or factor\n"
     "   5  network or WorkOS not reachable, time-out\n"
     "   6  keyring, vault or agent locked or not available\n"
     "   7  WorkOS refused: policy, disabled method, wrong or missing API key\n"
     "   8  cancelled by a person\n"
     "   9  rate limited; retry_after_s in the JSON\n"
     " 125  exec: keyfob itself failed       126, 127  exec: CMD cannot run, was not found\n"
     " 130, 141, 143  Ctrl-C, closed pipe, SIGTERM\n"},
    {"environment",
     "KEYFOB_PROFILE          the profile, when no argument names one; goes before a .keyfob file\n"
     "KEYFOB_CONFIG           the settings file, instead of ~/.config/keyfob/keyfob.conf\n"
     "KEYFOB_STORE            auto, secret-service, vault or memory, for an agent that starts\n"
     "KEYFOB_PASSPHRASE_FILE  a file with the vault's passphrase\n"
     "KEYFOB_SOCKET           the agent's socket\n"
     "KEYFOB_READ_ONLY        1: change nothing, here or at WorkOS, as with --read-only\n"
     "KEYFOB_CLIPBOARD        auto, native, osc52 or none\n"
     "KEYFOB_LOG, KEYFOB_LOG_FILE  level and file of the agent's log\n"
     "WORKOS_API_KEY, WORKOS_CLIENT_ID  for a sign-in of a profile that has none of its own\n"
     "WORKOS_API_HOSTNAME, WORKOS_API_HTTPS, WORKOS_API_PORT  the address of a profile that is made\n"
     "WORKOS_COOKIE_PASSWORD  for sealed sessions\n"
     "BROWSER                 opens addresses; its first program, without options\n"
     "https_proxy, no_proxy, SSL_CERT_FILE, SSL_CERT_DIR  for the agent; settings go first\n"
     "NO_COLOR                no colours on the screen\n"
     "\nkeyfob exec sets for CMD: WORKOS_ACCESS_TOKEN, KEYFOB_PROFILE, KEYFOB_EXPIRES_AT,\n"
     "KEYFOB_EXPIRES_EPOCH, WORKOS_CLIENT_ID, WORKOS_ORGANIZATION_ID. Instead of the first: with --fd\n"
     "KEYFOB_TOKEN_FD, with --file or --refresh KEYFOB_TOKEN_FILE; and with --env a name of yours.\n"},
    {"formats",
     "header           Authorization: Bearer ...\n"
     "raw              the token and a newline\n"
     "env              export NAME='...', for sh, bash, zsh:\n"
     "                     eval \"$(keyfob export acme --format env)\"\n"
     "fish             set -gx NAME '...': keyfob export acme --format fish | source\n"
     "powershell       $env:NAME = '...'\n"
     "dotenv           NAME=\"...\"\n"
     "json             one line, schema keyfob.token/1\n"
     "curl             for curl -K <(keyfob export acme --format curl)\n"
     "exec-credential  client.authentication.k8s.io/v1, for kubectl\n"
     "netrc            machine HOST login NAME password TOKEN; needs --host\n"
     "'{access_token} ...'  a template with {token_type} {expires_at} {expires_epoch}\n"
     "                 {expires_in_s} {profile} {client_id} {organization_id}; {{ }} for braces\n"},
};

static const struct {
    unsigned where;
    const char *name;
} places[] = {{KF_AT_LIST, "The list of profiles"}, {KF_AT_PROFILE, "A profile"}, {KF_AT_EXPORT, "Export"}, {KF_AT_CHOOSER, "How to sign in"},
              {KF_AT_STEP, "Signing in"}, {KF_AT_PICKER, "Choosing an organization"}, {KF_AT_FORM, "Forms"}, {KF_AT_ASK, "Questions"},
              {KF_AT_TYPED, "Questions with a name to type"}, {KF_AT_PANEL, "Errors"}, {KF_AT_FIRST, "The first start"}, {KF_AT_IMPORT, "Import"}, {KF_AT_HELP, "Help"}};

static void keys_at(unsigned where, const char *name, kf_topic_put put) {
    size_t n;
    const kf_action_row *all = kf_actions(&n);
    KF_AUTO_CHARS head = kf_strfmt("\n%s\n", name);
    put(head);
    for (size_t i = 0; i < n; i++) {
        if (where ? !(all[i].where & where) || all[i].where == KF_AT_ALL : all[i].where != KF_AT_ALL) continue;
        KF_AUTO_CHARS line = kf_strfmt("  %-10s %s\n", all[i].key, all[i].sentence);
        put(line);
    }
}

static void keys(kf_topic_put put) {
    put("? lists what can be done where you are, and runs it.\n");
    keys_at(0, "Everywhere", put);
    for (size_t i = 0; i < KF_LEN(places); i++) keys_at(places[i].where, places[i].name, put);
}

const char *kf_topic_names(void) { return "commands exit-codes environment formats keys"; }

bool kf_topic(const char *name, kf_topic_put put) {
    if (!strcmp(name, "keys")) return keys(put), true;
    for (size_t i = 0; i < KF_LEN(topics); i++)
        if (!strcmp(topics[i].name, name)) return put(topics[i].text), true;
    return false;
}
