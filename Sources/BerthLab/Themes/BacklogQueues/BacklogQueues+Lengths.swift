internal import BerthSockets

/// How many connections wait.
extension BacklogQueues {
    static let lengths = [0, 1, 5, 128].map { length($0) }

    /// The queue holds one more than the backlog says.
    private static func length(_ backlog: Int) -> Experiment {
        let count = backlog + 1
        return Experiment(
            "backlog-\(backlog)",
            "A listener with backlog \(backlog) holds \(count) connection\(count == 1 ? "" : "s") that nobody has accepted.",
            belief: "The backlog is the number of unaccepted connections that the system allows.",
            .onlyIf("one is added"), pages: ["backlog"], hasDiagram: backlog <= 5,
            because: """
                The kernel calls the accept queue full when it holds more than the backlog, not when it holds as many. The \
                client that comes then is not refused: its SYN is dropped, and it tries again after a second.
                """
        ) { lab in
            let listener = try lab.listener(backlog: Int32(backlog))
            func fill() throws { for number in 1...count { try lab.connect("client \(number)") } }
            if backlog <= 5 { try fill() } else { try lab.untold("\(count) clients connect", fill) }
            try lab.expectQueue(listener, count, of: backlog)
            let late = try lab.connecting("late")
            lab.expect("the connect of one more", lab.connected(late, within: .milliseconds(300)), is: "no answer")
            try lab.expect(late, is: "SYN_SENT")
            lab.expect("SYNs dropped", try lab.counter("TcpExt.ListenOverflows"), in: 1...5)
        }
    }

    static let effective: [Experiment] = [
        Experiment(
            "backlog-above-somaxconn", "A backlog above net.core.somaxconn is net.core.somaxconn, without a word.",
            belief: "The backlog is what the program passes to listen.", .onlyIf("somaxconn is not lower"),
            pages: ["backlog"], because: "listen(2) takes the smaller of the two, and reports no error."
        ) { lab in
            try lab.set("net.core.somaxconn", to: 4)
            try lab.expectQueue(try lab.listener(backlog: 64), 0, of: 4)
        },
        Experiment(
            "backlog-negative", "A negative backlog is the largest one possible.",
            belief: "A backlog below 0 is set to 0.", .onlyIf("the program is in Python, which does that itself"),
            pages: ["backlog"],
            because:
                "The kernel compares it as an unsigned number: -1 is above every limit, and becomes net.core.somaxconn."
        ) { lab in
            try lab.set("net.core.somaxconn", to: 77)
            try lab.expectQueue(try lab.listener(backlog: -1), 0, of: 77)
        },
        Experiment(
            "backlog-default",
            "Berth's listener has the largest backlog that the kernel allows, unless it is told another one.",
            belief: "Without a number the backlog is 128.", .onlyIf("the program is in Python, or somaxconn is 128"),
            pages: ["backlog"],
            because: """
                listen(2) has no default: each language has its own. Python's listen() asks for 128, Go for \
                net.core.somaxconn, Berth for 2,147,483,647, which the kernel cuts to net.core.somaxconn.
                """
        ) { lab in
            for most in [77, 300] {
                try lab.set("net.core.somaxconn", to: most)
                let listener = try lab.berth("TCPListener.listen") {
                    try TCPListener.listen(on: Endpoint(parsing: Stage.address))
                }
                lab.expect("its backlog", listener.backlog.effective, is: "\(most)")
                lab.expect("the kernel's word for it", try listener.acceptQueue.limit, is: "\(most)")
                listener.close()
            }
        },
        Experiment(
            "backlog-fixed-at-listen",
            "A listener keeps the backlog it got at listen when somaxconn changes afterwards.",
            .answered, pages: ["backlog"],
            because: "The smaller of the two is computed in listen(2), and kept. Listening again computes it anew."
        ) { lab in
            try lab.set("net.core.somaxconn", to: 8)
            let listener = try lab.listener(backlog: 100)
            try lab.set("net.core.somaxconn", to: 50)
            try lab.expectQueue(listener, 0, of: 8)
            try lab.listen(listener, backlog: 100)
            try lab.expectQueue(listener, 0, of: 50)
        },
        Experiment(
            "backlog-changes-live", "listen on a listener changes its backlog, and disturbs nobody who waits.",
            .answered,
            pages: ["backlog"], because: "The second listen(2) of a socket only sets the number."
        ) { lab in
            let listener = try lab.listener(backlog: 5)
            let client = try lab.connect()
            try lab.listen(listener, backlog: 20)
            try lab.expectQueue(listener, 1, of: 20)
            let server = try lab.accept(listener)
            try lab.send(client, "hello")
            lab.expect("the server's recv", lab.receive(server).text, is: "hello")
        },
        Experiment(
            "listen-does-not-block",
            "Connections and their data arrive before anyone accepts: listen starts the service.",
            belief: "listen does not block, accept does.", .isTrue, pages: ["backlog"],
            because: """
                The kernel completes the handshake and takes data on its own. accept(2) only hands over what is in the \
                queue, and waits when there is nothing.
                """
        ) { lab in
            let listener = try lab.listener()
            let client = try lab.connect()
            try lab.send(client, "hello")
            try lab.expectSoon("what the client has unacknowledged", is: "0") { "\(try lab.unsent(client))" }
            try lab.expectQueue(listener, 1)
            let server = try lab.accept(listener)
            lab.expect("the server's recv", lab.receive(server).text, is: "hello")
        },
    ]
}
