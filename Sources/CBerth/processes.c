#define _GNU_SOURCE
#include "CBerth.h"
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int berth_spawn_closefrom(void *file_actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np((posix_spawn_file_actions_t *)file_actions, first);
}

int berth_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int berth_pidfd_getfd(int pidfd, int fd) { return (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0); }

int berth_thread_set_name(const char *name) { return pthread_setname_np(pthread_self(), name); }

int berth_thread_name(char *name, size_t length) { return pthread_getname_np(pthread_self(), name, length); }

int berth_thread_set_timer_slack(unsigned long nanoseconds) { return prctl(PR_SET_TIMERSLACK, nanoseconds, 0, 0, 0); }

void berth_thread_take_niceness(void) {
    int own = (int)syscall(SYS_gettid), wanted = getpriority(PRIO_PROCESS, (id_t)getpid());
    if (getpriority(PRIO_PROCESS, (id_t)own) != wanted) setpriority(PRIO_PROCESS, (id_t)own, wanted);
}

int berth_thread_id(void) { return (int)syscall(SYS_gettid); }

int berth_thread_set_file_user(unsigned int user) { return setfsuid(user); }

char **berth_environment(void) {
    extern char **environ;
    return environ;
}

__thread void *berth_thread_mark_word;
