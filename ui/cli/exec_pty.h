#pragma once
/* A terminal of its own for the command of exec --mask, and the person's terminal while it runs. A
 * monitor leads the session in between, as with sudo: without it the command would be an orphan,
 * which Ctrl-Z cannot stop. */
#include <sys/types.h>
#include <termios.h>
#include "base/err.h"

typedef struct kf_pty {
    int master;  /* non-blocking */
    int slave;   /* closed once the monitor has it */
    int control; /* to the monitor */
    int tty;     /* the person's terminal, typed at; -1: stdin is something else */
    bool raw;    /* the terminal's modes are ours now */
    struct termios before;
} kf_pty;

typedef struct kf_pty_news {
    bool started; /* only kf_pty_start hears of it */
    bool stopped; /* the command was stopped; kf_pty_signal(p, SIGCONT) goes on. Otherwise it ended:
                   */
    int status;   /* as wait(2) gives it */
} kf_pty_news;

/* A pair with modes and size of the terminal on stdout. */
KF_CHECK bool kf_pty_open(kf_pty *p, kf_err *err);
/* Forks the monitor, and that the command: run(user), which does not return, with the slave as its
 * controlling terminal. Returns the monitor when the command can be typed at; -1: err. */
pid_t kf_pty_start(kf_pty *p, void (*run)(void *user), void *user, kf_err *err);
/* 1: news; 0: none yet; -1: the monitor is gone. */
int kf_pty_read(kf_pty *p, kf_pty_news *news);
void kf_pty_signal(kf_pty *p,
                   int sig); /* to the command; SIGCONT to its group, in the foreground */
void kf_pty_typed(kf_pty *p,
                  int sig); /* SIGINT, SIGQUIT, SIGTSTP as if typed in the new terminal */
void kf_pty_resize(kf_pty *p);
/* True when a person types at us now, and not at another job of the shell. */
bool kf_pty_in_front(const kf_pty *p);
void kf_pty_enter(kf_pty *p);   /* every key goes through; nothing when not in front */
void kf_pty_leave(kf_pty *p);   /* the terminal as it was */
void kf_pty_hang_up(kf_pty *p); /* the command's terminal is gone, its end is still told */
void kf_pty_close(kf_pty *p);   /* leaves; hangs up */
