/* Lists as answers, in as many frames as they take. It does not know what is in a list. */
#include "agent/stream.h"

#include "agent/part.h"
#include "base/mem.h"

typedef struct stream {
    kf_call *call;
    const char *key;
    kf_json *(*next)(void *state);
    void *state;
    kf_loop_fn state_free;
    kf_json *item; /* the next one, so that the last frame is known to be the last */
} stream;

static void stream_free(void *user) {
    stream *s = user;
    kf_json_free(s->item);
    s->state_free(s->state);
    free(s);
}

static void stream_gone(void *user) { kf_call_drop(user); }

static void stream_part(void *user) {
    stream *s = user;
    bool in_parts = kf_call_wants_more(s->call);
    kf_part part = kf_part_new();
    for (; s->item && (!in_parts || kf_part_has_room(&part)); s->item = s->next(s->state))
        kf_part_add(&part, s->item);
    kf_json *j = kf_json_obj();
    kf_json_set(j, s->key, part.items);
    if (!s->item) {
        kf_call_reply(s->call, j);
        return;
    }
    kf_call_part(s->call, j);
    kf_call_when_sent(s->call, stream_part, s);
}

void kf_stream(kf_call *call, const char *key, kf_json *(*next)(void *state), void *state,
               kf_loop_fn fn) {
    stream *s = kf_new(stream);
    *s = (stream){.call = call, .key = key, .next = next, .state = state, .state_free = fn};
    kf_call_keep(call, s, stream_free);
    kf_call_on_gone(call, stream_gone, call);
    s->item = next(state);
    stream_part(s);
}

/* --- a list that is there -----------------------------------------------------------------------
 */

typedef struct walk {
    kf_json *list;
    const kf_json *at;
} walk;

static void walk_free(void *user) {
    walk *w = user;
    kf_json_free(w->list);
    free(w);
}

static kf_json *walk_next(void *state) {
    walk *w = state;
    kf_json *one = w->at ? kf_json_copy(w->at) : NULL;
    w->at = w->at ? kf_json_next(w->at) : NULL;
    return one;
}

void kf_stream_list(kf_call *call, const char *key, kf_json *list) {
    walk *w = kf_new(walk);
    *w = (walk){list, kf_json_first(list)};
    kf_stream(call, key, walk_next, w, walk_free);
}
