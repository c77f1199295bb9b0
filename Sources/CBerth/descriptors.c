#define _GNU_SOURCE
#include "CBerth.h"
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

const int BERTH_EFD_CLOEXEC = EFD_CLOEXEC;
const int BERTH_EFD_NONBLOCK = EFD_NONBLOCK;
const int BERTH_POLLRDHUP = POLLRDHUP;
const int BERTH_AF_NETLINK_SOCK_DIAG = NETLINK_SOCK_DIAG;

int berth_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) {
    return accept4(fd, address, length, flags);
}

int berth_pipe2(int ends[2], int flags) { return pipe2(ends, flags); }

int berth_eventfd(unsigned int initial, int flags) { return eventfd(initial, flags); }

int berth_fallocate(int fd, int mode, int64_t offset, int64_t length) { return fallocate(fd, mode, offset, length); }

ssize_t berth_splice(int from, int to, size_t count, unsigned int flags) {
    return splice(from, NULL, to, NULL, count, flags);
}

ssize_t berth_send_three(int fd, const void *first, size_t first_count, const void *second, size_t second_count,
                       const void *third, size_t third_count, int flags) {
    struct iovec pieces[3] = {
        {(void *)first, first_count}, {(void *)second, second_count}, {(void *)third, third_count}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 3};
    return sendmsg(fd, &message, flags);
}

int berth_unsent_bytes(int fd, int *count) { return ioctl(fd, SIOCOUTQ, count); }

int berth_unread_bytes(int fd, int *count) { return ioctl(fd, SIOCINQ, count); }

int berth_openat(int directory, const char *path, int flags, mode_t mode) {
    return openat(directory, path, flags, mode);
}

int berth_rename_new(int directory, const char *from, const char *to) {
    return renameat2(directory, from, directory, to, RENAME_NOREPLACE);
}

int berth_begin_write_out(int fd, int64_t offset, int64_t count) {
    return sync_file_range(fd, offset, count, SYNC_FILE_RANGE_WRITE);
}

int berth_window_columns(int fd) {
    struct winsize size = {0};
    return ioctl(fd, TIOCGWINSZ, &size) < 0 ? -1 : size.ws_col;
}

int berth_window_rows(int fd) {
    struct winsize size = {0};
    return ioctl(fd, TIOCGWINSZ, &size) < 0 ? -1 : size.ws_row;
}
