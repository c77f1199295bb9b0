internal import BerthSystem

/// What happens when the accept queue is full.
extension BacklogQueues {
    static let full: [Experiment] = [
        Experiment(
            "backlog-full-then-room",
            "A client that met a full queue gets in by its next try, when there is room by then.",
            belief: "Beyond the backlog new connections are refused.", .isFalse, pages: ["backlog"],
            because: """
                Its SYN was dropped, not refused: for the client that is a lost packet, and it sends it again a second \
                later. The queue had room by then.
                """
        ) { lab in
            let listener = try lab.listener(backlog: 0)
            try lab.connect("first")
            let late = try lab.connecting("late")
            lab.expect("its connect, at once", lab.connected(late, within: .milliseconds(200)), is: "no answer")
            _ = try lab.accept(listener)
            lab.expect("its connect, in the end", lab.connected(late), is: "OK")
            let tries = try lab.segments(of: late).filter { $0.segment.flags == .syn }
            lab.expect("SYNs sent", tries.count, in: 2...6)
            let pause = Double((tries.dropFirst().first?.time ?? 0) - (tries.first?.time ?? 0)) / 1e9
            lab.expect("seconds between the first two", pause, in: 0.9...1.6)
        },
        Experiment(
            "backlog-full-gives-up", "A client that never finds room is told ETIMEDOUT, and never ECONNREFUSED.",
            belief: "Beyond the backlog new connections are refused.", .isFalse, pages: ["backlog"],
            because: "Nothing ever answers it. TCP_SYNCNT is 1 here; by default it takes more than two minutes."
        ) { lab in
            try lab.listener(backlog: 0)
            try lab.connect("first")
            let begin = MonotonicTime.now
            let late = try lab.connecting("late", [.synRetries(1)])
            lab.expect("its connect", lab.connected(late), is: "ETIMEDOUT")
            lab.expect("seconds that took", lab.seconds(since: begin), in: 1.9...10)
        },
        Experiment(
            "syn-retries", "A SYN without an answer is sent again after 1, 2, 3 and 4 seconds.", .answered,
            pages: ["backlog"],
            because: """
                Since Linux 6.5 the first tries follow each other after a second (net.ipv4.tcp_syn_linear_timeouts is 4); \
                then the pauses double, until tcp_syn_retries ends it after 135 seconds.
                """
        ) { lab in
            try lab.listener(backlog: 0)
            try lab.connect("first")
            let late = try lab.connecting("late")
            lab.expect(
                "its connect, within 4.4 seconds", lab.connected(late, within: .milliseconds(4400)), is: "no answer")
            let times = try lab.segments(of: late).map { Double($0.time) / 1e9 }
            let seconds = times.prefix(5).map { "\(Int(($0 - times[0]).rounded()))" }
            lab.expect("seconds of its SYNs", seconds.joined(separator: ", "), is: "0, 1, 2, 3, 4")
        },
        Experiment(
            "syn-retries-to-the-end", "By default a client gives up after 135 seconds.", .answered, kind: .slow,
            pages: ["backlog"],
            because: "Six tries more than the linear ones, each after twice the pause of the one before."
        ) { lab in
            try lab.listener(backlog: 0)
            try lab.connect("first")
            let begin = MonotonicTime.now
            let late = try lab.connecting("late")
            lab.expect("its connect", lab.connected(late, within: .seconds(200)), is: "ETIMEDOUT")
            lab.expect("seconds that took", lab.seconds(since: begin), in: 125...145)
        },
        Experiment(
            "abort-on-overflow-leaves-syns",
            "net.ipv4.tcp_abort_on_overflow does not refuse a client that finds the queue full.",
            belief: "With tcp_abort_on_overflow clients are refused when the queue is full.",
            .onlyIf("it is the third packet that meets the full queue"), pages: ["backlog"],
            because:
                "A SYN that finds the queue full is dropped, whatever the setting. It is about the end of handshakes."
        ) { lab in
            try lab.set("net.ipv4.tcp_abort_on_overflow", to: 1)
            try lab.listener(backlog: 0)
            try lab.connect("first")
            let late = try lab.connecting("late")
            lab.expect("its connect", lab.connected(late, within: .milliseconds(300)), is: "no answer")
            lab.expect("what is on the wire", Set(try lab.packets(of: late)).joined(separator: ", "), is: "client [S]")
        },
        Experiment(
            "overflow-counters",
            "A full accept queue moves ListenOverflows and ListenDrops, one each for each dropped SYN.",
            .answered, pages: ["backlog"],
            because: """
                ListenDrops counts every SYN that a listener could not take, ListenOverflows those of a full accept \
                queue among them: where the two differ, it was the SYN queue.
                """
        ) { lab in
            try lab.listener(backlog: 0)
            try lab.connect("first")
            for number in 1...3 { try lab.connecting("late \(number)") }
            // Clients that try again meanwhile are counted once more.
            try lab.expectSoon("ListenOverflows and ListenDrops are one number, and at least 3", is: "true") {
                let overflows = try lab.counter("TcpExt.ListenOverflows")
                return "\(try overflows >= 3 && overflows == lab.counter("TcpExt.ListenDrops"))"
            }
        },
    ]

    static let thirdPacket: [Experiment] = [
        thirdPacketMeetsFullQueue(
            "third-packet-meets-full-queue", 0,
            "A client whose third packet meets a full queue believes to be connected, and its data waits for room.",
            """
            The kernel drops the packet as if it were lost. The client has the server's SYN-ACK and is connected as far \
            as it knows; it sends its data again and again until the queue has room, and nothing is lost.
            """
        ) { lab, listener, client in
            try lab.expect(client, is: "ESTABLISHED")
            _ = try lab.accept(listener, "the other's server")
            let server = try lab.accept(listener)
            lab.expect("the server's recv", lab.receive(server).text, is: "hello")
        },
        thirdPacketMeetsFullQueue(
            "third-packet-meets-full-queue-abort", 1,
            "With net.ipv4.tcp_abort_on_overflow a client whose third packet meets a full queue is reset.",
            "This is the one case that the setting is for: it makes the loss visible to the client."
        ) { lab, listener, client in
            lab.expect("the client's recv", lab.receive(client), is: "ECONNRESET")
        },
    ]

    private static func thirdPacketMeetsFullQueue(
        _ id: String, _ abort: Int, _ claim: String, _ explanation: String,
        then: @escaping @Sendable (_ lab: Stage, _ listener: LabSocket, _ client: LabSocket) throws -> Void
    ) -> Experiment {
        Experiment(id, claim, .answered, pages: ["backlog"], because: explanation) { lab in
            try lab.set("net.ipv4.tcp_abort_on_overflow", to: abort)
            let listener = try lab.listener(backlog: 5)
            try lab.connect("other")
            try lab.deafen(listener, .handshakeEnds)
            let client = try lab.connect()
            try lab.send(client, "hello")
            // With this the queue is full: it holds one more than its backlog.
            try lab.listen(listener, backlog: 0)
            try lab.expectQueue(listener, 1, of: 0)
            try lab.undeafen(listener)
            try then(lab, listener, client)
        }
    }
}
