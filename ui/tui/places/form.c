/* Add, edit or copy a profile. An error keeps the form open; a note is shown once, and
 * then the person decides. */
#include "auth/profile.h"
#include "base/str.h"
#include "ui/common/profile_words.h"
#include "ui/common/words.h"
#include "ui/tui/places/places.h"
#include "ui/tui/places/profile_do.h"
#include "ui/tui/parts/widget.h"

/* The name, then the fields of a profile. */
enum {
    NAME,
    FIRST,
    CLIENT_ID = FIRST + KF_PF_client_id,
    API_KEY = FIRST + KF_PF_api_key,
    API_HOST = FIRST + KF_PF_api_host,
    PORT = FIRST + KF_PF_redirect_port,
    ORGANIZATION = FIRST + KF_PF_organization_id,
    GIT_HOSTS = FIRST + KF_PF_git_host,
    FIELDS = FIRST + KF_PF_COUNT
};

typedef struct form {
    char id[17];   /* "": a new one */
    char from[17]; /* a new one, filled from this; "" none */
    kf_line line[FIELDS];
    uint64_t print[FIELDS]; /* of the value at the start, to know what changed */
    char error[FIELDS][400], note[FIELDS][200];
    int at;
    uint32_t call;
    bool failed;
    kf_err err; /* of the save, when no field is to blame */
} form;

#define FIELD(field, label, more, form, option, arg, help) \
    [FIRST + KF_PF_##field] = {label more, form},
static const struct {
    const char *label, *help;
} fields[FIELDS] = {[NAME] = {"Name", "Small letters, digits, dot, dash, underscore: acme-prod"},
                    KF_PROFILE_WORDS(FIELD)};

/* How much can be typed: a little more than is taken, so that what is too long is told. */
static size_t cap_of(int i) {
    if (i == NAME) return 64;
    if (i == CLIENT_ID) return 128;
    const kf_profile_field *f = &kf_profile_fields[i - FIRST];
    return f->kind == KF_PF_NUMBER ? 5 : f->kind == KF_PF_SECRET ? 256 : f->limit - 1;
}

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

/* "acme-copy", "acme-copy2": a name that is free. */
static void copy_name(const kf_model *m, const char *name, char out[65]) {
    char end[16] = "-copy";
    for (int i = 2;; i++) {
        snprintf(out, 65, "%.*s%s", (int)(64 - strlen(end)), name, end);
        if (!kf_model_by_name(m, out)) return;
        snprintf(end, sizeof end, "-copy%d", i);
    }
}

/* A copy gets no key and no session, because both belong to one profile, and so does a git host. */
static void fill(form *f, const kf_model *m, const kf_mprofile *p) {
    char name[65];
    bool copy = !f->id[0];
    if (copy) copy_name(m, p->name, name);
    kf_line_set(&f->line[NAME], copy ? name : p->name);
    for (kf_pf i = 0; i < KF_PF_COUNT; i++) {
        KF_AUTO_CHARS v = kf_model_field(p, i);
        if (!copy || !(kf_profile_fields[i].flags & KF_PF_ALONE))
            kf_line_set(&f->line[FIRST + i], v);
    }
}

static void init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    form *f = st;
    if (args) memcpy(args->what == KF_FORM_COPY ? f->from : f->id, args->profile, sizeof f->id);
    for (int i = 0; i < FIELDS; i++) kf_line_init(&f->line[i], cap_of(i), i == API_KEY);
    kf_line_set(&f->line[PORT], "0");
    kf_line_set(&f->line[API_HOST], KF_API_HOST_DEFAULT);
    const kf_mprofile *p = kf_model_by_id(m, f->id[0] ? f->id : f->from);
    if (p) fill(f, m, p);
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
    if (!t[0]) complain(f, NAME, "A name is needed");
    else if (!kf_profile_name_ok(t))
        complain(f, NAME, "Small letters, digits, dot, dash, underscore; a letter or digit first");
    else if (other && strcmp(other->id, f->id) != 0)
        complain(f, NAME, "Another profile has this name");
    else if (kf_model_is_hidden(m, t))
        complain(f, NAME, "The profile of this name is being deleted; in a moment it is free");
}

/* One host, one profile. The agent says so too; here it can name the other one before anything is
 * sent. */
static void check_hosts(form *f, const kf_model *m, const char *t) {
    kf_err err;
    char one[300];
    KF_AUTO_CHARS norm = NULL;
    if (!kf_hosts_parse(t, &norm, &err)) {
        complain(f, GIT_HOSTS, err.what);
        return;
    }
    for (const char *h = norm; *h; h += strcspn(h, ";"), h += *h == ';') {
        snprintf(one, sizeof one, "%.*s", (int)strcspn(h, ";"), h);
        for (size_t i = 0; i < m->n; i++) {
            const kf_mprofile *p = m->profile[i];
            if (p->gone || !strcmp(p->id, f->id) || !kf_hosts_has(p->git_host, one)) continue;
            snprintf(f->error[GIT_HOSTS], sizeof f->error[0], "%.200s belongs to %s", one, p->name);
            return;
        }
    }
}

/* "acme-prod1", "live": names are people's, so only whole words count. */
static bool says_production(const char *name) {
    static const char *const words[] = {"prod", "prd", "production", "live"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    for (const char *p = name; *p; p += strcspn(p, letters)) {
        size_t n = strspn(p, letters);
        for (size_t i = 0; i < KF_LEN(words); i++)
            if (strlen(words[i]) == n && !strncmp(p, words[i], n)) return true;
        p += n;
        if (!*p) break;
    }
    return false;
}

static const char *text_of(const form *f, int i) { return kf_line_text(&f->line[i]); }

static bool has_test_key(const form *f, const kf_mprofile *p) {
    if (text_of(f, API_KEY)[0]) return kf_str_starts(text_of(f, API_KEY), "sk_test_");
    return p && p->confidential && kf_str_eq(p->environment, "staging");
}

/* Secrets go only where they came from: another client ID or address leaves them
 * behind. */
static const char *left_behind(const form *f, const kf_mprofile *p) {
    bool key = p->confidential && !text_of(f, API_KEY)[0], session = kf_model_has_session(p);
    return key && session ? "The session and the API key stay with the old one"
           : session      ? "The session stays with the old one: sign in again"
           : key          ? "The API key stays with the old one: give its own above"
                          : "";
}

static void note(form *f, int i, const char *text) {
    snprintf(f->note[i], sizeof f->note[i], "%s", text);
}

/* What is allowed and perhaps not meant. Returns the first field with a note that was not there
 * before, -1 none. */
static int take_notes(form *f, const kf_model *m) {
    const kf_mprofile *p = f->id[0] ? kf_model_by_id(m, f->id) : NULL;
    const char *client = text_of(f, CLIENT_ID), *host = text_of(f, API_HOST);
    char before[FIELDS][sizeof f->note[0]];
    KF_AUTO_CHARS norm = NULL;
    kf_err err;
    bool here = kf_origin_parse(host, &norm, &err) && kf_origin_is_loopback(norm);
    memcpy(before, f->note, sizeof before);
    for (int i = 0; i < FIELDS; i++) f->note[i][0] = 0;
    if (has_test_key(f, p) && says_production(text_of(f, NAME)))
        note(f, API_KEY, "The name says production, but this is a test key (sk_test_)");
    if (kf_client_id_ok(client) && strlen(client) != 33 && !here)
        note(f, CLIENT_ID, "WorkOS's client IDs have 26 characters behind client_");
    if (p && print_of(&f->line[CLIENT_ID]) != f->print[CLIENT_ID])
        note(f, CLIENT_ID, left_behind(f, p));
    else if (p && norm && !kf_str_eq(norm, p->api_host)) note(f, API_HOST, left_behind(f, p));
    for (int i = 0; i < FIELDS; i++)
        if (f->note[i][0] && strcmp(f->note[i], before[i]) != 0) return i;
    return -1;
}

static void check(form *f, const kf_model *m, int i) {
    const char *t = kf_line_text(&f->line[i]);
    f->error[i][0] = 0;
    switch (i) {
    case NAME: check_name(f, m, t); break;
    case CLIENT_ID:
        if (!t[0]) complain(f, i, "A client ID is needed");
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
    case GIT_HOSTS: check_hosts(f, m, t); break;
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

/* Of an old one only what was changed: what the screen shows was made safe to be shown, and
 * somebody else may have changed the rest meanwhile. */
static void save(form *f, const kf_model *m, kf_out *o) {
    bool ok = check_all(f, m);
    int fresh = take_notes(f, m);
    if (!ok) return;
    if (fresh >= 0) { /* nobody can have read it yet */
        f->at = fresh;
        kf_out_say(o, KF_SAY_WARN, "Is that meant? %s again saves it", m->ctrl_s ? "Ctrl-S" : "F2");
        return;
    }
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "id", f->id);
    for (int i = 0; i < FIELDS; i++) {
        bool changed = print_of(&f->line[i]) != f->print[i];
        if (i != NAME && (f->id[0] || i == API_KEY) && !changed) continue;
        if (i == NAME) kf_json_set_str(p, "name", text_of(f, i));
        else kf_profile_field_write((kf_pf)(i - FIRST), p, text_of(f, i));
    }
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
            if (kf_str_starts(ev->err->what, "the git host")) {
                f->at = GIT_HOSTS;
                complain(f, GIT_HOSTS, w.happened);
                break;
            }
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
    (void)take_notes(f, m);
    f->at = (to + FIELDS) % FIELDS;
}

static const char saving[] = "it is being saved";

static void act(form *f, const kf_model *m, kf_action what, kf_out *o) {
    if (f->call) { /* leaving now would leave it open whether there is a profile */
        kf_out_say(o, KF_SAY_INFO, "Wait: %s", saving);
        return;
    }
    switch (what) {
    case KF_DO_NEXT: go(f, m, f->at + 1); break;
    case KF_DO_PREV: go(f, m, f->at - 1); break;
    case KF_DO_SAVE: save(f, m, o); break;
    case KF_DO_BACK:
        if (changes(f)) kf_out_push(o, &kf_screen_confirm, &(kf_args){.what = KF_CONFIRM_DISCARD});
        else kf_out_pop(o, 1);
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
        if (f->call) return;
        kf_line_paste(&f->line[f->at], ev->text, ev->len, msg, sizeof msg);
        if (msg[0]) kf_out_say(o, KF_SAY_INFO, "%s", msg);
        return;
    case KF_EV_KEY:
        if (f->call) return; /* it would not be in what is saved */
        if (ev->key == KF_KEY_ENTER && f->at == FIELDS - 1) save(f, m, o);
        else if (ev->key == KF_KEY_ENTER) go(f, m, f->at + 1);
        else if (ev->key == '?' && kf_line_is_empty(&f->line[f->at]) && f->at != API_KEY)
            kf_out_help(o);
        else if (!kf_line_key(&f->line[f->at], ev->key) && kf_key_is_text(ev->key))
            kf_out_say(o, KF_SAY_INFO, "The field takes %zu characters", f->line[f->at].cap);
        return;
    default: return;
    }
}

static kf_typing typing(const void *st, const kf_model *m) { return KF_TYPING_TEXT; }

/* --- drawing --------------------------------------------------------------------------- */

/* room: for the port, which says what to register at WorkOS. */
static const char *help_for(const form *f, const kf_model *m, int i, char room[120]) {
    const kf_mprofile *p = kf_model_by_id(m, f->id[0] ? f->id : f->from);
    if (i == API_KEY && p && p->confidential)
        return f->id[0] ? "One is stored; leave this empty to keep it"
                        : "It is not copied: a key belongs to one profile";
    if (i == GIT_HOSTS && f->from[0] && p && p->git_host[0])
        return "Not copied: each host belongs to one profile";
    if (i == PORT) {
        long port = strtol(text_of(f, PORT), NULL, 10);
        if (port <= 0 || port > 65535)
            return "0: any free one. Redirect URI to register: http://127.0.0.1:*/callback";
        snprintf(room, 120, "Redirect URI to register: http://127.0.0.1:%ld/callback", port);
        return room;
    }
    return fields[i].help;
}

typedef struct lay {
    kf_rect r;
    int label, each, more; /* columns of the label; rows of a field; rows of an error below a field
                              without the focus */
    bool gaps;
} lay;

static lay lay_out(const kf_view *v) {
    kf_rect r = v->body;
    bool beside = r.cols >= 60;
    return (lay){.r = r,
                 .label = beside ? 25 : 0,
                 .each = beside ? 1 : 2,
                 .more = r.rows >= 13 ? 2 : 1,
                 .gaps = r.rows >= 24};
}

/* What stands below a field; returns its rows. */
static int below(const form *f, const kf_model *m, const lay *l, int i, kf_grid *g, int y,
                 bool draw) {
    int cols = l->r.cols - l->label, x = l->r.x + l->label, n = 0, rows = i == f->at ? 2 : l->more;
    char text[420], room[120];
    if (f->error[i][0]) {
        snprintf(text, sizeof text, "! %s", f->error[i]);
        return kf_grid_wrap(g, y, x, cols, rows, KF_INK_BAD, text, draw);
    }
    if (i == f->at)
        n += kf_grid_wrap(g, y, x, cols, rows, KF_INK_DIM, help_for(f, m, i, room), draw);
    snprintf(text, sizeof text, "Note: %s", f->note[i]);
    if (f->note[i][0]) n += kf_grid_wrap(g, y + n, x, cols, 2, KF_INK_WARN, text, draw);
    return n;
}

/* Label and field on one line where there is room, below it help of the focused field, error or
 * note. In a small window only the fields around the focused one, which is always there with what
 * stands below it. */
static void draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const form *f = st;
    lay l = lay_out(v);
    kf_rect r = l.r;
    int need = 0, top = f->at, y = r.y, spare = l.more > 1;
    for (int i = f->at; i >= 0; top = i--) {
        need += l.each + below(f, m, &l, i, g, 0, false) + l.gaps;
        if (need > r.rows - spare) break;
    }
    y += spare;
    for (int i = top; i < FIELDS; i++) {
        int under = below(f, m, &l, i, g, 0, false);
        if (y + l.each > r.y + r.rows || (y + l.each + under > r.y + r.rows && i > top)) break;
        kf_grid_text(g, y, r.x, l.label ? l.label - 1 : r.cols,
                     i == f->at ? KF_INK_STRONG : KF_INK_TEXT, fields[i].label);
        y += l.each - 1;
        int cols = i == PORT ? 11 : r.cols - l.label < 52 ? r.cols - l.label : 52;
        kf_line_draw(&f->line[i], g, y++, r.x + l.label, cols, i == f->at);
        y += below(f, m, &l, i, g, y, true) + l.gaps;
    }
}

static void title(const void *st, const kf_model *m, bool compact, char *left, char *right,
                  size_t size) {
    const form *f = st;
    const kf_mprofile *p = kf_model_by_id(m, f->id[0] ? f->id : f->from);
    snprintf(left, size, "keyfob%s > %s%s", m->sandbox ? " sandbox" : "",
             p ? p->name : "Add a profile",
             !p         ? ""
             : f->id[0] ? " > Edit"
                        : " > Copy");
    snprintf(right, size, "field %d of %d", f->at + 1, FIELDS);
}

static void status(const void *st, const kf_model *m, bool compact, char *left, char *right,
                   size_t size) {
    const form *f = st;
    if (f->call) snprintf(left, size, "saving");
    else if (changes(f))
        snprintf(left, size, "%d change%s", changes(f), changes(f) == 1 ? "" : "s");
}

static const char *why_not(const void *st, const kf_model *m, kf_action act) {
    bool ours = act == KF_DO_SAVE || act == KF_DO_NEXT || act == KF_DO_PREV || act == KF_DO_BACK;
    return ((const form *)st)->call && ours ? saving : NULL;
}

static void hints(const void *st, const kf_model *m, kf_action out[12]) {
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
                                        .hints = hints,
                                        .why_not = why_not};
