/* The pane of a QR code with the words beside it, and the page that sets up an authenticator
 * app. It draws the whole code or none, and hides it after a while. */
#include "ui/tui/parts/code_pane.h"
#include "base/form.h"
#include "base/str.h"
#include "ui/common/text.h"
#include "ui/common/words.h"
#include "ui/tui/parts/widget.h"

enum { BESIDE_COLS = 29, UNDER_ROWS = 9, DETAIL = 3 };

/* --- the code -------------------------------------------------------------------------- */

void kf_pane_begin(kf_pane *p, const kf_model *m) {
    if (!p->since_ms) p->since_ms = m->now_ms;
}

bool kf_pane_do(kf_pane *p, const kf_model *m, kf_action act) {
    switch (act) {
    case KF_DO_INVERT: p->look.invert = !p->look.invert; return true;
    case KF_DO_WIDER: p->look.wide = !p->look.wide; return true;
    case KF_DO_QUIET:
        p->look.quiet = p->look.quiet == 0 ? 6 : p->look.quiet == 6 ? 8 : 0;
        return true;
    case KF_DO_SHOW:
        p->hidden = false;
        p->since_ms = m->now_ms;
        return true;
    default: return false;
    }
}

const char *kf_pane_why_not(const kf_pane *p, bool code, kf_action act) {
    if (act == KF_DO_SHOW) return code && p->hidden ? NULL : "nothing is hidden";
    if (act == KF_DO_INVERT || act == KF_DO_WIDER || act == KF_DO_QUIET)
        return !code       ? "there is no QR code here"
               : p->hidden ? "the code is hidden, v shows it"
                           : NULL;
    return NULL;
}

void kf_pane_tick(kf_pane *p, const kf_model *m) {
    if (p->since_ms && m->now_ms - p->since_ms >= KF_PANE_HIDE_MS) p->hidden = true;
}

static void draw_cells(const kf_qr *q, kf_grid *g, int y, int x) {
    for (int r = 0; r < q->rows; r++)
        for (int c = 0; c < q->cols; c++) {
            kf_qr_cell cell = kf_qr_at(q, r, c);
            bool on_dark = cell == KF_QR_DARK || cell == KF_QR_DARK_OVER_LIGHT;
            kf_grid_text(g, y + r, x + c, 1, on_dark ? KF_INK_QR_DARK : KF_INK_QR_LIGHT,
                         cell == KF_QR_LIGHT || cell == KF_QR_DARK ? " " : "\xe2\x96\x84");
        }
}

/* How much larger the window has to be: the smaller of what the two places want. */
static void say_lack(const kf_grid *g, const int lack[2][2], char *why, size_t size) {
    const int *l = lack[0][0] + lack[0][1] <= lack[1][0] + lack[1][1] ? lack[0] : lack[1];
    char cols[40] = "", rows[40] = "";
    if (l[1]) snprintf(cols, sizeof cols, "%d column%s", l[1], l[1] == 1 ? "" : "s");
    if (l[0]) snprintf(rows, sizeof rows, "%d row%s", l[0], l[0] == 1 ? "" : "s");
    snprintf(why, size, "This window is %dx%d. The QR code needs %s%s%s more.", g->cols, g->rows,
             cols, cols[0] && rows[0] ? " and " : "", rows);
}

kf_rect kf_pane_code(const kf_pane *p, const kf_secret *text, kf_rect b, kf_grid *g, char *why,
                     size_t size) {
    kf_qr_look look = p->look;
    int lack[2][2]; /* rows, columns: beside, under */
    kf_err err;
    why[0] = 0;
    look.wide = look.wide || g->ascii; /* the half block is no ASCII */
    KF_AUTO(kf_qr)
    side = kf_qr_new(text, b.rows, b.cols - BESIDE_COLS, &look, &lack[0][0], &lack[0][1], &err);
    if (side) {
        int spare = b.cols - side->cols, gap = spare > 60 ? 4 : 1;
        int x = spare > 60 ? 2 : 0, y = b.rows - side->rows > 4 ? 1 : 0;
        draw_cells(side, g, b.y + y, b.x + x);
        int at = x + side->cols + gap;
        return (kf_rect){b.y + y, b.x + at, b.rows - y, b.cols - at - (spare > 60 ? 2 : 0)};
    }
    KF_AUTO(kf_qr)
    above = kf_qr_new(text, b.rows - UNDER_ROWS, b.cols, &look, &lack[1][0], &lack[1][1], &err);
    if (above) {
        draw_cells(above, g, b.y, b.x);
        return (kf_rect){b.y + above->rows, b.x, b.rows - above->rows, b.cols};
    }
    if (lack[0][0] || lack[0][1]) say_lack(g, (const int(*)[2])lack, why, size);
    else snprintf(why, size, "There is no QR code: %s. %s", err.what, err.hint);
    return b;
}

/* --- words ----------------------------------------------------------------------------- */

int kf_words_fit(kf_grid *g, kf_rect r, int most, kf_words_draw draw, const void *arg) {
    kf_grid scratch;
    int detail = most;
    kf_grid_init(&scratch, 1, 1, g->ascii);
    while (detail > 0 && draw(arg, detail, &scratch, r) > r.rows) detail--;
    kf_grid_done(&scratch);
    return draw(arg, detail, g, r);
}

int kf_key_draw(kf_grid *g, int y, int x, int cols, const kf_secret *key) {
    const char *k = kf_secret_peek(key);
    int row = 0, col = 0;
    if (cols < 4) return 0;
    for (size_t i = 0; k[i];) {
        char group[5] = "";
        int n = 0;
        while (n < 4 && k[i]) group[n++] = k[i++];
        if (col && col + n > cols) row++, col = 0;
        kf_grid_text(g, y + row, x + col, n, KF_INK_STRONG, group);
        kf_wipe(group, sizeof group);
        col += n + 1;
    }
    return col ? row + 1 : 0;
}

/* --- setting up an authenticator app ---------------------------------------------------- */

typedef struct page {
    const kf_setup *s;
    const kf_pane *p;
    const kf_model *m;
    const char *why; /* there is no code to be seen */
} page;

static int say(kf_grid *g, int y, kf_rect r, int rows, kf_ink ink, const char *text) {
    return kf_grid_wrap(g, y, r.x, r.cols, rows, ink, text, true);
}

/* "Acme Inc: maya@acme.example" out of otpauth://totp/..., and what kind of code the app will show.
 */
static int draw_account(const page *a, kf_grid *g, int y, kf_rect r) {
    const char *uri = kf_secret_peek(a->s->uri), *label = strstr(uri, "totp/"),
               *query = strchr(uri, '?');
    if (!label || !query || query < label || query - label > 600) return 0;
    char *raw = strndup(label + 5, (size_t)(query - label - 5));
    if (!raw) abort();
    kf_form_unescape(raw);
    KF_AUTO_CHARS who = kf_text_safe(raw);
    free(raw);
    KF_AUTO(kf_json) q = kf_form_parse(query + 1, strlen(query + 1), NULL);
    char text[400];
    int from = y;
    y += say(g, y, r, 2, KF_INK_DIM, who);
    snprintf(text, sizeof text, "time-based, %.3s digits, every %.4s s",
             kf_json_str_or(q, "digits", "6"), kf_json_str_or(q, "period", "30"));
    y += say(g, y, r, 1, KF_INK_DIM, text);
    return y - from;
}

static int draw_hidden_at(const page *a, kf_grid *g, int y, kf_rect r) {
    int64_t left = a->p->since_ms + KF_PANE_HIDE_MS - a->m->now_ms;
    char text[80], in[24];
    if (a->m->now_ms - a->p->since_ms >= KF_PANE_STUCK_MS && !a->why[0])
        return say(g, y, r, 3, KF_INK_WARN,
                   "Still not scanning? Make the font larger, press w, or type the key.");
    kf_words_left(left, in);
    snprintf(text, sizeof text, "Shown for %s, then hidden.", in);
    return say(g, y, r, 1, KF_INK_DIM, text);
}

static int draw_key_part(const page *a, int detail, kf_grid *g, int y, kf_rect r) {
    int from = y;
    if (a->p->hidden)
        return say(g, y, r, 3, KF_INK_WARN, "The code and the key are hidden. v shows them again.");
    if (a->why[0]) y += say(g, y, r, 4, KF_INK_WARN, a->why);
    else if (detail)
        y += say(g, y, r, 2, KF_INK_TEXT, "1 Scan the code with your app.") + (detail > 2);
    if (!a->s->key) return y - from;
    y += say(g, y, r, 2, KF_INK_TEXT,
             a->why[0] ? "Enlarge it, or type this key into your app:"
                       : "2 Or type this key into it:");
    y += kf_key_draw(g, y, r.x + 2, r.cols - 2, a->s->key);
    if (detail > 1) y += draw_account(a, g, y, (kf_rect){y, r.x + 2, 3, r.cols - 2});
    return y - from;
}

static int draw_words(const void *arg, int detail, kf_grid *g, kf_rect r) {
    const page *a = arg;
    int y = r.y;
    y += say(g, y, r, 1, KF_INK_TITLE, "Set up an authenticator app");
    if (detail > 1) {
        char whose[120];
        snprintf(whose, sizeof whose, "%s%s", a->m->sandbox ? "keyfob sandbox > " : "",
                 a->s->profile);
        y += say(g, y, r, 1, KF_INK_DIM, whose);
    }
    if (a->s->said[0] && (a->s->bad || detail > 1))
        y += say(g, y, r, 3, a->s->bad ? KF_INK_BAD : KF_INK_TEXT, a->s->said);
    y += detail > 0;
    y += draw_key_part(a, detail, g, y, r) + (detail > 1);
    y += say(g, y, r, 1, KF_INK_TEXT,
             a->why[0] || a->p->hidden ? "Type the code it shows:" : "3 Type the code it shows:");
    if (a->s->busy) y += say(g, y, r, 1, KF_INK_WARN, "Checking the code.");
    else kf_line_draw(a->s->line, g, y++, r.x + 2, 12, true);
    if (detail) y += (detail > 2) + say(g, y + (detail > 2), r, 3, KF_INK_TEXT, a->s->leaving);
    if (detail && !a->p->hidden) {
        if (!a->why[0] && detail > 1)
            y += (detail > 2) + say(g, y + (detail > 2), r, 3, KF_INK_DIM,
                                    "Cannot scan? i invert, w two-column, + larger quiet zone");
        y += draw_hidden_at(a, g, y, r);
    }
    return y - r.y;
}

void kf_setup_draw(const kf_setup *s, const kf_pane *p, const kf_model *m, const kf_view *v,
                   kf_grid *g) {
    char why[400] = "";
    kf_rect r = v->body;
    if (!p->hidden) r = kf_pane_code(p, s->uri, v->body, g, why, sizeof why);
    if (r.cols == v->body.cols) r.x++, r.cols -= 2;
    page a = {s, p, m, why};
    kf_words_fit(g, r, DETAIL, draw_words, &a);
}
