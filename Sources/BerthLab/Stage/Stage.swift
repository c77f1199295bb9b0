internal import BerthInspect
internal import BerthSockets
package import BerthSystem

/// A step of an experiment that could not be done.
package struct StepFailure: Error, CustomStringConvertible {
    package var step: String
    package var errno: Errno
    package var description: String { "\(step): \(errno)" }
}

/// An experiment that cannot go on, for a reason that is no errno.
package struct LabFailure: Error, CustomStringConvertible {
    package var description: String
    package init(_ description: String) { self.description = description }
}

/// Where an experiment takes place: a private network, the sockets in it, and the record of what happens there.
///
/// The steps of an experiment are its methods, by topic in the extensions. They belong to the thread that made the
/// stage; what other threads and processes do is given to ``background(_:_:)`` and ``process(_:_:inheriting:)``.
package final class Stage {
    package let experiment: Experiment
    let settings: LabSettings

    package internal(set) var checks: [Check] = []
    package internal(set) var figures: [Figure] = []
    var entries: [Trace.Entry] = []
    var titles: [Trace.Side: String] = [.client: "client", .server: "server"]
    var sockets: [LabSocket] = []
    var witness: Witness
    var countersBefore = Counters()
    /// How many blocks want their steps not to be recorded.
    var silence = 0
    private var states: [SocketNames.Pair: (name: SocketName, words: String)] = [:]
    /// The two namespaces of a stage with a cable; `nil` for one that has only its loopback interface.
    var cable: Cable?
    var isOnOtherHost = false
    /// What ends the processes of the experiment with it.
    var processes: [LabProcess] = []

    /// Moves the calling thread into a network of its own: it should end with the experiment.
    init(_ experiment: Experiment, _ settings: LabSettings) throws {
        self.experiment = experiment
        self.settings = settings
        do throws(Errno) {
            try Kernel.takeOwnDescriptors()
            try NetworkNamespace.enterNew()
            witness = try Witness()
        } catch {
            throw StepFailure(step: "making a private network", errno: error)
        }
        countersBefore = try Counters.current()
    }

    // MARK: The record

    /// Does a step and records it with what came of it, then what it changed.
    ///
    /// - Parameters:
    ///   - text: how the diagram tells of it, as a call.
    ///   - atEnd: whether it is told at the time when it was over, because it waits for something.
    ///   - showing: what came of it, where that is more than that it worked.
    func step<R>(
        _ side: Trace.Side, _ text: @autoclosure () -> String, atEnd: Bool = false,
        showing: (R) -> String? = { _ in nil }, _ body: () throws(Errno) -> R
    ) throws -> R {
        let begin = Kernel.wallClock
        do throws(Errno) {
            let result = try body()
            tell(.call(side, text() + (showing(result).map { " = \($0)" } ?? "")), at: atEnd ? Kernel.wallClock : begin)
            look()
            return result
        } catch {
            tell(.call(side, "\(text()) = \(error.name)"), at: atEnd ? Kernel.wallClock : begin)
            look()
            throw StepFailure(step: text(), errno: error)
        }
    }

    func tell(_ event: Trace.Event, at time: Int64? = nil) {
        if silence == 0 { entries.append(Trace.Entry(time: time ?? Kernel.wallClock, event: event)) }
    }

    /// Says something in the diagram at this point.
    package func note(_ text: String) { tell(.note(text)) }

    /// Does something of which the diagram need not tell every step: a hundred connections, say.
    package func untold<R>(_ text: String? = nil, _ body: () throws -> R) rethrows -> R {
        if let text { note(text) }
        silence += 1
        defer { silence -= 1 }
        return try body()
    }

    /// What the two sides are called in the diagram.
    package func call(clients: String, servers: String) { titles = [.client: clients, .server: servers] }

    /// Records the packets that came, and the states that changed.
    func look() {
        // Both are for people: an experiment whose record has a gap is still right or wrong.
        try? witness.collect()
        guard silence == 0, sockets.count <= 24, let table = try? table() else { return }
        let names = names()
        var now: [SocketNames.Pair: (name: SocketName, words: String)] = [:]
        for record in table where record.state != .closed {
            guard let name = names.name(of: record) else { continue }
            now[SocketNames.Pair(local: record.local, remote: record.remote)] = (name, Self.words(record))
        }
        let changed = Set(states.keys).union(now.keys).filter { states[$0]?.words != now[$0]?.words }
        let told = changed.compactMap { pair in
            (now[pair] ?? states[pair]).map { (name: $0.name, words: now[pair]?.words ?? "gone") }
        }
        for (name, words) in told.sorted(by: { $0.name < $1.name }) { tell(.state(name.side, "\(name.text) \(words)")) }
        states = now
    }

    private static func words(_ record: SocketRecord) -> String {
        if record.state == .listen { return "LISTEN, queue \(record.receiveQueue) of \(record.sendQueue)" }
        // The kernel counts a FIN and a SYN as a byte.
        let hasEnd = [.closeWait, .lastAck, .closing].contains(record.state)
        let sendsMark = [.synSent, .finWait1, .lastAck, .closing].contains(record.state)
        let unread = record.receiveQueue - (hasEnd ? 1 : 0)
        let unsent = record.sendQueue - (sendsMark ? 1 : 0)
        var text = record.state.description
        if unread > 0 { text += ", \(unread) unread" }
        if unsent > 0 { text += ", \(unsent) unsent" }
        return text
    }

    func names() -> SocketNames { SocketNames(sockets) }

    // MARK: The end

    /// Wakes what still waits, closes everything, and gives the whole record.
    func finish() -> Trace {
        for process in processes { process.end() }
        look()
        var trace = Trace()
        trace.titles = titles
        trace.omittedPackets = witness.omitted
        if let after = try? Counters.current() {
            trace.counters = after.moved(since: countersBefore)
        }
        let names = names()
        let isCrowded = names.connections(witness.sightings).count > 1
        var all = entries
        var seen: Set<TCPSegment> = []
        for sighting in witness.sightings {
            let isRepetition = !seen.insert(sighting.segment.withoutPassing).inserted
            all.append(
                Trace.Entry(
                    time: sighting.time,
                    event: .packet(
                        from: names.side(of: sighting.segment), label: names.label(sighting, isCrowded: isCrowded),
                        isIncidental: isRepetition || sighting.isPassingAcknowledgement)))
        }
        // Stable, since entries of one moment are in their order already.
        all = all.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element)
        let begin = all.first?.time ?? 0
        trace.entries = all.map { Trace.Entry(time: $0.time - begin, event: $0.event) }
        for socket in sockets where socket.isOpen {
            // Wakes threads that wait in a call on it; most are connected to nobody by now.
            try? Kernel.shutdown(socket.descriptor, .both)
            try? socket.close()
        }
        return trace
    }
}
