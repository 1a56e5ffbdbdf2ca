#pragma once
/* Pictures of screens for README and the guides, as SVG in data/pictures. They are drawn from the
 * grids of the goldens, cell by cell, with the inks of ui/tui/kernel/theme.c, so that a picture
 * shows the program as it is. KEYFOB_BLESS=1 writes them; without it a difference fails the test.
 */
#include "golden.h"

enum { PICTURE_MAX = 60 * 1000, PICTURE_ROWS = 24, PICTURE_COLS = 80 };

/* NAME-dark.svg and NAME-light.svg. alt: what a person who cannot see it is told. */
void picture(stage *s, const char *name, const char *alt);

/* The same, of several screens, one after another. */
typedef struct film film;
film *film_new(void);
void film_frame(film *f, stage *s, double seconds);        /* how long it stays */
void film_end(film *f, const char *name, const char *alt); /* writes or compares, and frees f */
