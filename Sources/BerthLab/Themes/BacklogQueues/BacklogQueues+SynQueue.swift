internal import BerthSystem

/// The queue of handshakes under way, and what happens to those who wait to be accepted.
extension BacklogQueues {
    /// Clients whose third packet is lost, so that they stay in the SYN queue.
    private static func halfOpen(_ lab: Stage, _ listener: LabSocket, _ count: Int) throws -> [LabSocket] {
        try lab.deafen(listener, .handshakeEnds)
        return try lab.untold("\(count) clients, whose third packets are lost") {
            try (1...count).map { try lab.connecting("client \($0)") }
        }
    }

    private static func halfOpenCount(_ lab: Stage) throws -> Int {
        try lab.states().filter { $0 == "SYN_RECV" }.count
    }

    static let synQueue: [Experiment] = [
        Experiment(
            "syn-queue-without-cookies", "Without SYN cookies the backlog bounds the handshakes under way as well.",
            belief: "The backlog affects both queues.", .isTrue, pages: ["backlog"], hasDiagram: false,
            because: """
                With backlog 8 nine handshakes may be under way, by the same rule as for the accept queue. Further SYNs \
                are dropped, which TCPReqQFullDrop counts.
                """
        ) { lab in
            try lab.set("net.ipv4.tcp_syncookies", to: 0)
            let listener = try lab.listener(backlog: 8)
            _ = try halfOpen(lab, listener, 12)
            try lab.expectSoon("handshakes under way", is: "9") { "\(try halfOpenCount(lab))" }
            lab.expect("SYNs dropped", try lab.counter("TcpExt.TCPReqQFullDrop"), in: 3...20)
            lab.expect("accept queue overflows", try lab.counter("TcpExt.ListenOverflows"), is: "0")
        },
        Experiment(
            "syn-queue-with-cookies", "With SYN cookies a full SYN queue turns nobody away.",
            belief: "The backlog affects both queues.", .onlyIf("SYN cookies are off"), pages: ["backlog"],
            hasDiagram: false,
            because: """
                Instead of remembering a handshake the kernel puts what it has to know into the sequence number of its \
                SYN-ACK, and reads it back from the third packet (`man 7 tcp`, tcp_syncookies; on by default).
                """
        ) { lab in
            let listener = try lab.listener(backlog: 8)
            let clients = try halfOpen(lab, listener, 12)
            let outcomes = lab.untold { clients.map { lab.connected($0) } }
            lab.expect("clients that got an answer", outcomes.filter { $0 == "OK" }.count, is: "12")
            lab.expect("handshakes remembered", try halfOpenCount(lab), in: 1...9)
            lab.expect("cookies sent", try lab.counter("TcpExt.SyncookiesSent"), in: 1...20)
        },
        Experiment(
            "syn-queue-max-syn-backlog",
            "net.ipv4.tcp_max_syn_backlog keeps a quarter of the SYN queue for known hosts.",
            .answered, pages: ["backlog"], hasDiagram: false,
            because: """
                Without cookies a SYN of a host that the kernel has not talked with before is dropped when less than a \
                quarter of tcp_max_syn_backlog is left: of 16, thirteen get in.
                """
        ) { lab in
            try lab.set("net.ipv4.tcp_syncookies", to: 0)
            try lab.set("net.ipv4.tcp_max_syn_backlog", to: 16)
            let listener = try lab.listener(backlog: 128)
            _ = try halfOpen(lab, listener, 20)
            try lab.expectSoon("handshakes under way", is: "13") { "\(try halfOpenCount(lab))" }
        },
        Experiment(
            "syn-recv-length", "A handshake whose third packet never comes is given up after a minute.", .answered,
            kind: .slow, pages: ["backlog"],
            because: "The SYN-ACK is sent again five times (net.ipv4.tcp_synack_retries), each after twice the pause."
        ) { lab in
            let listener = try lab.listener()
            try lab.deafen(listener, .handshakeEnds)
            _ = try lab.connecting()
            try lab.expectLeft(["SYN_RECV"])
            try lab.expectSoon("what is left", is: "0", within: .seconds(90)) { "\(try lab.states().count)" }
        },
    ]

    static let queued: [Experiment] = [
        Experiment(
            "queued-client-resets", "A client that resets while it waits is accepted all the same.", .answered,
            pages: ["backlog", "rst"],
            because: """
                The connection stays in the queue, dead as it is. accept(2) works and even knows whose it was; the first \
                call on the connection tells the rest. So accept errors do not tell of clients that went.
                """
        ) { lab in
            let listener = try lab.listener()
            let client = try lab.connect()
            try lab.reset(client)
            try lab.expectQueue(listener, 1)
            let server = try lab.accept(listener)
            lab.expect("the peer's address is known", server.remote == client.local, is: "true")
            lab.expect("the server's recv", lab.receive(server), is: "ECONNRESET")
        },
        Experiment(
            "queued-reset-keeps-its-place",
            "The place of a client that reset while it waited stays taken until accept.",
            .answered, pages: ["backlog"],
            because: "The queue is emptied by accept alone. A full queue of dead clients keeps live ones out."
        ) { lab in
            let listener = try lab.listener(backlog: 0)
            try lab.reset(try lab.connect("first"))
            let late = try lab.connecting("late")
            lab.expect("a late client's connect", lab.connected(late, within: .milliseconds(300)), is: "no answer")
            _ = try lab.accept(listener)
            lab.expect("its connect after an accept", lab.connected(late), is: "OK")
        },
        Experiment(
            "queued-client-comes-and-goes", "A client may connect, send, close and be gone before anyone accepts it.",
            .answered, pages: ["backlog", "half-close"],
            because: "What it sent is in the queue with its connection, and so is the end."
        ) { lab in
            let listener = try lab.listener()
            let client = try lab.connect()
            try lab.send(client, "goodbye")
            try lab.close(client)
            let server = try lab.accept(listener)
            lab.expect("the server's recv", lab.receive(server).text, is: "goodbye")
            lab.expect("its next recv", lab.receive(server), is: "end")
        },
        Experiment(
            "queued-clients-are-reset-by-close", "Closing a listener resets every client that waits in its queue.",
            belief: "Closing the listener only keeps new clients away.", .isFalse, pages: ["backlog", "rst"],
            because: """
                They were connected, and had perhaps sent a request. Nobody can accept them any more, so the kernel resets \
                them. Accept what waits before you close, or never close: that is what Berth's berths are for.
                """
        ) { lab in
            let listener = try lab.listener()
            let clients = try (1...3).map { try lab.connect("client \($0)") }
            try lab.close(listener)
            for client in clients { lab.expect("\(client.name)'s recv", lab.receive(client), is: "ECONNRESET") }
        },
        Experiment(
            "queued-clients-are-reset-by-shutdown",
            "shutdown of a listener resets its queue as well: it is no way to drain.",
            .answered, pages: ["backlog", "rst"],
            because: "The socket stops to listen, and what waited for an accept is thrown away, as by a close."
        ) { lab in
            let listener = try lab.listener()
            let client = try lab.connect()
            try lab.shut(listener, .both)
            lab.expect("the client's recv", lab.receive(client), is: "ECONNRESET")
            try lab.expect("a new client's connect", is: "ECONNREFUSED") { try lab.connect("new") }
        },
    ]
}
