/* The one table of commands: --help, completion and man pages are made from it. */
#include "ui/cli/cli.h"

#include "base/str.h"
#include "ui/common/formats.h"

static const kf_opt global[] = {
    {"profile", 'p', "PROFILE", "use this profile"},
    {"json", 0, NULL, "answers and errors as one line of JSON"},
    {"quiet", 'q', NULL, "no hints on stderr"},
    {"verbose", 'v', NULL, "say what was chosen and why"},
    {"no-input", 0, NULL, "never ask; fail with exit status 3 instead"},
    {"sandbox", 0, NULL, "the built-in sandbox, apart from your profiles"},
    {"read-only", 0, NULL, "+change nothing, here or at WorkOS"},
    {"timeout", 0, "D", "+wait at most D for the agent, and so for WorkOS; a token: 30s"},
    {"color", 0, "WHEN", "+auto, always or never"},
    {"help", 'h', NULL, "help for the command"},
    {"version", 'V', NULL, "the version"},
    {NULL, 0, NULL, NULL},
};

static const kf_command table[] = {
    {.name = "token", .args = "[PROFILE]", .help = "print a fresh access token",
     .text = "Prints the access token and a newline, and nothing else. The agent renews it first when less than --min-valid is left. "
             "A revoked session's token may still have time left: --check asks WorkOS, by its list of sessions, or without an API key by a renewal.",
     .examples = "  TOKEN=$(keyfob token acme)\n  curl -H \"Authorization: Bearer $(keyfob token acme --min-valid 2m)\" ...\n",
     .opts = {{"min-valid", 0, "D", "renew first when less than D is left (90s, 5m, 2h)"}, {"renew", 0, NULL, "renew in any case"},
              {"clip", 0, NULL, "into the clipboard instead"}, {"clear-after", 0, "D", "with --clip: clear it then; default 30s, 0 never"},
              {"check", 0, NULL, "ask WorkOS first if the session lives; exit 3 if not"}},
     .max_pos = 1, .run = kf_cmd_token},
    {.name = "exec", .args = "[PROFILE] [OPTION...] -- CMD [ARG...]", .help = "run a command with a fresh token",
     .text = "Becomes CMD, with WORKOS_ACCESS_TOKEN, KEYFOB_PROFILE, KEYFOB_EXPIRES_AT, KEYFOB_EXPIRES_EPOCH, WORKOS_CLIENT_ID and "
             "WORKOS_ORGANIZATION_ID set. KEYFOB_TOKEN_FD or KEYFOB_TOKEN_FILE instead say where the token is, without a newline. "
             "--mask does not see base64 of it, nor line breaks in it. Exit 125: keyfob failed, 126: CMD cannot run, 127: no CMD.",
     .examples = "  keyfob exec acme -- ./deploy.sh\n  keyfob exec acme --mask --file -- sh -c './upload -t \"$KEYFOB_TOKEN_FILE\"'\n",
     .opts = {{"min-valid", 0, "D", "renew first when less than D is left"}, {"env", 0, "NAME", "the variable for the token, or for its place"},
              {"fd", 0, "N", "on descriptor N, 3 to 1023, not in the environment"},
              {"file", 0, NULL, "as a file in memory, not in the environment"},
              {"mask", 0, NULL, "hide token, payload and signature in the output"},
              {"refresh", 0, NULL, "keep the file current as long as CMD runs"}},
     .max_pos = 1, .rest = true, .run = kf_cmd_exec},
    {.name = "export", .args = "[PROFILE] [--format FORMAT]", .help = "print a fresh token in the form another tool wants",
     .text = "Formats:" KF_FORMAT_WORDS ", or a template like 'token {access_token}'; keyfob help formats explains them. A terminal gets it masked.",
     .examples = "  eval \"$(keyfob export acme --format env)\"\n  curl -K <(keyfob export acme --format curl) https://api.example.com/\n",
     .opts = {{"format", 0, "FORMAT", "default header"}, {"what", 0, "WHAT", "access (default), claims or api-key"},
              {"min-valid", 0, "D", "renew first when less than D is left"}, {"output", 'o', "FILE", "into a file that only you can read"},
              {"force", 0, NULL, "+replace the file if it exists"}, {"clip", 0, NULL, "into the clipboard"},
              {"clear-after", 0, "D", "+with --clip: 30s; 0 never"}, {"host", 0, "HOST", "+netrc: the machine"},
              {"login", 0, "NAME", "+netrc: the login, default oauth2"}, {"cookie", 0, NULL, "+wos-session: NAME=VALUE, for a Cookie header"},
              {"cookie-password-stdin", 0, NULL, "+wos-session: the cookie password is on stdin"},
              {"hand-over", 0, NULL, "+wos-session: with the refresh token; keyfob forgets the session"}, {"yes", 0, NULL, "+with --hand-over: do not ask"},
              {"reveal", 0, NULL, "whole, also on a terminal"}},
     .max_pos = 1, .run = kf_cmd_export},
    {.name = "header", .args = "[PROFILE]", .help = "print the Authorization header", .text = "The same as export --format header.",
     .examples = "  curl -H \"$(keyfob header acme)\" https://api.example.com/\n",
     .opts = {{"min-valid", 0, "D", "renew first when less than D is left"},
              {"reveal", 0, NULL, "whole, also on a terminal"},
              {"name", 0, "NAME", "another header than Authorization"}},
     .max_pos = 1, .run = kf_cmd_header},
    {.name = "git-credential", .args = "get|store|erase", .help = "answer git, as its credential helper",
     .text = "git runs it by itself after: git config --global credential.helper keyfob (git-credential-keyfob must be in PATH). It answers "
             "only for hosts that a profile is bound to, with the access token as the password, and over https.",
     .examples = "  keyfob profile edit acme --git-host git.example.com\n  git config --global credential.https://git.example.com.helper keyfob\n",
     .opts = {{"min-valid", 0, "D", "renew first when less than D is left; default 2m"}}, .max_pos = 1, .run = kf_cmd_git_credential},
    {.name = "serve", .args = "[PROFILE...] [--proxy URL] [-- CMD [ARG...]]", .help = "a token socket for containers and other machines",
     .text = "HTTP on a UNIX socket, for access tokens of these profiles and nothing else: curl --unix-socket S http://keyfob/token. Prints the "
             "socket's path, or runs CMD with KEYFOB_TOKEN_SOCKET and ends with it. With --proxy it passes requests on to that host and adds "
             "the token itself, so that the client never holds it. Bodies and answers are passed on when they are whole, up to 8 MiB: none that "
             "streams.",
     .examples = "  keyfob serve acme --for 8h\n  keyfob serve acme --proxy https://api.example.com -- ./job\n",
     .opts = {{"socket", 0, "PATH", "instead of one in a fresh directory"}, {"allow-uid", 0, "N,..", "let these users in, too (containers map users)"},
              {"for", 0, "D", "close the socket after D, and end CMD"}, {"min-valid", 0, "D", "renew first when less than D is left"},
              {"proxy", 0, "URL", "pass requests on to this https host"}},
     .max_pos = 16, .rest = true, .run = kf_cmd_serve},
    {.name = "login", .args = "[PROFILE] [--method METHOD]", .help = "sign in",
     .text = "magic is a code by e-mail, device another device, token a refresh token on stdin. Without an API key: browser, device, sso, "
             "token. No secret is ever an argument; --answers-stdin takes lines like totp=123456.",
     .examples = "  keyfob login acme --method browser\n  printf 'email=%s\\npassword=%s\\n' \"$E\" \"$P\" | keyfob login acme --answers-stdin\n",
     .opts = {{"method", 0, "METHOD", "password magic browser device sso token"}, {"email", 0, "E", "e-mail address"},
              {"password-stdin", 0, NULL, "read the password from stdin"}, {"answers-stdin", 0, NULL, "read lines: email password totp email_code ..."},
              {"organization", 0, "ID", "preferred organization"}, {"org", 0, "ID", "+the same as --organization"},
              {"provider", 0, "PROVIDER", "+browser: authkit, GoogleOAuth, GitHubOAuth, ..."}, {"connection", 0, "ID", "+browser: this SSO connection"},
              {"domain-hint", 0, "D", "+browser: the organization's domain"}, {"login-hint", 0, "E", "+browser: the same as --email"},
              {"screen-hint", 0, "HINT", "+browser: sign-in or sign-up"}, {"prompt", 0, "P", "+browser: login asks again"},
              {"max-age", 0, "S", "+browser: asks again after S seconds"}, {"no-browser", 0, NULL, "never open a browser here"},
              {"qr", 0, NULL, "+the QR code also where stderr is no terminal"}, {"no-qr", 0, NULL, "+no QR code"},
              {"invitation-token-stdin", 0, NULL, "+read an invitation token"}, {"reset-password", 0, NULL, "make a new password first"},
              {"client-id", 0, "ID", "+for a profile to be made"}, {"api-host", 0, "URL", "+for a profile to be made"}},
     .max_pos = 1, .run = kf_cmd_login},
    {.name = "logout", .args = "[PROFILE]", .help = "end the session and forget it",
     .text = "Ends the session at WorkOS where that is possible, and removes it from the store. The profile stays.",
     .examples = "  keyfob logout acme\n", .opts = {{"local-only", 0, NULL, "do not tell WorkOS"}}, .max_pos = 1, .run = kf_cmd_logout},
    {.name = "switch-org", .args = "[PROFILE] ORG", .help = "go to another organization",
     .text = "Renews the session with another organization. When WorkOS refuses, the session stays as it was.",
     .examples = "  keyfob switch-org acme org_01HZ...\n", .max_pos = 2, .run = kf_cmd_switch_org},
    {.name = "org list", .args = "[PROFILE]", .help = "the organizations of the signed-in user", .text = "Needs the profile's API key.",
     .examples = "  keyfob org list acme --json\n", .max_pos = 1, .run = kf_cmd_org_list},
    {.name = "session list", .args = "[PROFILE]", .help = "the user's sessions at WorkOS", .text = "Needs the API key. The star is this one.",
     .examples = "  keyfob session list acme\n", .max_pos = 1, .run = kf_cmd_session_list},
    {.name = "session revoke", .args = "[PROFILE] SESSION | --others", .help = "end other sessions",
     .text = "Ends one session, or all but this one. keyfob logout ends this one.",
     .examples = "  keyfob session revoke acme session_01HZ... --yes\n  keyfob session revoke acme --others\n",
     .opts = {{"others", 0, NULL, "all but the profile's own"}, {"yes", 0, NULL, "do not ask"}}, .max_pos = 2, .run = kf_cmd_session_revoke},
    {.name = "factor list", .args = "[PROFILE]", .help = "the user's second factors", .text = "Needs the API key.",
     .examples = "  keyfob factor list acme\n", .max_pos = 1, .run = kf_cmd_factor_list},
    {.name = "factor enroll", .args = "[PROFILE]", .help = "set up an authenticator app",
     .text = "Shows a QR code and the key, and asks for a code of the app. A factor without a right code is deleted again. With --json one "
             "line has factor_id, secret and uri; with --answers-stdin the line totp=CODE is read after it.",
     .examples = "  keyfob factor enroll acme\n", .opts = {{"answers-stdin", 0, NULL, "read totp=CODE from stdin"}}, .max_pos = 1, .run = kf_cmd_factor_enroll},
    {.name = "factor rm", .args = "[PROFILE] FACTOR", .help = "delete a second factor", .text = "Its codes stop working at once.",
     .examples = "  keyfob factor rm acme auth_factor_01HZ... --yes\n", .opts = {{"yes", 0, NULL, "do not ask"}}, .max_pos = 2, .run = kf_cmd_factor_rm},
    {.name = "whoami", .args = "[PROFILE]", .help = "the signed-in user, organization and role", .text = "",
     .examples = "  keyfob whoami acme --json\n", .max_pos = 1, .run = kf_cmd_whoami},
    {.name = "claims", .args = "[PROFILE]", .help = "the claims of the access token",
     .text = "Without --verify they are read, not checked. With it, the signature is checked against WorkOS's published keys; exit 7 if it is wrong.",
     .examples = "  keyfob claims acme --verify --json\n", .opts = {{"verify", 0, NULL, "check the signature"}, {"oauth-tokens", 0, NULL, "the provider's own tokens instead, as JSON"},
              {"reveal", 0, NULL, "with --oauth-tokens: also on a terminal"},
              {"sealed", 0, NULL, "of a sealed session (wos-session) on stdin instead"}, {"cookie-password-stdin", 0, NULL, "+its password is line 2 of stdin"}}, .max_pos = 1, .run = kf_cmd_claims},
    {.name = "renew", .args = "[PROFILE]", .help = "renew the access token now", .text = "Uses the refresh token once, in any case.",
     .examples = "  keyfob renew acme\n", .max_pos = 1, .run = kf_cmd_renew},
    {.name = "status", .args = "[PROFILE]", .help = "who is signed in, and for how long",
     .text = "Never starts an agent and never uses the network. Without an agent it says what was known last. --prompt reads one small "
             "file, and prints nothing when there is no profile; {alert} is ! when a person is needed, {left? TEXT} is TEXT when left is "
             "not empty, {{ is a brace.",
     .examples = "  keyfob status acme --json\n  PS1='$(keyfob status --prompt \"{profile}{left? }{left}{alert}\")$ '\n  keyfob status acme --check --min-valid 5m || keyfob login acme\n",
     .opts = {{"why", 0, NULL, "which profile, client ID and API key are used, and from where"},
              {"check", 0, NULL, "exit 0 only if the token is valid"}, {"min-valid", 0, "D", "for --check: for at least D"},
              {"prompt", 0, "TEXT", "for a shell prompt: {profile} {state} {left} {org} {client_id} {alert}"}},
     .max_pos = 1, .run = kf_cmd_status},
    {.name = "allow", .args = "[DIR]", .help = "trust the .keyfob file of a directory",
     .text = "A file .keyfob in a directory or above it holds the name of the profile to use there, and # comments. It is used once you "
             "have allowed it, and must be allowed anew when it names another profile. An argument, -p and KEYFOB_PROFILE go "
             "first, because they are about one command or one shell; keyfob status --why tells which rule won.",
     .examples = "  echo acme > .keyfob && keyfob allow\n  keyfob allow --revoke ~/src/acme\n",
     .opts = {{"revoke", 0, NULL, "do not trust it any more"}, {"list", 0, NULL, "the directories that are allowed"}},
     .max_pos = 1, .run = kf_cmd_allow},
    {.name = "profile add", .args = "NAME --client-id ID", .help = "add a profile",
     .text = "A profile is one WorkOS environment plus one person. With an API key (from stdin) every method works; with only a client ID "
             "the profile is a public client. The address must be https; http is allowed for this machine (127.0.0.1) only.",
     .examples = "  keyfob profile add acme --client-id client_01HZ... --api-key-stdin < key\n",
     .opts = {{"client-id", 0, "ID", "client_... of the environment"}, {"api-key-stdin", 0, NULL, "read the API key from stdin"},
              {"api-host", 0, "URL", "default https://api.workos.com"}, {"organization", 0, "ID", "preferred organization"},
              {"org", 0, "ID", "the same as --organization"}, {"redirect-port", 0, "N", "port for browser sign-in, 0 any"},
              {"default", 0, NULL, "make it the default"}},
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
    {.name = "profile edit", .args = "PROFILE OPTION...", .help = "change settings of a profile",
     .text = "What is not named stays. A session and an API key go only where they came from: another client ID or address leaves "
             "them behind, so that is asked first. A token is given to git for exactly the hosts that are named.",
     .examples = "  keyfob profile edit acme --git-host git.example --git-host code.example:8443\n  keyfob profile edit acme --api-key-stdin < key\n",
     .opts = {{"client-id", 0, "ID", "client_... of the environment"}, {"api-host", 0, "URL", "https address of the API"},
              {"organization", 0, "ID", "preferred organization, empty: none"}, {"org", 0, "ID", "+the same as --organization"},
              {"redirect-port", 0, "N", "port for browser sign-in, 0 any"}, {"label", 0, "TEXT", "+a remark"},
              {"api-key-stdin", 0, NULL, "read the API key from stdin"}, {"no-api-key", 0, NULL, "+forget the API key"},
              {"git-host", 0, "HOST...", "git gets the token for HOST[:PORT]"}, {"no-git-host", 0, NULL, "+for no host any more"},
              {"default", 0, NULL, "+make it the default"}, {"yes", 0, NULL, "do not ask"}},
     .max_pos = 1, .run = kf_cmd_profile_edit},
    {.name = "profile rename", .args = "PROFILE NAME", .help = "give a profile another name",
     .text = "Its session and API key stay with it. Files and variables that name the old one are told.",
     .examples = "  keyfob profile rename acme acme-prod\n", .max_pos = 2, .run = kf_cmd_profile_rename},
    {.name = "profile copy", .args = "PROFILE NAME", .help = "a new profile with the same settings",
     .text = "Without API key, session and git hosts. For another person in the same environment, or another organization.",
     .examples = "  keyfob profile copy acme acme-admin && keyfob login acme-admin\n", .max_pos = 2, .run = kf_cmd_profile_copy},
    {.name = "profile export", .args = "[PROFILE...] [-o FILE]", .help = "settings of profiles as a document, without secrets",
     .text = "One JSON document (keyfob.profiles-export/1) with client IDs, addresses, organizations and git hosts; no API key and no session.",
     .examples = "  keyfob profile export --all -o profiles.json\n  keyfob profile export acme | ssh build keyfob profile import -\n",
     .opts = {{"all", 0, NULL, "all profiles"}, {"output", 'o', "FILE", "into a file that only you can read"}, {"force", 0, NULL, "replace the file if it exists"}},
     .max_pos = KF_POS_MAX, .run = kf_cmd_profile_export},
    {.name = "profile import", .args = "FILE|- | --from SOURCE [FILE]", .help = "add profiles of a document, or of other tools",
     .text = "FILE is a document of profile export. SOURCE is workos (the official CLI), workos-go or env (a .env file); the CLI's own tokens "
             "are never taken. What exists is never changed. Without arguments it lists what there is and asks.",
     .examples = "  keyfob profile import profiles.json --dry-run\n  keyfob profile import --from workos --all --prefix work-\n",
     .opts = {{"dry-run", 0, NULL, "only say what would be added"}, {"skip-existing", 0, NULL, "+leave out names that are taken"},
              {"prefix", 0, "WORD", "put WORD before each name"}, {"from", 0, "SOURCE", "workos, workos-go or env"},
              {"name", 0, "ENV...", "this environment"}, {"all", 0, NULL, "all environments"}, {"as", 0, "NAME", "the profile's name, for one environment"},
              {"client-id", 0, "ID", "+for one environment that has none"}, {"clean-up", 0, NULL, "show and take the key out of the file"},
              {"yes", 0, NULL, "+with --clean-up: do not ask"}},
     .max_pos = 1, .run = kf_cmd_profile_import},
    {.name = "agent start", .args = "", .help = "start the agent", .text = "Every command that needs it starts it by itself.",
     .examples = "  keyfob agent start\n", .run = kf_cmd_agent_start},
    {.name = "agent stop", .args = "", .help = "stop the agent", .text = "Returns when its socket is closed and its locks are free. Sessions stay in the store. "
             "While the agent holds the only copy of a session, it tries to store it again and refuses to stop.",
     .examples = "  keyfob agent stop\n",
     .opts = {{"force", 0, NULL, "stop although a session is not stored, and lose it"}}, .run = kf_cmd_agent_stop},
    {.name = "agent status", .args = "", .help = "is the agent running, and which store does it use", .text = "Never starts an agent.",
     .examples = "  keyfob agent status --json\n", .run = kf_cmd_agent_status},
    {.name = "agent enable", .args = "", .help = "start the agent at login, by systemd",
     .text = "Enables the systemd user units keyfobd.socket and keyfobd.service, and writes them into ~/.config/systemd/user when no "
             "package has installed them. The agent then starts at login, keeps sessions alive after a reboot and comes back after a "
             "crash. A running agent is replaced; its sessions stay.",
     .examples = "  keyfob agent enable\n  systemctl --user status keyfobd.service\n", .run = kf_cmd_agent_enable},
    {.name = "agent disable", .args = "", .help = "no longer start the agent at login",
     .text = "Stops the agent and disables its units; those that agent enable wrote are removed. Every command starts an agent again "
             "when it needs one.",
     .examples = "  keyfob agent disable\n", .run = kf_cmd_agent_disable},
    {.name = "store status", .args = "", .help = "where secrets are kept, and how many", .text = "", .examples = "  keyfob store status --json\n", .run = kf_cmd_store_status},
    {.name = "lock", .args = "", .help = "lock keyfob: no tokens, no renewals, until keyfob unlock",
     .text = "The agent gives out no token and no API key and renews nothing, whatever the store "
             "is. Sign-ins that are open are cancelled. Renewals that are under way finish first, "
             "for up to 10 seconds. No session is lost.\n"
             "Vault: its key is wiped from memory, and unlocking takes the passphrase. A "
             "passphrase file does not open it. System keyring: the agent forgets what it has read "
             "from it. The keyring itself stays as it is. Memory: the sessions stay in the agent's "
             "memory.\n"
             "The lock ends with keyfob unlock or with the agent. keyfob lock never starts an "
             "agent.",
     .examples = "  keyfob lock\n", .run = kf_cmd_lock},
    {.name = "unlock", .args = "", .help = "open keyfob again",
     .text = "Vault: asks for the passphrase. System keyring: the keyring program shows its own "
             "dialog, for the collection if that is locked, and for keyfob's items if it asks before "
             "it gives one (KeePassXC does). Memory: asks for nothing. On a terminal, every command "
             "that needs it does the same.",
     .examples = "  keyfob unlock\n", .opts = {{"passphrase-stdin", 0, NULL, "the passphrase is on stdin"}}, .run = kf_cmd_unlock},
    {.name = "store move", .args = "--to vault|secret-service", .help = "move every secret to another store",
     .text = "Everything is copied and read back before keyfob.conf names the new store and before anything is taken out of the old one. "
             "Interrupted, it can be asked for again. Renewals wait meanwhile; tokens that are valid are served.",
     .examples = "  keyfob store move --to vault\n  keyfob store move --to secret-service\n",
     .opts = {{"to", 0, "STORE", "vault or secret-service"}, {"passphrase-stdin", 0, NULL, "read the vault's passphrase; makes the vault if there is none"}},
     .run = kf_cmd_store_move},
    {.name = "vault passphrase", .args = "", .help = "change the passphrase of the vault",
     .text = "The key in the vault stays, so nothing else is written anew, and a running agent goes on. A passphrase file must be changed by you.",
     .examples = "  keyfob vault passphrase\n  printf '%s\\n%s\\n' \"$OLD\" \"$NEW\" | keyfob vault passphrase --passphrase-stdin\n",
     .opts = {{"passphrase-stdin", 0, NULL, "read two lines: the old one, the new one"}}, .run = kf_cmd_vault_passphrase},
    {.name = "config get", .args = "KEY", .help = "print a setting", .text = "What counts: the value that is set, or the usual one.",
     .examples = "  keyfob config get keepalive\n", .max_pos = 1, .run = kf_cmd_config_get},
    {.name = "config set", .args = "KEY VALUE", .help = "change a setting",
     .text = "It counts at once; only store waits for the next start of the agent. Comments in the file stay.",
     .examples = "  keyfob config set keepalive never\n  keyfob config set on_sign_in_needed 'notify-send \"sign in: $KEYFOB_PROFILE\"'\n",
     .max_pos = 2, .run = kf_cmd_config_set},
    {.name = "config unset", .args = "KEY", .help = "remove a setting, so that the usual value counts", .text = "", .examples = "  keyfob config unset proxy\n",
     .max_pos = 1, .run = kf_cmd_config_unset},
    {.name = "config list", .args = "", .help = "list the settings", .text = "", .examples = "  keyfob config list --json\n", .run = kf_cmd_config_list},
    {.name = "config edit", .args = "", .help = "edit the settings file",
     .text = "Opens VISUAL, EDITOR or vi on a copy. What is right takes the file's place and counts at once; what is wrong is named with its "
             "line and kept for another try.",
     .examples = "  EDITOR=nano keyfob config edit\n", .run = kf_cmd_config_edit},
    {.name = "config path", .args = "", .help = "where the settings file is", .text = "", .examples = "  keyfob config path\n", .run = kf_cmd_config_path},
    {.name = "paths", .args = "", .help = "where everything of keyfob is", .text = "Starts no agent.", .examples = "  keyfob paths --json\n", .run = kf_cmd_paths},
    {.name = "log", .args = "[--since D]", .help = "what the agent did and saw",
     .text = "Reads keyfobd.log, which has no secret in it; starts no agent.",
     .examples = "  keyfob log --since 2h\n  keyfob log --json | jq -r '.items[] | select(.level == \"error\") | .text'\n",
     .opts = {{"since", 0, "D", "how far back: 30m, 2h, 7d; default 1d"}}, .run = kf_cmd_log},
    {.name = "doctor", .args = "[--network]", .help = "check this machine, and say what to mend",
     .text = "Directories and their owners, locks, settings, store and keyring, memory, clock, proxy, browser, clipboard, agent. Each line is ok, "
             "warn or fail; exit 0 if nothing failed. Uses the network only with --network. Shows no secret: it can go into a report.",
     .examples = "  keyfob doctor --network\n  keyfob doctor --json | jq '.checks[] | select(.result != \"ok\")'\n",
     .opts = {{"network", 0, NULL, "also ask the profiles' hosts: name, proxy, certificate, clock"}}, .run = kf_cmd_doctor},
    {.name = "ui", .args = "", .help = "the screen; the same as keyfob alone",
     .text = "Profiles with their state and time left, every way to sign in, claims, sessions, factors, export. ? lists what can be done "
             "where you are. a adds, e edits and C copies a profile. D deletes it 10 s later: u takes it back, q does it at once; Ctrl-C and "
             "signals leave it there. keyfob help keys lists all keys. Needs a terminal of 40x12.",
     .examples = "  keyfob\n  keyfob --sandbox\n  keyfob help keys\n", .run = kf_cmd_ui},
    {.name = "completion", .args = "bash|zsh|fish", .help = "print a completion script",
     .text = "The script asks keyfob completion words -- WORD... what the last word could become; that starts no agent.",
     .examples = "  eval \"$(keyfob completion bash)\"\n  keyfob completion fish | source\n", .max_pos = 1, .rest = true, .run = kf_cmd_completion},
    {.name = "help", .args = "[COMMAND... | TOPIC]", .help = "help for keyfob, a command or a topic",
     .text = "Topics: " KF_TOPIC_NAMES ". With --man as a man page.", .examples = "  keyfob help profile add\n  keyfob help exit-codes\n",
     .opts = {{"man", 0, NULL, "as a man page"}, {"commands", 0, NULL, "+the names of all commands"}}, .max_pos = 2, .run = kf_cmd_help},
    {.name = "version", .args = "", .help = "the version", .text = "", .examples = "  keyfob version --json\n", .run = kf_cmd_version},
};

const kf_command *kf_commands(size_t *n) {
    *n = KF_LEN(table);
    return table;
}
const kf_opt *kf_global_opts(void) { return global; }

const kf_command *kf_command_find(int argc, char **argv, int *used) {
    size_t n;
    const kf_command *all = kf_commands(&n);
    for (size_t i = 0; i < n; i++) {
        const char *space = strchr(all[i].name, ' ');
        size_t len = space ? (size_t)(space - all[i].name) : strlen(all[i].name);
        if (strlen(argv[0]) != len || strncmp(argv[0], all[i].name, len)) continue;
        if (!space) return *used = 1, &all[i];
        if (argc > 1 && !strcmp(argv[1], space + 1)) return *used = 2, &all[i];
    }
    return NULL;
}

const kf_opt *kf_opt_find(const kf_opt *o, const char *name, size_t len, char letter, int *index) {
    for (int i = 0; o[i].name; i++)
        if (letter ? o[i].letter == letter : strlen(o[i].name) == len && !strncmp(o[i].name, name, len)) return *index = i, &o[i];
    return NULL;
}
