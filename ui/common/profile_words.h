#pragma once
/* What the CLI and the screen call the settings of a profile (base/profile_fields.h).
 *
 * field, label, "" or what the form adds to it, the form's help, option, its argument (NULL: a
 * switch), its help (with a leading '+': rare) */
#define KF_PROFILE_WORDS(X)                                                                    \
    X(client_id, "Client ID", "", "client_... from the API keys page of the WorkOS dashboard", \
      "client-id", "ID", "client_... of the environment")                                      \
    X(api_key, "API key", " (optional)",                                                       \
      "sk_...: needed for passwords, codes and MFA. Goes to the secret store, is never shown", \
      "api-key-stdin", NULL, "read the API key from stdin")                                    \
    X(api_host, "API host", "",                                                                \
      "https://api.workos.com unless you were told otherwise; http only for this computer",    \
      "api-host", "URL", "https address, default https://api.workos.com")                      \
    X(redirect_port, "Redirect port", "", "", "redirect-port", "N",                            \
      "port for browser sign-in, 0 any")                                                       \
    X(organization_id, "Organization", " (optional)",                                          \
      "org_...: chosen without asking when you belong to several", "organization", "ID",       \
      "preferred organization, empty: none")                                                   \
    X(label, "Label", " (optional)", "A remark for yourself; the details show it", "label",    \
      "TEXT", "+a remark")                                                                     \
    X(git_host, "Git hosts", " (optional)",                                                    \
      "Hosts that git gets this token for, with ; between them: git.acme.example", "git-host", \
      "HOST...", "git gets the token for HOST[:PORT]")
