/* The terminal of `exec --mask`: the pty, the monitor process that leads its session, and the
 * person's terminal in raw mode meanwhile. */
#include "ui/cli/exec_pty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/str.h"
#include "guard/process.h"

enum { FAILED = 125, START_MS = 10000 };

bool kf_pty_open(kf_pty *p, kf_err *err) {
    *p = (kf_pty){
        .master = -1, .slave = -1, .control = -1, .tty = isatty(STDIN_FILENO) ? STDIN_FILENO : -1};
    struct termios t;
    p->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (p->master >= 0 && unlockpt(p->master) == 0)
        p->slave = ioctl(p->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (p->slave < 0 || tcgetattr(STDOUT_FILENO, &t)) {
        kf_fail_errno(err, KF_ERR_SYS_SPAWN, "a terminal for the command");
        kf_pty_close(p);
        return false;
    }
    /* without keys to pass on, the person's terminal stays as it is, and adds its carriage returns
     * itself */
    if (p->tty < 0) t.c_oflag &= ~(tcflag_t)OPOST;
    tcsetattr(p->slave, TCSANOW, &t);
    kf_pty_resize(p);
    return true;
}

void kf_pty_resize(kf_pty *p) {
    struct winsize w;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0) ioctl(p->master, TIOCSWINSZ, &w);
}

/* --- the monitor
 * ----------------------------------------------------------------------------------- */

static void tell(int control, const kf_pty_news *news) {
    while (send(control, news, sizeof *news, MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
}

static void obey(const kf_pty *p, pid_t command) {
    int sig = 0;
    ssize_t n = recv(p->control, &sig, sizeof sig, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n != sizeof sig)
        _exit(FAILED); /* the parent is gone; its end of the terminal too, which the command hears
                          of */
    if (sig != SIGCONT) {
        kill(command, sig);
        return;
    }
    pid_t group = getpgid(command);
    if (group > 0) tcsetpgrp(p->slave, group), killpg(group, SIGCONT);
}

/* True when the command ended. */
static bool look_after(const kf_pty *p, pid_t command) {
    int status = 0;
    while (waitpid(command, &status, WNOHANG | WUNTRACED) == command) {
        bool stopped = WIFSTOPPED(status);
        tell(p->control, &(kf_pty_news){.stopped = stopped, .status = status});
        if (!stopped) return true;
    }
    return false;
}

static _Noreturn void monitor(kf_pty *p, int control, void (*run)(void *user), void *user) {
    sigset_t mine, old;
    sigemptyset(&mine);
    sigaddset(&mine, SIGCHLD);
    sigaddset(&mine, SIGTTOU);
    sigprocmask(SIG_BLOCK, &mine, &old);
    if (setsid() < 0 || ioctl(p->slave, TIOCSCTTY, 0)) _exit(FAILED);
    pid_t command = fork();
    if (command == 0) {
        setpgid(0, 0);
        tcsetpgrp(p->slave, getpid());
        sigprocmask(SIG_SETMASK, &old, NULL);
        run(user);
        _exit(FAILED);
    }
    if (command > 0) setpgid(command, command), tcsetpgrp(p->slave, command);
    signal(SIGHUP, SIG_IGN); /* meant for the command; somebody has to say how it ended */
    p->control = control;
    /* nothing of the parent's may stay open here: its end would be no end */
    int low = p->slave < p->control ? p->slave : p->control;
    int high = p->slave < p->control ? p->control : p->slave;
    for (int fd = 0; fd < low; fd++) close(fd);
    kf_process_close_from(low + 1, high);
    sigdelset(&mine, SIGTTOU);
    struct pollfd f[2] = {{.fd = p->control, .events = POLLIN},
                          {.fd = signalfd(-1, &mine, SFD_NONBLOCK), .events = POLLIN}};
    struct signalfd_siginfo si;
    if (command > 0) tell(p->control, &(kf_pty_news){.started = true});
    while (command > 0 && !look_after(p, command)) {
        poll(f, 2, -1);
        if (f[1].revents && read(f[1].fd, &si, sizeof si) < 0 && errno != EAGAIN) break;
        if (f[0].revents) obey(p, command);
    }
    /* the end of a session is hung up in the foreground: what the command left behind is not to die
     * of it */
    tcsetpgrp(p->slave, getpid());
    _exit(command > 0 ? 0 : FAILED);
}

pid_t kf_pty_start(kf_pty *p, void (*run)(void *user), void *user, kf_err *err) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return kf_fail_errno(err, KF_ERR_SYS_SPAWN, "socketpair"), -1;
    pid_t pid = fork();
    if (pid == 0) monitor(p, ends[1], run, user);
    close(ends[1]);
    p->control = ends[0];
    close(p->slave);
    p->slave = -1;
    if (pid < 0) return kf_fail_errno(err, KF_ERR_SYS_SPAWN, "fork"), -1;
    /* Ctrl-C must have somebody to go to */
    struct pollfd f = {p->control, POLLIN, 0};
    kf_pty_news news;
    while (poll(&f, 1, START_MS) < 0 && errno == EINTR) {
    }
    if (kf_pty_read(p, &news) == 1 && news.started) return pid;
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    return kf_fail(err, KF_ERR_SYS_SPAWN, "the command could not be given a terminal"), -1;
}

/* --- the parent's side
 * ----------------------------------------------------------------------------- */

int kf_pty_read(kf_pty *p, kf_pty_news *news) {
    ssize_t n = recv(p->control, news, sizeof *news, MSG_DONTWAIT);
    if (n == sizeof *news) return 1;
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

void kf_pty_signal(kf_pty *p, int sig) {
    while (send(p->control, &sig, sizeof sig, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EINTR) {
    }
}

void kf_pty_typed(kf_pty *p, int sig) { ioctl(p->master, TIOCSIG, sig); }

bool kf_pty_in_front(const kf_pty *p) {
    if (p->tty < 0) return false;
    pid_t front = tcgetpgrp(p->tty);
    /* a terminal without jobs; or one that is gone, which reading it tells */
    return front == getpgrp() || (front < 0 && (errno == ENOTTY || errno == EIO));
}

void kf_pty_enter(kf_pty *p) {
    struct termios t;
    if (!kf_pty_in_front(p) || tcgetattr(p->tty, &t)) return;
    if (!p->raw) p->before = t;
    t = p->before;
    cfmakeraw(&t);
    p->raw = tcsetattr(p->tty, TCSANOW, &t) == 0;
}

void kf_pty_leave(kf_pty *p) {
    if (p->raw && kf_pty_in_front(p)) tcsetattr(p->tty, TCSANOW, &p->before);
    p->raw = false;
}

void kf_pty_hang_up(kf_pty *p) {
    if (p->master >= 0) close(p->master);
    p->master = -1;
}

void kf_pty_close(kf_pty *p) {
    kf_pty_leave(p);
    int *all[] = {&p->master, &p->slave, &p->control};
    for (size_t i = 0; i < KF_LEN(all); i++) {
        if (*all[i] >= 0) close(*all[i]);
        *all[i] = -1;
    }
}
