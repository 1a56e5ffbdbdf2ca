#pragma once
/* One frame's share of a list. It is full before a frame is, however large the items are: a list
 * that does not fit would end the connection of the client that asked, for all profiles. */
#include "base/json.h"

enum { KF_RECORD_MAX = 32 << 10 }; /* bytes of one item; who makes items keeps to it */

typedef struct kf_part {
    kf_json *items; /* the caller takes it */
    size_t n, bytes;
} kf_part;

kf_part kf_part_new(void);
bool kf_part_has_room(const kf_part *p);     /* for one more item; at most 500 */
void kf_part_add(kf_part *p, kf_json *item); /* owned */
