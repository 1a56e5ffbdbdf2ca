/* Export: what, as, to; a preview, and the same from a shell. The token is fetched
 * when it is needed: for the export itself, and for showing it, which ends after 10 s. */
#include "base/str.h"
#include "ui/common/formats.h"
#include "ui/common/words.h"
#include "ui/tui/places/places.h"
#include "ui/tui/places/profile_do.h"
#include "ui/tui/parts/widget.h"

enum { WHAT, AS, TO, PLACE /* seconds, or a path */, LIFE, ROWS };
enum { ACCESS, CLAIMS, API_KEY, N_WHAT };
enum { CLIPBOARD, FILE_TO, N_TO };
enum { SHOW_MS = 10000, PATH_MAX_LEN = 255 };

static const char *const what_words[N_WHAT] = {"access token", "claims (no token)", "API key"};
static const char *const what_options[N_WHAT] = {"access", "claims", "api-key"};
static const char *const to_words[N_TO] = {"clipboard", "file, only for you"};
static const struct {
    const char *name, *about;
} formats[] = {
#define FORMAT_ROW(name, about) {name, about},
    KF_PLAIN_FORMATS(FORMAT_ROW)};

typedef struct export {
    char id[17];
    int at, what, as, to;
    kf_line clear, path, life;
    uint32_t call, job; /* job: puts it there; this screen ends with it */
    bool showing;       /* the call is for showing */
    bool replace;       /* the person said so */
    int top;            /* of what is below the fields */
    kf_secret *shown;   /* the whole text, NULL hidden */
    int64_t shown_until;
}
export;

static const kf_mprofile *of(const void *st, const kf_model *m) {
    return kf_model_by_id(m, ((const export *)st)->id);
}

static const char *format_of(const export *s) {
    return s->what == CLAIMS ? "json" : formats[s->as].name;
}

static kf_line *line_at(export *s) {
    return s->at == LIFE      ? &s->life
           : s->at != PLACE   ? NULL
           : s->to == FILE_TO ? &s->path
                              : &s->clear;
}

static void init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    export *s = st;
    memcpy(s->id, args->profile, sizeof s->id);
    kf_line_init(&s->clear, 8, false);
    kf_line_init(&s->path, PATH_MAX_LEN, false);
    kf_line_init(&s->life, 8, false);
    kf_line_set(&s->clear, "30s");
    kf_line_set(&s->life, "2m");
}

static void hide(export *s) {
    s->shown = kf_secret_free(s->shown);
    s->top = 0;
}

static void done(void *st) {
    export *s = st;
    kf_line_done(&s->clear);
    kf_line_done(&s->path);
    kf_line_done(&s->life);
    hide(s);
}

/* --- doing ------------------------------------------------------------------------------ */

static bool duration(const kf_line *l, int64_t *ms) {
    const char *t = kf_line_text(l);
    if (!strcmp(t, "0")) return *ms = 0, true;
    return kf_duration_parse(t, ms);
}

/* NULL: everything is fine. */
static const char *wrong(const export *s) {
    int64_t ms;
    if (s->what == ACCESS && !duration(&s->life, &ms)) return "Life is a number with s, m or h: 2m";
    if (s->to == CLIPBOARD && !duration(&s->clear, &ms))
        return "The time to clear is a number with s or m, or 0 for never";
    if (s->to == FILE_TO && kf_line_text(&s->path)[0] != '/' && kf_line_text(&s->path)[0] != '~')
        return "The path begins with / or ~/";
    return NULL;
}

static void fetch(export *s, const kf_mprofile *p, kf_out *o, bool showing) {
    static const char *const methods[N_WHAT] = {"GetToken", "Claims", "GetApiKey"};
    kf_json *j = kf_profile_params(p);
    int64_t ms = 0;
    if (s->what == ACCESS && duration(&s->life, &ms)) kf_json_set_int(j, "min_valid_ms", ms);
    s->showing = showing;
    s->replace = false;
    s->call = kf_out_call(o, methods[s->what], j);
}

static void run(export *s, const kf_mprofile *p, kf_out *o) {
    const char *why = wrong(s);
    if (why) kf_out_say(o, KF_SAY_INFO, "%s", why);
    else if (s->what == API_KEY) { /* a choice is not enough for what never expires */
        kf_args a = {.what = KF_CONFIRM_API_KEY, .title = s->to == FILE_TO ? "file" : "clipboard"};
        memcpy(a.profile, s->id, sizeof a.profile);
        kf_out_push(o, &kf_screen_confirm, &a);
    } else if (!s->call) fetch(s, p, o, false);
}

/* The token is fetched again: it is not kept while a question is open. */
static void run_replacing(export *s, const kf_mprofile *p, kf_out *o) {
    if (s->call) return;
    fetch(s, p, o, false);
    s->replace = true;
}

/* The text of the answer; NULL: said. */
static kf_secret *text_of(const export *s, const kf_json *answer, kf_out *o) {
    kf_err e;
    kf_facts f;
    kf_buf b;
    kf_secret *text = NULL;
    if (s->what == CLAIMS) {
        const kf_json *claims = kf_json_get(answer, "claims");
        if (!kf_json_is_obj(claims)) {
            kf_out_say(o, KF_SAY_BAD, "The answer of the agent has no claims");
            return NULL;
        }
        KF_AUTO(kf_secret) json = kf_json_print_secret(claims);
        kf_secret *line = kf_secret_zero(kf_secret_len(json) +
                                         1); /* with a newline, as `keyfob export` writes it */
        memcpy(kf_secret_edit(line), kf_secret_peek(json), kf_secret_len(json));
        kf_secret_edit(line)[kf_secret_len(json)] = '\n';
        return line;
    }
    kf_buf_init(&b, KF_FORMAT_OUT_MAX);
    if (!kf_facts_from(&f, answer, false, &e) || !kf_format(&b, &f, format_of(s), NULL, &e))
        kf_out_say(o, KF_SAY_BAD, "%s", e.what);
    else text = kf_secret_new(b.data, b.len);
    kf_buf_done(&b);
    return text;
}

static void put(export *s, const kf_mprofile *p, const kf_secret *text, kf_out *o) {
    kf_json *j = kf_json_obj();
    int64_t ms = 30000;
    kf_json_set_secret(j, "text", text);
    kf_json_set_str(j, "what", what_words[s->what]);
    if (s->to == CLIPBOARD && duration(&s->clear, &ms)) kf_json_set_int(j, "clear_after_ms", ms);
    if (s->to == FILE_TO) kf_json_set_str(j, "path", kf_line_text(&s->path));
    if (s->replace) kf_json_set_bool(j, "replace", true);
    s->replace = false;
    s->job = kf_out_job(o, s->to == FILE_TO ? "local.Write" : "local.Copy", j, p);
}

static void answered(export *s, const kf_model *m, const kf_event *ev, kf_out *o) {
    const kf_mprofile *p = of(s, m);
    if (!s->call || ev->call != s->call) return;
    s->call = 0;
    if (ev->err) {
        kf_args a = {.what = KF_PANEL_PLAIN, .err = ev->err, .title = "Could not export it"};
        memcpy(a.profile, s->id, sizeof a.profile);
        kf_out_push(o, &kf_screen_panel, &a);
        return;
    }
    KF_AUTO(kf_secret) text = text_of(s, ev->result, o);
    if (!text || !p) return;
    if (!s->showing) put(s, p, text, o);
    else {
        hide(s);
        s->shown = KF_TAKE(text);
        s->shown_until = m->now_ms + SHOW_MS;
    }
}

static void job_ended(export *s, const kf_err *err, kf_out *o) {
    s->job = 0;
    if (err)
        kf_out_push(o, &kf_screen_confirm,
                    &(kf_args){.what = KF_CONFIRM_REPLACE, .title = kf_line_text(&s->path)});
    else kf_out_pop(o, 1);
}

/* By no more than there are rows at 40x12. */
static void scroll(export *s, bool down) {
    int by = s->shown ? 6 : 3;
    s->top = down ? s->top + by : s->top > by ? s->top - by : 0;
}

/* An answer that is still on its way is of the choice before, and is dropped. */
static void change(export *s, int by) {
    hide(s);
    s->call = 0;
    if (s->at == WHAT) s->what = (s->what + by + N_WHAT) % N_WHAT;
    if (s->at == AS) s->as = (s->as + by + (int)KF_LEN(formats)) % (int)KF_LEN(formats);
    if (s->at == TO) s->to = (s->to + by + N_TO) % N_TO;
}

static void act(export *s, const kf_mprofile *p, kf_action what, kf_out *o) {
    switch (what) {
    case KF_DO_NEXT: s->at = (s->at + 1) % ROWS; break;
    case KF_DO_PREV: s->at = (s->at + ROWS - 1) % ROWS; break;
    case KF_DO_OTHER: change(s, 1); break;
    case KF_DO_OTHER_BACK: change(s, -1); break;
    case KF_DO_EXPORT: run(s, p, o); break;
    case KF_DO_REPLACE: run_replacing(s, p, o); break;
    case KF_DO_CONFIRMED:
        if (!s->call) fetch(s, p, o, false);
        break;
    case KF_DO_PAGE_UP:
    case KF_DO_PAGE_DOWN: scroll(s, what == KF_DO_PAGE_DOWN); break;
    case KF_DO_SHOW:
        if (s->shown) hide(s);
        else if (!s->call) fetch(s, p, o, true);
        break;
    case KF_DO_BACK: kf_out_pop(o, 1); break;
    default: break;
    }
}

static void update(void *st, const kf_model *m, const kf_event *ev, kf_out *o) {
    export *s = st;
    const kf_mprofile *p = of(st, m);
    kf_line *l = line_at(s);
    char msg[120] = "";
    if (!p) {
        kf_out_pop(o, 1);
        return;
    }
    if (s->shown && (ev->kind == KF_EV_HIDE || m->now_ms >= s->shown_until)) hide(s);
    if (ev->kind == KF_EV_DO) act(s, p, ev->act, o);
    else if (ev->kind == KF_EV_RESULT) answered(s, m, ev, o);
    else if (ev->kind == KF_EV_JOB && s->job && ev->call == s->job) job_ended(s, ev->err, o);
    else if (ev->kind == KF_EV_PASTE && l) {
        kf_line_paste(l, ev->text, ev->len, msg, sizeof msg);
        if (msg[0]) kf_out_say(o, KF_SAY_INFO, "%s", msg);
    } else if (ev->kind == KF_EV_KEY && l) kf_line_key(l, ev->key);
}

static kf_typing typing(const void *st, const kf_model *m) {
    const export *s = st;
    return s->at == PLACE || s->at == LIFE ? KF_TYPING_TEXT : KF_TYPING_NONE;
}

/* --- drawing ---------------------------------------------------------------------------- */

static void choice(const export *s, kf_grid *g, kf_rect r, int row, int y, const char *label,
                   const char *value, const char *about) {
    bool on = s->at == row;
    kf_grid_text(g, y, r.x, 6, on ? KF_INK_STRONG : KF_INK_TEXT, label);
    int x = r.x + 7, room = r.cols - 7;
    int n = kf_grid_printf(g, y, x, room, on ? KF_INK_FIELD_FOCUS : KF_INK_TEXT, "< %s >", value);
    if (about && room - n > 12) kf_grid_text(g, y, x + n + 2, room - n - 2, KF_INK_DIM, about);
    if (on) kf_grid_cursor(g, y, x);
}

static int fields(const export *s, kf_grid *g, kf_rect r) {
    int y = r.y;
    choice(s, g, r, WHAT, y++, "What", what_words[s->what], NULL);
    choice(s, g, r, AS, y++, "As", format_of(s),
           s->what == CLAIMS ? "claims are JSON" : formats[s->as].about);
    choice(s, g, r, TO, y++, "To", to_words[s->to], NULL);
    bool file = s->to == FILE_TO;
    kf_grid_text(g, y, r.x, 6, s->at == PLACE ? KF_INK_STRONG : KF_INK_TEXT,
                 file ? "Path" : "Clear");
    int cols = file ? (r.cols - 7 < 60 ? r.cols - 7 : 60) : 12;
    kf_line_draw(file ? &s->path : &s->clear, g, y, r.x + 7, cols, s->at == PLACE);
    if (!file)
        kf_grid_text(g, y, r.x + 20, r.cols - 20, KF_INK_DIM, "if it is still there; 0 never");
    y++;
    kf_grid_text(g, y, r.x, 6, s->at == LIFE ? KF_INK_STRONG : KF_INK_TEXT, "Life");
    kf_line_draw(&s->life, g, y, r.x + 7, 12, s->at == LIFE);
    kf_grid_text(g, y, r.x + 20, r.cols - 20, KF_INK_DIM, "renewed first if less is left");
    return y + 1 - r.y;
}

/* What the agent told is enough for a preview with the secret hidden. */
static char *preview(const export *s, const kf_model *m, const kf_mprofile *p) {
    KF_AUTO(kf_json) j = kf_json_obj();
    KF_AUTO_CHARS token = kf_strfmt("%s..%s", p->token_head, p->token_tail);
    int64_t left = kf_model_left_ms(m, p);
    if (s->what == CLAIMS)
        return kf_strfmt("{\"sub\":\"%s\",\"sid\":\"%s\", ...}", p->user_id, p->session_id);
    if (s->what == API_KEY) kf_json_set_str(j, "api_key", "sk_...(hidden)");
    else kf_json_set_str(j, "access_token", token);
    kf_json_set_str(j, "name", p->name);
    kf_json_set_str(j, "client_id", p->client_id);
    kf_json_set_str(j, "org_id", p->org_id);
    kf_json_set_int(j, "expires_at", p->expires_at);
    kf_json_set_int(j, "left_ms", left == KF_NO_TIME ? 0 : left);
    kf_facts f;
    kf_buf b;
    kf_err e = {0};
    kf_buf_init(&b, KF_FORMAT_OUT_MAX);
    bool ok = kf_facts_from(&f, j, false, &e) && kf_format(&b, &f, format_of(s), NULL, &e);
    char *text = kf_strdup(ok ? b.data : e.what);
    kf_buf_done(&b);
    return text;
}

/* As a shell takes it; ~/ is left to the shell. */
static char *quoted(const char *path) {
    static const char safe[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/~._-+,:@%";
    if (!path[strspn(path, safe)]) return kf_strdup(path);
    kf_buf b;
    kf_buf_init(&b, 4 * PATH_MAX_LEN + 8);
    if (kf_str_starts(path, "~/")) kf_buf_adds(&b, "~/"), path += 2;
    kf_buf_adds(&b, "'");
    for (; *path; path++) kf_buf_adds(&b, *path == '\'' ? "'\\''" : (char[]){*path, 0});
    kf_buf_adds(&b, "'");
    return kf_buf_steal(&b);
}

static char *shell_line(const export *s, const kf_mprofile *p) {
    KF_AUTO_CHARS what =
        s->what == ACCESS ? kf_strdup("") : kf_strfmt(" --what %s", what_options[s->what]);
    KF_AUTO_CHARS path = quoted(kf_line_is_empty(&s->path) ? "FILE" : kf_line_text(&s->path));
    KF_AUTO_CHARS place = s->to == FILE_TO
                              ? kf_strfmt(" -o %s", path)
                              : kf_strfmt(" --clip --clear-after %s", kf_line_text(&s->clear));
    const char *least = kf_line_text(&s->life);
    KF_AUTO_CHARS life = s->what == ACCESS
                             ? kf_strfmt(" --min-valid %s", strcmp(least, "0") ? least : "0s")
                             : kf_strdup("");
    return kf_strfmt("keyfob export %s%s --format %s%s%s", p->name, what, format_of(s), life,
                     place);
}

static char *caution(const export *s, const kf_model *m, const kf_mprofile *p) {
    if (s->what == CLAIMS)
        return kf_strdup("The claims name a person, but nobody can sign in with them.");
    if (s->what == API_KEY)
        return kf_strdup(
            "The API key does not expire. Anyone who has it can do anything in this environment.");
    char left[24];
    kf_words_left(kf_model_left_ms(m, p), left);
    return kf_strfmt("Anyone who has the token can act as %s for %s more. For commands, use keyfob "
                     "exec %s -- your-command instead.",
                     *p->user_email ? p->user_email : "you", left, p->name);
}

typedef struct subject {
    const export *s;
    const kf_model *m;
    const kf_mprofile *p;
    bool roomy;
} subject;

static int section(kf_grid *g, kf_rect r, int y, const char *head, const char *text, kf_ink ink) {
    kf_grid_text(g, y++, r.x, r.cols, KF_INK_DIM, head);
    return y + kf_grid_wrap(g, y, r.x + 2, r.cols - 2, r.y + r.rows - y, ink, text, true);
}

static int draw_page(const void *arg, kf_grid *g, kf_rect r) {
    const subject *x = arg;
    const export *s = x->s;
    KF_AUTO_CHARS hidden = preview(s, x->m, x->p);
    KF_AUTO_CHARS line = shell_line(s, x->p);
    KF_AUTO_CHARS why = caution(s, x->m, x->p);
    char head[80];
    snprintf(head, sizeof head,
             s->shown ? "Shown for %lld s, v hides it" : "Preview (v shows it for 10 s)",
             (long long)(s->shown_until - x->m->now_ms + 999) / 1000);
    int y = section(g, r, r.y, head, s->shown ? kf_secret_peek(s->shown) : hidden,
                    s->shown ? KF_INK_WARN : KF_INK_TEXT) +
            x->roomy;
    y = section(g, r, y, "Same from a shell", line, KF_INK_TEXT) + x->roomy;
    return section(g, r, y, "Before you do", why, KF_INK_TEXT) - r.y;
}

/* In a small window what is shown takes the place of the fields, which have no meaning for it. */
static void draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const export *s = st;
    const kf_mprofile *p = of(st, m);
    if (!p) return;
    kf_rect r = v->body;
    bool roomy = r.rows >= 15;
    if (r.cols > 100) r.cols = 100;
    int y = roomy || !s->shown ? r.y + fields(s, g, r) + roomy : r.y;
    kf_page_with(g, (kf_rect){y, r.x, r.y + r.rows - y, r.cols}, s->top, draw_page,
                 &(subject){s, m, p, roomy}, "PgDn shows more");
}

static bool copy(const void *st, const kf_model *m, kf_copy *out) {
    const kf_mprofile *p = of(st, m);
    if (!p) return false;
    KF_AUTO_CHARS line = shell_line(st, p);
    kf_copy_set(out, "command", line);
    return true;
}

static void title(const void *st, const kf_model *m, bool compact, char *left, char *right,
                  size_t size) {
    const kf_mprofile *p = of(st, m);
    char time_left[24];
    if (!p) return;
    kf_words_left(kf_model_left_ms(m, p), time_left);
    snprintf(left, size, "keyfob%s > %s > Export", m->sandbox ? " sandbox" : "", p->name);
    snprintf(right, size, "%s", kf_state_words(p->state));
    if (!kf_str_eq(time_left, "--")) snprintf(right, size, "%s left", time_left);
}

static void status(const void *st, const kf_model *m, bool compact, char *left, char *right,
                   size_t size) {
    const export *s = st;
    if (s->call) snprintf(left, size, "asking the agent");
}

static void hints(const void *st, const kf_model *m, kf_action out[12]) {
    static const kf_action all[] = {KF_DO_EXPORT, KF_DO_NEXT, KF_DO_OTHER, KF_DO_SHOW,
                                    KF_DO_YANK,   KF_DO_BACK, KF_DO_NONE};
    static const kf_action field[] = {KF_DO_EXPORT, KF_DO_NEXT, KF_DO_BACK,
                                      KF_DO_NONE}; /* v is a letter there */
    bool text = typing(st, m) == KF_TYPING_TEXT;
    memcpy(out, text ? field : all, text ? sizeof field : sizeof all);
}

static const char *why_not(const void *st, const kf_model *m, kf_action act) {
    const export *s = st;
    const kf_mprofile *p = of(st, m);
    if ((act == KF_DO_OTHER || act == KF_DO_OTHER_BACK) && s->at > TO)
        return "there is nothing to choose in this field";
    if (act == KF_DO_OTHER && s->at == AS && s->what == CLAIMS) return "claims have one format";
    if (act != KF_DO_EXPORT && act != KF_DO_REPLACE && act != KF_DO_CONFIRMED && act != KF_DO_SHOW)
        return NULL;
    if (p && s->what == API_KEY)
        return p->confidential ? NULL : "no API key is stored for this profile";
    if (!p || !kf_model_has_session(p)) return "this profile is not signed in";
    return kf_model_is_over(p) ? "the session is over, sign in again" : NULL;
}

static bool counts(const void *st, const kf_model *m) {
    const kf_mprofile *p = of(st, m);
    return ((const export *)st)->shown || (p && kf_model_left_ms(m, p) > 0);
}

const kf_screen_class kf_screen_export = {.name = "export",
                                          .state_size = sizeof(export),
                                          .where = KF_AT_EXPORT,
                                          .init = init,
                                          .update = update,
                                          .draw = draw,
                                          .done = done,
                                          .typing = typing,
                                          .title = title,
                                          .copy = copy,
                                          .status = status,
                                          .hints = hints,
                                          .why_not = why_not,
                                          .counts = counts};
