/* keyfob help TOPIC: what belongs to no single command. The keys come from the screen's own table.
 */
#include "ui/cli/cli.h"

#include "base/str.h"
#include "ui/common/actions.h"
#include "ui/common/formats.h"

static const struct {
    const char *name, *text;
} topics[] = {
    {"exit-codes", "   0  done; for status --check: the token is valid\n"
                   "   1  failed, other\n"
                   "   2  wrong usage or settings\n"
                   "   3  a person is needed: not signed in, session ended, or --no-input\n"
                   "   4  no such profile, organization, session or factor\n"
                   "   5  network or WorkOS not reachable, a proxy answered instead, time-out\n"
                   "   6  keyring, vault or agent locked or not available\n"
                   "   7  WorkOS refused: policy, disabled method, wrong or missing API key\n"
                   "   8  cancelled by a person\n"
                   "   9  rate limited; retry_after_s in the JSON\n"
                   "  10  claims --verify: signed, but the token ended or is not for this client\n"
                   " 125  exec: keyfob itself failed; 126: CMD cannot run; 127: CMD was not found\n"
                   " 130  Ctrl-C; 141: a closed pipe; 143: SIGTERM\n"},
    {"states", "signed_in      whatever the token's age: a command that asks gets a new one\n"
               "renewing       a renewal is under way\n"
               "signed_out     never signed in, or you signed out\n"
               "needs_sign_in  WorkOS ended the session, or its last answer was lost: sign in\n"
               "offline        WorkOS cannot be reached; the agent tries again\n"
               "locked         the store, or the agent by keyfob lock: keyfob unlock\n"
               "unsaved        the store refused the new session, and the agent tries again\n"
               "stale          the store has an older session than this machine has used\n"
               "error          WorkOS or this machine refused; keyfob status shows why\n"
               "\n"
               "needs_sign_in, unsaved, stale and error need attention ({alert} in a prompt).\n"
               "keyfob status --json has what is left of the token in access_token.left_s.\n"},
    {"environment",
     "KEYFOB_PROFILE          the profile, when no argument names one; before .keyfob\n"
     "KEYFOB_CONFIG           the settings file, else ~/.config/keyfob/keyfob.conf\n"
     "KEYFOB_STORE            auto, secret-service, vault, memory: for the next agent\n"
     "KEYFOB_PASSPHRASE_FILE  a file with the vault's passphrase\n"
     "KEYFOB_SOCKET           the agent's socket, an absolute path\n"
     "KEYFOB_READ_ONLY        1: change nothing, here or at WorkOS; as --read-only\n"
     "KEYFOB_CLIPBOARD        auto, native, osc52 or none\n"
     "KEYFOB_LOG, KEYFOB_LOG_FILE\n"
     "                        level and file of the agent's log\n"
     "WORKOS_API_KEY, WORKOS_CLIENT_ID\n"
     "                        for a profile that has none of its own; not stored\n"
     "WORKOS_API_HOSTNAME, WORKOS_API_HTTPS, WORKOS_API_PORT\n"
     "                        the address of a profile that is made\n"
     "WORKOS_COOKIE_PASSWORD, WORKOS_COOKIE_NAME\n"
     "                        for sealed sessions (wos-session)\n"
     "HOME                    your directory; else the one of the password database\n"
     "XDG_CONFIG_HOME and so on\n"
     "                        instead of directories below it; ignored when relative\n"
     "BROWSER                 opens addresses; a list with colons, whose entries may\n"
     "                        have arguments and %s for the address\n"
     "VISUAL, EDITOR          for keyfob config edit\n"
     "https_proxy, no_proxy, SSL_CERT_FILE, SSL_CERT_DIR\n"
     "                        for the agent; settings take precedence\n"
     "NO_COLOR                no colours\n"
     "\nkeyfob exec sets for CMD: WORKOS_ACCESS_TOKEN, KEYFOB_PROFILE,\n"
     "KEYFOB_EXPIRES_AT, KEYFOB_EXPIRES_EPOCH, WORKOS_CLIENT_ID and\n"
     "WORKOS_ORGANIZATION_ID. Instead of the first: KEYFOB_TOKEN_FD with --fd,\n"
     "KEYFOB_TOKEN_FILE with --file or --refresh, and with --env a name of yours.\n"},
    {"security", "Refresh tokens and API keys are in the system keyring or in a sealed vault,\n"
                 "never in plain text. Only the agent reads them; everybody else gets access\n"
                 "tokens, which end by themselves.\n"
                 "\n"
                 "Against   other users of the machine, stolen disks and backups, logs,\n"
                 "          scrollback, core dumps, accidents, hostile answers of a server\n"
                 "Not       root, and a hostile process of yours that drives your own terminal:\n"
                 "against   every process of yours may ask the agent for an access token\n"
                 "\n"
                 "keyfob lock        no tokens and no renewals until keyfob unlock\n"
                 "keyfob logout      ends the session at WorkOS and removes it here\n"
                 "keyfob doctor      looks at owners, modes, store and environment\n"
                 "--read-only        keeps a script from a mistake, not from an intention\n"
                 "\n"
                 "A token in other hands acts as you until it ends. From the best way to the\n"
                 "worst: a program that asks keyfob each time; keyfob exec, better with --fd or\n"
                 "--file than in the environment; a pipe; a file that only you can read (-o);\n"
                 "the clipboard, which is cleared after 30 s; the terminal, whose scrollback\n"
                 "keeps it.\n"
                 "\n"
                 "No secret is ever an argument. The whole text: man keyfob-security\n"},
    {"qr", "A QR code is shown for signing in on another device (login --method device)\n"
           "and for setting up an authenticator app (sign-in, factor enroll). It is dark on\n"
           "light in any theme, and whole or not at all; 80 columns and 24 rows are usually\n"
           "enough. Without it the text beside it does as well: the address and its code,\n"
           "or the key to type into the app.\n"
           "\n"
           "In the shell it goes to stderr when that is a terminal. login --qr prints it in\n"
           "any case, login --no-qr never. On the screen an app's code is hidden after\n"
           "5 minutes, and there are keys for it:\n"
           "\n"
           "  v   shows it again\n"
           "  w   two columns a module, without half blocks: for gaps between the rows\n"
           "  +   a larger margin\n"
           "  i   light on dark, for a terminal that inverts; most cameras refuse it\n"
           "\n"
           "It is not there? A larger window or a smaller font. It does not scan? A larger\n"
           "font, line spacing 1 in the terminal's settings, w. It needs libqrencode\n"
           "(libqrencode.so.4).\n"},
};

static void formats(kf_topic_put put) {
#define ROW(name, about) {name, about},
    static const struct {
        const char *name, *about;
    } rows[] = {KF_FORMATS(ROW) KF_SEALED_FORMATS(ROW)};
#undef ROW
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        KF_AUTO_CHARS line = kf_strfmt("%-16s %s\n", rows[i].name, rows[i].about);
        put(line);
    }
    put("'{access_token}' a template, also with {token_type} {expires_at} {expires_epoch}\n"
        "                 {expires_in_s} {profile} {client_id} {organization_id};\n"
        "                 {{ and }} are braces\n"
        "\n  eval \"$(keyfob export acme --format env)\"\n"
        "  keyfob export acme --format fish | source\n"
        "  curl -K <(keyfob export acme --format curl) https://api.example.com/\n");
}

static const struct {
    unsigned where;
    const char *name;
} places[] = {{KF_AT_LIST, "The list of profiles"},
              {KF_AT_PROFILE, "A profile"},
              {KF_AT_EXPORT, "Export"},
              {KF_AT_CHOOSER, "How to sign in"},
              {KF_AT_STEP, "Signing in"},
              {KF_AT_PICKER, "Choosing an organization"},
              {KF_AT_FORM, "Forms"},
              {KF_AT_ASK, "Questions"},
              {KF_AT_TYPED, "Questions with a name to type"},
              {KF_AT_PANEL, "Errors"},
              {KF_AT_FIRST, "The first start"},
              {KF_AT_IMPORT, "Import"},
              {KF_AT_HELP, "Help"}};

static void keys_at(unsigned where, const char *name, kf_topic_put put) {
    size_t n;
    const kf_action_row *all = kf_actions(&n);
    KF_AUTO_CHARS head = kf_strfmt("\n%s\n", name);
    put(head);
    for (size_t i = 0; i < n; i++) {
        if (where ? !(all[i].where & where) || all[i].where == KF_AT_ALL
                  : all[i].where != KF_AT_ALL)
            continue;
        KF_AUTO_CHARS line = kf_strfmt("  %-10s %s\n", all[i].key, all[i].sentence);
        put(line);
    }
}

static void keys(kf_topic_put put) {
    put("? lists what can be done where you are, and runs it.\n");
    keys_at(0, "Everywhere", put);
    for (size_t i = 0; i < KF_LEN(places); i++) keys_at(places[i].where, places[i].name, put);
}

bool kf_topic(const char *name, kf_topic_put put) {
    if (!strcmp(name, "keys")) return keys(put), true;
    if (!strcmp(name, "formats")) return formats(put), true;
    for (size_t i = 0; i < KF_LEN(topics); i++)
        if (!strcmp(topics[i].name, name)) return put(topics[i].text), true;
    return false;
}
