#define _GNU_SOURCE
#include "CBerth.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

// Signals are forwarded to descriptors: the handler only calls write(2), which is async-signal-safe
// (man 7 signal-safety), and keeps errno as it was. A slot holds a descriptor + 1; 0 is free.
enum { slot_count = 32 };
static _Atomic int slots[NSIG][slot_count];
static _Atomic int handlers_running[NSIG];
static struct sigaction previous[NSIG];
// Guards `previous` and the changes of the slots; the handler takes no lock.
static pthread_mutex_t changes = PTHREAD_MUTEX_INITIALIZER;

static void forward(int number) {
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    atomic_fetch_add(&handlers_running[number], 1);
    for (int i = 0; i < slot_count; i++) {
        int fd = atomic_load(&slots[number][i]) - 1;
        if (fd < 0) continue;
        ssize_t ignored = write(fd, &byte, 1);
        (void)ignored;
    }
    atomic_fetch_sub(&handlers_running[number], 1);
    errno = saved;
}

static int find(int number, int content) {
    for (int i = 0; i < slot_count; i++) {
        if (atomic_load(&slots[number][i]) == content) return i;
    }
    return -1;
}

static int is_used(int number) {
    for (int i = 0; i < slot_count; i++) {
        if (atomic_load(&slots[number][i]) != 0) return 1;
    }
    return 0;
}

int berth_signal_forward(int number, int fd) {
    if (number <= 0 || number >= NSIG || fd < 0) {
        errno = EINVAL;
        return -1;
    }
    pthread_mutex_lock(&changes);
    int result = 0, failure = 0;
    int first = !is_used(number);
    int slot = find(number, 0);
    if (slot < 0) {
        result = -1;
        failure = EBUSY;
    } else {
        atomic_store(&slots[number][slot], fd + 1);
        if (first) {
            struct sigaction action = {.sa_handler = forward, .sa_flags = SA_RESTART};
            sigemptyset(&action.sa_mask);
            result = sigaction(number, &action, &previous[number]);
            failure = errno;
            if (result < 0) atomic_store(&slots[number][slot], 0);
        }
    }
    pthread_mutex_unlock(&changes);
    if (result < 0) errno = failure;
    return result;
}

int berth_signal_release(int number, int fd) {
    if (number <= 0 || number >= NSIG || fd < 0) {
        errno = EINVAL;
        return -1;
    }
    pthread_mutex_lock(&changes);
    int result = 0;
    int slot = find(number, fd + 1);
    if (slot >= 0) {
        atomic_store(&slots[number][slot], 0);
        if (!is_used(number)) result = sigaction(number, &previous[number], NULL);
    }
    pthread_mutex_unlock(&changes);
    // A handler on another thread may have read the slot before: its write must not reach whoever gets the number next.
    while (atomic_load(&handlers_running[number]) != 0) sched_yield();
    return result;
}

void berth_ignore_broken_pipes(void) {
    struct sigaction present;
    if (sigaction(SIGPIPE, NULL, &present) == 0 && present.sa_handler == SIG_DFL) signal(SIGPIPE, SIG_IGN);
}
