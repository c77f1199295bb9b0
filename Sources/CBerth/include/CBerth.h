// What Swift cannot import from the C library or the kernel headers: functions that hide behind _GNU_SOURCE,
// macros with arguments, structures whose headers contradict the C library's. Declarations and thin wrappers only;
// every decision is made in Swift (BerthSystem).
#ifndef CBERTH_H
#define CBERTH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include "CBerthRing.h"

// --- Descriptors -----------------------------------------------------------------------------------------------
int berth_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
int berth_openat(int directory, const char *path, int flags, mode_t mode);
int berth_pipe2(int ends[2], int flags);
int berth_eventfd(unsigned int initial, int flags);
int berth_memory_file(const char *name, int64_t size);
void *berth_map_shared(int fd, size_t size);
int berth_empty_shared(void *memory, size_t size);
int berth_fallocate(int fd, int mode, int64_t offset, int64_t length);
ssize_t berth_splice(int from, int to, size_t count, unsigned int flags);
ssize_t berth_send_three(int fd, const void *first, size_t first_count, const void *second, size_t second_count,
                       const void *third, size_t third_count, int flags);
int berth_unsent_bytes(int fd, int *count);
int berth_unread_bytes(int fd, int *count);
int berth_rename_new(int directory, const char *from, const char *to);
int berth_begin_write_out(int fd, int64_t offset, int64_t count);
int berth_window_columns(int fd);
int berth_window_rows(int fd);

extern const int BERTH_EFD_CLOEXEC;
extern const int BERTH_EFD_NONBLOCK;
extern const int BERTH_POLLRDHUP;
extern const int BERTH_AF_NETLINK_SOCK_DIAG;

// --- epoll -----------------------------------------------------------------------------------------------------
// struct epoll_event is packed on some machines, which Swift does not import: an entry is a number of bytes with a
// mask and a token in it.
int berth_epoll_create(void);
int berth_epoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t token);
int berth_epoll_wait(int epoll, void *entries, int count, int timeout);
int berth_epoll_wait_precisely(int epoll, void *entries, int count, int64_t nanoseconds);
size_t berth_epoll_entry_size(void);

// --- Transfer that does not wait ------------------------------------------------------------------------------------
// How many bytes, or the errno as a negative number. send(2) and recv(2) of the C library are points at which a thread
// may be cancelled (pthreads(7)), which in a process with threads costs more than the rest of the call.
ssize_t berth_send_now(int fd, const void *bytes, size_t count);
ssize_t berth_receive_now(int fd, void *memory, size_t count);
// CLOCK_MONOTONIC in nanoseconds.
int64_t berth_monotonic_now(void);

// --- Processes and threads -------------------------------------------------------------------------------------
int berth_spawn_closefrom(void *file_actions, int first);
// Starts a program that inherits exactly the descriptors `fds`, from 3 on in their order, besides 0, 1 and 2. Signals are
// at their defaults and unblocked. `pid_digits`, a place within `environment` that has room for 10 digits and a null, gets
// the process id of the child before it is exec'd. Returns the process id, or -1 with errno, that of the exec included.
struct berth_start {
    const char *program;
    char *const *arguments;
    char *const *environment;
    char *pid_digits;
    const int *fds;
    int fd_count;
    // Leads a process group of its own.
    int own_group;
    // Is sent to it when the thread that started it ends; 0 for none.
    int death_signal;
};
pid_t berth_start_inheriting(const struct berth_start *start);
int berth_peer_credentials(int fd, pid_t *pid, uid_t *user);
// How many processors the calling thread may run on.
int berth_processor_count(void);
int berth_pidfd_open(pid_t pid);
int berth_pidfd_getfd(int pidfd, int fd);
int berth_thread_set_name(const char *name);
int berth_thread_name(char *name, size_t length);
int berth_thread_id(void);
// The user that files and sockets are opened for, of the calling thread alone; returns the one before.
int berth_thread_set_file_user(unsigned int user);
// Gives the calling thread the niceness of the process's first thread, as far as that is allowed.
void berth_thread_take_niceness(void);
int berth_thread_set_timer_slack(unsigned long nanoseconds);
// Whether a Swift task was cancelled; a reference to one, which is not counted.
_Bool berth_task_is_cancelled(const void *task);
// A word of the calling thread's own, null from the start.
extern __thread void *berth_thread_mark_word __attribute__((tls_model("initial-exec")));
static inline void *berth_thread_mark(void) { return berth_thread_mark_word; }
static inline void berth_thread_set_mark(void *mark) { berth_thread_mark_word = mark; }
// environ(7), whose import into Swift differs from build to build: null after clearenv(3).
char **berth_environment(void);

// From now on every `signal` also writes its number as one byte to `fd`. The first descriptor of a signal replaces the
// handler that was there before; at most 32 for each signal (EBUSY).
int berth_signal_forward(int signal, int fd);

// Ends that for one descriptor, which can be closed afterwards: no handler still writes to it. With the last one of a
// signal the handler from before is back.
int berth_signal_release(int signal, int fd);

// Ignores SIGPIPE unless the program handles it itself.
void berth_ignore_broken_pipes(void);

// --- TCP_INFO --------------------------------------------------------------------------------------------------
// The kernel's struct tcp_info under a name of its own, since the C library has an older one of the same name.
struct berth_tcp_info {
    uint8_t state, ca_state, retransmits, probes, backoff, options, snd_wscale, rcv_wscale;
    uint8_t delivery_rate_app_limited;
    uint32_t rto, ato, snd_mss, rcv_mss, unacked, sacked, lost, retrans, fackets;
    uint32_t last_data_sent, last_ack_sent, last_data_recv, last_ack_recv;
    uint32_t pmtu, rcv_ssthresh, rtt, rttvar, snd_ssthresh, snd_cwnd, advmss, reordering, rcv_rtt, rcv_space;
    uint32_t total_retrans;
    uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
    uint32_t segs_out, segs_in, notsent_bytes, min_rtt, data_segs_in, data_segs_out;
    uint64_t delivery_rate, busy_time, rwnd_limited, sndbuf_limited;
    uint32_t delivered, delivered_ce;
    uint64_t bytes_sent, bytes_retrans;
    uint32_t dsack_dups, reord_seen, rcv_ooopack, snd_wnd;
};
int berth_tcp_info_read(int fd, struct berth_tcp_info *info);
// The same from the bytes of an INET_DIAG_INFO attribute.
void berth_tcp_info_from_bytes(const void *bytes, size_t count, struct berth_tcp_info *info);

// --- Network namespaces ----------------------------------------------------------------------------------------
int berth_unshare_network(void);
int berth_enter_network(int fd);
int berth_loopback_up(void);

// --- Experiments ------------------------------------------------------------------------------------------------
// Packets of all interfaces of the namespace, with their link header (packet(7)).
int berth_packet_socket(void);
struct berth_packet {
    int64_t time;  // nanoseconds of the wall clock, by the kernel; 0 when it did not say
    _Bool is_outgoing;
    int interface;
};
// The whole length of the next packet, of which `memory` holds as much as fits; -1 with EAGAIN when there is none.
ssize_t berth_packet_receive(int fd, void *memory, size_t count, struct berth_packet *about);
// How many packets were lost since the last call, because nobody fetched them in time.
int berth_packet_drops(int fd, unsigned *drops);
// A classic BPF program that sees what arrives for a socket, from the TCP header on; what it returns 0 for is dropped.
int berth_attach_filter(int fd, const struct sock_filter *steps, unsigned short count);
int berth_detach_filter(int fd);
// Gives the calling thread, and those it starts, a table of descriptors of their own that holds 0, 1 and 2.
int berth_own_descriptors(void);
// How often the calling thread has gone to sleep.
int64_t berth_thread_sleeps(void);
// Starts a program as the root user of a new user namespace that stands for the calling user outside (a fork and an exec).
// It is killed when the calling thread ends.
pid_t berth_start_as_namespace_root(const char *program, char *const *arguments, char *const *environment);

#endif
