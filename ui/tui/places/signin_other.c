/* The question of a sign-in that ended as another person than the profile's: both are named, and
 * the row that keeps both is selected. */
#include "base/str.h"
#include "ui/common/person.h"
#include "ui/common/words.h"
#include "ui/tui/places/signin.h"

bool kf_signin_is_other(const kf_mstep *p) {
    return p && p->kind == KF_STEP_FIELD && p->field == KF_FIELD_OTHER_USER;
}

void kf_signin_other_begin(kf_signin *s, const kf_model *m) {
    const kf_mprofile *p = kf_signin_of(s, m);
    char name[65] = "";
    for (int i = 1; p && i < 100; i++) {
        kf_person_profile_name(p->name, m->step.person_email, i, name);
        if (!kf_model_by_name(m, name)) break;
    }
    kf_line_set(&s->line, name);
}

static int say(kf_grid *g, int y, kf_rect r, int rows, kf_ink ink, const char *text) {
    return kf_grid_wrap(g, y, r.x, r.cols < 76 ? r.cols : 76, rows, ink, text, true);
}

static int draw_person(kf_grid *g, int y, kf_rect r, const char *what, const char *who) {
    if (r.cols < 60) {
        say(g, y, r, 1, KF_INK_DIM, what);
        return 1 + say(g, y + 1, r, 2, KF_INK_STRONG, who);
    }
    kf_grid_text(g, y, r.x, 24, KF_INK_DIM, what);
    return kf_grid_wrap(g, y, r.x + 25, r.cols - 25, 3, KF_INK_STRONG, who, true);
}

void kf_signin_other_draw(const kf_signin *s, const kf_mstep *p, kf_grid *g, kf_rect r) {
    bool elsewhere = p->note == KF_NOTE_OTHER_ENVIRONMENT, tight = r.rows < 14;
    const char *row[KF_OTHER_ROWS] = {
        [KF_OTHER_NEW] = tight ? "Keep both, as" : "Keep both, in a new profile",
        [KF_OTHER_REPLACE] = tight       ? "Replace the old session"
                             : elsewhere ? "Replace: keyfob removes the old session here"
                                         : "Replace: keyfob ends the old session at WorkOS",
        [KF_OTHER_STOP] = tight ? "Stop: the new session is ended"
                                : "Stop: keyfob ends the new session at WorkOS"};
    int y = r.y + !tight;
    kf_words_error why;
    kf_words_for_error(&p->err, &why);
    y += say(g, y, r, 2, KF_INK_WARN,
             p->failed   ? why.happened
             : elsewhere ? "You signed in to another environment."
                         : "You signed in as another person.");
    y += !tight;
    y += draw_person(g, y, r, "This profile belongs to", p->owner);
    y += draw_person(g, y, r, "You signed in as", p->person);
    if (!tight)
        y += 2 + say(g, y + 1, r, 2, KF_INK_TEXT, "Nothing was stored, and nothing was changed.");
    for (int i = 0; i < KF_OTHER_ROWS; i++, y++) {
        bool here = s->cur == (size_t)i;
        int x = r.x + kf_grid_text(g, y, r.x, r.cols, KF_INK_TEXT, row[i]);
        if (here) kf_row_mark(g, y, (kf_rect){y, r.x, 1, x - r.x - 1});
        if (i == KF_OTHER_NEW)
            kf_line_draw(&s->line, g, y, x + 1,
                         r.x + r.cols - x - 1 < 40 ? r.x + r.cols - x - 1 : 40, here);
    }
}
