// Holds many connections that say nothing, and asks each of them when it is told to.
//
//   hold HOST PORT SOURCE COUNT
//
// Connects COUNT times from the address SOURCE, at most 512 at a time, asks each connection once and prints "held COUNT MS".
// Then, for each line on standard input, asks every connection for an answer of its own and prints
// "answered COUNT MS WORST": how many gave the right one, how long all took, and the worst answer, in milliseconds and
// microseconds. Ends with the input.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { size = 16, at_once = 512, patience_ms = 60000 };

struct held {
    int fd, received, is_asked;
    int64_t since;
    uint64_t token[2];
    unsigned char reply[size];
};

static struct held *all;
static int total, set, answered, failed;
static int64_t worst_us;
static uint64_t next_token;

static int64_t now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static void fail(struct held *held, const char *what, int error) {
    if (failed++ < 5) fprintf(stderr, "hold: %s: %s\n", what, strerror(error));
    close(held->fd);
    held->fd = -1;
    held->is_asked = 0;
}

static void ask(struct held *held) {
    held->token[0] = ++next_token;
    held->token[1] = next_token * 0x9E3779B97F4A7C15u ^ (uint64_t)getpid();
    held->received = 0;
    held->is_asked = 1;
    held->since = now_us();
    if (send(held->fd, held->token, size, MSG_NOSIGNAL) != size) fail(held, "send", errno);
}

static int begin(struct held *held, const struct sockaddr_in *target, struct sockaddr_in source) {
    int on = 1;
    held->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (held->fd < 0) { perror("hold: socket"); return -1; }
    // The port is chosen by the whole address pair: each source address has the whole range for each target.
    setsockopt(held->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(held->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(held->fd, (struct sockaddr *)&source, sizeof source) < 0) { perror("hold: bind"); return -1; }
    if (connect(held->fd, (const struct sockaddr *)target, sizeof *target) < 0 && errno != EINPROGRESS) {
        perror("hold: connect");
        return -1;
    }
    struct epoll_event event = {EPOLLOUT | EPOLLONESHOT, {.ptr = held}};
    return epoll_ctl(set, EPOLL_CTL_ADD, held->fd, &event);
}

/// Answers, connections and ends; how many are done with what they were to do.
static int look(int timeout) {
    struct epoll_event events[512];
    int found = epoll_wait(set, events, 512, timeout), done = 0;
    for (int i = 0; i < found; i++) {
        struct held *held = events[i].data.ptr;
        if (held->fd < 0) continue;
        if (!held->since) {
            int error = 0;
            socklen_t length = sizeof error;
            getsockopt(held->fd, SOL_SOCKET, SO_ERROR, &error, &length);
            struct epoll_event event = {EPOLLIN, {.ptr = held}};
            epoll_ctl(set, EPOLL_CTL_MOD, held->fd, &event);
            if (error) { fail(held, "connect", error); done++; } else ask(held);
            continue;
        }
        ssize_t got = recv(held->fd, held->reply + held->received, (size_t)(size - held->received), 0);
        if (got < 0 && errno == EAGAIN) continue;
        if (got <= 0) { if (held->is_asked) done++; fail(held, "recv", got < 0 ? errno : ECONNRESET); continue; }
        held->received += (int)got;
        if (held->received < size) continue;
        if (!held->is_asked || memcmp(held->reply, held->token, size)) { fail(held, "another answer", EPROTO); done++; continue; }
        int64_t took = now_us() - held->since;
        if (took > worst_us) worst_us = took;
        held->is_asked = 0;
        answered++;
        done++;
    }
    return done;
}

int main(int argc, char **argv) {
    if (argc != 5) { fprintf(stderr, "usage: hold HOST PORT SOURCE COUNT\n"); return 2; }
    struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
    struct sockaddr_in source = {.sin_family = AF_INET};
    inet_pton(AF_INET, argv[1], &target.sin_addr);
    inet_pton(AF_INET, argv[3], &source.sin_addr);
    total = atoi(argv[4]);
    all = calloc((size_t)total, sizeof *all);
    for (int i = 0; i < total; i++) all[i].fd = -1;
    set = epoll_create1(EPOLL_CLOEXEC);
    int64_t start = now_us(), moved = start;
    int begun = 0, done = 0;
    while (done < total) {
        for (; begun < total && begun - done < at_once; begun++) {
            if (begin(&all[begun], &target, source) < 0) return 1;
        }
        int more = look(100);
        if (more) moved = now_us();
        done += more;
        if (now_us() - moved > patience_ms * 1000LL) { fprintf(stderr, "hold: nothing has moved for %d ms\n", patience_ms); break; }
    }
    printf("held %d %ld\n", answered, (long)((now_us() - start) / 1000));
    fflush(stdout);
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        start = moved = now_us();
        answered = 0;
        worst_us = 0;
        int next = 0, left = total - failed;
        for (done = 0; done < left;) {
            for (int asked = 0; next < total && asked < at_once; next++) {
                if (all[next].fd >= 0) { ask(&all[next]); asked++; }
            }
            int more = look(next < total ? 0 : 100);
            if (more) moved = now_us();
            done += more;
            if (now_us() - moved > patience_ms * 1000LL) break;
        }
        printf("answered %d %ld %ld\n", answered, (long)((now_us() - start) / 1000), (long)worst_us);
        fflush(stdout);
    }
    return failed != 0;
}
