/* After an import: the key still stands in plain text in the other tool's file. Each file is shown
 * as it would change, and nothing is taken out without a yes. */
#include "base/str.h"
#include "ui/common/text.h"
#include "ui/common/words.h"
#include "ui/tui/parts/widget.h"
#include "ui/tui/places/places.h"

typedef struct clean {
    kf_json *list;      /* as kf_args.list */
    const kf_json *now; /* of it */
    uint32_t call;      /* CleanUp; 0 none */
    bool yes;           /* the focused button */
    int top;
} clean;

static void init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    clean *s = st;
    s->list = kf_json_copy(args->list);
    s->now = kf_json_first(s->list);
}

static void done(void *st) { kf_json_free(((clean *)st)->list); }

static void next(clean *s, kf_out *o) {
    s->now = kf_json_next(s->now);
    s->yes = false, s->top = 0;
    if (!s->now) kf_out_pop(o, 1);
}

static void take_out(clean *s, kf_out *o) {
    static const char *const strings[] = {"source", "file", "digest"};
    kf_json *p = kf_json_obj();
    for (size_t i = 0; i < KF_LEN(strings); i++)
        kf_json_set_str(p, strings[i], kf_json_str(s->now, strings[i]));
    kf_json_set(p, "profiles", kf_json_copy(kf_json_get(s->now, "profiles")));
    s->call = kf_out_call(o, "CleanUp", p);
}

static void result(clean *s, const kf_err *err, kf_out *o) {
    KF_AUTO_CHARS file = kf_text_safe(kf_json_str(s->now, "file"));
    s->call = 0;
    if (err) {
        kf_words_error w;
        kf_words_for_error(err, &w);
        KF_AUTO_CHARS happened = kf_text_safe(w.happened);
        kf_out_say(o, KF_SAY_BAD, "Left as it is. %s", happened);
    } else kf_out_say(o, KF_SAY_GOOD, "Changed %s", file);
    next(s, o);
}

static void act(clean *s, kf_action what, kf_out *o) {
    bool press = what == KF_DO_SUBMIT;
    if (what == KF_DO_NEXT) s->yes = !s->yes;
    else if (what == KF_DO_YES || (press && s->yes)) take_out(s, o);
    else if (what == KF_DO_NO || press) next(s, o);
}

static void update(void *st, const kf_model *m, const kf_event *ev, kf_out *o) {
    clean *s = st;
    if (ev->kind == KF_EV_RESULT && s->call && ev->call == s->call) result(s, ev->err, o);
    else if (ev->kind == KF_EV_DO && ev->act == KF_DO_BACK) kf_out_pop(o, 1);
    else if (s->call) return;
    else if (ev->kind == KF_EV_DO) act(s, ev->act, o);
    else if (ev->kind == KF_EV_KEY && (ev->key == KF_KEY_UP || ev->key == KF_KEY_DOWN))
        s->top = kf_page_move(s->top, ev->key == KF_KEY_UP ? KF_DO_UP : KF_DO_DOWN);
}

static const char *why_not(const void *st, const kf_model *m, kf_action act) {
    bool ours = act == KF_DO_YES || act == KF_DO_NO || act == KF_DO_SUBMIT || act == KF_DO_NEXT;
    return ((const clean *)st)->call && ours ? "the file is being changed" : NULL;
}

static char *question_of(const clean *s) {
    bool many = kf_json_count(kf_json_get(s->now, "changes")) > 1;
    KF_AUTO_CHARS file = kf_text_safe(kf_json_str(s->now, "file"));
    return kf_strfmt("Take the API key%s out of %s?", many ? "s" : "", file);
}

/* As diff says it; keys are masked by the agent. */
static int draw_page(const void *arg, kf_grid *g, kf_rect r) {
    const clean *s = arg;
    const kf_json *changes = kf_json_get(s->now, "changes");
    bool many = kf_json_count(changes) > 1;
    KF_AUTO_CHARS file = kf_text_safe(kf_json_str(s->now, "file"));
    KF_AUTO_CHARS question = question_of(s);
    KF_AUTO_CHARS body = kf_strfmt(
        "Your store has %s now. %s will not find %s there any more. This is what changes:",
        many ? "them" : "it", kf_words_tool(kf_json_str_or(s->now, "source", "")),
        many ? "them" : "it");
    int y = r.y;
    if (strlen(file) + 30 > (size_t)r.cols) /* the rule cuts it */
        y += kf_grid_wrap(g, y, r.x, r.cols, 4, KF_INK_STRONG, question, true);
    y += kf_grid_wrap(g, y, r.x, r.cols, 5, KF_INK_TEXT, body, true) + 1;
    for (const kf_json *i = kf_json_first(changes); i; i = kf_json_next(i)) {
        KF_AUTO_CHARS before = kf_text_safe(kf_json_str(i, "before"));
        KF_AUTO_CHARS after = kf_text_safe(kf_json_str(i, "after"));
        KF_AUTO_CHARS minus = kf_strfmt("- %s", before);
        KF_AUTO_CHARS plus = kf_strfmt("+ %s", after);
        kf_grid_printf(g, y++, r.x, r.cols, KF_INK_DIM, "line %lld",
                       (long long)kf_json_int_or(i, "line", 0));
        y += kf_grid_wrap(g, y, r.x, r.cols, 4, KF_INK_BAD, minus, true);
        y += kf_grid_wrap(g, y, r.x, r.cols, 4, KF_INK_OK, plus, true);
    }
    return y - r.y;
}

static void draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const clean *s = st;
    if (!s->now) return;
    KF_AUTO_CHARS question = question_of(s);
    kf_rect r = kf_sheet_at(v, question, 0);
    if (r.cols > 100) r.cols = 100;
    if (v->want) {
        v->want->rows = draw_page(s, g, r) + 2;
        return;
    }
    int y = r.y + r.rows - 1;
    kf_page(g, (kf_rect){r.y, r.x, y - r.y, r.cols}, s->top, draw_page, s);
    if (s->call) {
        kf_grid_text(g, y, r.x, r.cols, KF_INK_DIM, "changing the file");
        return;
    }
    int x = r.x + kf_button_draw(g, y, r.x, "Leave it", !s->yes) + 2;
    kf_button_draw(g, y, x, "Take it out", s->yes);
    kf_grid_cursor(g, y, s->yes ? x : r.x);
}

static const char *verb(const void *st, kf_action act) {
    return act == KF_DO_YES ? "take it out" : act == KF_DO_NO ? "leave it" : NULL;
}

static void hints(const void *st, const kf_model *m, kf_action out[12]) {
    out[0] = KF_DO_NO, out[1] = KF_DO_YES, out[2] = KF_DO_BACK;
}

const kf_screen_class kf_screen_clean = {.name = "clean",
                                         .state_size = sizeof(clean),
                                         .where = KF_AT_ASK,
                                         .dialog = true,
                                         .init = init,
                                         .update = update,
                                         .draw = draw,
                                         .done = done,
                                         .hints = hints,
                                         .verb = verb,
                                         .why_not = why_not};
