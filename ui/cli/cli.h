#pragma once
/* What the commands share: the table of commands, parsed arguments, the agent's end, and the
 * one way to say something. stdout carries the answer and nothing else. */
#include "base/err.h"
#include "base/json.h"
#include "wire/client.h"

typedef struct kf_opt {
    const char *name; /* long, without dashes */
    char letter;      /* 0: none */
    const char
        *arg; /* NULL: a switch; "X...": may be given again, the values are joined with ';' */
    const char *help; /* with a leading '+': rare; in the man page and completions, not in --help */
} kf_opt;

enum { KF_OPTS_MAX = 24, KF_POS_MAX = 16 };
/* How long a command waits for a token. A renewal that takes longer goes on in the agent. */
enum { KF_CLI_TOKEN_MS = 30 * 1000 };
typedef struct kf_args {
    const char *opt[KF_OPTS_MAX]; /* by position in the command's table; "" for a switch that is on;
                                     NULL off */
    const char *pos[KF_POS_MAX];
    int n_pos;
    char **rest; /* behind "--"; NULL: no "--" */
} kf_args;

typedef struct kf_cli {
    const char *profile;         /* -p */
    const char *color, *timeout; /* as typed */
    bool json, quiet, no_input, sandbox;
    bool wraps; /* exec, or serve with a command: our failures must not look like the command's */
    int verbose;
    const struct kf_command *command;
    const char *profile_used;          /* for error messages */
    const char *profile_rule;          /* the .keyfob file that named it; NULL: none did */
    kf_client *client;                 /* opened by kf_cli_call */
    bool told_store, told_differences; /* the store's note was printed */
    kf_json *choices; /* what the question that nobody answered offered; for keyfob.error/1 */
    bool weak;        /* unlock --weak: a short new passphrase will do */
} kf_cli;

typedef struct kf_command {
    const char *name; /* "token", "profile add" */
    const char *args; /* synopsis behind the name */
    const char *help; /* one line */
    const char *text; /* more, for --help and the man page */
    const char *examples;
    kf_opt opts[KF_OPTS_MAX]; /* name NULL ends */
    int max_pos;
    bool rest;                               /* takes "-- CMD" */
    int (*run)(kf_cli *c, const kf_args *a); /* exit status */
} kf_command;

const kf_command *kf_commands(size_t *n);
const kf_opt *kf_global_opts(void); /* name NULL ends */
const kf_command *
kf_command_find(int argc, char **argv,
                int *used); /* whose words argv begins with; *used: how many. NULL: none */
bool kf_command_first(const kf_command *all,
                      size_t i); /* no command before it begins with the same word */
/* By name of len bytes, or by letter if that is not 0; *index is its place. NULL: there is none. */
const kf_opt *kf_opt_find(const kf_opt *o, const char *name, size_t len, char letter, int *index);
const char *kf_opt_help(const kf_opt *o);             /* without the mark of a rare one */
void kf_command_help(const kf_command *c, bool rare); /* rare: with the rare options */
bool kf_group_help(
    const char *word); /* the commands that begin with it, on stdout; false: none does */
void kf_help(void);
void kf_command_list(void);              /* a line for each */
int kf_command_man(const kf_command *c); /* roff on stdout; NULL: keyfob(1) */
int kf_completion(const char *shell);    /* the script, on stdout; -1: no such shell */
/* What the last of these words could become, a line each: the word, a tab, what it is. ":files",
 * ":dirs" or ":command N" instead when a shell knows better (N: where the command begins). Starts
 * nothing, asks nobody. */
int kf_complete(int argc, char **argv);
/* help TOPIC, piece by piece. False: no such topic. */
typedef void (*kf_topic_put)(const char *text);
bool kf_topic(const char *name, kf_topic_put put);
int kf_topic_show(const char *name, bool as_man); /* on stdout; -1: no such topic */
#define KF_TOPIC_NAMES "commands exit-codes states environment formats keys security qr"

/* --- saying
 * ---------------------------------------------------------------------------------------- */
int kf_cli_fail(kf_cli *c, const kf_err *e); /* three parts on stderr, or keyfob.error/1; the exit
                                                status; 125 where c->wraps */
int kf_cli_usage(kf_cli *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3))); /* 2; 125 where c->wraps */
/* There is no command word second (may be NULL): says which one may be meant. 2 */
int kf_cli_unknown(kf_cli *c, const char *word, const char *second);
void kf_cli_note(const kf_cli *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3))); /* stderr, not with -q */
int kf_cli_print(kf_json *j); /* owned; one line on stdout; 0, or 1 when stdout is broken */
void kf_cli_set_time(kf_json *j, const char *key,
                     int64_t unix_s);    /* RFC 3339, as all times are; 0: left out */
int kf_cli_print_file(const char *path); /* keyfob.file/1: where the answer is instead */
int kf_cli_flush(void);                  /* 0, or says that stdout is broken: 1 */

/* --- asking
 * ---------------------------------------------------------------------------------------- */
bool kf_can_ask(const kf_cli *c); /* a terminal is there and --no-input is not */
/* A line from the terminal; hidden: without echo, and exactly as typed, with blanks around it.
 * NULL: KF_ERR_SYS_CANCELLED or _IO. */
kf_secret *kf_ask(const char *prompt, bool hidden, kf_err *err);
bool kf_ask_yes(const char *question);             /* default no */
kf_secret *kf_read_stdin(size_t max, kf_err *err); /* without one LF or CR LF at its end */

/* data into the clipboard (ui/common/clip.h); what: "token", for the note. clear_after as typed,
 * NULL: 30 s. Exit status. */
int kf_cli_clip(kf_cli *c, const char *what, const void *data, size_t len, const char *clear_after);

/* --- the agent
 * ------------------------------------------------------------------------------------- */
/* One call; unlocks the store and calls again when the store is locked. params owned. */
kf_json *kf_cli_call(kf_cli *c, const char *method, kf_json *params, int64_t timeout_ms,
                     kf_err *err);
/* A call with more: the list called member of all its frames, in one array that the caller owns.
 * params owned. */
kf_json *kf_cli_call_all(kf_cli *c, const char *method, kf_json *params, const char *member,
                         int64_t timeout_ms, kf_err *err);
/* GetToken's answer for the profile that is meant; min_valid as typed, or NULL. NULL: *rc is the
 * exit status, all is said. */
kf_json *kf_cli_token(kf_cli *c, const char *arg, const char *min_valid, bool renew,
                      bool with_profile, int *rc);
/* True when a person has opened the locked store: the call can be repeated. The vault's passphrase
 * is asked here; a keyring program asks in its own dialog. False: err; *why where no one can be
 * asked, or where it does not say that the store is locked. */
bool kf_cli_unlock(kf_cli *c, const kf_err *why, kf_err *err);
/* Prints what a person should know about the store, once a command. store: a Store of the
 * interface. */
void kf_cli_tell_store(kf_cli *c, const kf_json *store);
bool kf_cli_is_locked(const kf_err *e);
enum { KF_UNLOCK_MS = 5 * 60 * 1000 + 20 * 1000 }; /* the agent waits for a person for 5 minutes */

/* Which profile: argument, -p, KEYFOB_PROFILE, the .keyfob file of the directory (dir.h), the
 * default, the only one. Reads files and starts nothing. NULL: KF_ERR_USAGE_NO_PROFILE, _NAME, or
 * _DIRECTORY for a .keyfob that must not be used. rule says which; both static or of c. */
const char *kf_cli_profile(kf_cli *c, const char *arg, const char **rule, kf_err *err);

/* status --prompt FORMAT for the profile that is meant; exit status. */
int kf_cli_prompt(kf_cli *c, const char *arg, const char *format);

int kf_cmd_profile_add(kf_cli *c, const kf_args *a);
int kf_cmd_profile_list(kf_cli *c, const kf_args *a);
int kf_cmd_profile_show(kf_cli *c, const kf_args *a);
int kf_cmd_profile_rm(kf_cli *c, const kf_args *a);
int kf_cmd_profile_default(kf_cli *c, const kf_args *a);
/* For a profile that is made: option, else what WORKOS_API_HOSTNAME, _HTTPS and _PORT say, which is
 * told. *norm NULL: neither; caller frees. */
KF_CHECK bool kf_cli_new_origin(const kf_cli *c, const char *option, char **norm, kf_err *err);
/* A Profile: keyfob.profile/2 with --json, else one line that begins with done (NULL: nothing). */
int kf_cli_print_profile(kf_cli *c, const kf_json *p, const char *done);
void kf_cli_note_names(
    kf_cli *c, const char *name); /* says who still names a profile that is called so no more */
int kf_cmd_allow(kf_cli *c, const kf_args *a);
int kf_cmd_profile_edit(kf_cli *c, const kf_args *a);
int kf_cmd_profile_rename(kf_cli *c, const kf_args *a);
int kf_cmd_profile_copy(kf_cli *c, const kf_args *a);
int kf_cmd_profile_export(kf_cli *c, const kf_args *a);
int kf_cmd_profile_import(kf_cli *c, const kf_args *a);
int kf_cmd_login(kf_cli *c, const kf_args *a);
int kf_cmd_token(kf_cli *c, const kf_args *a);
int kf_cmd_exec(kf_cli *c, const kf_args *a);
int kf_cmd_export(kf_cli *c, const kf_args *a);
int kf_cmd_kubeconfig(kf_cli *c, const kf_args *a);
int kf_cmd_git_credential(kf_cli *c, const kf_args *a);
int kf_cmd_header(kf_cli *c, const kf_args *a);
int kf_cmd_status(kf_cli *c, const kf_args *a);
int kf_cmd_renew(kf_cli *c, const kf_args *a);
int kf_cmd_switch_org(kf_cli *c, const kf_args *a);
int kf_cmd_org_list(kf_cli *c, const kf_args *a);
int kf_cmd_lock(kf_cli *c, const kf_args *a);
int kf_cmd_unlock(kf_cli *c, const kf_args *a);
int kf_cmd_serve(kf_cli *c, const kf_args *a);
int kf_cmd_session_list(kf_cli *c, const kf_args *a);
int kf_cmd_session_revoke(kf_cli *c, const kf_args *a);
int kf_cmd_factor_list(kf_cli *c, const kf_args *a);
int kf_cmd_factor_enroll(kf_cli *c, const kf_args *a);
int kf_cmd_factor_rm(kf_cli *c, const kf_args *a);
int kf_cmd_claims(kf_cli *c, const kf_args *a);
int kf_cmd_whoami(kf_cli *c, const kf_args *a);
int kf_cmd_logout(kf_cli *c, const kf_args *a);
int kf_cmd_agent_start(kf_cli *c, const kf_args *a);
int kf_cmd_agent_restart(kf_cli *c, const kf_args *a);
/* Ends the agent and waits until it is gone. ran: there was one. Returns the exit status. */
int kf_cli_stop_agent(kf_cli *c, bool force, bool *ran);
int kf_cmd_agent_stop(kf_cli *c, const kf_args *a);
int kf_cmd_agent_enable(kf_cli *c, const kf_args *a);
int kf_cmd_agent_disable(kf_cli *c, const kf_args *a);
int kf_cmd_agent_status(kf_cli *c, const kf_args *a);
int kf_cmd_store_status(kf_cli *c, const kf_args *a);
int kf_cmd_store_move(kf_cli *c, const kf_args *a);
int kf_cmd_vault_passphrase(kf_cli *c, const kf_args *a);
int kf_cmd_config_get(kf_cli *c, const kf_args *a);
int kf_cmd_config_set(kf_cli *c, const kf_args *a);
int kf_cmd_config_unset(kf_cli *c, const kf_args *a);
int kf_cmd_config_list(kf_cli *c, const kf_args *a);
int kf_cmd_config_edit(kf_cli *c, const kf_args *a);
/* Says which names in keyfob.conf mean nothing. settings: GetSettings' answer. */
void kf_config_tell_unknown(kf_cli *c, const kf_json *settings);
int kf_cmd_config_path(kf_cli *c, const kf_args *a);
int kf_cmd_paths(kf_cli *c, const kf_args *a);
int kf_cmd_log(kf_cli *c, const kf_args *a);
int kf_cmd_doctor(kf_cli *c, const kf_args *a);
int kf_cmd_version(kf_cli *c, const kf_args *a);
int kf_cmd_help(kf_cli *c, const kf_args *a);
int kf_cmd_completion(kf_cli *c, const kf_args *a);
int kf_cmd_ui(kf_cli *c, const kf_args *a);

/* Points this process at the sandbox's own runtime, settings and agent; starts it when it does not
 * run. */
KF_CHECK bool kf_sandbox_enter(kf_cli *c, bool for_screen, kf_err *err);
