/* The worker thread and its queue. A job's work() runs on the thread, its done() on the loop. */
#include "loop/task.h"

#include <errno.h>
#include <pthread.h>

typedef struct job {
    struct job *next;
    kf_worker *w;
    kf_loop_fn work, done;
    void *arg;
} job;

struct kf_worker {
    kf_loop *loop;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    job *head, **tail;
    unsigned open; /* jobs whose done() has not run; loop thread only */
    bool stop;
};

static void finished(void *p) {
    job *j = p;
    j->w->open--;
    j->done(j->arg);
    free(j);
}

static void *run(void *p) {
    kf_worker *w = p;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->head && !w->stop) pthread_cond_wait(&w->more, &w->lock);
        job *j = w->head;
        if (!j) break;
        w->head = j->next;
        if (!w->head) w->tail = &w->head;
        pthread_mutex_unlock(&w->lock);
        j->work(j->arg);
        kf_loop_post(w->loop, finished, j);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

kf_worker *kf_worker_new(kf_loop *l, kf_err *err) {
    kf_worker *w = calloc(1, sizeof *w);
    if (!w) {
        kf_fail(err, KF_ERR_SYS_NO_MEMORY, "keyfob ran out of memory");
        return NULL;
    }
    w->loop = l;
    w->tail = &w->head;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    errno = pthread_create(&w->thread, NULL, run, w);
    if (errno) {
        kf_fail_errno(err, KF_ERR_SYS_SPAWN, "start the worker thread");
        free(w);
        return NULL;
    }
    return w;
}

void kf_worker_run(kf_worker *w, kf_loop_fn work, kf_loop_fn done, void *arg) {
    job *j = malloc(sizeof *j);
    if (!j) abort();
    *j = (job){.w = w, .work = work, .done = done, .arg = arg};
    w->open++;
    pthread_mutex_lock(&w->lock);
    *w->tail = j;
    w->tail = &j->next;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
}

kf_worker *kf_worker_free(kf_worker *w) {
    if (!w) return NULL;
    while (w->open)
        kf_loop_step(w->loop, true); /* what was promised is finished, done() included */
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->more);
    free(w);
    return NULL;
}
