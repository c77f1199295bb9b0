#define _GNU_SOURCE
#include "CBerth.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int berth_packet_socket(void) { return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL)); }

ssize_t berth_packet_receive(int fd, void *memory, size_t count, struct berth_packet *about) {
    struct sockaddr_ll from;
    struct iovec piece = {.iov_base = memory, .iov_len = count};
    char control[256];
    struct msghdr message = {
        .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &piece, .msg_iovlen = 1,
        .msg_control = control, .msg_controllen = sizeof control};
    // MSG_TRUNC: the real length is returned also where memory holds only the beginning.
    ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT | MSG_TRUNC);
    if (length < 0) return -1;
    about->time = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec time;
            memcpy(&time, CMSG_DATA(c), sizeof time);
            about->time = (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
        }
    }
    about->is_outgoing = from.sll_pkttype == PACKET_OUTGOING;
    about->interface = from.sll_ifindex;
    return length;
}

int berth_packet_drops(int fd, unsigned *drops) {
    struct tpacket_stats statistics;
    socklen_t length = sizeof statistics;
    if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &statistics, &length) < 0) return -1;
    *drops = statistics.tp_drops;
    return 0;
}

int berth_attach_filter(int fd, const struct sock_filter *steps, unsigned short count) {
    struct sock_fprog program = {.len = count, .filter = (struct sock_filter *)steps};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

int berth_detach_filter(int fd) {
    int nothing = 0;
    return setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &nothing, sizeof nothing);
}

int berth_own_descriptors(void) { return close_range(3, ~0U, CLOSE_RANGE_UNSHARE); }

int64_t berth_thread_sleeps(void) {
    struct rusage usage;
    return getrusage(RUSAGE_THREAD, &usage) < 0 ? -1 : usage.ru_nvcsw;
}

static int put(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return errno;
    int failure = write(fd, text, strlen(text)) < 0 ? errno : 0;
    close(fd);
    return failure;
}

static int enter_user_namespace(uid_t user, gid_t group) {
    char text[64];
    if (unshare(CLONE_NEWUSER) < 0) return errno;
    // Without giving up setgroups(2) a plain user may not map a group (user_namespaces(7)).
    int failure = put("/proc/self/setgroups", "deny");
    if (failure) return failure;
    snprintf(text, sizeof text, "0 %u 1", user);
    failure = put("/proc/self/uid_map", text);
    if (failure) return failure;
    snprintf(text, sizeof text, "0 %u 1", group);
    return put("/proc/self/gid_map", text);
}

pid_t berth_start_as_namespace_root(const char *program, char *const *arguments, char *const *environment) {
    // Close-on-exec: an end of file says that the program runs, an errno that it does not.
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    uid_t user = geteuid();
    gid_t group = getegid();
    pid_t parent = getpid();
    // A process of its own, and not a thread's vfork: only one that shares its memory with nobody may enter.
    pid_t pid = fork();
    if (pid == 0) {
        int failure = enter_user_namespace(user, group);
        // After the change of credentials, which clears it.
        if (!failure && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) failure = errno;
        if (!failure && getppid() != parent) failure = ESRCH;
        if (!failure) {
            execve(program, arguments, environment);
            failure = errno;
        }
        if (write(ends[1], &failure, sizeof failure) < 0) _exit(126);
        _exit(127);
    }
    int saved = errno;
    close(ends[1]);
    int failure = pid < 0 ? saved : 0;
    if (pid > 0) {
        int told = 0;
        ssize_t count;
        do count = read(ends[0], &told, sizeof told);
        while (count < 0 && errno == EINTR);
        if (count == (ssize_t)sizeof told) {
            failure = told;
            while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
        }
    }
    close(ends[0]);
    if (failure == 0) return pid;
    errno = failure;
    return -1;
}
