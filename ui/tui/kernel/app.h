#pragma once
/* The stack of screens, the keys that work everywhere, the message line, and the calls that
 * are under way. No ncurses, no socket, no clock: events go in, effects come out, and tui.c (or a
 * test) carries them out. */
#include "ui/tui/kernel/screen.h"

typedef struct kf_out kf_app; /* screens see it as kf_out, with fewer functions */

typedef enum kf_fx_kind {
    KF_FX_CALL,   /* call, method, params; answer by kf_app_result() */
    KF_FX_STREAM, /* the same with more */
    KF_FX_STOP,   /* end call; whatever still comes from it is dropped */
    KF_FX_QUIT,   /* status */
    KF_FX_SUSPEND,
    KF_FX_REDRAW, /* forget what the terminal shows */
    KF_FX_SANDBOX,
    KF_FX_OPEN /* params: {"url": ...}: the person asked for it */
} kf_fx_kind;

typedef struct kf_fx {
    kf_fx_kind kind;
    uint32_t call;
    const char *method; /* valid until the next effect is taken */
    kf_json *params;    /* the taker owns it; may hold secrets */
    int status;
} kf_fx;

/* m and home borrowed; the first effect is Watch. */
kf_app *kf_app_new(kf_model *m, const kf_home *home);
kf_app *kf_app_free(kf_app *a);
void kf_app_size(kf_app *a, int rows, int cols); /* of the window, now and when it changes */
void kf_app_key(kf_app *a, int key);
void kf_app_paste(kf_app *a, const char *text, size_t len);
/* n keys, at most KF_BURST_KEYS, that came within KF_BURST_MS. True: they are a paste, and were
 * taken as one. */
enum { KF_BURST_MS = 5, KF_BURST_KEYS = 256 };
bool kf_app_burst(kf_app *a, const int *keys, size_t n);
bool kf_app_gathers(
    const kf_app *a,
    int key); /* key may begin or go on with such a paste: what follows it is looked at first */
void kf_app_time(kf_app *a, int64_t now_ms, int64_t wall);
void kf_app_hello(kf_app *a, const kf_json *hello);
/* One answer of a call. result NULL: err, and the call has ended. */
void kf_app_result(kf_app *a, uint32_t call, const kf_json *result, bool ended, const kf_err *err);
void kf_app_hide(kf_app *a); /* before a suspension: what is secret does not come back by itself */
void kf_app_draw(const kf_app *a, kf_grid *g);
int64_t kf_app_wait_ms(const kf_app *a); /* until kf_app_time() is due; -1: nothing is counting */
/* What keyfob has to say of what was deleted, when it ends: KEPT, because it was left at once
 * (Ctrl-C, a signal); UNKNOWN, because the agent has not answered; DELETED, by leaving and not by
 * the ten seconds. name "" for NOTHING. */
typedef enum kf_unfinished {
    KF_LEFT_NOTHING,
    KF_LEFT_KEPT,
    KF_LEFT_UNKNOWN,
    KF_LEFT_DELETED
} kf_unfinished;
kf_unfinished kf_app_unfinished(const kf_app *a, char name[65]);
bool kf_app_next(kf_app *a, kf_fx *fx); /* false: no effect is waiting */
void kf_app_push(kf_app *a, const kf_screen_class *cls, const kf_args *args); /* tests */
const char *kf_app_top(const kf_app *a); /* name of the topmost screen's class */
