/* Add or edit a profile (ui.md §5.4). */
#include "auth/profile.h"
#include "base/str.h"
#include "ui/common/words.h"
#include "ui/tui/profile_do.h"
#include "ui/tui/widget.h"

enum { NAME, CLIENT_ID, API_KEY, API_HOST, PORT, ORGANIZATION, FIELDS };

typedef struct form {
    char id[17]; /* "": a new one */
    kf_line line[FIELDS];
    uint64_t print[FIELDS]; /* of the value at the start, to know what changed */
    char error[FIELDS][400];
    int at;
    uint32_t call;
    bool failed;
    kf_err err; /* of the save, when no field is to blame */
} form;

static const struct {
    const char *label, *help;
    size_t cap;
} fields[FIELDS] = {
    {"Name", "Small letters, digits, dot, dash, underscore: acme-prod", 64},
    {"Client ID", "client_... from the API keys page of the WorkOS dashboard", 128},
    {"API key (optional)",
     "sk_...: needed for passwords, codes and MFA. Goes to the secret store, is never shown", 256},
    {"API host",
     "https://api.workos.com unless you were told otherwise; http only for this computer", 256},
    {"Redirect port", "For signing in with a browser. 0 takes any free port", 5},
    {"Organization (optional)", "org_...: chosen without asking when you belong to several", 95},
};

static uint64_t print_of(const kf_line *l) { /* FNV-1a: only tells same from changed */
    uint64_t h = 14695981039346656037u;
    for (const char *c = kf_line_text(l); *c; c++) h = (h ^ (unsigned char)*c) * 1099511628211u;
    return h;
}

static int changes(const form *f) {
    int n = 0;
    for (int i = 0; i < FIELDS; i++) n += print_of(&f->line[i]) != f->print[i];
    return n;
}

static void init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    form *f = st;
    (void)o;
    if (args) memcpy(f->id, args->profile, sizeof f->id);
    for (int i = 0; i < FIELDS; i++) kf_line_init(&f->line[i], fields[i].cap, i == API_KEY);
    const kf_mprofile *p = f->id[0] ? kf_model_by_id(m, f->id) : NULL;
    char port[16] = "0";
    if (p) snprintf(port, sizeof port, "%d", p->redirect_port);
    kf_line_set(&f->line[PORT], port);
    kf_line_set(&f->line[API_HOST], p ? p->api_host : KF_API_HOST_DEFAULT);
    if (p) {
        kf_line_set(&f->line[NAME], p->name);
        kf_line_set(&f->line[CLIENT_ID], p->client_id);
        kf_line_set(&f->line[ORGANIZATION], p->organization_id);
    }
    for (int i = 0; i < FIELDS; i++) f->print[i] = print_of(&f->line[i]);
}

static void done(void *st) {
    for (int i = 0; i < FIELDS; i++) kf_line_done(&((form *)st)->line[i]);
}

/* --- validation ------------------------------------------------------------------------ */

static void complain(form *f, int i, const char *text) {
    snprintf(f->error[i], sizeof f->error[i], "%s", text);
}

static void check_host(form *f, const char *t) {
    kf_err err;
    char *norm = NULL;
    if (!kf_origin_parse(t, &norm, &err)) complain(f, API_HOST, err.what);
    free(norm);
}

static void check_name(form *f, const kf_model *m, const char *t) {
    const kf_mprofile *other = kf_model_by_name(m, t);
    if (!t[0])
        complain(f, NAME, "A name is needed");
    else if (!kf_profile_name_ok(t))
        complain(f, NAME, "Small letters, digits, dot, dash, underscore; a letter or digit first");
    else if (other && strcmp(other->id, f->id) != 0)
        complain(f, NAME, "Another profile has this name");
}

static void check(form *f, const kf_model *m, int i) {
    const char *t = kf_line_text(&f->line[i]);
    f->error[i][0] = 0;
    switch (i) {
    case NAME: check_name(f, m, t); break;
    case CLIENT_ID:
        if (!t[0])
            complain(f, i, "A client ID is needed");
        else if (!kf_client_id_ok(t))
            complain(f, i, "A client ID is client_ and letters, digits or underscores");
        break;
    case API_KEY:
        if (t[0] && (!kf_str_starts(t, "sk_") || strchr(t, ' ')))
            complain(f, i, "An API key begins with sk_ and has no blanks");
        break;
    case API_HOST: check_host(f, t); break;
    case PORT:
        if (!t[0] || strspn(t, "0123456789") != strlen(t) || strtol(t, NULL, 10) > 65535)
            complain(f, i, "A port is a number from 0 to 65535");
        break;
    case ORGANIZATION:
        if (t[0] && (!kf_str_starts(t, "org_") || strchr(t, ' ')))
            complain(f, i, "An organization ID begins with org_");
        break;
    default: break;
    }
}

static bool check_all(form *f, const kf_model *m) {
    int first = -1;
    for (int i = FIELDS - 1; i >= 0; i--) {
        check(f, m, i);
        if (f->error[i][0]) first = i;
    }
    if (first >= 0) f->at = first;
    return first < 0;
}

static void save(form *f, const kf_model *m, kf_out *o) {
    if (f->call || !check_all(f, m)) return;
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "id", f->id);
    kf_json_set_str(p, "name", kf_line_text(&f->line[NAME]));
    kf_json_set_str(p, "client_id", kf_line_text(&f->line[CLIENT_ID]));
    kf_json_set_str(p, "api_host", kf_line_text(&f->line[API_HOST]));
    kf_json_set_str(p, "organization_id", kf_line_text(&f->line[ORGANIZATION]));
    kf_json_set_int(p, "redirect_port", strtol(kf_line_text(&f->line[PORT]), NULL, 10));
    if (!kf_line_is_empty(&f->line[API_KEY]))
        kf_json_set_str(p, "api_key", kf_line_text(&f->line[API_KEY]));
    f->failed = false;
    f->call = kf_out_call(o, "PutProfile", p);
}

static void saved(form *f, const kf_model *m, const kf_event *ev, kf_out *o) {
    if (ev->call != f->call) return;
    f->call = 0;
    if (ev->err) {
        f->err = *ev->err;
        kf_words_error w;
        kf_words_for_error(ev->err, &w);
        switch (ev->err->code) {
        case KF_ERR_USAGE_EXISTS:
        case KF_ERR_USAGE_NAME:
            f->at = NAME;
            complain(f, NAME, w.happened);
            break;
        case KF_ERR_USAGE_BAD_URL:
            f->at = API_HOST;
            complain(f, API_HOST, w.happened);
            break;
        case KF_ERR_USAGE_NO_CLIENT_ID:
            f->at = CLIENT_ID;
            complain(f, CLIENT_ID, w.happened);
            break;
        default:
            f->failed = true;
            kf_out_push(o, &kf_screen_panel,
                        &(kf_args){.err = ev->err, .title = "Could not save the profile"});
        }
        return;
    }
    const char *id = kf_json_str_or(kf_json_get(ev->result, "profile"), "id", "");
    const kf_mprofile *p = kf_model_by_id(m, id);
    kf_out_say(o, KF_SAY_GOOD, f->id[0] ? "Saved %s" : "Added %s; s signs in",
               p ? p->name : "the profile");
    kf_out_select(o, id);
    kf_out_pop(o, 1);
}

static void go(form *f, const kf_model *m, int to) {
    check(f, m, f->at);
    f->at = (to + FIELDS) % FIELDS;
}

static void act(form *f, const kf_model *m, kf_action what, kf_out *o) {
    switch (what) {
    case KF_DO_NEXT: go(f, m, f->at + 1); break;
    case KF_DO_PREV: go(f, m, f->at - 1); break;
    case KF_DO_SAVE: save(f, m, o); break;
    case KF_DO_BACK:
        if (changes(f))
            kf_out_push(o, &kf_screen_confirm, &(kf_args){.what = KF_CONFIRM_DISCARD});
        else
            kf_out_pop(o, 1);
        break;
    default: break;
    }
}

static void update(void *st, const kf_model *m, const kf_event *ev, kf_out *o) {
    form *f = st;
    char msg[120];
    switch (ev->kind) {
    case KF_EV_RESULT: saved(f, m, ev, o); return;
    case KF_EV_DO: act(f, m, ev->act, o); return;
    case KF_EV_PASTE:
        kf_line_paste(&f->line[f->at], ev->text, ev->len, msg, sizeof msg);
        if (msg[0]) kf_out_say(o, KF_SAY_INFO, "%s", msg);
        return;
    case KF_EV_KEY:
        if (ev->key == KF_KEY_ENTER && f->at == FIELDS - 1)
            save(f, m, o);
        else if (ev->key == KF_KEY_ENTER)
            go(f, m, f->at + 1);
        else if (ev->key == '?' && kf_line_is_empty(&f->line[f->at]) && f->at != API_KEY)
            kf_out_help(o);
        else if (!kf_line_key(&f->line[f->at], ev->key) && kf_key_is_text(ev->key))
            kf_out_say(o, KF_SAY_INFO, "The field takes %zu characters", f->line[f->at].cap);
        return;
    default: return;
    }
}

static kf_typing typing(const void *st, const kf_model *m) {
    (void)st, (void)m;
    return KF_TYPING_TEXT;
}

/* --- drawing --------------------------------------------------------------------------- */

static const char *help_for(const form *f, const kf_model *m, int i) {
    const kf_mprofile *p = f->id[0] ? kf_model_by_id(m, f->id) : NULL;
    if (i == API_KEY && p && p->confidential) return "One is stored; leave this empty to keep it";
    return fields[i].help;
}

/* Rows: label and field on one line where there is room, help of the focused field, error. In a
 * small window only the fields around the focused one. */
static void draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const form *f = st;
    kf_rect r = v->body;
    bool roomy = r.rows >= 13, beside = r.cols >= 60;
    int label = beside ? 25 : 0, each = beside ? 1 : 2;
    int extra = 2, fits = roomy ? FIELDS : (r.rows - extra) / each;
    if (fits < 1) fits = 1;
    int top = (int)kf_scroll_top((size_t)f->at, FIELDS, fits), y = r.y + (roomy ? 1 : 0);
    for (int i = top; i < FIELDS && i < top + fits && y < r.y + r.rows; i++) {
        kf_grid_text(g, y, r.x, beside ? label - 1 : r.cols,
                     i == f->at ? KF_INK_STRONG : KF_INK_TEXT, fields[i].label);
        if (!beside) y++;
        int cols = i == PORT ? 11 : r.cols - label < 52 ? r.cols - label : 52;
        kf_line_draw(&f->line[i], g, y++, r.x + label, cols, i == f->at);
        if (f->error[i][0]) {
            kf_grid_printf(g, y++, r.x + label, r.cols - label, KF_INK_BAD, "! %s", f->error[i]);
        } else if (i == f->at) {
            y += kf_grid_wrap(g, y, r.x + label, r.cols - label, roomy ? 2 : 1, KF_INK_DIM,
                              help_for(f, m, i), true);
        }
        if (roomy && r.rows >= 22) y++;
    }
}

static void title(const void *st, const kf_model *m, bool compact, char *left, char *right,
                  size_t size) {
    const form *f = st;
    const kf_mprofile *p = f->id[0] ? kf_model_by_id(m, f->id) : NULL;
    (void)compact;
    snprintf(left, size, "keyfob%s > %s%s", m->sandbox ? " sandbox" : "",
             p ? p->name : "Add a profile", p ? " > Edit" : "");
    snprintf(right, size, "field %d of %d", f->at + 1, FIELDS);
}

static void status(const void *st, const kf_model *m, bool compact, char *left, char *right,
                   size_t size) {
    const form *f = st;
    (void)m, (void)compact, (void)right;
    if (f->call)
        snprintf(left, size, "saving");
    else if (changes(f))
        snprintf(left, size, "%d change%s", changes(f), changes(f) == 1 ? "" : "s");
}

static void hints(const void *st, const kf_model *m, kf_action out[12]) {
    (void)st, (void)m;
    out[0] = KF_DO_SAVE, out[1] = KF_DO_NEXT, out[2] = KF_DO_BACK, out[3] = KF_DO_PREV;
}

const kf_screen_class kf_screen_form = {.name = "form",
                                        .state_size = sizeof(form),
                                        .where = KF_AT_FORM,
                                        .init = init,
                                        .update = update,
                                        .draw = draw,
                                        .done = done,
                                        .typing = typing,
                                        .title = title,
                                        .status = status,
                                        .hints = hints};
