/* Times, ages and spans in words. It asks no clock: the caller says what time it is. */
#include "ui/tui/parts/when.h"
#include <stdio.h>
#include <time.h>

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

void kf_when(int64_t unix_s, int64_t now, char out[24]) {
    time_t at = (time_t)unix_s, today = (time_t)now;
    struct tm a, b;
    out[0] = 0;
    if (!localtime_r(&at, &a) || !localtime_r(&today, &b)) return;
    const char *format = a.tm_year == b.tm_year && a.tm_yday == b.tm_yday   ? "%H:%M:%S"
                         : unix_s > now - 6 * DAY && unix_s < now + 6 * DAY ? "%a %H:%M"
                                                                            : "%e %b %H:%M";
    char text[24];
    if (!strftime(text, sizeof text, format, &a)) return;
    snprintf(out, 24, "%s", text + (text[0] == ' '));
}

static int small(int64_t n) { return n > 9999 ? 9999 : (int)n; }

void kf_age(int64_t s, char out[8]) {
    if (s < MINUTE) snprintf(out, 8, "now");
    else if (s < HOUR) snprintf(out, 8, "%dm", small(s / MINUTE));
    else if (s < DAY) snprintf(out, 8, "%dh", small(s / HOUR));
    else if (s < 1000 * DAY) snprintf(out, 8, "%dd", small(s / DAY));
    else snprintf(out, 8, "%dy", small(s / DAY / 365) % 1000);
}

void kf_age_words(int64_t s, char out[24]) {
    if (s < MINUTE) snprintf(out, 24, "just now");
    else if (s < 2 * HOUR) snprintf(out, 24, "%d min ago", small(s / MINUTE));
    else if (s < 2 * DAY) snprintf(out, 24, "%d h ago", small(s / HOUR));
    else snprintf(out, 24, "%d days ago", small(s / DAY));
}

void kf_span(int64_t s, char out[12]) {
    if (s < MINUTE) snprintf(out, 12, "<1m");
    else if (s < HOUR) snprintf(out, 12, "%dm", small(s / MINUTE));
    else if (s < DAY) snprintf(out, 12, "%dh%02dm", small(s / HOUR), small(s / MINUTE % 60));
    else if (s < 10 * DAY) snprintf(out, 12, "%dd %02dh", small(s / DAY), small(s / HOUR % 24));
    else snprintf(out, 12, "%dd", small(s / DAY));
}
