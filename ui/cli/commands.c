/* The one table of commands: --help, completion and man pages are made from it. */
#include "ui/cli/cli.h"

#include "base/str.h"

static const kf_opt global[] = {
    {"profile", 'p', "NAME", "use this profile"},
    {"json", 0, NULL, "answers and errors as one line of JSON"},
    {"quiet", 'q', NULL, "no hints on stderr"},
    {"verbose", 'v', NULL, "say what was chosen and why"},
    {"no-input", 0, NULL, "never ask; fail with exit status 3 instead"},
    {"sandbox", 0, NULL, "the built-in sandbox, apart from your profiles"},
    {"help", 'h', NULL, "help for the command"},
    {"version", 'V', NULL, "the version"},
    {NULL, 0, NULL, NULL},
};

static const kf_command table[] = {
    {.name = "token", .args = "[PROFILE]", .help = "print a fresh access token",
     .text = "Prints the access token and a newline, and nothing else. The agent renews it first when less than --min-valid is left.",
     .examples = "  TOKEN=$(keyfob token acme)\n  curl -H \"Authorization: Bearer $(keyfob token acme --min-valid 2m)\" ...\n",
     .opts = {{"min-valid", 0, "D", "renew first when less than D is left (90s, 5m, 2h)"}, {"renew", 0, NULL, "renew in any case"}},
     .max_pos = 1, .run = kf_cmd_token},
    {.name = "exec", .args = "[PROFILE] [--env NAME] -- CMD [ARG...]", .help = "run a command with a fresh token in its environment",
     .text = "Replaces itself by CMD. Sets WORKOS_ACCESS_TOKEN (or --env NAME), KEYFOB_PROFILE, KEYFOB_EXPIRES_AT, "
             "KEYFOB_EXPIRES_EPOCH, WORKOS_CLIENT_ID and WORKOS_ORGANIZATION_ID.",
     .examples = "  keyfob exec acme -- ./deploy.sh\n",
     .opts = {{"min-valid", 0, "D", "renew first when less than D is left"}, {"env", 0, "NAME", "variable for the token"}},
     .max_pos = 1, .rest = true, .run = kf_cmd_exec},
    {.name = "login", .args = "[PROFILE]", .help = "sign in",
     .text = "Asks on the terminal for what is missing. In scripts: --password-stdin, or --answers-stdin with lines field=value "
             "(email, password, totp, email_code, organization). No secret is ever an argument. Without a profile, WORKOS_CLIENT_ID "
             "and WORKOS_API_KEY are used, and a profile is saved.",
     .examples = "  keyfob login acme --email ada@example.org\n  printf 'email=ada@example.org\\npassword=...\\ntotp=123456\\n' | keyfob login acme --answers-stdin\n",
     .opts = {{"method", 0, "METHOD", "password"}, {"email", 0, "E", "e-mail address"}, {"password-stdin", 0, NULL, "read the password from stdin"},
              {"answers-stdin", 0, NULL, "read field=value lines from stdin"}, {"organization", 0, "ID", "preferred organization"},
              {"org", 0, "ID", "the same as --organization"}, {"client-id", 0, "ID", "instead of WORKOS_CLIENT_ID, for a profile to be made"},
              {"api-host", 0, "URL", "for a profile to be made"}},
     .max_pos = 1, .run = kf_cmd_login},
    {.name = "logout", .args = "[PROFILE]", .help = "end the session and forget it",
     .text = "Ends the session at WorkOS where that is possible, and removes it from the store. The profile stays.",
     .examples = "  keyfob logout acme\n", .opts = {{"local-only", 0, NULL, "do not tell WorkOS"}}, .max_pos = 1, .run = kf_cmd_logout},
    {.name = "renew", .args = "[PROFILE]", .help = "renew the access token now", .text = "Uses the refresh token once, in any case.",
     .examples = "  keyfob renew acme\n", .max_pos = 1, .run = kf_cmd_renew},
    {.name = "status", .args = "[PROFILE]", .help = "who is signed in, and for how long",
     .text = "Never starts an agent and never uses the network. Without an agent it says what was known last.",
     .examples = "  keyfob status acme --json\n  keyfob status acme --check --min-valid 5m || keyfob login acme\n",
     .opts = {{"why", 0, NULL, "which profile, client ID and API key are used, and from where"},
              {"check", 0, NULL, "exit 0 only if the token is valid"}, {"min-valid", 0, "D", "for --check: for at least D"}},
     .max_pos = 1, .run = kf_cmd_status},
    {.name = "profile add", .args = "NAME --client-id ID", .help = "add a profile, or change one",
     .text = "A profile is one WorkOS environment plus one person. With an API key (from stdin) every method works; with only a client ID "
             "the profile is a public client. The address must be https; http is allowed for this machine (127.0.0.1) only.",
     .examples = "  keyfob profile add acme --client-id client_01HZ... --api-key-stdin < key\n",
     .opts = {{"client-id", 0, "ID", "client_... of the environment"}, {"api-key-stdin", 0, NULL, "read the API key from stdin"},
              {"api-host", 0, "URL", "default https://api.workos.com"}, {"organization", 0, "ID", "preferred organization"},
              {"org", 0, "ID", "the same as --organization"}, {"redirect-port", 0, "N", "port for browser sign-in, 0 any"},
              {"default", 0, NULL, "make it the default"}, {"force", 0, NULL, "change the profile if it exists"}},
     .max_pos = 1, .run = kf_cmd_profile_add},
    {.name = "profile list", .args = "", .help = "list the profiles", .text = "Reads what the agent wrote down; starts nothing.",
     .examples = "  keyfob profile list --json\n", .max_pos = 0, .run = kf_cmd_profile_list},
    {.name = "profile show", .args = "[PROFILE]", .help = "show the settings of a profile", .text = "No secret is shown.",
     .examples = "  keyfob profile show acme\n", .max_pos = 1, .run = kf_cmd_profile_show},
    {.name = "profile rm", .args = "PROFILE", .help = "remove a profile and its secrets",
     .text = "Removes the settings, the stored session and the API key. It does not end the session at WorkOS: log out first.",
     .examples = "  keyfob profile rm acme --yes\n", .opts = {{"yes", 0, NULL, "do not ask"}}, .max_pos = 1, .run = kf_cmd_profile_rm},
    {.name = "profile default", .args = "PROFILE", .help = "make a profile the default", .text = "",
     .examples = "  keyfob profile default acme\n", .max_pos = 1, .run = kf_cmd_profile_default},
    {.name = "agent start", .args = "", .help = "start the agent", .text = "Every command that needs it starts it by itself.",
     .examples = "  keyfob agent start\n", .run = kf_cmd_agent_start},
    {.name = "agent stop", .args = "", .help = "stop the agent", .text = "Returns when its socket is closed and its locks are free. Sessions stay in the store.",
     .examples = "  keyfob agent stop\n", .run = kf_cmd_agent_stop},
    {.name = "agent status", .args = "", .help = "is the agent running, and which store does it use", .text = "Never starts an agent.",
     .examples = "  keyfob agent status --json\n", .run = kf_cmd_agent_status},
    {.name = "ui", .args = "", .help = "the screen; the same as keyfob alone", .text = "", .examples = "  keyfob\n", .run = kf_cmd_ui},
    {.name = "completion", .args = "bash|zsh|fish", .help = "print a completion script", .text = "",
     .examples = "  eval \"$(keyfob completion bash)\"\n", .max_pos = 1, .run = kf_cmd_completion},
    {.name = "help", .args = "[COMMAND...]", .help = "help for keyfob or a command", .text = "", .examples = "  keyfob help profile add\n",
     .opts = {{"man", 0, NULL, "as a man page"}}, .max_pos = 2, .run = kf_cmd_help},
    {.name = "version", .args = "", .help = "the version", .text = "", .examples = "  keyfob version --json\n", .run = kf_cmd_version},
};

const kf_command *kf_commands(size_t *n) {
    *n = KF_LEN(table);
    return table;
}
const kf_opt *kf_global_opts(void) { return global; }
