internal import BerthHarbour
internal import BerthSockets
internal import BerthSystem

/// A worker at work: does what its harbour says, tells it how things are, and leaves when it is told to or when the harbour
/// is gone.
final class Worker: Sendable {
    private struct Departure {
        /// Until when the connections may go on before they are told.
        var deadline: Deadline
    }

    private let service: any Service
    private let link: Link
    private let ended: Int32
    private let used: Int32
    private let departure = Monitor<Departure?>(nil)
    private let report = Monitor<StopReport?>(nil)

    /// How often it tells its counts, and with them that it is alive.
    private static let beat: Duration = .seconds(1)
    /// How long connections that have just come may go on when nobody else will come to serve them.
    private static let grace: Duration = .milliseconds(250)
    /// How long it may take to empty the queue.
    private static let queueTime: Duration = .seconds(2)
    private static let glance: Duration = .milliseconds(20)
    /// How long it may take to tell what was cut, to a harbour that does not listen.
    private static let tellingTime: Duration = .seconds(1)

    /// - Parameters:
    ///   - ended: becomes readable when the service has ended.
    ///   - used: becomes readable when it has accepted the one connection that it is there for.
    init(service: any Service, link: Link, ended: Int32, used: Int32) {
        self.service = service
        self.link = link
        self.ended = ended
        self.used = used
    }

    /// Serves until it has left.
    func run(signals trap: borrowing SignalTrap, wish: Int32) -> StopReport {
        link.send(.ready)
        var hasHarbour = true
        var isWished = false
        var isUsed = false
        while true {
            var entries = [PollEntry(ended, .readable), PollEntry(trap.descriptor, .readable)]
            if !isUsed { entries.append(PollEntry(used, .readable)) }
            if hasHarbour { entries.append(PollEntry(link.descriptor, .readable)) }
            if !isWished { entries.append(PollEntry(wish, .readable)) }
            _ = try? Kernel.poll(&entries, until: .after(Self.beat))
            if let report = report.withLock({ $0 }) {
                link.send(report.messages, until: .after(Self.tellingTime))
                link.send(.counts(counts))
                return report
            }
            while let signal = trap.next() { react(to: signal) }
            if !isUsed, !entries[2].found.isEmpty {
                isUsed = true
                leave(after: nil)
            }
            if hasHarbour { hasHarbour = obey() }
            if entries.last?.descriptor == wish, entries.last?.found.isEmpty == false {
                isWished = true
                leave(after: .zero)
            }
            link.send(.counts(counts))
        }
    }

    private var counts: WorkerCounts {
        let statistics = service.statistics
        var counts = WorkerCounts()
        counts.accepted = statistics.accepted
        counts.active = statistics.active
        counts.refused = statistics.refused
        counts.bytes = statistics.bytes
        for (kind, count) in statistics.outcomes { counts.outcomes[kind.rawValue] = count }
        return counts
    }

    /// A signal to this worker alone: it leaves, and another one takes its place.
    private func react(to signal: Signal) {
        if signal == .quit || departure.withLock({ $0 != nil }) { return hurry() }
        leave(after: service.core.configuration.limits.drain)
    }

    /// Reads the harbour's orders; false when the harbour is gone.
    private func obey() -> Bool {
        while true {
            switch link.receive() {
            case .message(.dock(let berths)):
                if departure.withLock({ $0 == nil }), service.entrance?.move(to: berths) == true {
                    link.send(.waiting)
                }
            case .message(.leave(let patience, let takingQueue)):
                depart(takingQueue: takingQueue, patience)
            case .message(.hurry): hurry()
            case .message(.ask): link.send(.counts(counts))
            case .message: break
            case .nothing: return true
            case .end:
                // Nobody will come after: what waits is served, and the address is free for another harbour.
                depart(takingQueue: true, service.core.configuration.limits.drain)
                return false
            }
        }
    }

    private func leave(after patience: Duration?) {
        link.send(.leaving)
        depart(takingQueue: false, patience)
    }

    private func hurry() {
        depart(takingQueue: false, .zero)
        service.hurry()
    }

    // MARK: Leaving

    /// Begins to leave, or shortens the patience of it.
    private func depart(takingQueue: Bool, _ patience: Duration?) {
        let deadline = Deadline.after(takingQueue ? patience.map { max($0, Self.grace) } : patience)
        let isFirst = departure.change { departure in
            let isFirst = departure == nil
            departure = Departure(deadline: departure?.deadline.earlier(of: deadline) ?? deadline)
            return isFirst
        }
        guard isFirst else { return }
        do throws(Errno) {
            try Thread.start(name: "berth-leave") { [self] in goAway(takingQueue) }
        } catch {
            // No thread is to be had: nobody listens to the harbour meanwhile.
            goAway(takingQueue)
        }
    }

    /// Accepts nothing more, lets connections go on until they end or patience does, and ends the service.
    private func goAway(_ takingQueue: Bool) {
        if takingQueue { emptyQueue() }
        // The kernel wakes one worker for a connection. If that was this one, nobody else knows of it.
        if service.entrance?.move(to: []) == true { link.send(.waiting) }
        service.entrance?.close()
        let table = service.core.table
        while !isOutOfPatience, !table.isHurried {
            if table.waitUntilEmpty(until: .after(Self.glance)) { break }
        }
        let result = service.stop()
        report.withLock { $0 = result }
        WakeUp.signal(ended)
    }

    private var isOutOfPatience: Bool { departure.withLock { $0?.deadline.hasPassed ?? true } }

    /// Goes on accepting until nothing waits.
    private func emptyQueue() {
        let end = Deadline.after(Self.queueTime)
        while !end.hasPassed, !service.core.table.isHurried, service.entrance?.hasWaiting ?? false {
            var nothing: [PollEntry] = []
            _ = try? Kernel.poll(&nothing, until: .after(.milliseconds(1)))
        }
    }
}

extension StopReport {
    /// What is told of it to a harbour: a few connections a message, since each has to fit.
    fileprivate var messages: [LinkMessage] {
        stride(from: 0, to: cut.count, by: 10).map { .cut(Array(cut[$0..<min($0 + 10, cut.count)])) }
    }
}
