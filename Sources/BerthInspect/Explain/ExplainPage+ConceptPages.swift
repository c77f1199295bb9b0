// Written by scripts/embed-explain from docs/explain: change the pages there.

extension ExplainPage {
    static let conceptPages: [ExplainPage] = [
        ExplainPage(
            key: "backlog", title: "how many connections may wait to be accepted",
            aliases: ["accept-queue", "queue", "listen", "somaxconn-limit"],
            text: """
                The kernel makes connections by itself; accept(2) only takes them. Those that wait are in the accept queue. It holds
                backlog + 1; the effective backlog is the smaller of what listen(2) was given and net.core.somaxconn, fixed at that
                call. `ss` shows both: Recv-Q is the queue, Send-Q the backlog.

                When it is full, SYNs are ignored: clients hang and try again, nobody is refused. Half-open handshakes are another queue,
                bounded by the same number; with SYN cookies it does not refuse.

                A long queue does not make a slow server fast: what waits too long is stale when its turn comes.

                See also: B006, B007, B008, B010.
                """),
        ExplainPage(
            key: "close-wait", title: "the peer has ended, and we have not",
            aliases: ["CLOSE_WAIT", "closewait"],
            text: """
                The peer's FIN has arrived; the kernel waits for the program to close. No timer ends this: it lasts as long as the
                descriptor is open. The peer is in FIN_WAIT2 meanwhile, for as long as its process holds the socket.

                A moment of it is normal: the program reads its end of file, writes its last answer and closes. Hours of it are a bug.

                See also: B011, fin-wait, half-close.
                """),
        ExplainPage(
            key: "descriptors", title: "the limit of open files",
            aliases: ["EMFILE-limit", "RLIMIT_NOFILE", "ulimit", "nofile"],
            text: """
                Each socket, file and pipe of a process is a descriptor. The soft limit (often 1024) is what counts, the hard limit is how
                far the process may raise it by itself. systemd: LimitNOFILE=. `prlimit --pid PID --nofile=N` changes a running one.

                `berth check pid:PID` counts them without the right to look into them.

                See also: B009, B011.
                """),
        ExplainPage(
            key: "dual-stack", title: "one socket for IPv6 and IPv4",
            aliases: ["IPV6_V6ONLY", "v6only", "ipv6"],
            text: """
                A socket on [::] without IPV6_V6ONLY takes IPv4 as well; its IPv4 peers appear as ::ffff:192.0.2.1. It conflicts with
                IPv4 sockets of its port exactly like 0.0.0.0 does. With IPV6_V6ONLY it never does. Which one a program gets is decided
                by the program or by net.ipv6.bindv6only; Python's create_server sets it, Go does not.

                See also: B004, reuse.
                """),
        ExplainPage(
            key: "ephemeral-ports", title: "local ports of outgoing connections",
            aliases: ["ephemeral", "ip_local_port_range", "local-ports"],
            text: """
                connect(2) without bind(2) takes a port of net.ipv4.ip_local_port_range, 28,232 of them by default, for each server
                address anew. bind to port 0 takes one for all, unless IP_BIND_ADDRESS_NO_PORT is set.

                A server on a port of that range may find it taken by an outgoing connection (B026); net.ipv4.ip_local_reserved_ports
                keeps it out.

                See also: B013, B026, time-wait.
                """),
        ExplainPage(
            key: "fin-wait", title: "we have ended, and the peer has not",
            aliases: ["FIN_WAIT1", "FIN_WAIT2", "LAST_ACK", "CLOSING", "orphan"],
            text: """
                FIN_WAIT1: our FIN is sent, or waits behind unsent data, and is not acknowledged. FIN_WAIT2: it is, and the peer has not
                closed. While a process holds the socket, FIN_WAIT2 has no limit; an orphan (closed by its process) ends after
                tcp_fin_timeout. LAST_ACK and CLOSING wait for the acknowledgement of our FIN after the peer's came.

                With a silent peer FIN_WAIT1, LAST_ACK and CLOSING end after about 107 seconds (eight retries).

                See also: time-wait, close-wait.
                """),
        ExplainPage(
            key: "half-close", title: "ending one direction of a connection",
            aliases: ["shutdown", "FIN", "eof"],
            text: """
                A FIN ends one direction: "I send no more." The other one may go on. shutdown(SHUT_WR) sends it, after all that is queued;
                close sends it when the last descriptor of the socket is closed: a duplicate, a child, a thread that is blocked in recv
                keeps it back.

                The receiver sees an end of file (read returns 0). After SHUT_RDWR or close, data that still arrives is answered with
                an RST.

                See also: linger, rst, close-wait.
                """),
        ExplainPage(
            key: "herd", title: "who is woken for a connection",
            aliases: ["thundering-herd", "thundering"],
            text: """
                Threads or processes that block in accept(2) on one listener are woken one at a time, in turn. No herd.

                Those that wait in poll, select or epoll for the listener are all woken, unless they use EPOLLEXCLUSIVE, which wakes one,
                and mostly the same one. A time limit on accept in some languages (Python's settimeout) is a poll in front of it.

                SO_REUSEPORT wakes one as well; but the listener is chosen when the SYN arrives, by a hash, so that connections can wait
                at a busy worker while another is idle.

                See also: B010, reuse.
                """),
        ExplainPage(
            key: "keep-alive", title: "finding out that a peer is gone",
            aliases: ["SO_KEEPALIVE", "keepalive", "TCP_USER_TIMEOUT"],
            text: """
                TCP sends nothing when there is nothing to say. A peer without power or network is noticed only by asking it: SO_KEEPALIVE
                with TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT (the kernel's own 2 hours are of little use), while the connection is
                idle; TCP_USER_TIMEOUT while data is unacknowledged. NAT and load balancers forget idle connections after some minutes.

                Berth's defaults: 60 s, 10 s, 6 probes, and a user timeout of 30 s.

                See also: B018.
                """),
        ExplainPage(
            key: "linger", title: "what close does with what is unsent and unread",
            aliases: ["SO_LINGER", "lingering-close"],
            text: """
                Three things have this name.

                close(2) by default returns at once and sends what is left in the background, unless something unread is in the
                receive buffer: then it sends an RST, and the peer may lose the reply (B014).

                SO_LINGER with n > 0 seconds makes close wait until all is acknowledged, n seconds at most. It does not help against
                unread input. With 0 seconds close sends an RST at once (B015).

                A lingering close is done by the program: shutdown(SHUT_WR), read to the end with a time limit, close. That is the only
                one that loses nothing. Berth's `finish` does it.

                See also: B014, B015, half-close, rst.
                """),
        ExplainPage(
            key: "nagle", title: "Nagle's algorithm and delayed acknowledgements",
            aliases: ["TCP_NODELAY", "nodelay", "delayed-acks"],
            text: """
                Nagle: a segment that is not full waits while another one is unacknowledged. Delayed acknowledgement: the receiver waits
                40 ms for something to send it along with. Each is sensible; a request in two small writes meets both, and takes 40 ms.

                TCP_NODELAY turns the first off. Writing a message at once makes it unnecessary.

                See also: B020.
                """),
        ExplainPage(
            key: "reuse", title: "SO_REUSEADDR and SO_REUSEPORT on Linux",
            aliases: ["SO_REUSEADDR", "SO_REUSEPORT", "reuseaddr", "reuseport", "bind"],
            text: """
                A holds an address, B binds one that overlaps: equal, or one of them is the wildcard; [::] without IPV6_V6ONLY overlaps
                IPv4. B gets EADDRINUSE unless

                - both have SO_REUSEADDR, and A does not listen (UDP: always; no matter whose they are), or
                - both have SO_REUSEPORT and belong to one user, or A is only in TIME_WAIT.

                "A" is every remnant of a connection as well, with the options of its listener. So SO_REUSEADDR on the new server alone
                does not help. The check is made at bind and again at listen.

                SO_REUSEADDR is for restarts. SO_REUSEPORT is for several listeners at a time, among which the kernel chooses by a hash,
                not by load. `berth why --matrix` prints the table and compares it with your kernel.

                See also: B001, B003, B005, B017, dual-stack.
                """),
        ExplainPage(
            key: "rst", title: "why a connection is reset",
            aliases: ["RST", "ECONNRESET", "reset", "EPIPE"],
            text: """
                An RST ends a connection at once and throws away what the receiver has not read and the sender has not sent. It is sent:

                - by close with unread input (B014), or with SO_LINGER 0 (B015);
                - when data arrives for a socket that is closed: the first write to a peer that is gone succeeds, the second fails with
                  EPIPE (and SIGPIPE, B016);
                - for what waits in the accept queue of a listener that closes (B017, B023);
                - by a port where nobody listens: ECONNREFUSED.

                ECONNRESET is told once; after that a read returns 0, so that a lost reply can look like a clean end.

                See also: half-close, linger.
                """),
        ExplainPage(
            key: "time-wait", title: "the state of whoever closed first",
            aliases: ["TIME_WAIT", "timewait", "2msl"],
            text: """
                The side that sends the first FIN keeps the connection for 60 seconds after its end (a constant of Linux, whatever
                tcp_fin_timeout says), so that late segments find no new connection with the same addresses and ports, and so that a
                lost last ACK can be sent again.

                It is no fault. It costs 256 bytes and no descriptor. It matters in two places: it holds the server's port against a
                bind without SO_REUSEADDR (B003), and a client's local port towards one server (B013).

                Who wants fewer lets the other side close first, or reuses connections. SO_LINGER 0 avoids it by losing data (B015).

                See also: reuse, B003, B012, B013.
                """),
    ]
}
