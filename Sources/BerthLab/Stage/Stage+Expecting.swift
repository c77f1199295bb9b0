internal import BerthSystem

/// Comparing what happened with what is claimed. Every comparison is recorded, and none ends the experiment.
extension Stage {
    /// Compares what is so now.
    package func expect(_ subject: String, _ observed: some CustomStringConvertible, is expected: String) {
        compare(subject, observed.description, expected, matches: observed.description == expected)
    }

    /// Compares what an attempt comes to: `OK`, or the name of an error.
    package func expect(_ subject: String, is expected: String, of attempt: () throws -> Void) throws {
        expect(subject, try outcome(attempt), is: expected)
    }

    /// Compares a figure with the range that it must lie in, and keeps it.
    package func expect(
        _ subject: String, _ observed: Double, in range: ClosedRange<Double>, unit: String = ""
    ) {
        let unit = unit.isEmpty ? "" : " \(unit)"
        func text(_ value: Double) -> String { Figure(name: "", value: value).text }
        figures.append(Figure(name: subject, value: observed))
        compare(
            subject, "\(text(observed))\(unit)", "\(text(range.lowerBound)) to \(text(range.upperBound))\(unit)",
            matches: range.contains(observed))
    }

    package func expect(_ subject: String, _ observed: Int, in range: ClosedRange<Int>, unit: String = "") {
        expect(subject, Double(observed), in: Double(range.lowerBound)...Double(range.upperBound), unit: unit)
    }

    /// Compares what becomes so: looks again until it is, for some seconds.
    package func expectSoon(
        _ subject: String, is expected: String, within time: Duration = .seconds(20), _ look: () throws -> String
    ) throws {
        let deadline = Deadline.after(time)
        var observed = try look()
        while observed != expected, !deadline.hasPassed {
            try pause(.milliseconds(5))
            observed = try look()
        }
        self.look()
        compare(subject, observed, expected, matches: observed == expected)
    }

    /// Compares the state of a socket once it is what it should be.
    package func expect(_ socket: LabSocket, is expected: String, within time: Duration = .seconds(20)) throws {
        try expectSoon("the state of \(socket.name)", is: expected, within: time) { try state(socket) }
    }

    /// Compares what is left of a port's connections, for example `["TIME_WAIT"]`.
    package func expectLeft(onPort port: UInt16 = 12345, _ expected: [String]) throws {
        try expectSoon("what is left of connections to the port", is: Self.list(expected)) {
            Self.list(try states(onPort: port))
        }
    }

    /// Compares all packets but bare acknowledgements, each as `client [P.] 8`.
    package func expectPackets(of socket: LabSocket? = nil, _ expected: [String]) throws {
        try expectSoon("the packets", is: Self.list(expected), within: .seconds(5)) {
            Self.list(try packets(of: socket))
        }
    }

    /// Compares how far a counter has moved since the beginning.
    package func expectCounter(_ name: String, _ expected: Int) throws {
        try expectSoon(name, is: "\(expected)", within: .seconds(5)) { "\(try counter(name))" }
    }

    /// Compares how many connections wait in a listener's queue.
    package func expectQueue(_ listener: LabSocket, _ waiting: Int, of backlog: Int? = nil) throws {
        try expectSoon(
            "what waits at \(listener.name)", is: "\(waiting)" + (backlog.map { " of \($0)" } ?? "")
        ) {
            let queue = try queue(listener)
            return "\(queue.waiting)" + (backlog == nil ? "" : " of \(queue.backlog)")
        }
    }

    /// Keeps a figure that is worth telling, without expecting anything of it.
    package func figure(_ name: String, _ value: some BinaryInteger) {
        figures.append(Figure(name: name, value: Double(value)))
    }

    package func figure(_ name: String, _ value: Double) { figures.append(Figure(name: name, value: value)) }

    private static func list(_ items: [String]) -> String { items.isEmpty ? "none" : items.joined(separator: ", ") }

    private func compare(_ subject: String, _ observed: String, _ expected: String, matches: Bool) {
        // Reversed to show that the lab can fail: then it must not be so.
        let isReversed = settings.reversed == checks.count
        let check = Check(
            subject: subject, expected: isReversed ? "anything but \(expected)" : expected, observed: observed,
            holds: matches != isReversed)
        checks.append(check)
        let silence = silence
        self.silence = 0
        tell(.check(check))
        self.silence = silence
    }
}
