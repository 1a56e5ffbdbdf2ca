#pragma once
/* The one table of actions: key, name, sentence and where it applies. The screen's key line,
 * its help and the keys themselves are made from it, so they cannot disagree. */
#include <stdbool.h>
#include <stddef.h>

/* Keys: a character is its code point, Ctrl-A is 1, the rest is here. */
enum {
    KF_KEY_TAB = 9,
    KF_KEY_ENTER = 13,
    KF_KEY_ESC = 27,
    KF_KEY_BACKSPACE = 127,
    KF_KEY_UP = 0x110000,
    KF_KEY_DOWN,
    KF_KEY_LEFT,
    KF_KEY_RIGHT,
    KF_KEY_HOME,
    KF_KEY_END,
    KF_KEY_PGUP,
    KF_KEY_PGDN,
    KF_KEY_DELETE,
    KF_KEY_BACKTAB,
    KF_KEY_CTRL_LEFT,
    KF_KEY_CTRL_RIGHT,
    KF_KEY_F1,
    KF_KEY_F2,
    KF_KEY_OTHER /* something that has no meaning here */
};
#define KF_CTRL(c) ((c)&0x1f)

/* Places. */
enum {
    KF_AT_FIRST = 1,
    KF_AT_LIST = 2,
    KF_AT_PROFILE = 4,
    KF_AT_CHOOSER = 8,
    KF_AT_STEP = 16,
    KF_AT_PICKER = 32,
    KF_AT_FORM = 64,
    KF_AT_ASK = 128 /* y/n */,
    KF_AT_TYPED = 256 /* a dialog with a field */,
    KF_AT_PANEL = 512 /* an error */,
    KF_AT_HELP = 1024,
    KF_AT_EXPORT = 2048,
    KF_AT_IMPORT = 4096,
    KF_AT_ALL = 8191
};

typedef enum kf_action {
    KF_DO_NONE,
    KF_DO_OPEN,
    KF_DO_PICK,
    KF_DO_USE,
    KF_DO_SUBMIT,
    KF_DO_NEXT,
    KF_DO_PREV,
    KF_DO_SAVE,
    KF_DO_RUN,
    KF_DO_NEW_CODE,
    KF_DO_BROWSER,
    KF_DO_FORGOT,
    KF_DO_INVERT,
    KF_DO_WIDER,
    KF_DO_QUIET,
    KF_DO_SHOW,
    KF_DO_EXPORT,
    KF_DO_REPLACE /* by a question only, no key */,
    KF_DO_CONFIRMED /* the same: what the screen asked about */,
    KF_DO_COPY,
    KF_DO_YANK,
    KF_DO_NEXT_WAITING,
    KF_DO_SORT_NEXT,
    KF_DO_SORT_PREV,
    KF_DO_SORT_REVERSE,
    KF_DO_BY_ENVIRONMENT,
    KF_DO_OTHER,
    KF_DO_OTHER_BACK,
    KF_DO_ORGANIZATION,
    KF_DO_CLAIMS,
    KF_DO_VERIFY,
    KF_DO_ENROLL,
    KF_DO_OTHERS,
    KF_DO_AGAIN,
    KF_DO_YES,
    KF_DO_NO,
    KF_DO_SIGN_IN,
    KF_DO_RENEW,
    KF_DO_ADD,
    KF_DO_EDIT,
    KF_DO_DUPLICATE,
    KF_DO_IMPORT,
    KF_DO_DEFAULT,
    KF_DO_FILTER,
    KF_DO_SIGN_OUT,
    KF_DO_UNLOCK,
    KF_DO_DELETE,
    KF_DO_UNDO,
    KF_DO_DETAILS,
    KF_DO_UP,
    KF_DO_DOWN,
    KF_DO_PAGE_UP,
    KF_DO_PAGE_DOWN,
    KF_DO_FIRST,
    KF_DO_LAST,
    KF_DO_BACK,
    KF_DO_CLOSE,
    KF_DO_HELP,
    KF_DO_PALETTE,
    KF_DO_REDRAW,
    KF_DO_SUSPEND,
    KF_DO_QUIT,
    KF_DO_LEAVE,
    KF_DO_COUNT
} kf_action;

typedef struct kf_action_row {
    kf_action id;
    const char *name;     /* stable: "sign-in" */
    const char *key;      /* as it is shown: "s", "Ctrl-L" */
    const char *hint;     /* in the key line: "sign in" */
    const char *sentence; /* in help */
    unsigned where;       /* KF_AT_... */
    int keys[10];         /* 0 ends */
} kf_action_row;

const kf_action_row *kf_actions(size_t *n);
const kf_action_row *kf_action_get(kf_action id); /* never NULL for a valid id but NONE */
const kf_action_row *kf_action_at(kf_action id, unsigned where); /* as it is called in this place */
/* What a key does in a place; KF_DO_NONE if nothing. */
kf_action kf_action_for(int key, unsigned where);
bool kf_key_is_text(int key); /* a printable character */
