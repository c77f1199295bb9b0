// The server that Berth is compared with: worker processes that each open their own listener with SO_REUSEPORT, and close
// it when they are replaced. Echoes; one process, one epoll. At SIGTERM it closes its listener, serves what it has
// accepted, and ends: the polite form of what most programs do.
//
//   naive PORT
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t is_over;
static void stop(int number) { (void)number; is_over = 1; }

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, open = 0;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0) {
        perror("naive");
        return 1;
    }
    int set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {EPOLLIN, {.fd = listener}};
    epoll_ctl(set, EPOLL_CTL_ADD, listener, &event);
    puts("ready");
    fflush(stdout);
    while (!is_over || open > 0) {
        if (is_over && listener >= 0) {
            close(listener);
            listener = -1;
        }
        struct epoll_event events[256];
        int found = epoll_wait(set, events, 256, 20);
        for (int i = 0; i < found; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                int accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (accepted < 0) continue;
                struct epoll_event added = {EPOLLIN, {.fd = accepted}};
                epoll_ctl(set, EPOLL_CTL_ADD, accepted, &added);
                open++;
                continue;
            }
            char bytes[4096];
            ssize_t count = recv(fd, bytes, sizeof bytes, 0);
            if (count > 0) {
                if (send(fd, bytes, (size_t)count, MSG_NOSIGNAL) != count) count = 0;
            }
            if (count == 0 || (count < 0 && errno != EAGAIN)) {
                close(fd);
                open--;
            }
        }
    }
    return 0;
}
