// Closed-loop TCP load generator: epoll, edge-triggered, every byte of every reply verified.
//   loadgen -p PORT [-m echo|frame|line] [-k rr|churn|idle|hold] [-c conns] [-s bytes per message on the wire]
//           [-d depth] [-T seconds] [-w warm-up seconds] [-t threads] [-P server pid] [-b (spin instead of sleeping)]
//           [-n messages: exactly so many in all, instead of -T and -w; a multiple of conns]
// Prints one JSON object. Latency: from handing a request to send() (churn: from connect()) to its last reply byte.
// -k idle: memory of the server with conns connections, before and after each has spoken once.
// -k hold: conns connections speak, are silent for -w seconds, and speak again; -n new ones before, and beside them.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { FRAME, LINE };
enum { WARM, MEASURE, DRAIN };
static int port, mode = FRAME, churn, idle, hold, nconn = 64, depth = 1, nthread = 1, pid, spin;
static size_t size = 64;
static double dur = 4, warm = 0.5;
static uint64_t total, quota;  // messages in all, and of each connection; 0: as many as the time allows
static _Atomic int phase, srcn;
static uint8_t *pat;  // shared pattern; a connection uses it from its own offset
enum { SCRATCH = 1 << 18, SHIFT = 251, SUB = 64, NBUCKET = 64 * SUB };

typedef struct {
    int fd, partial;
    uint32_t id;
    uint64_t sseq, rseq;  // messages sent (or begun) / fully answered
    size_t soff, roff;    // progress inside the current one
    uint64_t *ts;
} conn;
typedef struct {
    uint64_t hist[NBUCKET], reqs, bytes, errors, max, late;
    int ep, first, count;
    uint8_t *rb, *sb;
    conn *c;
} worker;

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}
static int bucket(uint64_t v) {  // log-linear, 64 steps per power of two: 1.6 % wide
    if (v < SUB) return v;
    int e = 63 - __builtin_clzll(v);
    return (e - 5) * SUB + (int)((v >> (e - 6)) & (SUB - 1));
}
static double bucket_mid(int i) {
    if (i < SUB) return i;
    int e = i / SUB + 5;
    return ((SUB + i % SUB) + 0.5) * (double)(1ull << (e - 6));
}

static void head(uint8_t *o, const conn *c, uint64_t seq) {  // first 16 bytes of message `seq`
    uint64_t tag = (uint64_t)c->id << 40 | seq;
    if (mode == FRAME) {
        uint64_t h[2] = {__builtin_bswap64(size), __builtin_bswap64(tag)};
        memcpy(o, h, 16);
    } else for (int i = 0; i < 16; i++) o[i] = "0123456789abcdef"[tag >> (60 - 4 * i) & 15];
}
static void message(uint8_t *o, const conn *c, uint64_t seq) {
    head(o, c, seq);
    memcpy(o + 16, pat + c->id % SHIFT, size - 16);
    if (mode == LINE) o[size - 1] = '\n';
}

static int more(const conn *c, uint64_t s) {  // whether message `s` may be sent now
    return s - c->rseq < (uint64_t)depth && (!quota || s < quota);
}

static int push(worker *w, conn *c) {  // send what the window allows; -1 on error
    uint64_t t = now();
    while (c->soff || (more(c, c->sseq) && phase != DRAIN)) {
        size_t n = 0;
        ssize_t r;
        if (size <= SCRATCH / 2) {
            uint64_t s = c->sseq;
            for (; n + size <= SCRATCH && more(c, s); s++, n += size) {
                message(w->sb + n, c, s);
                if (!churn && (n || !c->soff)) c->ts[s % depth] = t;
            }
            n -= c->soff;
            r = send(c->fd, w->sb + c->soff, n, MSG_NOSIGNAL);
        } else {
            uint8_t h[16];
            head(h, c, c->sseq);
            if (!churn && !c->soff) c->ts[c->sseq % depth] = t;
            size_t o = c->soff;
            struct iovec v[2] = {{h + (o < 16 ? o : 16), o < 16 ? 16 - o : 0},
                                 {pat + c->id % SHIFT + (o > 16 ? o - 16 : 0), size - (o > 16 ? o : 16)}};
            struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
            n = size - o;
            r = sendmsg(c->fd, &m, MSG_NOSIGNAL);
        }
        if (r < 0) { if (errno == EAGAIN || errno == ENOTCONN) break; return -1; }
        c->soff += r;
        c->sseq += c->soff / size;
        c->soff %= size;
        if ((size_t)r < n) break;
    }
    return 0;
}

static int check(worker *w, conn *c, const uint8_t *b, size_t n) {
    for (size_t p = 0; p < n;) {
        if (c->rseq >= c->sseq + (c->soff > 0)) return -1;  // answer to nothing
        size_t o = c->roff, k = size - o < n - p ? size - o : n - p;
        if (mode == FRAME) {
            uint8_t h[16];
            head(h, c, c->rseq);
            size_t a = o < 16 ? (16 - o < k ? 16 - o : k) : 0;
            if (a && memcmp(b + p, h + o, a)) return -1;
            if (k > a && memcmp(b + p + a, pat + c->id % SHIFT + (o + a - 16), k - a)) return -1;
        } else {
            message(w->sb, c, c->rseq);
            for (size_t i = 0; i + 1 < size - 1 - i; i++) {
                uint8_t t = w->sb[i]; w->sb[i] = w->sb[size - 2 - i]; w->sb[size - 2 - i] = t;
            }
            if (memcmp(b + p, w->sb + o, k)) return -1;
        }
        p += k;
        if ((c->roff = o + k) == size) {
            if (phase == MEASURE) {
                uint64_t l = now() - c->ts[c->rseq % depth];
                w->hist[bucket(l)]++; w->reqs++;
                if (l > w->max) w->max = l;
            }
            c->roff = 0; c->rseq++;
        }
    }
    if (phase == MEASURE) w->bytes += n;
    return 0;
}

static int dial(worker *w, conn *c, int nonblock) {
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (nonblock ? SOCK_NONBLOCK : 0), 0);
    if (fd < 0) return -1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010001 + (srcn++ & 255))};
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (!churn) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    const char *cc = getenv("CC");  // e.g. CC=cubic: congestion control of this side
    if (cc) setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, cc, strlen(cc));
    bind(fd, (void *)&a, sizeof a);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK); a.sin_port = htons(port);
    *c = (conn){.fd = fd, .id = c->id, .ts = c->ts};
    if (churn) c->ts[0] = now();
    if (connect(fd, (void *)&a, sizeof a) && errno != EINPROGRESS) { close(fd); c->fd = -1; return -1; }
    if (w) {
        struct epoll_event e = {EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, {.ptr = c}};
        epoll_ctl(w->ep, EPOLL_CTL_ADD, fd, &e);
    }
    return 0;
}

static void again(worker *w, conn *c) {  // churn: next connection in this slot
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    if (phase == DRAIN) return;
    uint64_t t = now();
    if (dial(w, c, 1)) { w->errors++; return; }
    push(w, c);
    c->ts[0] = t;
}

static void *run(void *p) {
    worker *w = p;
    struct epoll_event ev[512];
    w->ep = epoll_create1(EPOLL_CLOEXEC);
    w->rb = malloc(SCRATCH); w->sb = malloc(SCRATCH);
    for (int i = 0; i < w->count; i++) {
        conn *c = &w->c[i];
        c->id = w->first + i; c->ts = calloc(depth, 8); c->fd = -1;
        if (churn) { again(w, c); continue; }
        if (dial(0, c, 0)) { w->errors++; continue; }
    }
    for (int i = 0; !churn && i < w->count; i++) {
        conn *c = &w->c[i];
        struct epoll_event e = {EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, {.ptr = c}};
        if (c->fd < 0) continue;
        fcntl(c->fd, F_SETFL, O_NONBLOCK);
        epoll_ctl(w->ep, EPOLL_CTL_ADD, c->fd, &e);
        push(w, c);
    }
    for (uint64_t end = 0;;) {
        if (quota) {
            int open = 0;
            for (int i = 0; i < w->count; i++) open += w->c[i].fd >= 0 && w->c[i].rseq < quota;
            if (!open) break;
        }
        if (phase == DRAIN) {  // stop sending, let every outstanding reply arrive (2 s at most)
            int open = 0;
            if (!end) end = now() + 2000000000ull;
            for (int i = 0; i < w->count; i++) open += w->c[i].fd >= 0 && (w->c[i].sseq > w->c[i].rseq || w->c[i].soff);
            if (!open) break;
            if (now() > end) { w->errors += open; w->late += open; break; }
        }
        int n = epoll_wait(w->ep, ev, 512, spin ? 0 : 100);
        for (int i = 0; i < n; i++) {
            conn *c = ev[i].data.ptr;
            int bad = 0, eof = 0;
            ssize_t r;
            if (c->fd < 0) continue;
            if (ev[i].events & ~EPOLLOUT) do {
                r = recv(c->fd, w->rb, SCRATCH, 0);
                if (r == 0 || (r < 0 && errno != EAGAIN)) eof = 1;
                else if (r > 0) bad = check(w, c, w->rb, r);
            } while (r == SCRATCH && !bad);
            if (bad || (eof && !(churn && c->rseq))) {
                w->errors++;
                if (churn) again(w, c); else { close(c->fd); c->fd = -1; }
            } else if (churn && c->rseq) again(w, c);
            else if (push(w, c)) { w->errors++; close(c->fd); c->fd = -1; }
        }
    }
    for (int i = 0; i < w->count; i++) if (w->c[i].fd >= 0) close(w->c[i].fd);
    return 0;
}

typedef struct { double ut, st, gen, busy[2], soft[2], steal, t; long csw; } snap;
static snap look(void) {
    snap s = {.t = now() / 1e9};
    char path[64], line[1024];
    double hz = sysconf(_SC_CLK_TCK);
    FILE *f;
    if (pid) {
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        if ((f = fopen(path, "r")) && fgets(line, sizeof line, f)) {
            unsigned long u, k;
            if (sscanf(strrchr(line, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &u, &k) == 2) s.ut = u / hz, s.st = k / hz;
        }
        if (f) fclose(f);
    }
    struct rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    s.gen = ru.ru_utime.tv_sec + ru.ru_stime.tv_sec + (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
    if ((f = fopen("/proc/stat", "r"))) {
        while (fgets(line, sizeof line, f)) {
            int cpu; double v[8];
            if (sscanf(line, "cpu%d %lf %lf %lf %lf %lf %lf %lf %lf", &cpu, v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6, v + 7) == 9 && cpu < 2) {
                s.busy[cpu] = (v[0] + v[1] + v[2] + v[5] + v[6]) / hz;
                s.soft[cpu] = (v[5] + v[6]) / hz;
                s.steal += v[7] / hz;
            }
        }
        fclose(f);
    }
    return s;
}
static long rss_kb(void) {
    char path[64], line[256];
    long v = 0;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) if (!strncmp(line, "VmRSS:", 6)) v = atol(line + 6);
    if (f) fclose(f);
    return v;
}

static int open_waiting(conn *c, int id) {  // a connection whose receives wait, 10 s at most
    static uint64_t ts[1];
    *c = (conn){.id = id, .ts = ts};
    if (dial(0, c, 0)) return -1;
    struct timeval tv = {10, 0};
    return setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
}
static int ask(const conn *c) {  // one message and its answer
    static uint8_t *want, *got;
    if (!want) want = malloc(size), got = malloc(size);
    message(want, c, 1);
    if (c->fd < 0 || send(c->fd, want, size, MSG_NOSIGNAL) != (ssize_t)size) return -1;
    if (recv(c->fd, got, size, MSG_WAITALL) != (ssize_t)size) return -1;
    return mode == FRAME && memcmp(want, got, size) ? -1 : 0;
}
static int open_all(conn *c) {  // how many of nconn connections were opened
    int open = 0;
    for (int i = 0; i < nconn; i++) {
        if (open_waiting(&c[i], i)) continue;
        open++;
        if (i % 64 == 63) usleep(5000);
    }
    return open;
}
static int ask_all(const conn *c) {  // how many of them answered
    int answered = 0;
    for (int i = 0; i < nconn; i++) answered += ask(&c[i]) == 0;
    return answered;
}

static int run_idle(void) {  // open nconn connections, look at the server's memory, one message each, look again
    conn *c = calloc(nconn, sizeof *c);
    long r0 = rss_kb();
    int open = open_all(c);
    sleep(2);
    long r1 = rss_kb();
    int bad = nconn - ask_all(c);
    sleep(2);
    long r2 = rss_kb();
    printf("{\"open\":%d,\"errors\":%d,\"rss0_kb\":%ld,\"rss_open_kb\":%ld,\"rss_used_kb\":%ld,\"open_b_per_conn\":%.0f,\"used_b_per_conn\":%.0f}\n",
           open, bad, r0, r1, r2, (r1 - r0) * 1024.0 / nconn, (r2 - r0) * 1024.0 / nconn);
    return 0;
}

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}
static uint64_t *new_ones(int count, int *bad) {  // one after the other: connect, ask, close; sorted times to the answer
    uint64_t *took = calloc(count, sizeof *took);
    for (int i = 0; i < count; i++) {
        conn c;
        uint64_t t = now();
        if (open_waiting(&c, nconn + i) || ask(&c)) ++*bad;
        took[i] = now() - t;
        if (c.fd >= 0) close(c.fd);
    }
    qsort(took, count, sizeof *took, ascending);
    return took;
}
static int run_hold(void) {  // nconn connections that are silent, and what new ones feel of them
    int count = total ? total : 2000, bad = 0;
    free(new_ones(count, &bad));  // warm
    uint64_t *alone = new_ones(count, &bad);
    conn *c = calloc(nconn, sizeof *c);
    int open = open_all(c), first = ask_all(c);
    usleep(warm * 1e6);
    int again = ask_all(c);
    uint64_t *beside = new_ones(count, &bad);
    int after = ask_all(c);
    printf("{\"open\":%d,\"answered\":%d,\"answered_after_wait\":%d,\"answered_at_end\":%d,\"wait_s\":%.1f,\"new\":%d,\"new_errors\":%d,"
           "\"alone_p50_us\":%.1f,\"alone_p99_us\":%.1f,\"beside_p50_us\":%.1f,\"beside_p99_us\":%.1f,\"beside_max_us\":%.1f}\n",
           open, first, again, after, warm, count, bad, alone[count / 2] / 1e3, alone[count * 99 / 100] / 1e3,
           beside[count / 2] / 1e3, beside[count * 99 / 100] / 1e3, beside[count - 1] / 1e3);
    return 0;
}

int main(int argc, char **argv) {
    for (int o; (o = getopt(argc, argv, "p:m:k:c:s:d:T:w:t:P:n:b")) > 0;) switch (o) {
        case 'p': port = atoi(optarg); break;
        case 'm': mode = *optarg == 'l' ? LINE : FRAME; break;
        case 'k': churn = *optarg == 'c'; idle = *optarg == 'i'; hold = *optarg == 'h'; break;
        case 'c': nconn = atoi(optarg); break;
        case 's': size = atol(optarg); break;
        case 'd': depth = atoi(optarg); break;
        case 'T': dur = atof(optarg); break;
        case 'w': warm = atof(optarg); break;
        case 't': nthread = atoi(optarg); break;
        case 'P': pid = atoi(optarg); break;
        case 'n': total = strtoull(optarg, 0, 10); break;
        case 'b': spin = 1; break;
        default: return 2;
    }
    if (size < 24 || (mode == LINE && size > SCRATCH / 2) || !port || (churn && depth != 1) ||
        (total && !hold && (churn || total % nconn))) { fprintf(stderr, "bad arguments\n"); return 2; }
    pat = malloc(size + SHIFT + 16);
    for (size_t i = 0, x = 88172645463325252u; i < size + SHIFT + 16; i++) {
        x ^= x << 13; x ^= x >> 7; x ^= x << 17;
        pat[i] = mode == LINE ? 'A' + (x >> 8) % 50 : x >> 8;
    }
    if (idle) return run_idle();
    if (hold) return run_hold();
    quota = total / nconn;
    if (quota) phase = MEASURE;
    snap a = look();
    worker *w = calloc(nthread, sizeof *w);
    pthread_t *t = calloc(nthread, sizeof *t);
    for (int i = 0, first = 0; i < nthread; i++) {
        w[i].first = first; w[i].count = nconn / nthread + (i < nconn % nthread);
        w[i].c = calloc(w[i].count, sizeof(conn));
        first += w[i].count;
        pthread_create(&t[i], 0, run, &w[i]);
    }
    if (!quota) {
        usleep(warm * 1e6);
        a = look();
        phase = MEASURE;
        usleep(dur * 1e6);
        phase = DRAIN;
    } else for (int i = 0; i < nthread; i++) pthread_join(t[i], 0);
    snap b = look();
    double secs = b.t - a.t;
    worker s = {0};
    for (int i = 0; i < nthread; i++) {
        if (!quota) pthread_join(t[i], 0);
        for (int j = 0; j < NBUCKET; j++) s.hist[j] += w[i].hist[j];
        s.reqs += w[i].reqs; s.bytes += w[i].bytes; s.errors += w[i].errors; s.late += w[i].late;
        if (w[i].max > s.max) s.max = w[i].max;
    }
    double q[] = {0.5, 0.99, 0.999}, v[3] = {0};
    for (int k = 0; k < 3; k++) {
        uint64_t need = q[k] * s.reqs, sum = 0;
        for (int j = 0; j < NBUCKET; j++) if ((sum += s.hist[j]) > need) { v[k] = bucket_mid(j) / 1e3; break; }
    }
    double cpu = b.ut + b.st - a.ut - a.st, per = s.reqs ? 1e6 / s.reqs : 0;
    printf("{\"rps\":%.1f,\"reqs\":%lu,\"errors\":%lu,\"unanswered\":%lu,\"bytes_verified\":%lu,\"mb_s\":%.1f,"
           "\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f,"
           "\"srv_us\":%.3f,\"srv_user_us\":%.3f,\"srv_sys_us\":%.3f,\"srv_cpu\":%.3f,\"gen_us\":%.3f,\"gen_cpu\":%.3f,"
           "\"cpu0_busy\":%.3f,\"cpu1_busy\":%.3f,\"cpu0_us\":%.3f,\"soft0\":%.3f,\"steal\":%.3f,\"secs\":%.3f}\n",
           s.reqs / secs, s.reqs, s.errors, s.late, s.bytes, s.bytes / secs / 1e6, v[0], v[1], v[2], s.max / 1e3,
           cpu * per, (b.ut - a.ut) * per, (b.st - a.st) * per, cpu / secs, (b.gen - a.gen) * per, (b.gen - a.gen) / secs,
           (b.busy[0] - a.busy[0]) / secs, (b.busy[1] - a.busy[1]) / secs, (b.busy[0] - a.busy[0]) * per,
           (b.soft[0] - a.soft[0]) / secs, (b.steal - a.steal) / secs, secs);
    return 0;
}
