/* The sentences for errors, notes, fields, states and methods. Errors have one table by code,
 * with one column of advice for the screen and one for the CLI. It prints nothing. */
#include "ui/common/words.h"

#include <ctype.h>
#include "base/str.h"
#include "ui/common/states.h"
#include "ui/common/text.h"

/* happened: %w is the facts of the error. cli: %p is the profile. NULL: see the defaults below. */
typedef struct row {
    kf_err_code code;
    const char *happened, *means, *screen, *cli;
} row;

#define KEPT "Nothing was changed. The session that is stored stays as it is."

static const row table[] = {
    {KF_ERR_SYS_NO_MEMORY, "keyfob ran out of memory: %w.", KEPT, "Close something and try again.",
     "Close something and try again."},
    {KF_ERR_SYS_IO, "A file could not be read or written: %w.", KEPT,
     "Look at the path, its owner and the free space.",
     "Look at the path, its owner and the free space."},
    {KF_ERR_SYS_SPAWN, "A program could not be started: %w.", "keyfob is not installed completely.",
     "Install keyfob again.", "Install keyfob again."},
    {KF_ERR_SYS_CLIPBOARD, "There is no clipboard here: %w.", "Nothing was copied.",
     "Install wl-clipboard (Wayland) or xclip (X11), or export to a file (x).",
     "Install wl-clipboard (Wayland) or xclip (X11), or pipe it to the program that needs it."},
    {KF_ERR_SYS_OWNER, "%w.",
     "Another user could read or change what is there, so keyfob does not use it.",
     "Make it yours and closed to others (chmod 700).",
     "Make it yours and closed to others (chmod 700)."},
    {KF_ERR_SYS_LOCK_TIMEOUT, "Another keyfob process holds the lock: %w.", KEPT,
     "Wait a moment, then try again.", "Wait a moment, then try again."},
    {KF_ERR_SYS_CANCELLED, "Cancelled.", "Nothing was stored.", "", ""},
    {KF_ERR_SYS_MANAGER, "The systemd user manager did not do it: %w.",
     "Without it every command starts the agent when it needs one.",
     "Run it in a login session of this user.", "Run it in a login session of this user."},
    {KF_ERR_SYS_BUG, "Something inside keyfob went wrong: %w.", KEPT,
     "Look at keyfobd.log, and please report it.", "Look at keyfobd.log, and please report it."},
    {KF_ERR_USAGE_BAD, "That cannot be used: %w.", "Nothing was changed.",
     "Correct it and try again.", "See: keyfob help"},
    {KF_ERR_USAGE_CONFIG, "The settings cannot be read: %w.",
     "Nothing was overwritten. keyfob changes no settings until the file is right.",
     "Correct that line of keyfob.conf.", "Correct that line of keyfob.conf."},
    {KF_ERR_USAGE_NAME, "That is no profile name: %w.",
     "A name is up to 64 of a-z, 0-9, dot, dash and underscore, and starts with a letter or digit.",
     "Choose another name.", "Choose another name."},
    {KF_ERR_USAGE_EXISTS, "That exists already: %w.", "Nothing was changed.",
     "Choose another name, or remove the old one first.",
     "Choose another name, or run: keyfob profile rm NAME"},
    {KF_ERR_USAGE_NO_PROFILE, "There is no such profile: %w.", "Nothing was done.", "Add it (a).",
     "Run: keyfob profile list"},
    {KF_ERR_USAGE_NO_CLIENT_ID, "The client ID is missing or wrong: %w.",
     "A client ID begins with client_ and is in the WorkOS dashboard.", "Correct the profile.",
     "Give --client-id client_..., or set WORKOS_CLIENT_ID."},
    {KF_ERR_USAGE_BAD_URL, "That address cannot be used: %w.",
     "Secrets go over https only; http is for this machine.", "Correct the address.",
     "Give an https address."},
    {KF_ERR_USAGE_READ_ONLY, "Read-only is on: %w.", "Nothing was sent and nothing was changed.",
     "Leave, and start keyfob without --read-only.",
     "Run it without --read-only and without KEYFOB_READ_ONLY."},
    {KF_ERR_USAGE_DIRECTORY, "The profile of this directory cannot be used: %w.",
     "Nothing was done. A .keyfob file decides whose tokens are handed out here, so it must be "
     "right, and yours.",
     "Correct the file.", "Correct the file, or name a profile: keyfob -p NAME ..."},
    {KF_ERR_USAGE_NOT_FOUND, "That is not there: %w.", "Nothing was changed.",
     "Ctrl-L reads the list again.",
     "Run: keyfob session list, keyfob factor list or keyfob org list"},
    {KF_ERR_USAGE_STALE_QUESTION, "That question is no longer open: %w.", "Nothing was sent.",
     "Answer what is asked now.", "Start again: keyfob login %p"},
    {KF_ERR_USAGE_NO_INPUT, "A person is needed, and nobody can be asked here: %w.",
     "Nothing was changed.", "", "Run it in a terminal, or see: keyfob help login"},
    {KF_ERR_USAGE_BAD_ANSWER, "That answer cannot be used: %w.", "Nothing was sent.",
     "Type it again.", "Run it again: keyfob login %p"},
    {KF_ERR_USAGE_CODE_NEEDED, "WorkOS asks for a code, and none was given: %w.",
     "So far everything was right; the code finishes the sign-in.", "Type the code.",
     "Run in a terminal: keyfob login %p; in a script: --answers-stdin with a line %w=CODE"},
    {KF_ERR_NET_RESOLVE, "The server could not be found: %w.",
     "Tokens you already have keep working until they expire. Nothing was deleted.",
     "Check network or VPN, then try again.", "Check network or VPN, then run it again."},
    {KF_ERR_NET_CONNECT, "The server could not be reached: %w.",
     "Tokens you already have keep working until they expire. Nothing was deleted.",
     "Check network or VPN, then try again.", "Check network or VPN, then run it again."},
    {KF_ERR_NET_TLS, "The certificate of the server is not trusted: %w.",
     "Someone may be intercepting, or a company proxy has its own certificate. keyfob sent "
     "nothing.",
     "If the proxy is yours, set ca_file in keyfob.conf.",
     "If the proxy is yours, set ca_file in keyfob.conf or SSL_CERT_FILE."},
    {KF_ERR_NET_TIMEOUT, "The server gave no answer in time: %w.",
     "Tokens you already have keep working until they expire. Nothing was deleted.", "Try again.",
     "Run it again."},
    {KF_ERR_NET_BROKEN, "The connection ended before the answer was complete: %w.",
     "Tokens you already have keep working until they expire. Nothing was deleted.", "Try again.",
     "Run it again."},
    {KF_ERR_NET_BAD_ANSWER, "The answer of the server makes no sense: %w.", KEPT,
     "Check that the API host is right; something on the way may answer instead of WorkOS.",
     "Check that the API host is right: keyfob profile show %p"},
    {KF_ERR_NET_NOT_WORKOS, "Something between keyfob and WorkOS answered: %w.",
     "A proxy or the sign-in page of a network does that. "
     "Tokens you already have keep working until they expire.",
     "Open a browser and sign in to the network, then try again. Or check the profile's API host.",
     "Open a browser and sign in to the network, then try again. "
     "Or check the API host: keyfob profile show %p"},
    {KF_ERR_NET_PROXY_AUTH, "The proxy %w asks for a user name and password.",
     "Nothing reaches WorkOS without them. Tokens you already have keep working until they expire.",
     "Set proxy = http://USER:PASSWORD@HOST:PORT in keyfob.conf.",
     "Put them into its URL, http://USER:PASSWORD@HOST:PORT, and run: keyfob config set proxy URL. "
     "Or set https_proxy to it before the agent starts."},
    {KF_ERR_NET_SERVER, "WorkOS has trouble: %w.",
     "Tokens you already have keep working until they expire. Nothing was deleted.",
     "Try again in a minute.", "Run it again in a minute."},
    {KF_ERR_NET_RATE_LIMITED, "WorkOS asks keyfob to slow down: %w.",
     "There were too many requests from this environment. Nothing was deleted.",
     "Wait %r, then try again.", "Wait %r, then run it again."},
    {KF_ERR_WORKOS_INVALID_GRANT, "WorkOS refused the refresh token: %w.",
     "The session ended or was revoked. The token here no longer works. Other profiles are not "
     "affected.",
     "Sign in again (s).", "Run: keyfob login %p"},
    {KF_ERR_WORKOS_SESSION_ENDED, "The session is over: %w.",
     "The token here no longer works. Other profiles are not affected.", "Sign in again (s).",
     "Run: keyfob login %p"},
    {KF_ERR_WORKOS_ANSWER_LOST, "The answer to the last renewal was lost: %w.",
     "WorkOS has replaced the refresh token, and the new one never arrived here.",
     "Sign in again (s).", "Run: keyfob login %p"},
    {KF_ERR_WORKOS_NOT_SIGNED_IN, "Nobody is signed in: %w.",
     "There is no session to take a token from.", "Sign in (s).", "Run: keyfob login %p"},
    {KF_ERR_WORKOS_BAD_CREDENTIALS, "The e-mail or the password is not right: %w.",
     "Nothing has changed. WorkOS slows down after several tries.",
     "Type it again, or Esc for another way.", "Run it again with the right ones."},
    {KF_ERR_WORKOS_BAD_CODE, "That code is not right: %w.",
     "A code of an app lives 30 seconds and needs the right clock; one by e-mail lives 10 minutes. "
     "Each works once.",
     "Type the next one.", "Run it again with the next code."},
    {KF_ERR_WORKOS_BAD_KEY, "WorkOS does not accept the API key: %w.",
     "The key was revoked, or belongs to another environment. The session is kept.",
     "Edit the profile and give the right API key.",
     "Give the right API key: keyfob profile edit %p --api-key-stdin"},
    {KF_ERR_WORKOS_INVALID_CLIENT,
     "WorkOS does not know this client ID, or not with this API key: %w.",
     "The profile points to an environment that does not exist, or its key is of another one.",
     "Edit the profile.", "Look at it: keyfob profile show %p"},
    {KF_ERR_WORKOS_MFA_ENROLLMENT,
     "This organization requires an authenticator app, and there is none yet: %w.",
     "The session that is stored stays as it is; the second factor is missing.",
     "Sign in again (s); that sets one up.", "That sets one up: keyfob login %p"},
    {KF_ERR_WORKOS_SSO_REQUIRED,
     "This address signs in only through its own identity provider (SSO): %w.",
     "Password and codes do not work for it.",
     "Sign in again (s) with single sign-on or the browser.",
     "Run: keyfob login %p --method browser"},
    {KF_ERR_WORKOS_ORGANIZATION, "WorkOS does not let you into this organization that way: %w.",
     "The session for the organization you had is not affected.",
     "Sign in again (s), or choose another organization.",
     "Run: keyfob login %p --organization ID"},
    {KF_ERR_WORKOS_NO_ORGANIZATION, "WorkOS knows no such organization, or you are no member: %w.",
     "The session for the organization you had is not affected.",
     "Choose another organization (o).", "Run: keyfob org list %p"},
    {KF_ERR_WORKOS_TOKEN_SHORT, "The token is valid for less than that: %w.",
     "The session itself is fine.", "Renew it (r).", "Run: keyfob token %p --min-valid D"},
    {KF_ERR_WORKOS_METHOD_DISABLED, "This environment does not allow this way to sign in: %w.",
     "It is switched off in the WorkOS dashboard.", "Choose another way (Esc).",
     "Choose another --method."},
    {KF_ERR_WORKOS_NEEDS_API_KEY, "That needs an API key: %w.",
     "This profile has only a client ID.", "Add an API key to the profile.",
     "Run: keyfob profile edit %p --api-key-stdin, or set WORKOS_API_KEY."},
    {KF_ERR_WORKOS_STEP_UP, "WorkOS asks for a step that keyfob cannot do yet: %w.",
     "Nothing was stored.", "Finish it on the environment's own sign-in page, then sign in again.",
     "Finish it on the environment's own sign-in page, then run: keyfob login %p"},
    {KF_ERR_WORKOS_DECLINED, "The sign-in was declined: %w.", "Nothing was stored.",
     "Start again (Enter) or Esc.", "Run: keyfob login %p"},
    {KF_ERR_WORKOS_CODE_EXPIRED, "The sign-in took too long: %w.", "Nothing was stored.",
     "Start again (Enter).", "Run: keyfob login %p"},
    {KF_ERR_WORKOS_REFUSED, "WorkOS refused: %w.", KEPT, "d shows the details.",
     "With --json the details are shown."},
    {KF_ERR_WORKOS_ORIGIN, "The profile's API host or client ID has changed: %w.",
     "The stored secrets belong to the old one and were sent nowhere.",
     "Change it back, or give the API key again and sign in (s).",
     "Change it back, or give the API key again and run: keyfob login %p"},
    {KF_ERR_WORKOS_TOKEN_INVALID, "The token is not valid: %w.",
     "WorkOS signed it, but nobody should accept it now.", "Renew it (r).",
     "Renew the session: keyfob renew %p"},
    {KF_ERR_WORKOS_MISMATCH, "The answer of the server is for another identity: %w.",
     "Two sessions were mixed up somewhere. The answer was dropped, and what is stored stays as it "
     "is.",
     "Sign in again (s).", "Run: keyfob login %p"},
    {KF_ERR_WORKOS_OTHER_USER, "The sign-in was by another person: %w.",
     "Nothing was stored, and the session of the profile is untouched. keyfob ends the new session "
     "at WorkOS.",
     "Sign in as the person of this profile, or use another profile.",
     "Sign in to another profile, or give this one to the new person: "
     "keyfob login %p --as-other-user"},
    {KF_ERR_STORE_LOCKED, "Your keyring is locked: %w.",
     "keyfob cannot read secrets until you allow it. Nothing is lost.", "Unlock it (U).",
     "Run: keyfob unlock. Where there is no display, use a vault: keyfob store move --to vault"},
    {KF_ERR_STORE_VAULT_LOCKED, "The vault is locked: %w.",
     "keyfob cannot read secrets until its passphrase is given.", "Unlock it (U).",
     "Run: keyfob unlock. In a script, set KEYFOB_PASSPHRASE_FILE."},
    {KF_ERR_STORE_VAULT_NEW, "There is no vault yet: %w.",
     "It is made with a passphrase that you choose.", "Choose a passphrase.",
     "Run it in a terminal, or set KEYFOB_PASSPHRASE_FILE."},
    {KF_ERR_STORE_AGENT_LOCKED, "Nothing is given out: %w.",
     "Until it is unlocked, keyfob gives no token and renews nothing. Sessions are kept.",
     "Unlock it (U).", "Run: keyfob unlock"},
    {KF_ERR_STORE_BAD_PASSPHRASE, "That is not the passphrase of the vault: %w.",
     "Nothing was changed.", "Type it again.", "Run it again with the right passphrase."},
    {KF_ERR_STORE_ABSENT, "The secret store is not there: %w.",
     "keyfob cannot read or keep secrets. It never writes them in plain text.",
     "Start a keyring, or set store = vault in keyfob.conf.",
     "Start a keyring, or set store = vault in keyfob.conf."},
    {KF_ERR_STORE_SILENT, "The keyring service does not answer: %w.",
     "keyfob waited and gave up. Nothing is lost.",
     "Look after the keyring program, then try again.",
     "Look after the keyring program, then run it again."},
    {KF_ERR_STORE_DENIED, "Your keyring program did not allow it: %w.",
     "keyfob cannot read secrets without it. Nothing is lost.", "Press U and allow it.",
     "Run keyfob unlock and allow it. If it does not ask again, run keyfob agent stop first. "
     "Where there is no display, use a vault: keyfob store move --to vault"},
    {KF_ERR_STORE_DAMAGED, "A stored secret is damaged: %w.",
     "Only this profile is affected; keyfob does not use it and has not deleted it.",
     "Put the file back from a backup, or sign in again (s).",
     "Put the file back from a backup, or run: keyfob login %p"},
    {KF_ERR_STORE_VAULT_DAMAGED, "The vault cannot be opened: %w.",
     "Its records cannot be read without the header. keyfob has not replaced or deleted anything.",
     "Put the header back from a backup, then try again.",
     "Put the header back from a backup, then run it again."},
    {KF_ERR_STORE_READ, "The secret store cannot be read now: %w.",
     "Nothing is lost, and nothing was changed.",
     "Check the disk and the permissions, then try again.",
     "Check the disk and the permissions, then run it again."},
    {KF_ERR_STORE_NOT_FOUND, "The store has no such secret: %w.", "Nothing was changed.",
     "Sign in again (s).", "Run: keyfob login %p"},
    {KF_ERR_STORE_WRITE, "The secret could not be stored: %w.",
     "keyfob refuses to spend a token that it could not keep. Nothing is lost.",
     "Look at free space and permissions, then try again.",
     "Look at free space and permissions, then run it again."},
    {KF_ERR_STORE_STALE, "The stored session is older than one that this computer has used: %w.",
     "Spending it would end the newer one, so keyfob does not.", "Sign in again (s).",
     "Run: keyfob login %p"},
    {KF_ERR_STORE_NEWER, "A file was written by a newer keyfob: %w.",
     "This version cannot read it and leaves it unchanged.", "Install the newer keyfob again.",
     "Install the newer keyfob again."},
    {KF_ERR_STORE_LOST, "The newest session was never stored: %w.",
     "It was in the memory of an agent that has ended. WorkOS does not give it out again.",
     "Sign in again (s).", "Run: keyfob login %p"},
    {KF_ERR_STORE_UNSAVED, "The new session is not stored yet: %w.",
     "The agent keeps it and tries to store it every second.",
     "Free some space or unlock the keyring.", "Free some space or unlock the keyring."},
    {KF_ERR_WIRE_NO_AGENT, "The agent is not there: %w.", "Without it no session can be read.",
     "Try again; keyfobd.log says more.", "Run: keyfob agent start"},
    {KF_ERR_WIRE_CLOSED, "The agent went away: %w.", "What was stored is still stored.",
     "Try again.", "Run it again."},
    {KF_ERR_WIRE_BAD_FRAME, "The agent and keyfob do not understand each other: %w.", KEPT,
     "Stop the agent and try again.", "Run: keyfob agent stop"},
    {KF_ERR_WIRE_TOO_LONG, "A message was too long: %w.", KEPT, "", ""},
    {KF_ERR_WIRE_PATH, "The agent's socket cannot be there: %w.",
     "A UNIX socket's path is absolute and has at most 107 bytes.",
     "Set XDG_RUNTIME_DIR to a shorter path.", "Set XDG_RUNTIME_DIR to a shorter path."},
    {KF_ERR_WIRE_PROTOCOL, "Agent and keyfob are of different versions: %w.",
     "The agent was started by another installation.", "Stop it and start again.",
     "Run: keyfob agent stop"},
    {KF_ERR_WIRE_BUSY, "The agent has too much to do: %w.", KEPT, "Try again in a moment.",
     "Run it again in a moment."},
    {KF_ERR_WIRE_METHOD, "The agent does not know this call: %w.",
     "Agent and keyfob are of different versions.", "Stop the agent and try again.",
     "Run: keyfob agent stop"},
};

static void put(char *out, size_t size, const char *fmt, const kf_err *e, const char *profile) {
    size_t n = 0;
    KF_AUTO_CHARS what = kf_text_safe(e->what);
    char wait[32];
    if (e->retry_after > 0) snprintf(wait, sizeof wait, "%d s", (int)e->retry_after);
    else snprintf(wait, sizeof wait, "a minute");
    for (; fmt && *fmt && n + 1 < size; fmt++) {
        const char *more = NULL;
        if (*fmt == ':' && fmt[1] == ' ' && fmt[2] == '%' && fmt[3] == 'w' &&
            !*what) { /* no facts, no colon */
            fmt += 3;
            continue;
        }
        if (*fmt == '%' && fmt[1] == 'w') more = what;
        else if (*fmt == '%' && fmt[1] == 'p') more = profile ? profile : "PROFILE";
        else if (*fmt == '%' && fmt[1] == 'r') more = wait;
        if (!more) {
            out[n++] = *fmt;
            continue;
        }
        fmt++;
        for (; *more && n + 1 < size; more++) out[n++] = *more;
        if (n && out[n - 1] == '.' && fmt[1] == '.')
            n--; /* the facts brought their own full stop */
    }
    out[n] = 0;
}

static const row *find(kf_err_code code) {
    static const row none = {KF_ERR_SYS_BUG, "Something went wrong: %w.", KEPT, "", ""};
    for (size_t i = 0; i < KF_LEN(table); i++)
        if (table[i].code == code) return &table[i];
    return &none;
}

/* How much of a and b is the same, letters in either case. */
static size_t same_start(const char *a, const char *b) {
    size_t n = 0;
    while (a[n] && tolower((unsigned char)a[n]) == tolower((unsigned char)b[n])) n++;
    return n;
}

/* Facts that say what the sentence in front of them says are not printed twice: "The vault is
 * locked: the vault is locked". */
static void happened(const row *r, const kf_err *e, const char *profile, kf_words_error *out) {
    const char *colon = strstr(r->happened, ": %w.");
    size_t head = colon ? (size_t)(colon - r->happened) : 0, what = strlen(e->what),
           same = same_start(r->happened, e->what);
    kf_err plain = *e;
    bool is_head = head && same == head && !isalnum((unsigned char)e->what[head]),
         in_head = head && what && same == what && !isalnum((unsigned char)r->happened[what]);
    if (in_head || (is_head && what == head)) plain.what[0] = 0;
    put(out->happened, sizeof out->happened, is_head && what > head ? "%w." : r->happened, &plain,
        profile);
    if (is_head) out->happened[0] = (char)toupper((unsigned char)out->happened[0]);
}

/* What else could be said, that more space or another owner may help, fails the same way. */
static bool is_read_only_disk(const kf_err *e) {
    static const char end[] = "Read-only file system"; /* strerror(EROFS) of the agent */
    size_t n = strlen(e->what);
    return n >= sizeof end - 1 && !strcmp(e->what + n - (sizeof end - 1), end);
}

static void fill(const kf_err *e, const char *profile, bool cli, kf_words_error *out) {
    const row *r = find(e->code);
    happened(r, e, profile, out);
    put(out->means, sizeof out->means, r->means, e, profile);
    KF_AUTO_CHARS hint = kf_text_safe(e->hint);
    if (is_read_only_disk(e))
        snprintf(out->todo, sizeof out->todo,
                 "Make it writable, or set XDG_CONFIG_HOME, XDG_STATE_HOME and XDG_DATA_HOME to "
                 "directories that are. With KEYFOB_STORE=memory only settings are written.");
    else if (*hint) snprintf(out->todo, sizeof out->todo, "%s", hint);
    else put(out->todo, sizeof out->todo, cli ? r->cli : r->screen, e, profile);
}

void kf_words_for_error(const kf_err *e, kf_words_error *out) { fill(e, NULL, false, out); }
void kf_words_for_cli(const kf_err *e, const char *profile, kf_words_error *out) {
    fill(e, profile, true, out);
}

/* %s is the argument, or missing where there is none; alone: the sentence where there is none. */
static const struct {
    const char *text, *missing, *alone;
} remark[KF_NOTE_COUNT] = {
    [KF_NOTE_BAD_CREDENTIALS] = {.text = "The e-mail or the password is not right."},
    [KF_NOTE_BAD_CODE] = {.text = "That code is not right. Type the next one."},
    [KF_NOTE_CODE_EXPIRED] = {.text = "That code has expired. Type the next one."},
    [KF_NOTE_TOO_MANY] = {.text = "Too many tries with this code."},
    [KF_NOTE_CODE_USED] = {.text = "That code was used already. Wait for the next one."},
    [KF_NOTE_MFA] = {.text = "WorkOS asks for a second factor. The code finishes the sign-in."},
    [KF_NOTE_ORGANIZATION] =
        {.text = "You belong to several organizations. The token is for one of them."},
    [KF_NOTE_SENT_TO] = {.text = "Sent to %s."},
    [KF_NOTE_SLOW_DOWN] = {.text = "WorkOS asks to slow down. Try again in %s s.", .missing = "60"},
    [KF_NOTE_NETWORK] = {.text = "WorkOS could not be reached. Nothing is lost; try again."},
    [KF_NOTE_ENROLL] =
        {.text =
             "An authenticator app is required here and you have none yet. Two more steps, once."},
    [KF_NOTE_VERIFY_EMAIL] = {.text =
                                  "WorkOS sent a code to %s. The address must be confirmed first.",
                              .missing = "your address"},
    [KF_NOTE_SSO] = {.text = "%s signs in only through its own identity provider, in the browser.",
                     .missing = "This organization"},
    [KF_NOTE_PUBLIC_STEP_UP] =
        {.text = "WorkOS asks for more (%s). Without an API key keyfob cannot ask "
                 "for it here; it continues in the browser.",
         .missing = "one more step"},
    [KF_NOTE_DEVICE] = {.text =
                            "Open the link on any phone or computer and confirm this code. Only "
                            "confirm a code you started yourself."},
    [KF_NOTE_BROWSER] = {.text = "Sign in in the browser; it comes back here by itself."},
    [KF_NOTE_RADAR] = {.text = "WorkOS wants to be sure that it is you, and sent a code to %s.",
                       .alone = "WorkOS wants to be sure that it is you, and sent a code."},
    [KF_NOTE_RESET_ASKED] =
        {.text = "A reset was asked for %s. The environment must send the mail with "
                 "the token; keyfob cannot.",
         .missing = "this address"},
    [KF_NOTE_PASSWORD_CHANGED] =
        {.text = "The password was changed, and all sessions of this user ended."},
    [KF_NOTE_BAD_PASSWORD] = {.text = "WorkOS does not take this token or this password."},
    [KF_NOTE_RESET_REFUSED] = {.text = "WorkOS does not reset this password."},
    [KF_NOTE_HOSTED_STEP] =
        {.text =
             "WorkOS asks for a step that only its own page has (%s). It continues in the browser.",
         .missing = "one more step"},
    [KF_NOTE_OTHER_USER] = {.text = "%s signed in, but this profile belongs to another person."},
    [KF_NOTE_OTHER_ENVIRONMENT] =
        {.text = "%s signed in, but the session of this profile belongs to another environment."},
};

void kf_words_note(kf_note note, const char *arg, const kf_err *why, char *out, size_t size) {
    KF_AUTO_CHARS a = kf_text_safe(arg);
    bool other = why && (why->code == KF_ERR_NET_NOT_WORKOS || why->code == KF_ERR_NET_PROXY_AUTH);
    if (note == KF_NOTE_NETWORK && other) {
        kf_words_error w;
        kf_words_for_error(why, &w);
        snprintf(out, size, "%s %s", w.happened, w.todo);
        return;
    }
    bool known = (size_t)note < KF_LEN(remark) && remark[note].text;
    const char *text = !known                      ? ""
                       : !*a && remark[note].alone ? remark[note].alone
                                                   : remark[note].text;
    const char *at = strstr(text, "%s"),
               *value = !*a && known && remark[note].missing ? remark[note].missing : a;
    if (at) snprintf(out, size, "%.*s%s%s", (int)(at - text), text, value, at + 2);
    else snprintf(out, size, "%s", text);
}

const char *kf_words_field(kf_field f) {
    switch (f) {
    case KF_FIELD_EMAIL: return "E-mail";
    case KF_FIELD_PASSWORD: return "Password";
    case KF_FIELD_EMAIL_CODE: return "Code from the e-mail";
    case KF_FIELD_TOTP: return "Code from your authenticator app";
    case KF_FIELD_SMS_CODE: return "Code from the text message";
    case KF_FIELD_PHONE: return "Phone number, with country code (+44...)";
    case KF_FIELD_REDIRECT_URL: return "The address the browser ended on";
    case KF_FIELD_ORGANIZATION: return "Organization (org_...), connection (conn_...) or domain";
    case KF_FIELD_RESET_TOKEN: return "Token from the reset mail";
    case KF_FIELD_NEW_PASSWORD: return "New password (ends all sessions of this user)";
    case KF_FIELD_OTHER_USER: return "Name of the new profile";
    case KF_FIELD_NONE:
    case KF_FIELD_COUNT: break;
    }
    return "";
}

const char *kf_words_tool(const char *source) {
    return !strcmp(source, "workos")      ? "The workos CLI"
           : !strcmp(source, "workos-go") ? "The older workos CLI"
                                          : "What reads this file";
}

const char *kf_words_state(const char *name) {
    kf_pstate s = kf_state_find(name);
    return s < KF_PS_COUNT ? kf_state_words(s) : name ? name : "";
}

const char *kf_words_method(kf_method m) {
    switch (m) {
    case KF_BY_PASSWORD: return "Password";
    case KF_BY_MAGIC: return "Email me a code";
    case KF_BY_BROWSER: return "Browser on this computer";
    case KF_BY_DEVICE: return "Another device (code + QR)";
    case KF_BY_SSO: return "Single sign-on (SSO)";
    case KF_METHOD_COUNT: break;
    }
    return "";
}

void kf_words_left(int64_t ms, char out[24]) {
    int64_t s = ms / 1000;
    if (ms <= 0) snprintf(out, 24, "--");
    else if (s < 600) snprintf(out, 24, "%d:%02d", (int)(s / 60), (int)(s % 60));
    else if (s < 3600) snprintf(out, 24, "%dm", (int)(s / 60));
    else if (s < 86400) snprintf(out, 24, "%dh%02dm", (int)(s / 3600), (int)(s / 60 % 60));
    else
        snprintf(out, 24, "%dd %dh", (int)(s / 86400 > 9999 ? 9999 : s / 86400),
                 (int)(s / 3600 % 24));
}
