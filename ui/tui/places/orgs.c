/* Another organization for a session that goes on. With an API key keyfob knows the list; without
 * one the ID is typed. */
#include "base/str.h"
#include "ui/tui/parts/items.h"
#include "ui/tui/places/places.h"
#include "ui/tui/places/profile_do.h"
#include "ui/tui/parts/widget.h"

enum { NAME = 1, ROLE, STATUS };
static const char *const keys[] = {"id", "name", "role", "status", NULL};

typedef struct orgs {
    char id[17];
    kf_items list;
    kf_line line; /* the filter, or the ID */
    size_t cur;
    bool details;
} orgs;

static const kf_mprofile *of(const void *st, const kf_model *m) {
    return kf_model_by_id(m, ((const orgs *)st)->id);
}

static void init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    orgs *s = st;
    memcpy(s->id, args->profile, sizeof s->id);
    kf_line_init(&s->line, 95, false);
    const kf_mprofile *p = of(st, m);
    if (p && (p->confidential || m->env_api_key))
        kf_items_load(&s->list, m, "ListOrganizations", s->id, o);
}

static void done(void *st) {
    kf_line_done(&((orgs *)st)->line);
    kf_items_done(&((orgs *)st)->list);
}

/* Number of organizations that contain the filter; the wanted one in *at. */
static size_t filtered(const orgs *s, size_t want, size_t *at) {
    const char *f = kf_line_text(&s->line);
    size_t n = 0;
    for (size_t i = 0; s->list.loaded && i < s->list.n; i++) {
        const kf_item *x = &s->list.item[i];
        if (f[0] && !strcasestr(x->text[NAME], f) && !strcasestr(x->text[0], f)) continue;
        if (n == want && at) *at = i;
        n++;
    }
    return n;
}

static bool is_now(const kf_mprofile *p, const kf_item *i) {
    return p && kf_str_eq(i->text[0], p->org_id);
}

static void use(const orgs *s, const kf_mprofile *p, kf_out *o) {
    const char *typed = kf_line_text(&s->line), *id = NULL;
    size_t at = 0;
    if (s->cur < filtered(s, s->cur, &at)) id = s->list.item[at].text[0];
    else if (kf_str_starts(typed, "org_") && typed[4]) id = typed;
    if (!id) {
        kf_out_say(o, KF_SAY_INFO, "Type the ID of an organization, org_...");
        return;
    }
    if (kf_str_eq(id, p->org_id)) {
        kf_out_say(o, KF_SAY_INFO, "That is the organization of %s already", p->name);
        return;
    }
    kf_json *j = kf_profile_params(p);
    kf_json_set_str(j, "organization_id", id);
    kf_out_job(o, "SwitchOrganization", j, p);
    kf_out_pop(o, 1);
}

static void update(void *st, const kf_model *m, const kf_event *ev, kf_out *o) {
    orgs *s = st;
    const kf_mprofile *p = of(st, m);
    char msg[120] = "";
    if (!p) {
        kf_out_pop(o, 1);
        return;
    }
    switch (ev->kind) {
    case KF_EV_RESULT: kf_items_result(&s->list, ev, "organizations", keys); return;
    case KF_EV_KEY:
        if (ev->key == '?' && kf_line_is_empty(&s->line)) kf_out_help(o);
        else if (kf_line_key(&s->line, ev->key)) s->cur = 0;
        return;
    case KF_EV_PASTE:
        kf_line_paste(&s->line, ev->text, ev->len, msg, sizeof msg);
        s->cur = 0;
        if (msg[0]) kf_out_say(o, KF_SAY_INFO, "%s", msg);
        return;
    case KF_EV_DO: break;
    default: return;
    }
    if (ev->act == KF_DO_BACK && !kf_line_is_empty(&s->line)) {
        kf_line_clear(&s->line);
        s->cur = 0;
    } else if (ev->act == KF_DO_BACK) kf_out_pop(o, 1);
    else if (kf_is_move(ev->act)) s->cur = kf_list_move(s->cur, filtered(s, 0, NULL), 8, ev->act);
    else if (ev->act == KF_DO_USE) use(s, p, o);
}

static void draw_row(const orgs *s, const kf_mprofile *p, size_t row, kf_grid *g, int y,
                     kf_rect r) {
    size_t at = 0;
    char id[64];
    (void)filtered(s, row, &at);
    const kf_item *i = &s->list.item[at];
    bool wide = r.cols >= 60;
    int name = wide ? r.cols / 2 - 4 : r.cols - 10;
    kf_short_id(i->text[0], id, sizeof id);
    kf_grid_text(g, y, r.x, name, KF_INK_STRONG, i->text[NAME]);
    kf_grid_text(g, y, r.x + name + 1, wide ? 14 : 9, KF_INK_TEXT,
                 is_now(p, i) ? "now" : i->text[ROLE]);
    if (wide) {
        kf_grid_text(g, y, r.x + name + 16, 9, KF_INK_DIM, i->text[STATUS]);
        kf_grid_text(g, y, r.x + name + 26, r.cols - name - 26, KF_INK_DIM, id);
    }
    if (row == s->cur) kf_row_mark(g, y, r);
}

static void draw_list(const orgs *s, const kf_model *m, const kf_mprofile *p, kf_grid *g,
                      kf_rect r) {
    size_t n = filtered(s, 0, NULL), top = kf_scroll_top(s->cur, n, r.rows);
    const char *typed = kf_line_text(&s->line);
    if (kf_items_draw_none(&s->list, m, "organizations", false, g, r)) return;
    for (int k = 0; k < r.rows && top + (size_t)k < n; k++)
        draw_row(s, p, top + (size_t)k, g, r.y + k, r);
    if (!n)
        kf_grid_wrap(g, r.y, r.x, r.cols, 2, KF_INK_TEXT,
                     kf_str_starts(typed, "org_")
                         ? "Not in your list; Enter asks for it all the same."
                         : "No organization matches. Esc clears the filter.",
                     true);
}

static void draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const orgs *s = st;
    const kf_mprofile *p = of(st, m);
    kf_rect r = v->body;
    int y = r.y;
    if (!p) return;
    bool list = p->confidential || m->env_api_key;
    y += kf_grid_wrap(g, y, r.x, r.cols, 3, KF_INK_TEXT,
                      list ? "Which organization should this profile use?"
                           : "Which organization should this profile use? Without an API key "
                             "keyfob cannot list yours; type the ID.",
                      true);
    int x = r.x + kf_grid_text(g, y, r.x, 8, KF_INK_DIM, list ? "Filter " : "ID ");
    kf_line_draw(&s->line, g, y, x, r.x + r.cols - x < 44 ? r.x + r.cols - x : 44, true);
    y += v->tier == KF_TIER_COMPACT ? 1 : 2;
    int foot = v->tier == KF_TIER_COMPACT ? 0 : 3;
    if (list) draw_list(s, m, p, g, (kf_rect){y, r.x, r.y + r.rows - y - foot, r.cols});
    if (foot)
        kf_grid_wrap(g, r.y + r.rows - 2, r.x, r.cols, 2, KF_INK_DIM,
                     "The next token carries org_id and role for this organization. It is a new "
                     "token, not a new sign-in; when WorkOS "
                     "refuses, the session stays as it is.",
                     true);
}

static kf_typing typing(const void *st, const kf_model *m) { return KF_TYPING_TEXT; }

static void title(const void *st, const kf_model *m, bool compact, char *left, char *right,
                  size_t size) {
    const kf_mprofile *p = of(st, m);
    snprintf(left, size, "keyfob%s > %s > Organization", m->sandbox ? " sandbox" : "",
             p ? p->name : "");
}

static void status(const void *st, const kf_model *m, bool compact, char *left, char *right,
                   size_t size) {
    const orgs *s = st;
    const kf_mprofile *p = of(st, m);
    if (s->list.loaded) snprintf(left, size, "%zu of %zu", filtered(s, 0, NULL), s->list.n);
    else if (p && p->org_id[0])
        snprintf(left, size, "now in %.100s", p->org_name[0] ? p->org_name : p->org_id);
}

static void hints(const void *st, const kf_model *m, kf_action out[12]) {
    out[0] = KF_DO_USE, out[1] = KF_DO_BACK;
}

static bool counts(const void *st, const kf_model *m) { return ((const orgs *)st)->list.call != 0; }

const kf_screen_class kf_screen_orgs = {.name = "orgs",
                                        .state_size = sizeof(orgs),
                                        .where = KF_AT_PICKER,
                                        .init = init,
                                        .update = update,
                                        .draw = draw,
                                        .done = done,
                                        .typing = typing,
                                        .title = title,
                                        .status = status,
                                        .hints = hints,
                                        .counts = counts};
