/* Plays the files of a folder to a fuzz target without libFuzzer, so that every build
 * checks what was once found. */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool play(const char *path) {
    static uint8_t data[1 << 20];
    FILE *in = fopen(path, "re");
    size_t n = in ? fread(data, 1, sizeof data, in) : 0;
    bool ok = in && !ferror(in) && n < sizeof data;
    if (in) fclose(in);
    if (ok) LLVMFuzzerTestOneInput(data, n);
    else fprintf(stderr, "replay: %s cannot be read\n", path);
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
    printf("%d inputs\n", played);
    return ok && played ? 0 : 1;
}
