internal import BerthInspect
internal import BerthSystem

/// Who gets TIME_WAIT, for how long, and what helps.
extension Ports {
    static let timeWait: [Experiment] = [
        Experiment(
            "time-wait-both-sides", "When both sides close at once, both get TIME_WAIT.",
            belief: "The side that closes first gets TIME_WAIT.", .onlyIf("one is first"), pages: ["time-wait"],
            hasDiagram: false,
            because: """
                The FINs cross: each side has sent its own before it sees the other's, so each is the one that closed \
                actively (RFC 9293, figure 13). Here both are made deaf until both have closed.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.deafen(client)
            try lab.deafen(server)
            try lab.shut(client)
            try lab.shut(server)
            try lab.expect(client, is: "FIN_WAIT1")
            try lab.expect(server, is: "FIN_WAIT1")
            try lab.undeafen(client)
            try lab.undeafen(server)
            try lab.expect(client, is: "TIME_WAIT")
            try lab.expect(server, is: "TIME_WAIT")
        },
        Experiment(
            "time-wait-not-after-reset", "After an RST neither side has TIME_WAIT.", .answered,
            pages: ["time-wait", "rst"],
            because: "An RST says that there is no connection any more. Nothing is remembered, on either side."
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.reset(server)
            try lab.expect(server, is: "gone")
            lab.expect("the client's recv", lab.receive(client), is: "ECONNRESET")
            try lab.expect(client, is: "gone")
        },
        Experiment(
            "time-wait-not-without-linger2", "TCP_LINGER2 below 0 leaves no remnant on the closing side.", .answered,
            pages: ["time-wait", "linger"],
            because: """
                The kernel gives the connection up as soon as its FIN is acknowledged, instead of waiting for the peer's in \
                FIN_WAIT2. What the peer still says is answered by an RST.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.set(server, .linger2(-1))
            try lab.close(server)
            try lab.expect(server, is: "gone")
            lab.expect("the client's recv", lab.receive(client), is: "end")
            try lab.close(client)
            try lab.expectSoon("the last packet", is: "server [R]") { try lab.packets().last ?? "none" }
        },
        Experiment(
            "time-wait-limit", "Beyond net.ipv4.tcp_max_tw_buckets there is no TIME_WAIT: the connection just ends.",
            .answered, pages: ["time-wait"], hasDiagram: false,
            because:
                "The setting bounds the memory of remnants. The counter TCPTimeWaitOverflow tells of those that were not kept."
        ) { lab in
            try lab.set("net.ipv4.tcp_max_tw_buckets", to: 0)
            let (_, client, server) = try lab.connection()
            try lab.close(server)
            _ = lab.receive(client)
            try lab.close(client)
            try lab.expect(server, is: "gone")
            try lab.expectCounter("TcpExt.TCPTimeWaitOverflow", 1)
        },
        Experiment(
            "time-wait-is-a-constant", "TIME_WAIT begins with 60 seconds, whatever net.ipv4.tcp_fin_timeout says.",
            belief: "net.ipv4.tcp_fin_timeout shortens TIME_WAIT.", .isFalse, pages: ["time-wait", "fin-wait"],
            because: "The length is a constant of the kernel, TCP_TIMEWAIT_LEN. tcp_fin_timeout is about FIN_WAIT2."
        ) { lab in
            try lab.set("net.ipv4.tcp_fin_timeout", to: 5)
            let server = try lab.leaveTimeWait()
            let left = try lab.record(server)?.timerLeft ?? .zero
            lab.expect("seconds left of TIME_WAIT", left.inSeconds, in: 50...61)
        },
        Experiment(
            "time-wait-length", "TIME_WAIT lasts a minute.",
            belief: "When something goes wrong in closing, a connection stays in TIME_WAIT.", .isFalse, kind: .slow,
            pages: ["time-wait"],
            because: "It is the normal end of the side that closed first, and it ends by itself."
        ) { lab in
            let begin = MonotonicTime.now
            let server = try lab.leaveTimeWait()
            let seconds = try lab.secondsUntilGone(server, since: begin, within: .seconds(130))
            lab.expect("seconds", seconds, in: 59...120)
            try lab.expect("a server then", is: "OK") { try lab.listener("next") }
        },
        Experiment(
            "time-wait-no-setting-helps",
            "No setting frees a port from a TIME_WAIT that is there already; `ss -K` does.",
            belief: "net.ipv4.tcp_tw_reuse and tcp_fin_timeout free the port of a server.", .isFalse,
            pages: ["time-wait"],
            because: """
                tcp_tw_reuse is about outgoing connections, tcp_fin_timeout about FIN_WAIT2, tcp_max_tw_buckets about \
                remnants to come. A remnant can be destroyed by its addresses (SOCK_DESTROY), which needs CAP_NET_ADMIN.
                """
        ) { lab in
            let server = try lab.leaveTimeWait()
            try lab.set("net.ipv4.tcp_tw_reuse", to: 1)
            try lab.set("net.ipv4.tcp_fin_timeout", to: 1)
            try lab.set("net.ipv4.tcp_max_tw_buckets", to: 0)
            try lab.expect("a server after three settings", is: "EADDRINUSE") { try lab.listener("next") }
            try lab.destroy(server)
            try lab.expect("a server after ss -K", is: "OK") { try lab.listener("next") }
        },
        Experiment(
            "time-wait-option-of-the-accepted",
            "SO_REUSEADDR on the accepted socket, set before its close, is as good as on the old listener.", .answered,
            pages: ["reuse", "time-wait"],
            because:
                "The remnant has the options of the connection that it was, and those came from its listener at first."
        ) { lab in
            let (listener, client, server) = try lab.connection()
            try lab.set(server, .reuseAddress)
            try lab.close(server)
            _ = lab.receive(client)
            try lab.close(client)
            try lab.close(listener)
            try lab.expect(server, is: "TIME_WAIT")
            try lab.expect("the next server", is: "OK") { try lab.listener("next", [.reuseAddress]) }
        },
        Experiment(
            "time-wait-holds-no-descriptor", "A connection in TIME_WAIT holds the port, and no descriptor.",
            belief: "A socket in TIME_WAIT does not occupy the port, but memory and a descriptor.", .isFalse,
            pages: ["time-wait", "descriptors"],
            because: """
                The descriptor was given back by close. What remains is a small object of the kernel that no process has, \
                and it is in the table of bound ports.
                """
        ) { lab in
            let (listener, client, server) = try lab.connection()
            let before = try lab.descriptorCount()
            try lab.close(server)
            _ = lab.receive(client)
            try lab.close(client)
            try lab.close(listener)
            try lab.expect(server, is: "TIME_WAIT")
            lab.expect("descriptors given back", before - (try lab.descriptorCount()), is: "3")
            lab.expect("the remnant belongs to a process", try lab.record(server)?.inode != nil, is: "false")
            try lab.expect("a server without SO_REUSEADDR", is: "EADDRINUSE") { try lab.listener("next") }
        },
    ]
}
