/* What a call needs that a lock stops: the vault's passphrase, twice for a new one, the dialog of
 * the keyring's own program, or only Enter when keyfob lock was run. The app repeats the call
 * afterwards. */
#include "base/str.h"
#include "ui/common/words.h"
#include "ui/tui/parts/widget.h"
#include "ui/tui/places/places.h"

typedef struct unlock {
    int kind; /* KF_UNLOCK_... */
    kf_line line[2];
    int at;
    uint32_t call;
    char note[400];
} unlock;

static const struct {
    const char *title, *about, *busy, *said, *kept;
} texts[] = {
    [KF_UNLOCK_VAULT] = {"Open the vault",
                         "Secrets are sealed with your passphrase. It stays open until the "
                         "agent ends or locks.",
                         "Deriving the key.", "The vault is open",
                         "The vault stays closed; nothing was stored"},
    [KF_UNLOCK_NEW] = {"Choose a passphrase for the vault",
                       "Secrets are sealed with it in a folder of yours. There is no way "
                       "back to them without it.",
                       "Deriving the key.", "The vault is made and open",
                       "The vault stays closed; nothing was stored"},
    [KF_UNLOCK_AGENT] = {"keyfob is locked",
                         "It gives no token. Sessions are kept. Enter unlocks it. A locked "
                         "keyring asks for its password.",
                         "Unlocking.", "keyfob is unlocked",
                         "keyfob stays locked; nothing was changed"},
    [KF_UNLOCK_KEYRING] = {"Your keyring is locked",
                           "Your keyring program asks for its password in a window of its own. "
                           "Enter asks again.",
                           "Waiting for its answer. Esc stops.", "The keyring is unlocked",
                           "The keyring stays locked; nothing was changed"},
};

static void init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    unlock *s = st;
    s->kind = args->what;
    for (int i = 0; i < 2; i++) kf_line_init(&s->line[i], 512, true);
    if (s->kind == KF_UNLOCK_KEYRING) s->call = kf_out_call(o, "Unlock", NULL);
}

static void done(void *st) {
    for (int i = 0; i < 2; i++) kf_line_done(&((unlock *)st)->line[i]);
}

static bool has_field(const unlock *s) {
    return s->kind == KF_UNLOCK_VAULT || s->kind == KF_UNLOCK_NEW;
}

static void clear(unlock *s, const char *note) {
    for (int i = 0; i < 2; i++) kf_line_clear(&s->line[i]);
    s->at = 0;
    snprintf(s->note, sizeof s->note, "%s", note);
}

static void submit(unlock *s, kf_out *o) {
    if (!has_field(s) && !s->call) {
        s->note[0] = 0;
        s->call = kf_out_call(o, "Unlock", NULL);
        return;
    }
    if (s->call || kf_line_is_empty(&s->line[0])) return;
    if (s->kind == KF_UNLOCK_NEW && s->at == 0) {
        s->at = 1;
        return;
    }
    bool same = !strcmp(kf_line_text(&s->line[0]), kf_line_text(&s->line[1]));
    if (s->kind == KF_UNLOCK_NEW && !same) {
        clear(s, "The two are not the same. Type it again.");
        return;
    }
    kf_json *p = kf_json_obj();
    KF_AUTO(kf_secret) value = kf_line_take(&s->line[0]);
    kf_line_clear(&s->line[1]);
    kf_json_set_secret(p, "passphrase", value);
    if (s->kind == KF_UNLOCK_NEW) kf_json_set_bool(p, "create", true);
    s->note[0] = 0;
    s->call = kf_out_call(o, "Unlock", p);
}

static void result(unlock *s, const kf_event *ev, kf_out *o) {
    if (ev->call != s->call) return;
    s->call = 0;
    if (!ev->err) {
        kf_out_say(o, KF_SAY_GOOD, "%s", texts[s->kind].said);
        kf_out_pop(o, 1);
        return;
    }
    kf_words_error w;
    kf_words_for_error(ev->err, &w);
    if (ev->err->code == KF_ERR_STORE_VAULT_LOCKED) s->kind = KF_UNLOCK_VAULT;
    bool same = s->kind == KF_UNLOCK_KEYRING && ev->err->code == KF_ERR_STORE_LOCKED;
    clear(s, same ? "It is still locked." : w.happened);
}

static void update(void *st, const kf_model *m, const kf_event *ev, kf_out *o) {
    unlock *s = st;
    char msg[120] = "";
    if (ev->kind == KF_EV_RESULT) result(s, ev, o);
    else if (ev->kind == KF_EV_DO && ev->act == KF_DO_BACK) {
        kf_out_say(o, KF_SAY_INFO, "%s", texts[s->kind].kept);
        kf_out_pop(o, 1);
    } else if (ev->kind == KF_EV_DO && ev->act == KF_DO_SUBMIT) submit(s, o);
    else if (ev->kind == KF_EV_DO && (ev->act == KF_DO_NEXT || ev->act == KF_DO_PREV))
        s->at = s->kind == KF_UNLOCK_NEW && !s->at;
    else if (ev->kind == KF_EV_KEY && !s->call && has_field(s))
        kf_line_key(&s->line[s->at], ev->key);
    else if (ev->kind == KF_EV_PASTE && !s->call && has_field(s))
        kf_line_paste(&s->line[s->at], ev->text, ev->len, msg, sizeof msg);
    if (msg[0]) kf_out_say(o, KF_SAY_INFO, "%s", msg);
}

static void draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const unlock *s = st;
    kf_rect r = kf_sheet_at(v, texts[s->kind].title, s->kind == KF_UNLOCK_NEW ? 9 : 6);
    int y = r.y, cols = r.cols < 48 ? r.cols : 48;
    y += kf_grid_wrap(g, y, r.x, r.cols, 3, KF_INK_TEXT, texts[s->kind].about, true);
    if (s->note[0]) y += kf_grid_wrap(g, y, r.x, r.cols, 2, KF_INK_BAD, s->note, true);
    if (s->call) {
        kf_grid_text(g, y, r.x, r.cols, KF_INK_WARN, texts[s->kind].busy);
        return;
    }
    if (!has_field(s)) return;
    if (v->tier != KF_TIER_COMPACT) kf_grid_text(g, y++, r.x, r.cols, KF_INK_TEXT, "Passphrase");
    kf_line_draw(&s->line[0], g, y++, r.x, cols, s->at == 0);
    if (s->kind != KF_UNLOCK_NEW) return;
    if (v->tier != KF_TIER_COMPACT)
        kf_grid_text(g, y++, r.x, r.cols, KF_INK_TEXT, "The same again");
    kf_line_draw(&s->line[1], g, y, r.x, cols, s->at == 1);
}

static kf_typing typing(const void *st, const kf_model *m) {
    const unlock *s = st;
    return s->call || !has_field(s) ? KF_TYPING_NONE : KF_TYPING_TEXT;
}

static const char *why_not(const void *st, const kf_model *m, kf_action act) {
    if (act != KF_DO_NEXT && act != KF_DO_PREV) return NULL;
    switch (((const unlock *)st)->kind) {
    case KF_UNLOCK_NEW: return NULL;
    case KF_UNLOCK_AGENT:
    case KF_UNLOCK_KEYRING: return "there is no field";
    default: return "there is only one field";
    }
}

static void hints(const void *st, const kf_model *m, kf_action out[12]) {
    int n = 0;
    out[n++] = KF_DO_SUBMIT;
    if (((const unlock *)st)->kind == KF_UNLOCK_NEW) out[n++] = KF_DO_NEXT;
    out[n] = KF_DO_BACK;
}

const kf_screen_class kf_screen_unlock = {.name = "unlock",
                                          .state_size = sizeof(unlock),
                                          .where = KF_AT_TYPED,
                                          .stays = true,
                                          .dialog = true,
                                          .init = init,
                                          .update = update,
                                          .draw = draw,
                                          .done = done,
                                          .typing = typing,
                                          .hints = hints,
                                          .why_not = why_not};
