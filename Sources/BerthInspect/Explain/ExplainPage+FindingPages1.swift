// Written by scripts/embed-explain from docs/explain: change the pages there.

extension ExplainPage {
    static let findingPages1: [ExplainPage] = [
        ExplainPage(
            key: "B001", title: "the port is held by another server",
            aliases: ["EADDRINUSE", "in-use"],
            text: """
                Seen by: a socket in LISTEN (or only bound) whose address is the wanted one, or a wildcard that covers it.

                Means: a listening socket has its address for itself. SO_REUSEADDR passes over old connections, never over a listener.
                Only SO_REUSEPORT on both sockets, of one user, shares an address among listeners.

                Do: bind another port; or stop the holder by the name that `berth why PORT` gives (its unit, its container, its pid).

                See also: reuse, B005, B002.
                """),
        ExplainPage(
            key: "B002", title: "a child inherited the listener of a server that is gone",
            aliases: ["inherited"],
            text: """
                Seen by: the listener's descriptor is in a process whose own parent is gone, and which waits for anything but connections.

                Means: a listening socket lives until the last process that holds it closes it. A child that was started without
                close-on-exec keeps it: clients still connect, nobody serves them, and the next server cannot bind.

                Do: end that child. In the server, open sockets with SOCK_CLOEXEC (Berth does), or close them between fork and exec.

                See also: B001, descriptors.
                """),
        ExplainPage(
            key: "B003", title: "nobody listens, but connections of an earlier server hold the port",
            aliases: ["leftovers"],
            text: """
                Seen by: no LISTEN on the port; TIME_WAIT, FIN_WAIT1/2, CLOSING, LAST_ACK, CLOSE_WAIT or ESTABLISHED with that local port.

                Means: each of them has the address bound, with the SO_REUSEADDR of the listener that it came from. A bind passes over them
                only when both the new socket and the old one had the option. So the first restart after the option was added to
                a program still fails; the next one works.

                Do: set SO_REUSEADDR before bind (Berth's default). If the old server lacked it: wait (TIME_WAIT lasts 60 s), or, as root,
                `berth free PORT --destroy-leftovers`. tcp_tw_reuse, tcp_fin_timeout and tcp_max_tw_buckets do not help.

                See also: time-wait, reuse.
                """),
        ExplainPage(
            key: "B004", title: "a dual-stack socket and an IPv4 one claim the same port",
            aliases: ["dual-stack-overlap"],
            text: """
                Seen by: a listener on [::] without IPV6_V6ONLY beside a bind of an IPv4 address, or the other way round.

                Means: such a socket takes every IPv4 address of its port as well, exactly like 0.0.0.0.

                Do: set IPV6_V6ONLY on the IPv6 socket, or use the one socket for both families.

                See also: dual-stack, B001.
                """),
        ExplainPage(
            key: "B005", title: "two servers share one address",
            aliases: ["silent-duplicate"],
            text: """
                Seen by: several listening sockets with the same address, in processes that have no common parent of the same program.

                Means: SO_REUSEPORT lets a second copy start without an error. The kernel chooses a listener for each connection by a hash of
                its addresses and ports, so that each copy gets its share, and an old version keeps answering.

                Do: end the copy that is not meant. Leave SO_REUSEPORT off unless a layout needs it.

                See also: reuse, B017.
                """),
        ExplainPage(
            key: "B006", title: "the accept queue is full",
            aliases: ["overflow", "listen-overflows"],
            text: """
                Seen by: the queue of a listener is longer than its backlog, its drop count grows, and so does ListenOverflows.

                Means: the kernel ignores a client's SYN while the queue is full. The client is not refused: it hangs, and tries again after
                1, 2, 3, 4, 5, 7, 11, 19 … seconds.

                Do: accept faster (B009, B010 say what keeps the server); ask for a greater backlog; raise net.core.somaxconn.

                See also: backlog, B007, B010.
                """),
        ExplainPage(
            key: "B007", title: "the backlog is cut by net.core.somaxconn",
            aliases: ["somaxconn"],
            text: """
                Seen by: a listener whose effective backlog is exactly somaxconn, where that is less than the kernel's usual 4096.

                Means: listen(2) cuts a larger number silently, at the time of the call: raising the setting later changes nothing for it.

                Do: raise net.core.somaxconn, and restart the server (or let it call listen again).

                See also: backlog, B006.
                """),
        ExplainPage(
            key: "B008", title: "a SYN queue is full",
            aliases: ["syn-flood", "syn-queue"],
            text: """
                Seen by: TCPReqQFullDoCookies or TCPReqQFullDrop grow; many sockets in SYN_RECV.

                Means: handshakes that are never finished fill the queue. With SYN cookies new clients get in all the same, without some TCP
                options; without cookies they hang.

                Do: keep net.ipv4.tcp_syncookies at 1; look where the SYNs come from; for honest load raise the backlog.

                See also: backlog, B006.
                """),
        ExplainPage(
            key: "B009", title: "a process is out of descriptors",
            aliases: ["EMFILE", "too-many-open-files"],
            text: """
                Seen by: the number of its open descriptors against Max open files of /proc/PID/limits.

                Means: accept fails with EMFILE, also when no client is there. What waits in the accept queue stays, so that a loop that polls
                the listener spins at 100 % of a processor.

                Do: raise the soft limit (`prlimit`, LimitNOFILE=), bound the connections taken at a time, and close what has ended: many
                descriptors in CLOSE_WAIT are a leak (B011).

                See also: descriptors, B011, B010.
                """),
        ExplainPage(
            key: "B010", title: "connections wait and nobody accepts them",
            aliases: ["stuck"],
            text: """
                Seen by: the very same connections are in the accept queue at both looks.

                Means: the kernel has made these connections, so clients believe that they are connected, and wait for an answer.

                Do: see what the accepting thread does: `cat /proc/PID/task/*/wchan`, its stack, a profiler. Do not block it; Berth's
                event loops report a handler that does.

                See also: B006, B009, herd.
                """),
        ExplainPage(
            key: "B011", title: "connections are kept after their peer ended them",
            aliases: ["close-wait-leak"],
            text: """
                Seen by: sockets in CLOSE_WAIT that a process holds, for more than a minute, or many that stay.

                Means: the peer has sent its FIN, and the program has not closed. There is no time limit on that; each one costs a descriptor.

                Do: close when a read returns 0 bytes. A read loop that ignores that, an exception on the way to close, a duplicate of the
                descriptor in a child are the usual reasons.

                See also: close-wait, B009.
                """),
        ExplainPage(
            key: "B012", title: "more ended connections than the kernel keeps",
            aliases: ["time-wait-overflow"],
            text: """
                Seen by: TIME_WAIT near tcp_max_tw_buckets, TCPTimeWaitOverflow, or orphans near tcp_max_orphans.

                Means: thousands in TIME_WAIT are normal for whoever closes first: they cost 256 bytes each and no descriptor. Only at the
                limit does the kernel end connections without it, or reset orphans.

                Do: raise the limit. Where that many are a surprise: let the clients close first, or reuse connections.

                See also: time-wait, B013.
                """),
        ExplainPage(
            key: "B013", title: "local ports run out",
            aliases: ["EADDRNOTAVAIL", "port-exhaustion"],
            text: """
                Seen by: connections from one address to one server, counted against ip_local_port_range.

                Means: address and port of both ends name a connection. From one address to one server there are as many as there are local
                ports; TIME_WAIT of this side counts. The next connect fails with EADDRNOTAVAIL; bind to port 0 with EADDRINUSE.

                Do: reuse connections; then IP_BIND_ADDRESS_NO_PORT, net.ipv4.tcp_tw_reuse=1, a wider range, more addresses.

                See also: ephemeral-ports, time-wait.
                """),
        ExplainPage(
            key: "B014", title: "connections are reset because input was unread",
            aliases: ["abort-on-close", "lost-reply"],
            text: """
                Seen by: TCPAbortOnClose grows.

                Means: closing a socket whose receive buffer is not empty sends an RST instead of a FIN. The peer's kernel throws away what its
                program has not read: the last reply may be lost, although it was sent.

                Do: shutdown(SHUT_WR), read until 0 with a time limit, then close. Berth's `finish` does this.

                See also: linger, rst, half-close.
                """),
    ]
}
