#define _GNU_SOURCE
#include "CBerth.h"
#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define BERTH_SANITIZED 1
#endif
#endif

// The sanitizers know the functions of the C library, and would not see what a bare system call writes. The bare call
// also needs a machine on which the two have numbers of their own (32-bit x86 has not).
#if defined(BERTH_SANITIZED) || !defined(SYS_sendto) || !defined(SYS_recvfrom)
ssize_t berth_send_now(int fd, const void *bytes, size_t count) {
    ssize_t sent = send(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

ssize_t berth_receive_now(int fd, void *memory, size_t count) {
    ssize_t received = recv(fd, memory, count, MSG_DONTWAIT);
    return received < 0 ? -errno : received;
}
#else
ssize_t berth_send_now(int fd, const void *bytes, size_t count) {
    ssize_t sent = syscall(SYS_sendto, fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
    return sent < 0 ? -errno : sent;
}

ssize_t berth_receive_now(int fd, void *memory, size_t count) {
    ssize_t received = syscall(SYS_recvfrom, fd, memory, count, MSG_DONTWAIT, NULL, NULL);
    return received < 0 ? -errno : received;
}
#endif

int64_t berth_monotonic_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}
