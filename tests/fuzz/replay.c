/* Plays the files of a folder to a fuzz target without libFuzzer, so that every build checks what
 * was once found. Then each file again with one byte changed, for every byte of it: what is read
 * from a wire or a file is refused, or harmless. */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHANGED_MAX = 4096 }; /* larger inputs are about length and take long */

static size_t changes;

/* An input has its end where the target may read last, so that a sanitizer sees the next byte. */
static void play_copy(const uint8_t *data, size_t n, size_t at, uint8_t byte) {
    uint8_t *copy = malloc(n ? n : 1);
    if (!copy) abort();
    memcpy(copy, data, n);
    if (n) copy[at] = byte;
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static void play_changed(const uint8_t *data, size_t n) {
    for (size_t at = 0; at < n && n <= CHANGED_MAX; at++) {
        uint8_t b = data[at];
        const uint8_t other[] = {b ^ 1, b ^ 0x80, 0, '"', '9', '\n'};
        for (size_t i = 0; i < sizeof other; i++) {
            if (other[i] == b) continue;
            play_copy(data, n, at, other[i]);
            changes++;
        }
    }
}

static bool play(const char *path) {
    static uint8_t data[1 << 20];
    FILE *in = fopen(path, "re");
    size_t n = in ? fread(data, 1, sizeof data, in) : 0;
    bool ok = in && !ferror(in) && n < sizeof data;
    if (in) fclose(in);
    if (ok) {
        play_copy(data, n, 0, data[0]);
        play_changed(data, n);
    } else fprintf(stderr, "replay: %s cannot be read\n", path);
    return ok;
}

int main(int argc, char **argv) {
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
    if (!dir) {
        fprintf(stderr, "usage: replay FOLDER\n");
        return 2;
    }
    int played = 0;
    bool ok = true;
    for (struct dirent *d; ok && (d = readdir(dir));) {
        if (*d->d_name == '.') continue;
        KF_AUTO_CHARS path = kf_strfmt("%s/%s", argv[1], d->d_name);
        ok = play(path);
        played++;
    }
    closedir(dir);
    printf("%d inputs, %zu changed ones\n", played, changes);
    return ok && played ? 0 : 1;
}
