#define _GNU_SOURCE
#include "CBerth.h"
#include <sys/epoll.h>
#include <time.h>

int berth_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int berth_epoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
    struct epoll_event entry = {events, {.u64 = token}};
    return epoll_ctl(epoll, operation, fd, &entry);
}

int berth_epoll_wait(int epoll, void *entries, int count, int timeout) {
    return epoll_wait(epoll, entries, count, timeout);
}

size_t berth_epoll_entry_size(void) { return sizeof(struct epoll_event); }

int berth_epoll_wait_precisely(int epoll, void *entries, int count, int64_t nanoseconds) {
    struct timespec timeout = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    return epoll_pwait2(epoll, entries, count, &timeout, NULL);
}
