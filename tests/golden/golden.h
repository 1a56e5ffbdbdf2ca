#pragma once
/* A screen without a terminal: an app on a model that is made from the agent's own JSON, keys in,
 * grids out. Grids are compared with tests/golden/<name>-<cols>x<rows>.txt; KEYFOB_BLESS=1 writes
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "ui/tui/kernel/app.h"
#include "ui/tui/parts/widget.h"
#include "ui/tui/places/places.h"

typedef struct stage {
    kf_model m;
    kf_app *a;
    bool ascii;
    int rows, cols;
    uint32_t last_call, watch; /* of the effects taken so far */
    char last_method[24];
    uint32_t imports; /* FindImports, which the first-run screen calls by itself, is kept apart */
    bool imports_keyring;
    kf_json *last_params;
    int quit, calls, stops, suspends; /* quit -1: not asked for */
    bool sandbox;
    int opened; /* addresses given to the browser */
    char opened_url[2048];
} stage;

void stage_open(stage *s);      /* the agent has not answered yet */
void stage_open_acme(stage *s); /* the list of profiles_json, filtered, its cursor on acme-prod */
void stage_close(stage *s);
void stage_pump(stage *s);                    /* takes the effects */
void stage_watch(stage *s, const char *json); /* an answer of Watch */
void stage_answer(stage *s, uint32_t call, const char *json, bool ended);
void stage_fail(stage *s, uint32_t call, kf_err err);
void stage_key(stage *s, int key);
void stage_type(stage *s, const char *text);
void stage_paste(stage *s, const char *text);
void stage_wait(stage *s, int64_t ms);
char *stage_draw(stage *s, int rows, int cols); /* dump with the cursor's place; caller frees */
void stage_grid(stage *s, int rows, int cols, kf_grid *out); /* caller ends it */
/* got is what the file has; KEYFOB_BLESS=1 writes it there. */
void stage_same(const char *path, const char *got);
void stage_shot(stage *s, const char *name); /* three sizes against the files */
void stage_shot_at(stage *s, const char *name, int rows, int cols);
bool stage_shows(stage *s, const char *text);     /* at 80x24 */
void stage_step(stage *s, const char *step_json); /* the sign-in's next step */
void stage_signin(stage *s); /* from the list: s, password; the stream is s->last_call */
void stage_signin_by(stage *s, char digit); /* the row of the chooser */

extern const char *const profiles_json, *const hostile_json;
