// Load for replacements: connections that come, ask once and go, as fast as they can, and beside them some that stay.
// Everything that is not exactly as it should be is counted.
//
//   churn HOST PORT SECONDS SHORT LONG
//
// SHORT connections at a time: connect, send 16 bytes, expect them back, close. LONG connections ask again and again,
// 200 times each with a pause of 10 ms, then close and begin anew. Ends after SECONDS, or at SIGINT: what is under way is
// finished first. One line of JSON on standard output; exit code 1 when anything was lost. On standard error a line for each
// connection that was lost: its address, and the time in ms on the monotonic clock.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { size = 16, questions = 200, pause_ms = 10, patience_ms = 20000 };

struct client {
    int fd, is_long, received, asked, connecting, waiting;
    int64_t due, since;
    uint64_t token[2];
    unsigned char reply[size];
};

static struct {
    long connections, requests, refused, reset, closed, corrupted, timed_out, other, worst_ms, no_port;
} count;

static struct sockaddr_in target;
static int set, is_over;
static uint64_t next_token = 1;
static uint32_t next_source;

static int64_t now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static void stop(int number) { (void)number; is_over = 1; }

static void begin(struct client *client);

static void name(struct client *client) {
    struct sockaddr_in own = {0};
    socklen_t length = sizeof own;
    getsockname(client->fd, (struct sockaddr *)&own, &length);
    fprintf(stderr, "%s:%d %lld\n", inet_ntoa(own.sin_addr), ntohs(own.sin_port), (long long)now_ms());
}

static void end(struct client *client) {
    close(client->fd);
    client->fd = -1;
    if (!is_over) begin(client);
}

static void fail(struct client *client, int error) {
    if (error == ECONNREFUSED) count.refused++;
    else if (error == ECONNRESET || error == EPIPE) count.reset++;
    else count.other++;
    name(client);
    end(client);
}

static void ask(struct client *client) {
    client->token[0] = next_token++;
    client->token[1] = client->token[0] * 0x9E3779B97F4A7C15u;
    client->received = 0;
    client->waiting = 1;
    client->since = now_ms();
    ssize_t sent = send(client->fd, client->token, size, MSG_NOSIGNAL);
    if (sent != size) fail(client, sent < 0 ? errno : EIO);
}

static void begin(struct client *client) {
    for (int attempt = 0;; attempt++) {
        client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (client->fd < 0) { perror("socket"); exit(3); }
        int on = 1;
        // Sixteen source addresses, so that ports do not run out.
        struct sockaddr_in source = {.sin_family = AF_INET};
        source.sin_addr.s_addr = htonl(0x7F000001u + next_source++ % 16);
        setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        bind(client->fd, (struct sockaddr *)&source, sizeof source);
        client->asked = 0;
        client->connecting = 1;
        client->waiting = 0;
        client->since = now_ms();
        client->due = 0;
        if (connect(client->fd, (struct sockaddr *)&target, sizeof target) == 0 || errno == EINPROGRESS) break;
        int error = errno;
        close(client->fd);
        client->fd = -1;
        // Not the server's doing: all ports of that source are in TIME_WAIT.
        if (error == EADDRNOTAVAIL && attempt < 64) { count.no_port++; continue; }
        if (error == ECONNREFUSED) count.refused++; else count.other++;
        client->due = now_ms() + 10;
        return;
    }
    struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.ptr = client}};
    epoll_ctl(set, EPOLL_CTL_ADD, client->fd, &event);
}

static void look(struct client *client, uint32_t events) {
    if (client->fd < 0) return;
    if (client->connecting) {
        int error = 0;
        socklen_t length = sizeof error;
        getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &length);
        if (error) { fail(client, error); return; }
        if (!(events & EPOLLOUT)) return;
        client->connecting = 0;
        count.connections++;
        ask(client);
        return;
    }
    while (client->fd >= 0) {
        ssize_t got = recv(client->fd, client->reply + client->received, (size_t)(size - client->received), 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got < 0) { fail(client, errno); return; }
        if (got == 0) {
            // Between two questions it is the server's good right; a question without an answer is lost.
            if (client->waiting) { count.closed++; name(client); }
            end(client);
            return;
        }
        client->received += (int)got;
        if (!client->waiting) { count.corrupted++; end(client); return; }
        if (client->received < size) continue;
        long took = (long)(now_ms() - client->since);
        if (took > count.worst_ms) count.worst_ms = took;
        if (memcmp(client->reply, client->token, size)) { count.corrupted++; end(client); return; }
        count.requests++;
        client->waiting = 0;
        client->received = 0;
        client->asked++;
        if (!client->is_long || client->asked == questions || is_over) { end(client); return; }
        client->due = now_ms() + pause_ms;
        return;
    }
}

int main(int argc, char **argv) {
    if (argc != 6) { fprintf(stderr, "usage: churn HOST PORT SECONDS SHORT LONG\n"); return 2; }
    target.sin_family = AF_INET;
    target.sin_port = htons((uint16_t)atoi(argv[2]));
    inet_pton(AF_INET, argv[1], &target.sin_addr);
    int shorts = atoi(argv[4]), longs = atoi(argv[5]), total = shorts + longs;
    struct client *clients = calloc((size_t)total, sizeof *clients);
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    set = epoll_create1(EPOLL_CLOEXEC);
    int64_t start = now_ms(), over = start + (int64_t)(atof(argv[3]) * 1000), ended = 0, looked = start;
    for (int i = 0; i < total; i++) {
        clients[i].is_long = i >= shorts;
        begin(&clients[i]);
    }
    for (;;) {
        struct epoll_event events[256];
        int found = epoll_wait(set, events, 256, 5);
        for (int i = 0; i < found; i++) look(events[i].data.ptr, events[i].events);
        int64_t now = now_ms();
        if (now >= over) is_over = 1;
        if (is_over && !ended) ended = now;
        if (now == looked) continue;
        looked = now;
        int open = 0;
        for (int i = 0; i < total; i++) {
            struct client *client = &clients[i];
            if (client->fd < 0) {
                if (!is_over && client->due && client->due <= now) begin(client);
                continue;
            }
            open++;
            if ((client->connecting || client->waiting) && now - client->since > patience_ms) {
                count.timed_out++;
                name(client);
                end(client);
            } else if (!client->connecting && !client->waiting && client->due <= now) {
                if (is_over) end(client); else ask(client);
            }
        }
        if (is_over && !open) break;
    }
    long lost = count.refused + count.reset + count.closed + count.corrupted + count.timed_out + count.other;
    double seconds = (double)(ended - start) / 1000;
    printf("{\"seconds\":%.1f,\"connections\":%ld,\"requests\":%ld,\"requests_per_second\":%.0f,\"lost\":%ld,"
           "\"refused\":%ld,\"reset\":%ld,\"closed_unanswered\":%ld,\"corrupted\":%ld,\"timed_out\":%ld,\"other\":%ld,"
           "\"worst_ms\":%ld,\"no_port\":%ld}\n",
           seconds, count.connections, count.requests, (double)count.requests / seconds, lost, count.refused,
           count.reset, count.closed, count.corrupted, count.timed_out, count.other, count.worst_ms, count.no_port);
    return lost != 0;
}
