/* Writes src/base/unicode.c: what kf_text_safe() drops and what it takes for a mark, as ranges
 * made from the categories of utf8proc. The table is in the tree, so that no program of ours loads
 * utf8proc, and a test compares it with what this writes. */
#include <stdbool.h>
#include <stdio.h>
#include <utf8proc.h>

/* Controls, format and private use, separators of lines, and what Unicode says shows nothing.
 * Unassigned code points stay: a later Unicode may have given them to letters. */
static bool is_hidden(utf8proc_int32_t c) {
    const utf8proc_property_t *p = utf8proc_get_property(c);
    switch (p->category) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return true;
    default:
        return p->ignorable || (c >= 0xe0000 && c <= 0xe0fff) || (c & 0xfffe) == 0xfffe ||
               (c >= 0xfdd0 && c <= 0xfdef);
    }
}

static bool is_mark(utf8proc_int32_t c) {
    utf8proc_category_t k = utf8proc_category(c);
    return !is_hidden(c) && (k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_ME);
}

static void write_table(const char *name, bool (*in)(utf8proc_int32_t c)) {
    int column = 0;
    printf("\nconst kf_range %s[] = {\n", name);
    for (utf8proc_int32_t c = 0, from = -1; c <= 0x110000; c++) {
        bool yes = c < 0x110000 && in(c);
        if (yes && from < 0) from = c;
        if (yes || from < 0) continue;
        printf("%s{0x%x, 0x%x},%s", column ? " " : "    ", (unsigned)from, (unsigned)c - 1,
               column == 3 ? "\n" : "");
        column = (column + 1) % 4;
        from = -1;
    }
    printf("%s};\nconst size_t %s_n = sizeof %s / sizeof *%s;\n", column ? "\n" : "", name, name,
           name);
}

int main(void) {
    printf("/* Made by tests/unicode/make.c from utf8proc's Unicode %s. */\n"
           "/* clang-format off */\n#include \"base/unicode.h\"\n",
           utf8proc_unicode_version());
    write_table("kf_unicode_hidden", is_hidden);
    write_table("kf_unicode_marks", is_mark);
    return 0;
}
