/* qr_cells TEXT ROWS COLS COLOURS [wide] [invert] [QUIET]: what the command line prints. */
#include <stdio.h>
#include "ui/common/qr.h"

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    kf_qr_look look = {0};
    for (int i = 5; i < argc; i++) {
        if (!strcmp(argv[i], "wide")) look.wide = true;
        else if (!strcmp(argv[i], "invert")) look.invert = true;
        else look.quiet = (int)strtol(argv[i], NULL, 10);
    }
    KF_AUTO(kf_secret) text = kf_secret_new(argv[1], strlen(argv[1]));
    int rows, cols;
    kf_err e;
    KF_AUTO(kf_qr)
    q = kf_qr_new(text, (int)strtol(argv[2], NULL, 10), (int)strtol(argv[3], NULL, 10), &look,
                  &rows, &cols, &e);
    if (!q) {
        printf("%s: %d rows, %d columns\n", e.what, rows, cols);
        return 1;
    }
    kf_buf b;
    kf_buf_init(&b, 1 << 20);
    if (!kf_qr_print(q, kf_qr_colours_of((int)strtol(argv[4], NULL, 10)), &b)) return 1;
    fwrite(b.data, 1, b.len, stdout);
    fprintf(stderr, "%dx%d %c quiet %d\n", q->cols, q->rows, q->level, q->quiet);
    kf_buf_done(&b);
    return 0;
}
