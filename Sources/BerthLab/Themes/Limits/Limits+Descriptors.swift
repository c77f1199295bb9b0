internal import Berth
internal import BerthServer
internal import BerthSockets
internal import BerthSystem

/// A process without a descriptor left.
extension Limits {
    static let descriptors = [
        Experiment(
            "emfile-connection-stays",
            "accept that fails for want of a descriptor leaves the connection in the queue, so that a readiness loop spins.",
            belief: "Descriptors are a limit for the number of connections.", .isTrue, pages: ["descriptors"],
            hasDiagram: false,
            because: """
                accept(2) takes a descriptor first and looks for a connection then; with EMFILE nothing has happened. The \
                listener stays readable, so poll returns at once, accept fails at once, and the loop takes a whole \
                processor while nobody is served. The cure is a pause, and a descriptor kept in reserve.
                """,
            parts: ["server": { part in try spin(part) }]
        ) { lab in
            let listener = try lab.listener()
            let server = try lab.process("server", "server", inheriting: [listener])
            try lab.connect()
            lab.expect("what accept says", try server.hear() ?? "nothing", is: "EMFILE")
            let turns = Int(try server.hear() ?? "") ?? 0
            lab.expect("turns of the loop in 0.1 s", turns, in: 200...10_000_000)
            try lab.expectQueue(listener, 1)
            try server.tell("a descriptor is free again")
            lab.expect("what accept says then", try server.hear() ?? "nothing", is: "OK")
        },
        Experiment(
            "emfile-without-client",
            "Without a free descriptor a blocking accept fails at once, although there is no client.",
            belief: "A blocking accept waits for a client.", .onlyIf("a descriptor is free"), pages: ["descriptors"],
            because: """
                The descriptor is taken before the wait (man 2 accept, EMFILE). A loop around a blocking accept that only \
                goes on after an error spins just as well.
                """,
            parts: [
                "server": { part in
                    try Part.useUpDescriptors()
                    try part.say(Part.outcome { () throws(Errno) in _ = try part.sockets[0].accept() })
                }
            ]
        ) { lab in
            let listener = try lab.listener()
            let server = try lab.process("server", "server", inheriting: [listener])
            lab.expect("its accept", try server.hear() ?? "nothing", is: "EMFILE")
        },
        Experiment(
            "emfile-reserve",
            "A descriptor kept in reserve is enough to tell each client that there is no room, instead of leaving it to "
                + "wait.",
            .answered, pages: ["descriptors"],
            because: """
                Give the reserve up, accept, close, and take the reserve again: one client fewer waits, and it knows. \
                Without that it hangs until descriptors are free or its own patience ends.
                """,
            parts: [
                "server": { part in
                    let listener = part.sockets[0]
                    var reserve: Descriptor? = try Kernel.open("/dev/null")
                    try Part.useUpDescriptors()
                    for _ in 1...4 {
                        _ = try listener.wait(for: .readable, within: .seconds(20))
                        try part.say(Part.outcome { () throws(Errno) in _ = try listener.accept() })
                        reserve = nil
                        try listener.accept().close()
                        reserve = try Kernel.open("/dev/null")
                    }
                    _ = consume reserve
                    _ = try part.hear()
                }
            ]
        ) { lab in
            let listener = try lab.listener()
            let server = try lab.process("server", "server", inheriting: [listener])
            for number in 1...4 {
                let client = try lab.connect("client \(number)")
                lab.expect("accept, without the reserve", try server.hear() ?? "nothing", is: "EMFILE")
                lab.expect("the recv of client \(number)", lab.receive(client), is: "end")
            }
            try lab.expectQueue(listener, 0)
        },
        Experiment(
            "emfile-berth",
            "Berth's server without a free descriptor refuses new clients, does not spin, and serves again when there is room.",
            .answered, pages: ["descriptors"], hasDiagram: false,
            because: """
                An error of accept never ends the server and is never tried again at once: it pauses, 5 milliseconds at \
                first and a second at most, and uses its reserve descriptor to reset a client that waits. The connections \
                it has go on meanwhile.
                """,
            parts: ["server": { part in try serveWithFewDescriptors(part) }]
        ) { lab in
            let server = try lab.process("server", "server")
            lab.expect("what the server says", try server.hear() ?? "nothing", is: "ready")
            let early = try lab.connect("early client")
            try lab.send(early, "question")
            lab.expect("the early client's recv", lab.receive(early), is: "8 bytes")
            try server.tell("use up your descriptors")
            lab.expect("what the server says", try server.hear() ?? "nothing", is: "no descriptor left")
            for number in 1...3 {
                // Which call is told of the reset depends on the moment: the connect is not waited for.
                let late = try lab.connecting("late client \(number)")
                lab.expect("the recv of late client \(number)", lab.receive(late), is: "ECONNRESET")
            }
            try lab.send(early, "still there?")
            lab.expect("the early client's next recv", lab.receive(early), is: "12 bytes")
            try server.tell("free them")
            let failures = Int(try server.hear() ?? "") ?? -1
            lab.expect("times that its accept failed meanwhile", failures, in: 1...1000)
            let last = try lab.connect("last client")
            try lab.send(last, "question")
            lab.expect("the last client's recv", lab.receive(last), is: "8 bytes")
            try server.tell("stop")
        },
    ]

    /// A loop as readiness-driven servers have it, and no descriptor for what it accepts.
    private static func spin(_ part: Part) throws {
        let listener = part.sockets[0]
        let limit = try Part.useUpDescriptors()
        _ = try listener.wait(for: .readable, within: .seconds(20))
        try part.say(Part.outcome { () throws(Errno) in _ = try listener.accept() })
        let end = Deadline.after(.milliseconds(100))
        var turns = 0
        while !end.hasPassed {
            _ = try listener.wait(for: .readable, within: .seconds(20))
            _ = Part.outcome { () throws(Errno) in _ = try listener.accept() }
            turns += 1
        }
        try part.say("\(turns)")
        _ = try part.hear()
        try Kernel.setDescriptorLimit(limit)
        try part.say(Part.outcome { () throws(Errno) in _ = try listener.accept() })
    }

    /// An echo server, whose process has no descriptor left from one order to the next.
    private static func serveWithFewDescriptors(_ part: Part) throws {
        let seen = Monitor((isReady: false, failures: 0))
        var configuration = ServerConfiguration.default
        configuration.observers = [
            ClosureObserver { event in
                switch event {
                case .listening: seen.change { $0.isReady = true }
                case .acceptFailed: seen.change { $0.failures += 1 }
                default: break
                }
            }
        ]
        let server = Server(on: try Endpoint(parsing: Stage.address), configuration: configuration) { connection in
            while true {
                let bytes = try await connection.read()
                if bytes.isEmpty { return }
                try await connection.write(bytes)
            }
        }
        Task { try await server.run() }
        _ = seen.wait { $0.isReady ? true : nil }
        try part.say("ready")
        _ = try part.hear()
        let limit = try Part.useUpDescriptors()
        try part.say("no descriptor left")
        _ = try part.hear()
        try Kernel.setDescriptorLimit(limit)
        try part.say("\(seen.withLock { $0.failures })")
        _ = try part.hear()
        server.stop()
    }
}
