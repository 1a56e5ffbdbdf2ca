#pragma once
/* A screen is a state and functions without side effects: an event comes in, wishes go out
 * through kf_out, a grid is drawn. Nothing in a screen knows ncurses, the socket or the clock;
 * the model carries the time. The app (app.h) owns the stack of screens and grants the wishes. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/json.h"
#include "ui/common/actions.h"
#include "ui/common/grid.h"
#include "ui/tui/kernel/model.h"

typedef enum kf_event_kind {
    KF_EV_KEY,    /* key, when no action of the place took it */
    KF_EV_DO,     /* act; key is what was pressed */
    KF_EV_PASTE,  /* text, len: only to a screen with a field */
    KF_EV_MODEL,  /* profiles, store or link changed */
    KF_EV_STEP,   /* the sign-in moved */
    KF_EV_RESULT, /* an answer of call: result, or err; ended: the last one */
    KF_EV_JOB,    /* method of a kf_out_job, call, has succeeded; err: only to who began it, a file
                     exists (see there) */
    KF_EV_HIDE,   /* what is secret goes from the screen until it is asked for */
    KF_EV_TICK    /* time passed */
} kf_event_kind;

typedef struct kf_event {
    kf_event_kind kind;
    int key;
    kf_action act;
    const char *text;
    size_t len;
    uint32_t call;
    const kf_json *result; /* borrowed */
    const kf_err *err;
    bool ended;
    const char *method;
} kf_event;

typedef enum kf_tier { KF_TIER_TOO_SMALL, KF_TIER_COMPACT, KF_TIER_NORMAL, KF_TIER_WIDE } kf_tier;
kf_tier kf_tier_of(int rows, int cols); /* what fits */

/* What a dialog says of itself when it is measured. */
typedef struct kf_sheet {
    int rows;
    char name[120]; /* stands in the rule above it */
} kf_sheet;

typedef struct kf_view {
    kf_tier tier;
    kf_rect body;   /* where the screen draws: from column 2 to the last but two */
    kf_rect foot;   /* rows below the lower rule, as many as the class asked for */
    kf_sheet *want; /* not NULL: a dialog is only measured, and fills this in */
} kf_view;

/* In a text of title, status or rule: what follows is in this ink, until the next mark. */
const char *kf_mark(kf_ink ink);

typedef enum kf_typing {
    KF_TYPING_NONE,
    KF_TYPING_TEXT,
    KF_TYPING_DIGITS /* letters stay actions */
} kf_typing;

/* What y copies: what it is called ("session ID"), and the value, whole and in one line. */
typedef struct kf_copy {
    char what[48];
    char *text; /* owned */
    const kf_secret
        *secret; /* in the place of text; borrowed, cleared from the clipboard in 30 s */
} kf_copy;
void kf_copy_set(kf_copy *c, const char *what, const char *text);

typedef enum kf_say { KF_SAY_INFO, KF_SAY_GOOD, KF_SAY_WARN, KF_SAY_BAD } kf_say;

/* What a screen is opened with. */
typedef struct kf_args {
    char profile[17];    /* id; "" none */
    int what;            /* for the class */
    const kf_err *err;   /* copied by the screen */
    const char *title;   /* copied by the screen */
    unsigned where;      /* help: the place it is about */
    char item[96];       /* id of a session or factor; "" none */
    const kf_json *list; /* clean: files, each {source, profiles, file, digest, changes}; copied by
                            the screen */
} kf_args;

typedef struct kf_out kf_out;
typedef struct kf_screen_class kf_screen_class;

void kf_out_push(kf_out *o, const kf_screen_class *cls, const kf_args *args);
/* Closes this screen with the screens on top of it, also when another one has the keys by now, and
 * n - 1 screens below it. */
void kf_out_pop(kf_out *o, int n);
/* Calls of the agent. params owned. The result comes as KF_EV_RESULT with the returned number, a
 * stream's answers too; SignIn's steps as KF_EV_STEP. A call that needs the vault's passphrase is
 * held until it was given. */
uint32_t kf_out_call(kf_out *o, const char *method, kf_json *params);
uint32_t kf_out_stream(kf_out *o, const char *method, kf_json *params);
void kf_out_stop(kf_out *o, uint32_t call); /* closes a stream; its end is not reported */
/* A call whose end the app reports by itself: a message, or the error panel. local.Copy {text,
 * what, clear_after_ms} and local.Write {text, what, path, replace} are done by this program
 * (link.c); that a file exists already is told to the screen as KF_EV_JOB, to ask. */
uint32_t kf_out_job(kf_out *o, const char *method, kf_json *params,
                    const kf_mprofile *p); /* 0: not begun, and said so */
/* Deletes p: out of sight now, at the agent in 10 s, or when another one is deleted, or when keyfob
 * ends in an orderly way; until then KF_DO_UNDO takes it back, and the end of this program by
 * Ctrl-C or a signal keeps it. */
void kf_out_remove(kf_out *o, const kf_mprofile *p);
void kf_out_say(kf_out *o, kf_say how, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void kf_out_quit(kf_out *o, int status);
void kf_out_open(kf_out *o,
                 const char *url);         /* in the browser; only when the person asked for it */
void kf_out_sandbox(kf_out *o);            /* goes over into `keyfob --sandbox` */
void kf_out_run(kf_out *o, kf_action act); /* closes this screen and does act on the one below */
/* As help shows it: why act is not possible on the screen below. NULL: it is. */
const char *kf_out_why_not(const kf_out *o, kf_action act);
void kf_out_help(kf_out *o);
void kf_out_select(kf_out *o, const char *id); /* the list puts its cursor there */
const char *kf_out_selected(const kf_out *o);  /* "" none */

struct kf_screen_class {
    const char *name;  /* "profiles"; golden files are called after it */
    size_t state_size; /* zeroed before init */
    unsigned where;    /* KF_AT_... */
    bool dialog;       /* a sheet at the foot of the screen below it, which gets fewer rows */
    bool ages;         /* shows ages: drawn again at each full minute */
    bool stays;        /* it is not about the screen below: that one closes without it */
    bool steps;        /* the sign-in's steps are for it, and are wiped when it closes */
    int foot_normal;   /* foot rows in the normal tier */
    /* The body is every row but the key line, where the window is not wide (a QR code needs them).
     * May be NULL. */
    bool (*whole)(const void *st, const kf_model *m);
    void (*init)(void *st, const kf_model *m, const kf_args *args, kf_out *o); /* may be NULL */
    void (*update)(void *st, const kf_model *m, const kf_event *ev, kf_out *o);
    void (*draw)(const void *st, const kf_model *m, const kf_view *v, kf_grid *g); /* total */
    void (*done)(void *st);                                 /* wipes what was typed; may be NULL */
    kf_typing (*typing)(const void *st, const kf_model *m); /* a field has the focus; may be NULL */
    void (*title)(const void *st, const kf_model *m, bool compact, char *left, char *right,
                  size_t size);
    /* The message line when there is no message. ink may be changed. May be NULL. */
    void (*status)(const void *st, const kf_model *m, bool compact, char *left, char *right,
                   size_t size);
    /* What y copies: what the cursor is on. False: nothing. May be NULL. */
    bool (*copy)(const void *st, const kf_model *m, kf_copy *out);
    /* The i-th tab of the upper rule. False: there are no more. May be NULL. */
    bool (*tab)(const void *st, const kf_model *m, int i, char name[40], bool *is_active);
    /* What the keys act on, for the lower rule; tail stands at its right end. May be NULL; in a
     * small window the rule is there only where this is not. */
    void (*about)(const void *st, const kf_model *m, const kf_view *v, char *name, char *tail,
                  size_t size);
    /* Actions for the key line, most important first, KF_DO_NONE ends. They keep their places: one
     * that is not possible is grey. */
    void (*hints)(const void *st, const kf_model *m, kf_action out[12]);
    /* What act is called here, with a small letter: the verb of a button. NULL: as everywhere. May
     * be NULL. */
    const char *(*verb)(const void *st, kf_action act);
    /* NULL: possible now. Else the reason, a sentence without a full stop. May be NULL. */
    const char *(*why_not)(const void *st, const kf_model *m, kf_action act);
    bool (*counts)(const void *st,
                   const kf_model *m); /* something visible changes every second; may be NULL */
};

/* The screens that the kernel opens by itself; it knows no other. */
typedef struct kf_home {
    const kf_screen_class *list,
        *first; /* the first screen: with profiles, and while none exists */
    const kf_screen_class *help, *error, *unlock;
} kf_home;

/* kf_args.what of error: what Enter repeats. */
enum { KF_PANEL_PLAIN, KF_PANEL_RENEW, KF_PANEL_SIGN_OUT, KF_PANEL_STATE };
/* Of unlock: a passphrase, two, none, and none that is typed here. */
enum { KF_UNLOCK_VAULT, KF_UNLOCK_NEW, KF_UNLOCK_AGENT, KF_UNLOCK_KEYRING };
