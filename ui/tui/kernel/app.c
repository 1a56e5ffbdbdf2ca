/* The screen's application: stack of screens, keys, pastes, time and effects. Events go in,
 * effects come out. It does no I/O. */
#include "base/mem.h"
#include "ui/tui/kernel/app_impl.h"
#include "ui/tui/kernel/key_decoder.h"
#include <stdarg.h>
#include "base/str.h"

/* --- stack ----------------------------------------------------------------------------- */

static kf_level *top(kf_app *a) { return &a->level[a->depth - 1]; }

const char *kf_app_top(const kf_app *a) { return a->level[a->depth - 1].cls->name; }

static void push_now(kf_app *a, const kf_screen_class *cls, const kf_args *args) {
    a->changes++;
    if (a->depth == KF_DEPTH) return;
    kf_level *l = &a->level[a->depth++];
    *l = (kf_level){cls, calloc(1, cls->state_size), ++a->last_uid};
    if (!l->st) abort();
    uint32_t before = a->current;
    a->current = l->uid;
    if (cls->init) cls->init(l->st, a->m, args, a);
    a->current = before;
}

static int level_of(const kf_app *a, uint32_t uid) { /* -1: closed */
    for (int i = a->depth - 1; i >= 0; i--)
        if (a->level[i].uid == uid) return i;
    return -1;
}

static void close_at(kf_app *a, int i) {
    kf_level l = a->level[i];
    a->changes++;
    a->depth--;
    memmove(a->level + i, a->level + i + 1, (size_t)(a->depth - i) * sizeof l);
    if (l.cls->done) l.cls->done(l.st);
    free(l.st);
    kf_app_calls_end(a, l.uid);
    if (l.cls == a->home->unlock) kf_app_unheld(a, false);
    if (l.cls->steps) kf_model_step_clear(a->m); /* keys and codes */
}

static void pop_now(kf_app *a) { close_at(a, a->depth - 1); }

/* Closes n screens: the one with uid and those below it, and with it what lies on top. */
static void close_from(kf_app *a, uint32_t uid, int n) {
    uint32_t go[KF_DEPTH];
    int at = level_of(a, uid), k = 0;
    if (at < 0) return; /* it is closed already */
    for (int i = a->depth - 1; i > at; i--)
        if (!a->level[i].cls->stays) go[k++] = a->level[i].uid;
    for (int i = at; i > at - n && i > 0; i--) go[k++] = a->level[i].uid;
    for (int i = 0; i < k; i++) /* closing one can end a call, whose owner then closes by itself */
        if ((at = level_of(a, go[i])) > 0) close_at(a, at);
}

static void dispatch(kf_app *a, kf_action act, int key);

/* One at a time: closing or opening a screen can bring further wishes. */
static void apply_ops(kf_app *a) {
    while (a->n_op) {
        kf_op op = a->op[0];
        a->n_op--;
        memmove(a->op, a->op + 1, (size_t)a->n_op * sizeof *a->op);
        if (op.pop) close_from(a, op.uid, op.pop);
        op.args.err = &op.err;
        op.args.title = op.title;
        op.args.list = op.list;
        if (op.cls) push_now(a, op.cls, &op.args);
        kf_json_free(op.list);
        if (op.run) dispatch(a, op.run, 0);
    }
}

void kf_app_send(kf_app *a, kf_level *l, const kf_event *ev) {
    if (ev->kind != KF_EV_TICK) a->changes++;
    a->current = l->uid;
    l->cls->update(l->st, a->m, ev, a);
    a->current = 0;
    apply_ops(a);
    if (!a->stale) return;
    a->stale = false;
    kf_app_model_changed(a);
}

void kf_app_all(kf_app *a, const kf_event *ev) {
    uint32_t uids[KF_DEPTH];
    int n = a->depth;
    for (int i = 0; i < n; i++) uids[i] = a->level[i].uid;
    for (int k = 0; k < n; k++)
        for (int i = 0; i < a->depth; i++)
            if (a->level[i].uid == uids[k]) {
                kf_app_send(a, &a->level[i], ev);
                break;
            }
}

/* The first screen is the list, or the first-run screen while there is nothing to list. */
static void choose_root(kf_app *a) {
    const kf_screen_class *want =
        a->m->loaded && kf_model_count(a->m) == 0 ? a->home->first : a->home->list;
    if (a->level[0].cls == want) return;
    kf_level rest[KF_DEPTH];
    int n = a->depth - 1;
    memcpy(rest, a->level + 1, (size_t)n * sizeof *rest);
    a->depth = 1;
    pop_now(a);
    push_now(a, want, &(kf_args){0});
    memcpy(a->level + 1, rest, (size_t)n * sizeof *rest);
    a->depth += n;
}

kf_app *kf_app_new(kf_model *m, const kf_home *home) {
    kf_app *a = kf_new(kf_app);
    a->hints = kf_new(kf_hints);
    a->m = m;
    a->home = home;
    push_now(a, home->list, &(kf_args){0});
    kf_app_watch(a);
    return a;
}

kf_app *kf_app_free(kf_app *a) {
    if (!a) return NULL;
    while (a->depth) pop_now(a);
    for (int i = 0; i < KF_CALLS; i++) kf_app_call_clear(&a->call[i]);
    for (int i = 0; i < a->n_fx; i++) kf_json_free(a->fx[i].params);
    kf_json_free(a->op_spare.list);
    free(a->hints);
    free(a);
    return NULL;
}

void kf_app_push(kf_app *a, const kf_screen_class *cls, const kf_args *args) {
    push_now(a, cls, args);
}

/* --- wishes of screens ----------------------------------------------------------------- */

static kf_op *new_op(kf_out *o) {
    kf_op *op = o->n_op < KF_OPS ? &o->op[o->n_op++] : &o->op_spare;
    if (op == &o->op_spare) kf_json_free(op->list);
    memset(op, 0, sizeof *op);
    return op;
}

void kf_out_push(kf_out *o, const kf_screen_class *cls, const kf_args *args) {
    kf_op *op = new_op(o);
    op->cls = cls;
    if (!args) return;
    op->args = *args;
    if (args->err) op->err = *args->err;
    if (args->title) snprintf(op->title, sizeof op->title, "%s", args->title);
    if (args->list) op->list = kf_json_copy(args->list);
}

void kf_out_pop(kf_out *o, int n) {
    kf_op *op = new_op(o);
    op->pop = n;
    op->uid = o->current;
}

void kf_out_run(kf_out *o, kf_action act) {
    kf_out_pop(o, 1);
    new_op(o)->run = act;
}

void kf_out_say(kf_out *o, kf_say how, const char *fmt, ...) {
    kf_message msg = {.how = how, .until_ms = how >= KF_SAY_WARN ? 0 : o->m->now_ms + 4000};
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg.text, sizeof msg.text, fmt, ap);
    va_end(ap);
    /* An unread error stays; good news is replaced by whatever comes later. */
    while (o->n_message && o->message[o->n_message - 1].how < KF_SAY_WARN) o->n_message--;
    if (o->n_message == KF_MESSAGES) return;
    o->message[o->n_message++] = msg;
}

void kf_out_quit(kf_out *o, int status) {
    kf_fx fx = {.kind = KF_FX_QUIT, .status = status};
    if (status) kf_app_fx(o, fx); /* Ctrl-C: at once, nothing more is done */
    else kf_app_leave(o, fx);
}
void kf_out_sandbox(kf_out *o) { kf_app_leave(o, (kf_fx){.kind = KF_FX_SANDBOX}); }
void kf_out_open(kf_out *o, const char *url) {
    kf_json *params = kf_json_obj();
    kf_json_set_str(params, "url", url);
    kf_app_fx(o, (kf_fx){.kind = KF_FX_OPEN, .params = params});
}
void kf_out_select(kf_out *o, const char *id) {
    snprintf(o->select, sizeof o->select, "%s", id);
    o->stale = o->stale || *id;
}
const char *kf_out_selected(const kf_out *o) { return o->select; }

/* What a person may begin that writes to WorkOS or the store. The agent refuses it as well, but
 * late. */
static bool writes(kf_action act) {
    static const kf_action all[] = {
        KF_DO_ADD,      KF_DO_EDIT,  KF_DO_DUPLICATE,    KF_DO_DELETE, KF_DO_DEFAULT, KF_DO_SIGN_IN,
        KF_DO_SIGN_OUT, KF_DO_RENEW, KF_DO_ORGANIZATION, KF_DO_ENROLL, KF_DO_OTHERS,  KF_DO_IMPORT};
    for (size_t i = 0; i < KF_LEN(all); i++)
        if (all[i] == act) return true;
    return false;
}

void kf_copy_set(kf_copy *c, const char *what, const char *text) {
    snprintf(c->what, sizeof c->what, "%s", what);
    free(c->text);
    c->text = kf_strdup(text);
}

const char *kf_app_why_not(const kf_app *a, const kf_level *l, kf_action act) {
    if (a->m->read_only && writes(act)) return "read-only is on";
    if (act == KF_DO_UNDO) return a->m->removal.id[0] ? NULL : "there is nothing to take back";
    if (act == KF_DO_YANK) {
        kf_copy c = {0};
        bool any = l->cls->copy && l->cls->copy(l->st, a->m, &c);
        free(c.text);
        return any ? NULL : "nothing here can be copied";
    }
    return l->cls->why_not ? l->cls->why_not(l->st, a->m, act) : NULL;
}

/* One line: what is pasted must not run in a shell before a person pressed Enter. */
static void yank(kf_app *a, const kf_level *l) {
    kf_copy c = {0};
    if (!l->cls->copy(l->st, a->m, &c)) return;
    for (char *s = c.text; s && *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f) *s = ' ';
    kf_json *j = kf_json_obj();
    if (c.secret) kf_json_set_secret(j, "text", c.secret);
    else kf_json_set_str(j, "text", c.text);
    kf_json_set_str(j, "what", c.what);
    if (c.secret) kf_json_set_int(j, "clear_after_ms", 30000);
    kf_out_job(a, "local.Copy", j, NULL);
    free(c.text);
}

const char *kf_out_why_not(const kf_out *o, kf_action act) {
    const kf_level *l = &o->level[o->depth - 1];
    for (int i = o->depth - 1; i > 0 && l->cls == o->home->help; i--) l = &o->level[i - 1];
    return kf_app_why_not(o, l, act);
}

/* --- keys ------------------------------------------------------------------------------ */

static void open_help(kf_app *a, bool search) {
    if (top(a)->cls == a->home->help) return;
    push_now(a, a->home->help, &(kf_args){.where = top(a)->cls->where, .what = search});
}

void kf_out_help(kf_out *o) {
    kf_out_push(o, o->home->help, &(kf_args){.where = top(o)->cls->where});
}

static void dispatch(kf_app *a, kf_action act, int key) {
    kf_level *l = top(a);
    switch (act) {
    case KF_DO_LEAVE: kf_out_quit(a, 130); return;
    case KF_DO_QUIT: kf_out_quit(a, 0); return;
    case KF_DO_SUSPEND: kf_app_fx(a, (kf_fx){.kind = KF_FX_SUSPEND}); return;
    case KF_DO_HELP: open_help(a, false); return;
    case KF_DO_PALETTE: open_help(a, true); return;
    case KF_DO_CLOSE:
        if (a->depth == 1) kf_out_quit(a, 0);
        else kf_app_send(a, l, &(kf_event){.kind = KF_EV_DO, .act = KF_DO_BACK});
        return;
    case KF_DO_REDRAW: kf_app_fx(a, (kf_fx){.kind = KF_FX_REDRAW}); break;
    default: break;
    }
    const char *why = kf_app_why_not(a, l, act);
    if (why) {
        kf_out_say(a, KF_SAY_INFO, "%s: %s", kf_action_at(act, l->cls->where)->key, why);
        return;
    }
    if (act == KF_DO_UNDO) {
        kf_app_take_back(a);
        return;
    }
    if (act == KF_DO_YANK) {
        yank(a, l);
        return;
    }
    kf_app_send(a, l, &(kf_event){.kind = KF_EV_DO, .act = act, .key = key});
}

/* These belong to the field while one is being typed into. */
static bool is_edit_key(int key) {
    switch (key) {
    case KF_KEY_LEFT:
    case KF_KEY_RIGHT:
    case KF_KEY_HOME:
    case KF_KEY_END:
    case KF_KEY_DELETE:
    case KF_KEY_BACKSPACE:
    case KF_KEY_CTRL_LEFT:
    case KF_KEY_CTRL_RIGHT:
    case 8:
    case KF_CTRL('A'):
    case KF_CTRL('E'):
    case KF_CTRL('U'):
    case KF_CTRL('K'):
    case KF_CTRL('W'):
    case KF_CTRL('D'): return true;
    default: return kf_key_is_text(key);
    }
}

/* A key on the screen answers the message that is shown; the key still does its work. */
static void read_message(kf_app *a) {
    if (!a->n_message) return;
    a->n_message--;
    memmove(a->message, a->message + 1, (size_t)a->n_message * sizeof *a->message);
}

void kf_app_size(kf_app *a, int rows, int cols) {
    a->too_small = kf_tier_of(rows, cols) == KF_TIER_TOO_SMALL;
}

void kf_app_key(kf_app *a, int key) {
    kf_level *l = top(a);
    if (key == KF_CTRL('C')) {
        kf_out_quit(a, 130);
        return;
    }
    if (a->too_small) {
        if (key == 'q' || key == 'Q') kf_out_quit(a, 0);
        if (key == KF_CTRL('Z')) dispatch(a, KF_DO_SUSPEND, key);
        return;
    }
    read_message(a);
    kf_typing typing = l->cls->typing ? l->cls->typing(l->st, a->m) : KF_TYPING_NONE;
    bool text = kf_key_is_text(key);
    bool command = typing == KF_TYPING_DIGITS && text && !(key >= '0' && key <= '9') &&
                   key != ' ' && key != '-';
    if (typing && is_edit_key(key) && !command) {
        kf_app_send(a, l, &(kf_event){.kind = KF_EV_KEY, .key = key});
        return;
    }
    kf_action act = kf_action_for(key, l->cls->where);
    if (act) {
        dispatch(a, act, key);
        return;
    }
    bool alt = (key & KF_KEY_ALT) && kf_key_is_text(key & ~KF_KEY_ALT);
    if (!text && !alt) {
        kf_app_send(a, l, &(kf_event){.kind = KF_EV_KEY, .key = key});
        return;
    }
    char b[5] = {0};
    kf_utf8_put((char32_t)(key & ~KF_KEY_ALT), b);
    kf_out_say(a, KF_SAY_INFO, "%s%s does nothing here; ? lists what can be done",
               alt ? "Alt-" : "", b);
}

void kf_app_paste(kf_app *a, const char *text, size_t len) {
    kf_level *l = top(a);
    if (a->too_small) return;
    if (l->cls->typing && l->cls->typing(l->st, a->m) != KF_TYPING_NONE)
        kf_app_send(a, l, &(kf_event){.kind = KF_EV_PASTE, .text = text, .len = len});
    else kf_out_say(a, KF_SAY_INFO, "Pasted text ignored: no field is active");
}

/* Keys that nobody can have typed, from a terminal that does not mark pastes. What a
 * filter or a search begins with goes into a field anyway, and the same character over and over is
 * a key held down. */
bool kf_app_burst(kf_app *a, const int *keys, size_t n) {
    const kf_level *l = top(a);
    kf_typing typing = l->cls->typing ? l->cls->typing(l->st, a->m) : KF_TYPING_NONE;
    kf_action first = n ? kf_action_for(keys[0], l->cls->where) : KF_DO_NONE;
    size_t text = 0, same = 0, code = 0, len = 0;
    for (size_t i = 0; i < n; i++) {
        if (!kf_key_is_text(keys[i])) continue;
        text++;
        same += keys[i] == keys[0];
        code += (keys[i] >= '0' && keys[i] <= '9') || keys[i] == ' ' || keys[i] == '-';
    }
    if (typing == KF_TYPING_TEXT || text < 4 || same == text) return false;
    if (typing == KF_TYPING_DIGITS && code == text) return false;
    if (typing == KF_TYPING_NONE && (first == KF_DO_FILTER || first == KF_DO_PALETTE)) return false;
    char s[4 * KF_BURST_KEYS]; /* may be a code */
    for (size_t i = 0; i < n && i < KF_BURST_KEYS; i++)
        len += kf_utf8_put(keys[i] == KF_KEY_ENTER ? '\n' : (char32_t)keys[i], s + len);
    kf_app_paste(a, s, len);
    kf_wipe(s, sizeof s);
    return true;
}

bool kf_app_gathers(const kf_app *a, int key) {
    const kf_level *l = &a->level[a->depth - 1];
    bool field = l->cls->typing && l->cls->typing(l->st, a->m) == KF_TYPING_TEXT;
    return !field && (kf_key_is_text(key) || key == KF_KEY_ENTER || key == KF_KEY_TAB);
}

/* --- time ------------------------------------------------------------------------------ */

void kf_app_hide(kf_app *a) { kf_app_all(a, &(kf_event){.kind = KF_EV_HIDE}); }

void kf_app_time(kf_app *a, int64_t now_ms, int64_t wall) {
    if (now_ms / 1000 != a->m->now_ms / 1000) a->changes++; /* some actions wait for a time */
    a->m->now_ms = now_ms;
    a->m->wall = wall;
    while (a->n_message && a->message[0].until_ms && a->message[0].until_ms <= now_ms)
        read_message(a);
    if (a->watch_again_ms && a->watch_again_ms <= now_ms) kf_app_watch(a);
    kf_app_removal_time(a);
    kf_app_all(a, &(kf_event){.kind = KF_EV_TICK});
}

int64_t kf_app_wait_ms(const kf_app *a) {
    int64_t wait = -1, now = a->m->now_ms;
    int64_t at[5] = {a->n_message ? a->message[0].until_ms : 0, a->watch_again_ms, 0,
                     kf_app_removal_at(a), 0};
    bool counts = kf_app_busy(a) != NULL || at[3] || a->m->link == KF_LINK_WAITING;
    for (int i = a->depth - 1; i >= 0 && !counts && !a->too_small; i--) {
        const kf_level *l = &a->level[i];
        counts = l->cls->counts && l->cls->counts(l->st, a->m);
        if (l->cls->ages) at[4] = now + 60000 - a->m->wall % 60 * 1000 - now % 1000;
        if (!l->cls->dialog) break;
    }
    if (counts) at[2] = now + 1000 - now % 1000;
    for (int i = 0; i < 5; i++)
        if (at[i]) {
            int64_t w = at[i] > now ? at[i] - now : 0;
            if (wait < 0 || w < wait) wait = w;
        }
    return wait;
}

/* --- what the agent says --------------------------------------------------------------- */

void kf_app_model_changed(kf_app *a) {
    a->changes++;
    if (a->m->removal.id[0] && !kf_model_is_hidden(a->m, a->m->removal.id))
        a->m->removal = (kf_mremoval){0}; /* somebody else did it */
    choose_root(a);
    kf_app_all(a, &(kf_event){.kind = KF_EV_MODEL});
}

/* --- effects --------------------------------------------------------------------------- */

void kf_app_fx(kf_app *a, kf_fx fx) {
    if (a->n_fx == KF_FX_MAX) {
        kf_json_free(fx.params);
        return;
    }
    int i = a->n_fx++;
    a->fx[i] = fx;
    if (fx.method) {
        snprintf(a->fx_method[i], sizeof a->fx_method[i], "%s", fx.method);
        a->fx[i].method = NULL;
    } else a->fx_method[i][0] = 0;
}

bool kf_app_next(kf_app *a, kf_fx *fx) {
    if (!a->n_fx) return false;
    *fx = a->fx[0];
    memcpy(a->fx_taken, a->fx_method[0], sizeof a->fx_taken);
    fx->method = a->fx_taken;
    a->n_fx--;
    memmove(a->fx, a->fx + 1, (size_t)a->n_fx * sizeof *a->fx);
    memmove(a->fx_method, a->fx_method + 1, (size_t)a->n_fx * sizeof *a->fx_method);
    return true;
}
