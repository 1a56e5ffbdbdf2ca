/* How to sign in. Every method is listed; one that this profile cannot use is greyed and says why.
 */
#include "base/str.h"
#include "ui/common/text.h"
#include "ui/common/words.h"
#include "ui/tui/places/places.h"
#include "ui/tui/places/profile_do.h"
#include "ui/tui/parts/widget.h"

typedef struct chooser {
    char id[17];
    size_t cur;
} chooser;

typedef struct way {
    kf_method method;
    const char *about;   /* one line */
    const char *happens; /* the pane beside it */
    bool needs_key;
} way;

static const way ways[] = {
    {KF_BY_BROWSER, "opens your browser, comes back by itself",
     "keyfob shows an address and opens it when you press b.\nYou sign in on the environment's own "
     "page, with whatever it "
     "offers.\nThe browser comes back to this computer and keyfob goes on here.\n \nYou need   a "
     "browser on this computer\n"
     "Valid for  10 minutes\n \nThe address carries no secret, and the answer works only with this "
     "keyfob (PKCE).",
     false},
    {KF_BY_DEVICE, "for SSH, containers, no browser here",
     "keyfob asks WorkOS for a code.\nYou open a link on any phone or computer and confirm the "
     "code.\nkeyfob notices and "
     "goes on here.\n \nYou need   a device with a browser\nValid for  5 minutes, then n makes a "
     "new code\n \nOnly confirm a "
     "code that you started yourself. Nobody from WorkOS will ever read one out to you.",
     false},
    {KF_BY_MAGIC, "a code comes by e-mail, no password",
     "You give your address.\nWorkOS mails you six digits.\nYou type them here.\n \nYou need   "
     "your mailbox\nValid for  10 "
     "minutes\n \nThe environment's API key goes with it, so only profiles that have one can do "
     "this.",
     true},
    {KF_BY_PASSWORD, "e-mail and password, then a code if needed",
     "You give your address and your password.\nIf your account has a second factor, its six "
     "digits follow.\n \nThe password "
     "goes to WorkOS and is kept nowhere. Forgot it: Ctrl-N at the password makes a new one.\n "
     "\nThe environment's API key "
     "goes with it, so only profiles that have one can do this.",
     true},
    {KF_BY_SSO, "your company's identity provider",
     "You name the organization, the connection or the domain, unless the profile has one.\nkeyfob "
     "shows the address of its "
     "identity provider and opens it when you press b.\nThe browser comes back and keyfob goes on "
     "here.\n \nYou need   a "
     "browser on this computer\nValid for  10 minutes",
     false},
};

static const kf_mprofile *of(const void *st, const kf_model *m) {
    return kf_model_by_id(m, ((const chooser *)st)->id);
}

/* Where the last session came from; -1: not known. */
static int last_way(const kf_mprofile *p) {
    const char *how = p ? p->method : "";
    if (!how[0]) return -1;
    kf_method m = kf_str_eq(how, "Password")    ? KF_BY_PASSWORD
                  : kf_str_eq(how, "MagicAuth") ? KF_BY_MAGIC
                  : kf_str_eq(how, "SSO")       ? KF_BY_SSO
                                                : KF_BY_BROWSER;
    for (size_t i = 0; i < KF_LEN(ways); i++)
        if (ways[i].method == m) return (int)i;
    return -1;
}

static bool blocked(const kf_model *m, const kf_mprofile *p, size_t i) {
    return ways[i].needs_key && !p->confidential && !m->env_api_key;
}

static void init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    chooser *s = st;
    memcpy(s->id, args->profile, sizeof args->profile);
    const kf_mprofile *p = of(st, m);
    int last = last_way(p);
    if (last >= 0 && !blocked(m, p, (size_t)last)) s->cur = (size_t)last;
    else if (m->ssh) s->cur = 1;
}

static void take(const chooser *s, const kf_model *m, const kf_mprofile *p, kf_out *o) {
    kf_args a = {.what = (int)ways[s->cur].method};
    if (blocked(m, p, s->cur)) {
        kf_out_say(o, KF_SAY_WARN, "%s needs an API key; e adds one to this profile",
                   kf_words_method(ways[s->cur].method));
        return;
    }
    memcpy(a.profile, s->id, sizeof a.profile);
    kf_out_push(o, &kf_screen_signin, &a);
}

static void update(void *st, const kf_model *m, const kf_event *ev, kf_out *o) {
    chooser *s = st;
    const kf_mprofile *p = of(st, m);
    if (!p) kf_out_pop(o, 1);
    if (!p || ev->kind != KF_EV_DO) return;
    if (ev->act == KF_DO_BACK) kf_out_pop(o, 1);
    else if (kf_is_move(ev->act)) s->cur = kf_list_move(s->cur, KF_LEN(ways), 1, ev->act);
    else if (ev->act == KF_DO_USE) take(s, m, p, o);
    else if (ev->act == KF_DO_EDIT) kf_profile_do(m, p, ev->act, o);
    else if (ev->act == KF_DO_PICK && ev->key >= '1' && (size_t)(ev->key - '1') < KF_LEN(ways)) {
        s->cur = (size_t)(ev->key - '1');
        take(s, m, p, o);
    }
}

static int draw_rows(const chooser *s, const kf_model *m, const kf_mprofile *p, bool pane,
                     kf_grid *g, kf_rect r) {
    for (size_t i = 0; i < KF_LEN(ways); i++) {
        bool no = blocked(m, p, i), at = i == s->cur;
        int y = r.y + (int)i;
        const char *about = no ? "needs an API key (e adds one)" : pane ? "" : ways[i].about;
        kf_grid_printf(g, y, r.x, r.cols, no ? KF_INK_DIM : KF_INK_STRONG, "%zu  %s", i + 1,
                       kf_words_method(ways[i].method));
        if (r.cols < 50 && no) /* the reason is what matters there */
            kf_grid_printf(g, y, r.x + 3, r.cols - 3, KF_INK_DIM, "%.*s: needs an API key",
                           (int)strcspn(kf_words_method(ways[i].method), "("),
                           kf_words_method(ways[i].method));
        else if (r.cols >= 50) kf_grid_text(g, y, r.x + 32, r.cols - 32, KF_INK_DIM, about);
        if (!no) kf_grid_tint(g, y, r.x, 1, KF_INK_KEY);
        if (at) {
            kf_row_mark(g, y, r);
            kf_grid_cursor(g, y, r.x - 2);
        }
    }
    return (int)KF_LEN(ways);
}

/* What helps to choose, as far as there is room. */
static void draw_advice(const chooser *s, const kf_model *m, const kf_mprofile *p, kf_grid *g,
                        kf_rect r) {
    char text[240];
    int y = r.y, cols = r.cols < 76 ? r.cols : 76, bottom = r.y + r.rows, last = last_way(p);
    if (blocked(m, p, s->cur))
        y += kf_grid_wrap(g, y, r.x, cols, bottom - y, KF_INK_TEXT,
                          "This profile has only a client ID. WorkOS takes passwords and codes "
                          "only together with the "
                          "environment's API key. Press e, paste the key (sk_...) of the same "
                          "environment, and come back "
                          "here; the other ways need none.",
                          true) +
             1;
    if (!blocked(m, p, s->cur) && ways[s->cur].needs_key && !p->confidential && y < bottom)
        y += kf_grid_wrap(g, y, r.x, cols, bottom - y, KF_INK_WARN,
                          "This profile has no API key: the one in WORKOS_API_KEY is used for this "
                          "sign-in, and is not kept.",
                          true) +
             1;
    if (m->env_client_id && *m->env_client_id && p->client_id[0] &&
        strcmp(m->env_client_id, p->client_id) && y < bottom) {
        KF_AUTO_CHARS theirs = kf_text_safe(m->env_client_id);
        KF_AUTO_CHARS note = kf_strfmt("WORKOS_CLIENT_ID is %s; %s signs in with its own, %s.",
                                       theirs, p->name, p->client_id);
        y += kf_grid_wrap(g, y, r.x, cols, bottom - y, KF_INK_WARN, note, true) + 1;
    }
    if (last >= 0 && y < bottom) {
        snprintf(text, sizeof text, "Last used here: %d, %.60s", last + 1,
                 kf_words_method(ways[last].method));
        y += kf_grid_wrap(g, y, r.x, cols, bottom - y, KF_INK_DIM, text, true) + 1;
    }
    if (m->ssh && y < bottom)
        y += kf_grid_wrap(g, y, r.x, cols, bottom - y, KF_INK_TEXT,
                          "Why 1 may not fit: this looks like an SSH session, so the browser would "
                          "open on the remote "
                          "computer. 2 works from anywhere.",
                          true) +
             1;
    if (m->sandbox && y < bottom)
        kf_grid_wrap(
            g, y, r.x, cols, bottom - y, KF_INK_DIM,
            "In the sandbox: plain@, orgs@, totp@, enroll@ or unverified@example.test, password "
            "sandbox-password.",
            true);
}

static void draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const chooser *s = st;
    const kf_mprofile *p = of(st, m);
    if (!p) return;
    kf_rect r = v->body;
    char question[240];
    if (v->tier == KF_TIER_WIDE) {
        int left = 66;
        kf_rect pane = {r.y, r.x + left + 3, r.rows, r.cols - left - 3};
        kf_grid_vline(g, r.y, r.x + left + 1, r.rows);
        kf_grid_text(g, pane.y, pane.x, pane.cols, KF_INK_STRONG,
                     kf_words_method(ways[s->cur].method));
        kf_grid_wrap(g, pane.y + 2, pane.x, pane.cols, pane.rows - 2, KF_INK_TEXT,
                     ways[s->cur].happens, true);
        r.cols = left;
    }
    int y = r.y;
    snprintf(question, sizeof question, "How do you want to sign in to %s%s%.60s%s?", p->name,
             p->environment[0] ? " (" : "", p->environment, p->environment[0] ? ")" : "");
    y += kf_grid_wrap(g, y, r.x, r.cols, r.rows < 12 ? 2 : 3, KF_INK_TEXT, question, true);
    if (r.rows >= 12) y++;
    y += draw_rows(s, m, p, v->tier == KF_TIER_WIDE, g, (kf_rect){y, r.x, r.rows, r.cols});
    if (r.rows >= 12) y++;
    draw_advice(s, m, p, g, (kf_rect){y, r.x, r.y + r.rows - y, r.cols});
}

static void title(const void *st, const kf_model *m, bool compact, char *left, char *right,
                  size_t size) {
    const kf_mprofile *p = of(st, m);
    snprintf(left, size, "keyfob%s > %s > Sign in", m->sandbox ? " sandbox" : "", p ? p->name : "");
}

static bool copy(const void *st, const kf_model *m, kf_copy *out) {
    const kf_mprofile *p = of(st, m);
    if (!p || !p->user_email[0]) return false;
    kf_copy_set(out, "e-mail address", p->user_email);
    return true;
}

static void hints(const void *st, const kf_model *m, kf_action out[12]) {
    const chooser *s = st;
    const kf_mprofile *p = of(st, m);
    int n = 0;
    if (p && !blocked(m, p, s->cur)) out[n++] = KF_DO_USE;
    out[n++] = KF_DO_PICK;
    out[n++] = KF_DO_BACK;
    out[n++] = KF_DO_EDIT;
    out[n] = KF_DO_YANK;
}

const kf_screen_class kf_screen_chooser = {.name = "chooser",
                                           .state_size = sizeof(chooser),
                                           .where = KF_AT_CHOOSER,
                                           .init = init,
                                           .update = update,
                                           .draw = draw,
                                           .title = title,
                                           .copy = copy,
                                           .hints = hints};
