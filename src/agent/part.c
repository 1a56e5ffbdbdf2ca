/* One frame's share of a list: adds items and says when the frame is full. */
#include "agent/part.h"

#include "wire/frame.h"

/* A margin stays for what is beside the list. */
enum { ITEMS_MAX = 500, BYTES_MAX = KF_FRAME_MAX - 2 * KF_RECORD_MAX };

kf_part kf_part_new(void) { return (kf_part){.items = kf_json_arr()}; }

bool kf_part_has_room(const kf_part *p) {
    return p->n < ITEMS_MAX && p->bytes + KF_RECORD_MAX <= BYTES_MAX;
}

void kf_part_add(kf_part *p, kf_json *item) {
    p->n++;
    p->bytes += kf_json_size(item) + 1;
    kf_json_add(p->items, item);
}
