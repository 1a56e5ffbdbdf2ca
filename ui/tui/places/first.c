/* First run: no profile yet. */
#include "base/str.h"
#include "ui/tui/places/places.h"
#include "ui/tui/places/profile_facts.h"
#include "ui/tui/parts/widget.h"

typedef struct first {
    size_t cur;
    uint32_t call; /* of FindImports: the files alone, no keyring */
    size_t found;
} first;

static size_t choices(const kf_model *m) { return m->sandbox ? 1 : 3; }

static void init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    if (!m->sandbox) ((first *)st)->call = kf_out_call(o, "FindImports", NULL);
}

static const char read_only[] = "read-only is on";

static const char *why_not(const void *st, const kf_model *m, kf_action act) {
    return act == KF_DO_USE && m->read_only && ((const first *)st)->cur < 2 ? read_only : NULL;
}

static void take(const first *s, const kf_model *m, kf_out *o) {
    const char *why = why_not(s, m, KF_DO_USE);
    if (why) kf_out_say(o, KF_SAY_INFO, "%zu: %s", s->cur + 1, why);
    else if (s->cur == 0) kf_out_push(o, &kf_screen_form, NULL);
    else if (s->cur == 1) kf_out_push(o, &kf_screen_import, NULL);
    else kf_out_sandbox(o);
}

static void update(void *st, const kf_model *m, const kf_event *ev, kf_out *o) {
    first *s = st;
    if (ev->kind == KF_EV_RESULT && ev->call == s->call)
        s->found = kf_json_count(kf_json_get(ev->result, "items"));
    if (ev->kind != KF_EV_DO) return;
    if (kf_is_move(ev->act)) s->cur = kf_list_move(s->cur, choices(m), 1, ev->act);
    else if (ev->act == KF_DO_USE) take(s, m, o);
    else if (ev->act == KF_DO_PICK && ev->key >= '1' && (size_t)(ev->key - '1') < choices(m)) {
        s->cur = (size_t)(ev->key - '1');
        take(s, m, o);
    }
}

static void where_text(const kf_model *m, char *out, size_t size) {
    const char *kind = m->store_kind[0] ? m->store_kind : m->store_choice;
    if (kf_str_eq(kind, "vault")) snprintf(out, size, "the sealed vault (a passphrase opens it)");
    else if (kf_str_eq(kind, "secret-service"))
        snprintf(out, size, "Secret Service, %s",
                 kf_str_eq(m->store_state, "ok") ? "unlocked" : m->store_state);
    else if (kf_str_eq(kind, "memory")) snprintf(out, size, "memory only: they end with the agent");
    else snprintf(out, size, "your keyring, or a sealed vault if there is none");
}

static int draw_choice(const first *s, kf_grid *g, kf_rect r, int y, size_t i, const char *name,
                       const char *about) {
    bool at = s->cur == i, wide = r.cols >= 60;
    kf_grid_printf(g, y, r.x, r.cols, KF_INK_STRONG, "%zu  %s", i + 1, name);
    kf_grid_tint(g, y, r.x, 1, KF_INK_KEY);
    if (wide) kf_grid_text(g, y, r.x + 33, r.cols - 33, KF_INK_DIM, about);
    if (at) {
        kf_row_mark(g, y, r);
        kf_grid_cursor(g, y, r.x - 2);
    }
    return 1;
}

static void draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const first *s = st;
    bool compact = v->tier == KF_TIER_COMPACT;
    kf_rect r = v->body;
    char text[256], where[160];
    int y = r.y + (compact ? 0 : 1);
    kf_grid_text(g, y++, r.x, r.cols, KF_INK_STRONG, "No profiles yet.");
    if (!compact) {
        y++;
        y += kf_grid_wrap(g, y, r.x, r.cols < 70 ? r.cols : 70, 3, KF_INK_TEXT,
                          "A profile is one WorkOS environment plus one person: keyfob signs in, "
                          "keeps the token fresh, and hands it to "
                          "your commands.",
                          true);
        y++;
    }
    y += draw_choice(s, g, r, y, 0, "Add a profile",
                     m->read_only ? read_only : "you need a client ID (client_...)");
    if (choices(m) > 1) {
        snprintf(text, sizeof text, "found: %zu environment%s", s->found, s->found == 1 ? "" : "s");
        y += draw_choice(s, g, r, y, 1, "Import from the WorkOS CLI",
                         m->read_only ? read_only
                         : s->found   ? text
                                      : "looks into its keyring and files");
        y += draw_choice(s, g, r, y, 2, "Try it without an account", "opens the built-in sandbox");
    }
    y++;
    kf_rect f = {r.y, r.x, r.rows, r.cols};
    where_text(m, where, sizeof where);
    y += kf_fact(g, f, y, compact ? 12 : 16, compact ? "Secrets" : "Secrets go to", KF_INK_TEXT,
                 where);
    y += kf_fact(g, f, y, compact ? 12 : 16, compact ? "Settings" : "Settings in", KF_INK_TEXT,
                 m->config_path);
    y += kf_fact(g, f, y, 0, "", KF_INK_DIM, "Nothing is sent anywhere until you sign in.");
    if (v->tier != KF_TIER_WIDE) return;
    y += 2;
    kf_grid_text(g, y++, r.x, r.cols, KF_INK_STRONG, "Three keys to remember");
    y += kf_fact(g, f, y, 10, "?", KF_INK_TEXT, "what can I do here");
    y += kf_fact(g, f, y, 10, "Esc", KF_INK_TEXT, "back, never quits");
    y += kf_fact(g, f, y, 10, "Ctrl-C", KF_INK_TEXT, "leave now, from anywhere");
    if (m->agent_pid) {
        snprintf(text, sizeof text, "running, process %lld, memory %s", (long long)m->agent_pid,
                 m->memory_locked ? "locked" : "not locked (see ulimit -l)");
        kf_fact(g, f, y + 1, 10, "Agent", KF_INK_TEXT, text);
    }
}

static void title(const void *st, const kf_model *m, bool compact, char *left, char *right,
                  size_t size) {
    snprintf(left, size, "keyfob%s", m->sandbox ? " sandbox" : "");
    snprintf(right, size, "first run");
}

static void status(const void *st, const kf_model *m, bool compact, char *left, char *right,
                   size_t size) {
    if (!compact) kf_agent_text(m, right, size);
}

static void hints(const void *st, const kf_model *m, kf_action out[12]) {
    out[0] = KF_DO_USE, out[1] = KF_DO_PICK, out[2] = KF_DO_QUIT;
}

const kf_screen_class kf_screen_first = {.name = "first",
                                         .state_size = sizeof(first),
                                         .where = KF_AT_FIRST,
                                         .init = init,
                                         .update = update,
                                         .draw = draw,
                                         .title = title,
                                         .status = status,
                                         .hints = hints,
                                         .why_not = why_not};
