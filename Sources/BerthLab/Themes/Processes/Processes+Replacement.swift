internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

/// Workers come and go; the listener stays.
extension Processes {
    /// How often the worker is replaced.
    private static let replacements = 4

    static let replacement = [
        Experiment(
            "berth-replacement",
            "Replacing the worker again and again loses no connection, when the listener is held by someone who stays.",
            belief: "A restart always costs the clients of that moment.", .isFalse, pages: ["backlog", "descriptors"],
            hasDiagram: false,
            because: """
                The supervisor opens the listener and keeps it; each worker inherits it. The new worker accepts before the \
                old one stops, and what the old one did not accept waits in a queue that belongs to neither. This is what \
                Berth calls a berth. A listener for each worker loses what is in its queue when it is closed.
                """,
            parts: ["worker": { part in try work(part) }]
        ) { lab in
            let listener = try lab.listener()
            // Both workers are woken by the same connection: the slower one must not wait for the next.
            try lab.setNonBlocking(listener)
            let traffic = Monitor((served: 0, lost: [String](), isOver: false))
            var worker = try lab.process("worker 1", "worker", inheriting: [listener])
            let clients = try (1...2).map { number in
                try lab.background("clients \(number)") { () throws(Errno) in
                    while !traffic.withLock({ $0.isOver }) {
                        let answer = ask()
                        traffic.change { traffic in
                            if answer == "answer" { traffic.served += 1 } else { traffic.lost.append(answer) }
                        }
                        // Enough to be going on always, and not more than can be witnessed.
                        try Kernel.pause(.milliseconds(2))
                    }
                }
            }
            for number in 2...(replacements + 1) {
                let next = try lab.process("worker \(number)", "worker", inheriting: [listener])
                lab.expect("what worker \(number) says", try next.hear() ?? "nothing", is: "first connection")
                try worker.tell("stop")
                try worker.waitForEnd()
                worker = next
            }
            traffic.change { $0.isOver = true }
            for client in clients { _ = client.result() }
            let (served, lost) = traffic.withLock { ($0.served, $0.lost) }
            lab.expect("connections that were served", served, in: 1...1_000_000)
            lab.expect("connections that were lost", lost.isEmpty ? "none" : "\(lost.count): \(lost[0])", is: "none")
            try worker.tell("stop")
            try worker.waitForEnd()
        }
    ]

    /// One client: what it gets, or why it gets nothing.
    private static func ask() -> String {
        do {
            let stream = SocketStream(
                try TCPSocket.connect(to: Endpoint(parsing: Stage.address), within: .seconds(20)))
            try stream.write("question")
            try stream.flush()
            let answer = try stream.readToEnd()
            try stream.finish()
            return String(decoding: answer, as: UTF8.self)
        } catch {
            return "\(error)"
        }
    }

    /// A worker: accepts and answers until it is told to stop.
    private static func work(_ part: Part) throws {
        let listener = part.sockets[0]
        var isFirst = true
        while true {
            var entries = [PollEntry(listener.descriptor, .readable), PollEntry(Part.orders, .readable)]
            _ = try Kernel.poll(&entries, until: .never)
            if !entries[1].found.isEmpty { return }
            let connection: LabSocket
            do throws(Errno) { connection = try listener.accept() } catch {
                if error == .wouldBlock { continue }
                throw error
            }
            _ = try connection.receive(100)
            _ = try connection.send(Array("answer".utf8))
            try connection.close()
            if isFirst { try part.say("first connection") }
            isFirst = false
        }
    }
}
