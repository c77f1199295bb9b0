#define _GNU_SOURCE
#include "CBerth.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

// Everything here may run between vfork(2) and exec: only async-signal-safe calls, and no memory is taken.

static void write_digits(char *target, long number) {
    char reversed[20];
    int count = 0;
    do {
        reversed[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    for (int i = 0; i < count; i++) target[i] = reversed[count - 1 - i];
    target[count] = 0;
}

static int become(const struct berth_start *start, pid_t parent) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) sigaction(number, &action, NULL);
    if (start->own_group && setpgid(0, 0) < 0) return errno;
    if (start->death_signal) {
        if (prctl(PR_SET_PDEATHSIG, start->death_signal) < 0) return errno;
        // The parent may have ended before that.
        if (getppid() != parent) return ESRCH;
    }
    // The sources lie above all targets: the caller saw to that.
    for (int i = 0; i < start->fd_count; i++) {
        if (dup2(start->fds[i], 3 + i) < 0) return errno;
    }
    close_range(3 + (unsigned)start->fd_count, ~0U, 0);
    if (start->pid_digits) write_digits(start->pid_digits, getpid());
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvpe(start->program, start->arguments, start->environment);
    return errno;
}

pid_t berth_start_inheriting(const struct berth_start *start) {
    sigset_t all, before;
    sigfillset(&all);
    // A handler must not run in the child, which shares our memory until it is exec'd.
    pthread_sigmask(SIG_BLOCK, &all, &before);
    volatile int failure = 0;
    pid_t parent = getpid();
    pid_t pid = vfork();
    if (pid == 0) {
        failure = become(start, parent);
        _exit(127);
    }
    if (pid < 0) failure = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure == 0) return pid;
    if (pid > 0) {
        // It has ended, or is about to: nobody else knows of it.
        siginfo_t ended;
        while (waitid(P_PID, (id_t)pid, &ended, WEXITED) < 0 && errno == EINTR) {}
    }
    errno = failure;
    return -1;
}

int berth_peer_credentials(int fd, pid_t *pid, uid_t *user) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0) return -1;
    *pid = credentials.pid;
    *user = credentials.uid;
    return 0;
}
