#pragma once
/* Times, ages and spans as every page writes them. Always local time, never seconds that count. */
#include <stddef.h>
#include <stdint.h>

void kf_when(int64_t unix_s, int64_t now,
             char out[24]);                       /* "09:12:31", "Sun 21:00", "7 Nov 07:10" */
void kf_age(int64_t seconds, char out[8]);        /* "now", "14m", "1h", "5d": 4 columns */
void kf_age_words(int64_t seconds, char out[24]); /* "just now", "14 min ago" */
void kf_span(int64_t seconds, char out[12]);      /* "3h10m", "4d 03h", "27d": 6 columns */
