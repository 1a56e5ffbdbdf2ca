/* What the official CLIs know becomes profiles: a list with marks. The keyring is looked into only
 * here, not for the first-run screen. Afterwards kf_screen_clean asks about the keys that still
 * stand in files. */
#include "base/str.h"
#include "ui/common/text.h"
#include "ui/common/words.h"
#include "ui/tui/parts/items.h"
#include "ui/tui/parts/widget.h"
#include "ui/tui/places/places.h"

enum { NAME, SOURCE, PROFILE, TYPE, CLIENT, KEY, PLACE, PROBLEM };
static const char *const keys[] = {"name",      "source", "profile_name", "type",
                                   "client_id", "key",    "place",        "problem"};

typedef enum mark { OFF, ON, ADDED, FAILED } mark;

typedef struct row {
    mark mark;
    char said[400]; /* why it was not taken, "" it was not tried */
} row;

typedef struct import {
    kf_items list;
    row *row;
    uint32_t call; /* of Import, or PreviewCleanUp; 0 none */
    size_t at, added, looked;
    kf_json *asked;    /* PreviewCleanUp's parameters; NULL: Import is under way */
    kf_json *files;    /* for kf_screen_clean */
    char refused[200]; /* the last place that could not be read */
} import;

static void init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    import *s = st;
    kf_json *p = kf_json_obj();
    kf_json_set_bool(p, "keyring", true);
    kf_json_set_bool(p, "interactive", true);
    s->list.since_ms = m->now_ms;
    s->list.call = kf_out_stream(o, "FindImports", p);
}

static void done(void *st) {
    import *s = st;
    kf_items_done(&s->list);
    free(s->row);
    kf_json_free(s->asked);
    kf_json_free(s->files);
}

/* NULL: it can be imported. */
static const char *why(const kf_model *m, const kf_item *i) {
    if (i->text[PROBLEM][0]) return i->text[PROBLEM];
    if (!i->text[CLIENT][0]) return "it has no client ID; `keyfob profile import` asks for it";
    if (!i->text[PROFILE][0])
        return "its name makes no profile name; `keyfob profile import` asks for one";
    if (kf_model_by_name(m, i->text[PROFILE])) return "there is a profile of that name";
    return NULL;
}

static void loaded(import *s, const kf_model *m, const kf_event *ev) {
    s->row = calloc(s->list.n + 1, sizeof *s->row);
    if (!s->row) abort();
    for (size_t i = 0; i < s->list.n; i++) s->row[i].mark = why(m, &s->list.item[i]) ? OFF : ON;
    for (const kf_json *p = kf_json_first(kf_json_get(ev->result, "places")); p;
         p = kf_json_next(p)) {
        if (!kf_json_str(p, "problem") || kf_str_eq(kf_json_str(p, "error"), "store.absent"))
            continue;
        KF_AUTO_CHARS text =
            kf_strfmt("%s: %s", kf_json_str_or(p, "place", ""), kf_json_str(p, "problem"));
        KF_AUTO_CHARS safe = kf_text_safe(text);
        snprintf(s->refused, sizeof s->refused, "%s", safe);
    }
}

static bool same_source(const import *s, size_t a, size_t b) {
    return s->row[a].mark == ADDED && s->row[b].mark == ADDED &&
           !strcmp(s->list.item[a].text[SOURCE], s->list.item[b].text[SOURCE]);
}

/* Do the keys that were taken still stand in files of the next source? False: all were looked at.
 */
static bool look(import *s, kf_out *o) {
    for (; s->looked < s->list.n; s->looked++) {
        bool is_first = s->row[s->looked].mark == ADDED;
        for (size_t k = 0; k < s->looked && is_first; k++) is_first = !same_source(s, k, s->looked);
        if (is_first) break;
    }
    if (s->looked == s->list.n) return false;
    kf_json *names = kf_json_arr();
    for (size_t k = s->looked; k < s->list.n; k++)
        if (same_source(s, s->looked, k))
            kf_json_add(names, kf_json_new_str(s->list.item[k].text[PROFILE]));
    kf_json_free(s->asked);
    s->asked = kf_json_obj();
    kf_json_set_str(s->asked, "source", s->list.item[s->looked++].text[SOURCE]);
    kf_json_set(s->asked, "profiles", names);
    s->call = kf_out_call(o, "PreviewCleanUp", kf_json_copy(s->asked));
    return true;
}

static void found(import *s, const kf_json *result) {
    if (!s->files) s->files = kf_json_arr();
    for (const kf_json *f = kf_json_first(kf_json_get(result, "files")); f; f = kf_json_next(f)) {
        kf_json *one = kf_json_copy(f);
        kf_json_set_str(one, "source", kf_json_str(s->asked, "source"));
        kf_json_set(one, "profiles", kf_json_copy(kf_json_get(s->asked, "profiles")));
        kf_json_add(s->files, one);
    }
    s->asked = kf_json_free(s->asked);
}

static size_t count(const import *s, mark which) {
    size_t n = 0;
    for (size_t i = 0; s->row && i < s->list.n; i++) n += s->row[i].mark == which;
    return n;
}

/* As long as a row that was wanted is not a profile, the screen stays and says why. */
static void end(import *s, kf_out *o) {
    size_t left = count(s, FAILED) + count(s, ON);
    char rest[60] = "; s signs in";
    if (left) snprintf(rest, sizeof rest, "; %zu could not be added", left);
    if (s->added)
        kf_out_say(o, left ? KF_SAY_WARN : KF_SAY_GOOD, "Added %zu profile%s%s", s->added,
                   s->added == 1 ? "" : "s", rest);
    if (s->added && !left) kf_out_pop(o, 1);
    if (s->files && kf_json_count(s->files))
        kf_out_push(o, &kf_screen_clean, &(kf_args){.list = s->files});
    s->files = kf_json_free(s->files);
}

static void refuse(import *s, size_t i, const char *said) {
    KF_AUTO_CHARS safe = kf_text_safe(said);
    snprintf(s->row[i].said, sizeof s->row[i].said, "%s", safe);
    s->row[i].mark = FAILED;
    s->list.cur = i;
}

/* The next marked one. The agent takes them one by one, so that each has its own end. */
static void go_on(import *s, const kf_model *m, kf_out *o) {
    for (; s->at < s->list.n; s->at++) {
        const char *no = s->row[s->at].mark == ON ? why(m, &s->list.item[s->at]) : NULL;
        if (s->row[s->at].mark == ON && !no) break;
        KF_AUTO_CHARS said = kf_strfmt("Not added: %s", no ? no : "");
        if (no) refuse(s, s->at, said); /* two environments can make the same name */
    }
    if (s->at < s->list.n) {
        const kf_item *i = &s->list.item[s->at];
        kf_json *p = kf_json_obj();
        kf_json_set_str(p, "source", i->text[SOURCE]);
        kf_json_set_str(p, "name", i->text[NAME]);
        kf_json_set_str(p, "profile", i->text[PROFILE]);
        kf_json_set_bool(p, "keyring", true);
        kf_json_set_bool(p, "interactive", true);
        s->call = kf_out_call(o, "Import", p);
        return;
    }
    if (!look(s, o)) end(s, o);
}

static void result(import *s, const kf_model *m, const kf_event *ev, kf_out *o) {
    if (ev->call == s->list.call) {
        kf_items_result(&s->list, ev, "items", keys);
        if (s->list.loaded) loaded(s, m, ev);
        return;
    }
    if (!s->call || ev->call != s->call) return;
    s->call = 0;
    if (s->asked) { /* an offer only: what cannot be looked at is left alone */
        found(s, ev->err ? NULL : ev->result);
        if (!look(s, o)) end(s, o);
        return;
    }
    if (ev->err) {
        kf_words_error w;
        kf_words_for_error(ev->err, &w);
        refuse(s, s->at, w.happened);
        if (kf_err_is(ev->err->code, "store") ||
            kf_err_is(ev->err->code, "wire")) { /* it would be so for each of them */
            s->row[s->at].mark = ON;
            kf_out_say(o, KF_SAY_WARN, "Stopped; Enter tries the marked again");
            return;
        }
    } else {
        s->row[s->at].mark = ADDED;
        s->added++;
    }
    s->at++;
    go_on(s, m, o);
}

static void update(void *st, const kf_model *m, const kf_event *ev, kf_out *o) {
    import *s = st;
    const kf_item *i = kf_items_at(&s->list);
    if (ev->kind == KF_EV_RESULT) result(s, m, ev, o);
    if (ev->kind != KF_EV_DO) return;
    if (ev->act == KF_DO_BACK) kf_out_pop(o, 1);
    else if (kf_is_move(ev->act)) s->list.cur = kf_list_move(s->list.cur, s->list.n, 8, ev->act);
    else if (ev->act == KF_DO_OTHER && i)
        s->row[s->list.cur].mark =
            s->row[s->list.cur].mark == ON ? OFF : ON; /* a failed one may be tried again */
    else if (ev->act == KF_DO_SAVE) s->at = s->added = s->looked = 0, go_on(s, m, o);
}

static const char *why_not(const void *st, const kf_model *m, kf_action act) {
    const import *s = st;
    const kf_item *i = kf_items_at(&s->list);
    size_t on = 0;
    if (act != KF_DO_OTHER && act != KF_DO_SAVE) return NULL;
    if (s->call) return "the import is under way";
    if (!i) return "nothing is here to be imported";
    if (act == KF_DO_OTHER) return s->row[s->list.cur].mark == ADDED ? "it was added" : why(m, i);
    for (size_t k = 0; k < s->list.n; k++) on += s->row[k].mark == ON && !why(m, &s->list.item[k]);
    return on ? NULL : "no row is marked; Space marks one";
}

/* --- drawing
 * ---------------------------------------------------------------------------------------- */

static void draw_row(const import *s, const kf_model *m, size_t k, kf_grid *g, int y, kf_rect r) {
    static const char *const box[] = {"[ ]", "[x]", "[+]", "[!]"};
    const kf_item *i = &s->list.item[k];
    mark now = s->row[k].mark;
    bool can = now == ADDED || !why(m, i), wide = r.cols >= 60;
    KF_AUTO_CHARS name = kf_text_safe(i->text[NAME]);
    char client[64];
    int width = wide ? (r.cols - 6) * 2 / 5 - 2 : r.cols - 6;
    kf_short_id(i->text[CLIENT], client, sizeof client);
    kf_grid_text(g, y, r.x, 3, KF_INK_STRONG, can || now == FAILED ? box[now] : " - ");
    kf_grid_text(g, y, r.x + 4, width, can ? KF_INK_STRONG : KF_INK_DIM,
                 name[0] ? name : "(without a name)");
    if (wide) {
        kf_grid_text(g, y, r.x + 5 + width, 11, KF_INK_TEXT, i->text[TYPE]);
        kf_grid_text(g, y, r.x + 17 + width, 17, KF_INK_TEXT, client[0] ? client : "no client ID");
        kf_grid_text(g, y, r.x + 35 + width, r.cols - 35 - width, KF_INK_DIM,
                     i->text[KEY][0] ? i->text[KEY] : "no API key");
    }
    kf_items_mark(&s->list, k, g, y, r);
}

/* About the row of the cursor. */
static void draw_detail(const import *s, const kf_model *m, kf_grid *g, int y, kf_rect r,
                        int rows) {
    const kf_item *i = kf_items_at(&s->list);
    if (!i) return;
    const row *now = &s->row[s->list.cur];
    bool added = now->mark == ADDED, tried = now->said[0] && now->mark != OFF;
    const char *no = added ? NULL : tried ? now->said : why(m, i);
    KF_AUTO_CHARS because = kf_strfmt("%s%s", tried ? "" : "Cannot be imported: ", no ? no : "");
    KF_AUTO_CHARS safe = kf_text_safe(because);
    if (no) kf_grid_wrap(g, y, r.x, r.cols, rows, KF_INK_WARN, safe, true);
    else {
        KF_AUTO_CHARS text = kf_strfmt("%s the profile %s, from %s", added ? "It is" : "Becomes",
                                       i->text[PROFILE], i->text[PLACE]);
        kf_grid_wrap(g, y, r.x, r.cols, rows, KF_INK_TEXT, text, true);
    }
}

static int draw_none(const import *s, const kf_model *m, kf_grid *g, kf_rect r) {
    char text[320];
    if (s->list.failed)
        return kf_error_draw(g, r, "There is nothing to choose from", &s->list.err, false);
    if (!s->list.loaded)
        snprintf(text, sizeof text,
                 m->now_ms - s->list.since_ms < 3000
                     ? "Looking into the keyring and ~/.workos."
                     : "Waiting for the keyring %lld s; its prompt may be open. Esc stops.",
                 (long long)(m->now_ms - s->list.since_ms) / 1000);
    else
        snprintf(text, sizeof text, "No environment of a WorkOS CLI is on this computer. %s",
                 s->refused);
    return kf_grid_wrap(g, r.y, r.x, r.cols, 4, KF_INK_TEXT, text, true);
}

static void draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const import *s = st;
    kf_rect r = v->body;
    bool compact = v->tier == KF_TIER_COMPACT;
    int y = r.y, foot = compact ? 2 : 6;
    if (!compact)
        y += kf_grid_wrap(g, y, r.x, r.cols, 2, KF_INK_TEXT,
                          "Which environments should become profiles?", true) +
             1;
    if (!s->list.loaded || !s->list.n) {
        draw_none(s, m, g, (kf_rect){y, r.x, r.y + r.rows - y, r.cols});
        return;
    }
    int spare = r.rows - (int)(s->list.n < 99 ? s->list.n : 99);
    if (compact && spare > foot + 1) foot = spare < 5 ? spare - 1 : 4;
    int rows = r.y + r.rows - y - foot;
    size_t top = kf_scroll_top(s->list.cur, s->list.n, rows);
    for (int k = 0; k < rows && top + (size_t)k < s->list.n; k++)
        draw_row(s, m, top + (size_t)k, g, y + k, r);
    y = r.y + r.rows - foot;
    draw_detail(s, m, g, y, r, compact ? foot : 2);
    if (compact) return;
    y += 3;
    kf_grid_wrap(g, y, r.x, r.cols, 3, s->refused[0] ? KF_INK_WARN : KF_INK_DIM,
                 s->refused[0] ? s->refused
                               : "API keys go into your store. The CLI's own tokens are never "
                                 "taken. Whether the keys are taken out of "
                                 "its files is asked afterwards.",
                 true);
}

static void title(const void *st, const kf_model *m, bool compact, char *left, char *right,
                  size_t size) {
    snprintf(left, size, compact ? "keyfob > Import" : "keyfob > Import from the WorkOS CLI");
}

static void status(const void *st, const kf_model *m, bool compact, char *left, char *right,
                   size_t size) {
    const import *s = st;
    size_t on = 0;
    for (size_t k = 0; s->row && k < s->list.n; k++)
        on += s->row[k].mark == ON && !why(m, &s->list.item[k]);
    if (s->call) snprintf(left, size, "importing; %zu added", s->added);
    else if (count(s, FAILED))
        snprintf(left, size, "%zu added, %zu not; %zu of %zu marked", count(s, ADDED),
                 count(s, FAILED), on, s->list.n);
    else if (s->list.n) snprintf(left, size, "%zu of %zu marked", on, s->list.n);
}

static bool copy(const void *st, const kf_model *m, kf_copy *out) {
    const kf_item *i = kf_items_at(&((const import *)st)->list);
    const char *id = i ? i->text[CLIENT] : "";
    if (!id[0]) return false;
    kf_copy_set(out, "client ID", id);
    return true;
}

static void hints(const void *st, const kf_model *m, kf_action out[12]) {
    out[0] = KF_DO_SAVE, out[1] = KF_DO_OTHER, out[2] = KF_DO_BACK;
}

static bool counts(const void *st, const kf_model *m) {
    return ((const import *)st)->list.call != 0;
}

const kf_screen_class kf_screen_import = {.name = "import",
                                          .state_size = sizeof(import),
                                          .where = KF_AT_IMPORT,
                                          .init = init,
                                          .update = update,
                                          .draw = draw,
                                          .done = done,
                                          .title = title,
                                          .copy = copy,
                                          .status = status,
                                          .hints = hints,
                                          .why_not = why_not,
                                          .counts = counts};
