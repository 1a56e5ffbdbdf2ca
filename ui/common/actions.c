/* The table of actions (key, name, sentence, where it applies) and its look-ups. It performs no
 * action. */
#include "ui/common/actions.h"
#include <stdint.h>

enum {
    LISTS = KF_AT_PROFILE | KF_AT_PANEL | KF_AT_STEP | KF_AT_FIRST | KF_AT_LIST | KF_AT_CHOOSER |
            KF_AT_PICKER | KF_AT_HELP | KF_AT_IMPORT,
    ONE_PROFILE = KF_AT_LIST | KF_AT_PROFILE,
    COPIES = KF_AT_LIST | KF_AT_PROFILE | KF_AT_CHOOSER | KF_AT_PANEL | KF_AT_EXPORT |
             KF_AT_IMPORT | KF_AT_STEP,
    FIELDS = KF_AT_FORM | KF_AT_TYPED | KF_AT_EXPORT
};

/* The order is the order of help. */
/* clang-format off */
static const kf_action_row table[] = {
    {KF_DO_OPEN, "open", "Enter", "open", "Opens the selected profile.", KF_AT_LIST,
     {KF_KEY_ENTER, KF_KEY_RIGHT, 'l'}},
    {KF_DO_USE, "choose", "Enter", "choose", "Takes the selected row.",
     KF_AT_FIRST | KF_AT_CHOOSER | KF_AT_PICKER, {KF_KEY_ENTER, KF_KEY_RIGHT}},
    {KF_DO_PICK, "pick", "1..", "pick", "Takes the row with this number.",
     KF_AT_FIRST | KF_AT_CHOOSER,
     {'1', '2', '3', '4', '5', '6', '7', '8', '9'}},
    {KF_DO_SUBMIT, "submit", "Enter", "continue", "Sends what is in the field.",
     KF_AT_STEP | KF_AT_TYPED,
     {KF_KEY_ENTER}},
    {KF_DO_NEXT, "next", "Tab", "next field", "Goes to the next field.",
     FIELDS, {KF_KEY_TAB, KF_KEY_DOWN}},
    {KF_DO_PREV, "previous", "Shift-Tab", "previous", "Goes to the previous field.", FIELDS,
     {KF_KEY_BACKTAB, KF_KEY_UP}},
    {KF_DO_NEXT, "next-field", "Tab", "next field", "Goes into the field, or to the next one.",
     KF_AT_STEP, {KF_KEY_TAB}},
    {KF_DO_PREV, "previous-field", "Shift-Tab", "previous", "Goes to the field before.",
     KF_AT_STEP, {KF_KEY_BACKTAB}},
    {KF_DO_NEXT, "next-tab", "Tab", "next tab", "Overview, claims, sessions, factors (]).",
     KF_AT_PROFILE, {KF_KEY_TAB, ']'}},
    {KF_DO_PREV, "previous-tab", "Shift-Tab", "previous tab", "Goes to the tab before ([).",
     KF_AT_PROFILE, {KF_KEY_BACKTAB, '['}},
    {KF_DO_BROWSER, "browser", "b", "open it here", "Opens the address in this computer's browser.",
     KF_AT_STEP, {'b'}},
    {KF_DO_NEW_CODE, "new-code", "n", "new code", "Asks for another code.", KF_AT_STEP, {'n'}},
    {KF_DO_FORGOT, "forgot", "Ctrl-N", "new password",
     "Asks for a mail to reset the password, after a question.", KF_AT_STEP, {KF_CTRL('N')}},
    {KF_DO_INVERT, "invert", "i", "invert", "QR code: light and dark the other way round.",
     KF_AT_STEP, {'i'}},
    {KF_DO_WIDER, "two-column", "w", "two-column", "QR code: two columns a module, without glyphs.",
     KF_AT_STEP, {'w'}},
    {KF_DO_QUIET, "quiet-zone", "+", "quiet zone", "QR code: a larger margin, then the default.",
     KF_AT_STEP, {'+'}},
    {KF_DO_SHOW, "show", "v", "show", "Shows what was hidden again.", KF_AT_STEP, {'v'}},
    {KF_DO_SAVE, "save", "F2", "save", "Saves the form (F2, or Ctrl-S where it gets here).",
     KF_AT_FORM, {KF_KEY_F2, KF_CTRL('S')}},
    {KF_DO_RUN, "run", "Enter", "run", "Runs the selected action.", KF_AT_HELP, {KF_KEY_ENTER}},
    {KF_DO_AGAIN, "again", "Enter", "try again", "Tries the same thing once more.",
     KF_AT_PANEL, {KF_KEY_ENTER}},
    {KF_DO_YES, "yes", "y", "do it", "Does what the question asks.", KF_AT_ASK, {'y', 'Y'}},
    {KF_DO_NO, "no", "n", "keep", "Leaves everything as it is.", KF_AT_ASK, {'n', 'N'}},
    {KF_DO_NEXT, "other-button", "Tab", "other button", "Goes to the other button (Left, Right).",
     KF_AT_ASK,
     {KF_KEY_TAB, KF_KEY_BACKTAB, KF_KEY_LEFT, KF_KEY_RIGHT}},
    {KF_DO_SUBMIT, "press-button", "Enter", "press it", "Takes the button that has the focus.",
     KF_AT_ASK, {KF_KEY_ENTER}},
    {KF_DO_SIGN_IN, "sign-in", "s", "sign in", "Signs in to the profile, or signs in again.",
     ONE_PROFILE | KF_AT_PANEL, {'s'}},
    {KF_DO_RENEW, "renew", "r", "renew", "Renews the access token now.",
     ONE_PROFILE | KF_AT_PANEL, {'r'}},
    {KF_DO_ADD, "add", "a", "add", "Adds a profile.", KF_AT_LIST, {'a'}},
    {KF_DO_EDIT, "edit", "e", "edit", "Changes settings or the API key.",
     ONE_PROFILE | KF_AT_CHOOSER | KF_AT_PANEL, {'e'}},
    {KF_DO_DUPLICATE, "copy-profile", "C", "copy profile",
     "Adds a profile with the settings of this one.", ONE_PROFILE, {'C'}},
    {KF_DO_IMPORT, "open-import", "I", "import", "Makes profiles of what the WorkOS CLI knows.",
     KF_AT_LIST, {'I'}},
    {KF_DO_COPY, "copy-token", "t", "copy token", "Puts a fresh token into the clipboard for 30 s.",
     ONE_PROFILE, {'t'}},
    {KF_DO_YANK, "copy", "y", "copy", "Copies what the cursor is on, in one line.",
     COPIES, {'y'}},
    {KF_DO_NEXT_WAITING, "next-waiting", "n", "next one",
     "Goes to the next profile that needs a person.", KF_AT_LIST, {'n'}},
    {KF_DO_SORT_NEXT, "sort-next", ">", "sort by next", "Sorts by the next column.",
     KF_AT_LIST, {'>'}},
    {KF_DO_SORT_PREV, "sort-previous", "<", "sort back",
     "Sorts by the column before; then as at the start.", KF_AT_LIST, {'<'}},
    {KF_DO_SORT_REVERSE, "sort-reverse", "R", "reverse", "Sorts the other way round.",
     KF_AT_LIST, {'R'}},
    {KF_DO_BY_ENVIRONMENT, "by-environment", "b", "by env.", "Sorts by environment.",
     KF_AT_LIST, {'b'}},
    {KF_DO_EXPORT, "export", "x", "export", "The token, its claims or the API key for other tools.",
     ONE_PROFILE, {'x'}},
    {KF_DO_EXPORT, "do-export", "Enter", "export", "Copies it, or writes the file.",
     KF_AT_EXPORT, {KF_KEY_ENTER}},
    {KF_DO_OTHER, "other", "Space", "another", "Goes to the next choice of the field (Right, l).",
     KF_AT_EXPORT, {' ', KF_KEY_RIGHT, 'l'}},
    {KF_DO_OTHER_BACK, "other-back", "Left", "the one before", "Goes to the choice before (h).",
     KF_AT_EXPORT, {KF_KEY_LEFT, 'h'}},
    {KF_DO_SHOW, "reveal", "v", "show", "Shows the whole text for 10 s.", KF_AT_EXPORT, {'v'}},
    {KF_DO_SAVE, "import", "Enter", "import", "Adds the marked environments as profiles.",
     KF_AT_IMPORT, {KF_KEY_ENTER}},
    {KF_DO_OTHER, "mark", "Space", "mark", "Marks the row to be imported, or not.",
     KF_AT_IMPORT, {' '}},
    {KF_DO_ORGANIZATION, "organization", "o", "organization",
     "Switches to another of your organizations.", ONE_PROFILE, {'o'}},
    {KF_DO_CLAIMS, "claims", "c", "claims", "Shows what the access token says.",
     ONE_PROFILE, {'c'}},
    {KF_DO_VERIFY, "verify", "v", "verify", "Claims: checks the token's signature.",
     KF_AT_PROFILE, {'v'}},
    {KF_DO_ENROLL, "enroll", "a", "add an app", "Factors: sets up an authenticator app.",
     KF_AT_PROFILE, {'a'}},
    {KF_DO_OTHERS, "end-others", "A", "end all others", "Sessions: ends all but this one.",
     KF_AT_PROFILE, {'A'}},
    {KF_DO_DEFAULT, "default", "*", "default", "Commands use it when no profile is named.",
     ONE_PROFILE, {'*'}},
    {KF_DO_FILTER, "filter", "/", "filter", "Shows rows that contain each word; !word excludes.",
     KF_AT_LIST | KF_AT_HELP, {'/'}},
    {KF_DO_SIGN_OUT, "sign-out", "S", "sign out", "Ends the session at WorkOS and here.",
     ONE_PROFILE,
     {'S'}},
    {KF_DO_UNLOCK, "unlock", "U", "unlock", "Unlocks the vault, the keyring or keyfob itself.",
     ONE_PROFILE, {'U'}},
    {KF_DO_DELETE, "delete", "D", "delete", "Deletes the profile; on its tab a session or factor.",
     ONE_PROFILE, {'D'}},
    {KF_DO_UNDO, "take-back", "u", "take back", "Takes back the profile deleted in the last 10 s.",
     ONE_PROFILE | KF_AT_FIRST, {'u'}},
    {KF_DO_DETAILS, "details", "d", "details", "Shows code, status, request ID of an error.",
     ONE_PROFILE | KF_AT_STEP | KF_AT_PANEL, {'d'}},
    {KF_DO_UP, "up", "Up", "up", "Moves up one row (k).", LISTS, {KF_KEY_UP, 'k'}},
    {KF_DO_DOWN, "down", "Down", "down", "Moves down one row (j).", LISTS, {KF_KEY_DOWN, 'j'}},
    {KF_DO_PAGE_UP, "page-up", "PgUp", "page up", "Moves up one page (Ctrl-B).",
     LISTS | KF_AT_EXPORT,
     {KF_KEY_PGUP, KF_CTRL('B'), KF_CTRL('U')}},
    {KF_DO_PAGE_DOWN, "page-down", "PgDn", "page down", "Moves down one page (Ctrl-F).",
     LISTS | KF_AT_EXPORT,
     {KF_KEY_PGDN, KF_CTRL('F'), KF_CTRL('D')}},
    {KF_DO_FIRST, "first", "Home", "first", "Goes to the first row (g).",
     LISTS, {KF_KEY_HOME, 'g'}},
    {KF_DO_LAST, "last", "End", "last", "Goes to the last row (G).", LISTS, {KF_KEY_END, 'G'}},
    {KF_DO_BACK, "back", "Esc", "back", "Goes back, cancels, clears a filter; never quits.",
     KF_AT_ALL,
     {KF_KEY_ESC}},
    {KF_DO_BACK, "back-left", "Left", "back", "Goes back (h).",
     KF_AT_PROFILE | KF_AT_CHOOSER | KF_AT_LIST,
     {KF_KEY_LEFT, 'h'}},
    {KF_DO_CLOSE, "close", "q", "close", "Closes this screen; the first one ends keyfob.",
     KF_AT_ALL, {'q'}},
    {KF_DO_HELP, "help", "?", "help", "Lists what can be done here (F1 inside a field).", KF_AT_ALL,
     {'?', KF_KEY_F1}},
    {KF_DO_PALETTE, "palette", ":", "actions", "The same list, ready to be searched.",
     KF_AT_ALL & ~KF_AT_HELP, {':'}},
    {KF_DO_REDRAW, "redraw", "Ctrl-L", "redraw", "Draws the screen again.",
     KF_AT_ALL,
     {KF_CTRL('L')}},
    {KF_DO_SUSPEND, "suspend", "Ctrl-Z", "suspend",
     "Wipes the screen, back to the shell; fg returns.", KF_AT_ALL, {KF_CTRL('Z')}},
    {KF_DO_QUIT, "quit", "Q", "quit", "Ends keyfob at once; the agent keeps sessions.",
     KF_AT_ALL, {'Q'}},
    {KF_DO_LEAVE, "leave", "Ctrl-C", "leave", "Ends keyfob at once, from anywhere.", KF_AT_ALL,
     {KF_CTRL('C')}},
};

/* clang-format on */

const kf_action_row *kf_actions(size_t *n) {
    *n = sizeof table / sizeof *table;
    return table;
}

const kf_action_row *kf_action_get(kf_action id) {
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].id == id) return &table[i];
    return &table[0];
}

const kf_action_row *kf_action_at(kf_action id, unsigned where) {
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].id == id && (table[i].where & where)) return &table[i];
    return kf_action_get(id);
}

kf_action kf_action_for(int key, unsigned where) {
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (!(table[i].where & where)) continue;
        for (size_t k = 0; k < sizeof table[i].keys / sizeof *table[i].keys && table[i].keys[k];
             k++)
            if (table[i].keys[k] == key) return table[i].id;
    }
    return KF_DO_NONE;
}

bool kf_key_is_text(int key) {
    return key >= 0x20 && key < 0x110000 && key != 0x7f && !(key >= 0x80 && key < 0xa0);
}
