#pragma once
/* Shared by signin.c (what happens) and signin_draw.c (what is seen). */
#include "ui/tui/parts/code_pane.h"
#include "ui/tui/parts/widget.h"

enum { KF_CODE_DIGITS = 6, KF_RESEND_MS = 30 * 1000 };

typedef struct kf_signin {
    char id[17];
    kf_method method;
    uint32_t stream, answer; /* calls; answer != 0: it is under way */
    char email[321];         /* the address of last time, or the one that was typed */
    uint32_t serial;         /* of the question that line and cur belong to */
    bool fresh, details, over;
    bool filled;         /* the field has the address of last time: the first letter replaces it */
    bool second;         /* the new password is being repeated; the address is being pasted */
    kf_err err;          /* over: why */
    kf_line line, again; /* field, or the chooser's filter; the new password once more */
    size_t cur;
    int top;                   /* scrolled rows */
    int64_t since_ms, sent_ms; /* sent: when the last code went out */
    kf_pane pane;
} kf_signin;

const kf_mprofile *kf_signin_of(const kf_signin *s, const kf_model *m);
const kf_mstep *kf_signin_step(const kf_signin *s, const kf_model *m); /* NULL: none yet */
bool kf_signin_waiting(const kf_signin *s, const kf_model *m);
bool kf_signin_is_browser(const kf_mstep *p); /* an address that comes back here */
bool kf_signin_expired(const kf_mstep *p, const kf_model *m);
/* signin_other.c: the session is of another person than the profile's. cur is the row. */
enum { KF_OTHER_NEW, KF_OTHER_REPLACE, KF_OTHER_STOP, KF_OTHER_ROWS };
bool kf_signin_is_other(const kf_mstep *p);
void kf_signin_other_begin(kf_signin *s, const kf_model *m); /* proposes a name */
void kf_signin_other_draw(const kf_signin *s, const kf_mstep *p, kf_grid *g, kf_rect r);
bool kf_is_digits_field(kf_field f);
bool kf_is_hidden_field(kf_field f);
int64_t kf_signin_resend_in(const kf_signin *s,
                            const kf_model *m); /* ms until another code may be asked for */
/* Indexes of the choices that contain the filter. Returns their number; the wanted one in *at. */
size_t kf_signin_filtered(const kf_signin *s, const kf_mstep *p, size_t want, size_t *at);

void kf_signin_draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g);
void kf_signin_title(const void *st, const kf_model *m, bool compact, char *left, char *right,
                     size_t size);
void kf_signin_status(const void *st, const kf_model *m, bool compact, char *left, char *right,
                      size_t size);
