// Written by scripts/embed-explain from docs/explain: change the pages there.

extension ExplainPage {
    static let findingPages2: [ExplainPage] = [
        ExplainPage(
            key: "B015", title: "connections are reset by SO_LINGER 0",
            aliases: ["abort-on-data"],
            text: """
                Seen by: TCPAbortOnData grows, or a socket has SO_LINGER on with 0 s.

                Means: close then sends an RST at once and throws away what is unsent. It is often set to avoid TIME_WAIT, which is no fault.

                Do: remove the option. Accepted sockets inherit it from their listener.

                See also: linger, time-wait, rst.
                """),
        ExplainPage(
            key: "B016", title: "SIGPIPE would end the server",
            aliases: ["SIGPIPE", "broken-pipe"],
            text: """
                Seen by: SIGPIPE is neither ignored, blocked nor caught, and peers have ended their connections.

                Means: the first write to a peer that is gone succeeds and brings an RST; the second raises SIGPIPE, whose default ends the
                process, without a message.

                Do: send with MSG_NOSIGNAL, or ignore the signal. Berth does both.

                See also: rst, half-close.
                """),
        ExplainPage(
            key: "B017", title: "a worker that stops resets its queue",
            aliases: ["migrate-req"],
            text: """
                Seen by: several listeners of a SO_REUSEPORT group, one of them gone with connections in its queue, or with a queue that stays.

                Means: each member has an accept queue of its own. When it closes, what waits there is reset; also clients whose last ACK of
                the handshake is still on its way.

                Do: net.ipv4.tcp_migrate_req=1 hands the queue to the other members; or share one listener between the workers.

                See also: reuse, B023.
                """),
        ExplainPage(
            key: "B018", title: "peers have vanished",
            aliases: ["half-open", "dead-peer"],
            text: """
                Seen by: retransmissions with growing backoff; or connections that are idle for hours without keep-alive.

                Means: a peer that lost its power or its network sends no FIN. With data pending the kernel notices after about 15 minutes;
                without data and keep-alive, never.

                Do: keep-alive at 60 s / 10 s / 6, and TCP_USER_TIMEOUT 30 s (Berth's defaults); or a heartbeat of the protocol.

                See also: keep-alive.
                """),
        ExplainPage(
            key: "B019", title: "one side does not read",
            aliases: ["slow-reader", "zero-window"],
            text: """
                Seen by: a peer's window is closed and probed while data waits; or a program leaves its receive buffer full.

                Means: TCP holds the sender back, and memory fills on its side.

                Do: bound how long a write may take and how much is kept for one peer; end those that exceed it.

                See also: B018.
                """),
        ExplainPage(
            key: "B020", title: "small writes wait 40 ms for acknowledgements",
            aliases: ["delayed-ack", "40ms"],
            text: """
                Seen by: DelayedACKs grow as fast as requests, segments are small, TCP_NODELAY is off.

                Means: Nagle's algorithm keeps a small segment back until the one before is acknowledged; the peer delays that by 40 ms,
                hoping to send it along with an answer. write, write, read meets both.

                Do: one write for a message, or TCP_NODELAY (Berth sets it).

                See also: nagle.
                """),
        ExplainPage(
            key: "B021", title: "a server in a container listens on loopback only",
            aliases: ["container-loopback"],
            text: """
                Seen by: a listener on 127.0.0.1 or ::1 of a process whose control group is a container's.

                Means: published ports lead to the container's own address, where nobody listens.

                Do: listen on 0.0.0.0 or [::] there. `localhost` may be ::1 while you listen on 127.0.0.1.

                See also: dual-stack.
                """),
        ExplainPage(
            key: "B022", title: "the address cannot be bound at all",
            aliases: ["EACCES", "bind-refused"],
            text: """
                Seen by: bind fails with EACCES or EADDRNOTAVAIL.

                Means: ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE; an address has to be one of this machine's.

                Do: give the capability, or bind a higher port; bind one of the addresses of `ip -brief address`, or the wildcard.

                See also: B001.
                """),
        ExplainPage(
            key: "B023", title: "a listener was closed with connections waiting",
            aliases: ["deploy"],
            text: """
                Seen by: a listener had a queue at the first look and is gone at the second, and RSTs were sent.

                Means: the kernel had accepted these clients; closing the listener resets them.

                Do: leave the load balancer first, accept until the queue is empty, then close and drain (Berth's drain does).

                See also: B017, half-close.
                """),
        ExplainPage(
            key: "B024", title: "the firewall's connection table is full",
            aliases: ["conntrack"],
            text: """
                Seen by: nf_conntrack_count against nf_conntrack_max.

                Means: new connections are dropped before any socket hears of them, and no counter of TCP moves.

                Do: raise the maximum, shorten the timeouts of ended connections, or do not track this traffic.

                See also: B006.
                """),
        ExplainPage(
            key: "B025", title: "segments are lost, or TCP is short of memory",
            aliases: ["loss", "memory-pressure"],
            text: """
                Seen by: RetransSegs against OutSegs; PruneCalled, TCPRcvQDrop, TCPMemoryPressures.

                Means: everything is slower than it has to be; under memory pressure received data is thrown away and sent again.

                Do: find the peers (`ss -ti`), the interface (`ip -s link`), or who holds the memory (`ss -tm`).

                See also: B018, B019.
                """),
        ExplainPage(
            key: "B026", title: "an outgoing connection has the port",
            aliases: ["outgoing"],
            text: """
                Seen by: a connection that this machine opened has the wanted port as its local one.

                Means: the kernel gives ports of ip_local_port_range to outgoing connections, and each holds its port like a server does.

                Do: serve on a port outside of the range, or keep it out: net.ipv4.ip_local_reserved_ports.

                See also: ephemeral-ports, B001.
                """),
        ExplainPage(
            key: "B027", title: "nothing that holds the port can be seen",
            aliases: ["invisible"],
            text: """
                Seen by: bind says EADDRINUSE, and no socket in the kernel's list stands in the way.

                Means: what held it ended meanwhile; or it is only bound, on a kernel before 6.8, which does not list that.

                Do: try again; ask as root.

                See also: B001.
                """),
        ExplainPage(
            key: "B028", title: "the file of a Unix socket is left over",
            aliases: ["socket-file"],
            text: """
                Seen by: bind says EADDRINUSE, and no socket has that name.

                Means: the file stays when its server ends without removing it.

                Do: look at it, and remove it. Berth's listener does both safely.

                See also: B001.
                """),
    ]
}
