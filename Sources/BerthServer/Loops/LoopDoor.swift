internal import BerthEngine
internal import BerthSockets
internal import BerthSystem
internal import Synchronization

/// Where connections come in: the listener that all loops watch, and who takes which connection.
///
/// The kernel wakes one loop for a connection (EPOLLEXCLUSIVE), which accepts it. It keeps it, unless it has notably more
/// than the one with the fewest: then that one gets it. `docs/decisions/0007-accepting.md` has what the other ways cost.
final class LoopDoor: Sendable {
    /// A loop with what the door knows of it.
    final class Berth: Sendable {
        let loop: EventLoop
        /// Its connections.
        let load = Atomic<Int>(0)
        init(_ loop: EventLoop) { self.loop = loop }
    }

    let core: ServiceCore
    let limits: Connection.LoopLimits
    private let listener: Monitor<TCPListener?>
    /// The listener's descriptor, open until ``close(until:)`` has ended.
    private let descriptor: Int32
    private let recovery: AcceptRecovery
    private let places: [Berth]
    /// Whether nothing is accepted because there are as many connections as there may be.
    private let isFull = Atomic<Bool>(false)

    init(core: ServiceCore, listener: consuming TCPListener, loops: [EventLoop]) {
        self.core = core
        let limits = core.configuration.limits
        self.limits = Connection.LoopLimits(idle: limits.idle, stall: limits.writeStall)
        descriptor = listener.fileDescriptor
        recovery = AcceptRecovery(core: core)
        self.listener = Monitor(listener)
        places = loops.map { Berth($0) }
    }

    /// Connections that a loop takes before it looks after those that it has.
    private static let batch = 64
    /// How many connections more than another a loop may have: handing one over costs more than a small imbalance.
    private static let tolerance = 8
    private static let glance: Duration = .milliseconds(100)

    /// Starts the loops, each of which accepts.
    func open() throws(Errno) {
        var started: [Berth] = []
        do throws(Errno) {
            for (index, place) in places.enumerated() {
                place.loop.onListenerReady = { [self] in accept(at: place) }
                try place.loop.start(name: "berth-loop-\(index)")
                started.append(place)
            }
            // Once nothing but this can fail: a loop that accepts cannot simply be stopped.
            for (index, place) in places.enumerated() {
                do throws(Errno) { try place.loop.watch(listener: descriptor) } catch {
                    // Without the first there is no service, without another there is one more to share its work.
                    if index == 0 { throw error }
                }
            }
        } catch {
            for place in started { place.loop.stop() }
            for place in places { place.loop.onListenerReady = nil }
            throw error
        }
    }

    // MARK: On a loop's thread

    private func accept(at place: Berth) {
        for _ in 0..<Self.batch {
            switch takeOne() {
            case .connection(let admitted): assign(admitted, from: place)
            case .refused: continue
            case .nothing: return pauseIfDue(at: place)
            case .full: return waitForRoom()
            }
        }
    }

    /// What came of an accept.
    private enum Arrival: Sendable {
        case connection(Admitted)
        /// It was above the maximum.
        case refused
        /// None waits, or accepting failed, or the service ends.
        case nothing
        /// There is no room, and who comes shall wait for it.
        case full
    }

    /// Takes a connection and counts it in, one loop at a time: so that two do not take what there is room for once.
    private func takeOne() -> Arrival {
        listener.withLock { listener in
            if core.signals.isDraining { return .nothing }
            if isWaitingForRoom, !core.table.hasRoom { return .full }
            let socket: TCPSocket? =
                switch listener {
                case .some(let open): recovery.takeOne(from: open)
                case .none: nil
                }
            guard let socket else { return .nothing }
            return core.admit(socket).map { .connection($0) } ?? .refused
        }
    }

    private var isWaitingForRoom: Bool { core.configuration.limits.overload == .wait }

    /// Gives a connection to the loop that shall serve it.
    private func assign(_ admitted: Admitted, from place: Berth) {
        let chosen = leastLoaded(comparedTo: place)
        chosen.load.add(1, ordering: .relaxed)
        if chosen === place {
            start(admitted, at: place)
        } else {
            chosen.loop.call { [self] in start(admitted, at: chosen) }
        }
    }

    /// After a failure the listener, which stays ready, is not watched until it is time to try again.
    private func pauseIfDue(at place: Berth) {
        guard let end = recovery.pauseEnd else { return }
        place.loop.unwatch(listener: descriptor)
        place.loop.pause(for: end.duration(since: .now)) { [self] in watch(at: place) }
    }

    private func leastLoaded(comparedTo place: Berth) -> Berth {
        if places.count == 1 { return place }
        let own = place.load.load(ordering: .relaxed)
        guard let least = places.min(by: { $0.load.load(ordering: .relaxed) < $1.load.load(ordering: .relaxed) }),
            own > least.load.load(ordering: .relaxed) + Self.tolerance
        else { return place }
        return least
    }

    /// Stops to accept, on all loops, until a connection ends.
    private func waitForRoom() {
        isFull.store(true, ordering: .sequentiallyConsistent)
        adjust()
        // One may have ended before it could know.
        if core.table.hasRoom { reopen() }
    }

    private func reopen() {
        guard isFull.exchange(false, ordering: .sequentiallyConsistent) else { return }
        adjust()
    }

    /// Has each loop watch the listener or not, as is right when it comes to do so: changes may overtake each other.
    private func adjust() {
        for place in places {
            place.loop.call { [self] in
                if isFull.load(ordering: .sequentiallyConsistent) {
                    place.loop.unwatch(listener: descriptor)
                } else {
                    watch(at: place)
                }
            }
        }
    }

    private func watch(at place: Berth) {
        if core.signals.isDraining || isFull.load(ordering: .sequentiallyConsistent) { return }
        try? place.loop.watch(listener: descriptor)
    }

    /// A connection has ended.
    func ended(at place: Berth) {
        place.load.subtract(1, ordering: .relaxed)
        if isFull.load(ordering: .sequentiallyConsistent) { reopen() }
    }
}

// The end.
extension LoopDoor {
    /// Ends accepting: tells the connections that the service ends, takes what the kernel has accepted already, and closes
    /// the listener. From the thread that ends the service.
    func close(until deadline: Deadline) {
        let left = Monitor(places.count)
        for place in places {
            place.loop.call { [self] in
                place.loop.unwatch(listener: descriptor)
                place.loop.drain()
                left.change { $0 -= 1 }
            }
        }
        // A handler that blocks its loop holds this up, but not someone who is in a hurry.
        while !deadline.hasPassed, !core.table.isHurried {
            if left.wait(until: deadline.earlier(of: .after(Self.glance)), { $0 == 0 ? true : nil }) != nil { break }
        }
        guard let listener = listener.withLock({ $0.take() }) else { return }
        recovery.takeRest(of: listener, until: deadline) { socket in
            guard let admitted = core.admit(socket) else { return }
            let chosen = leastLoaded
            chosen.load.add(1, ordering: .relaxed)
            chosen.loop.call { [self] in start(admitted, at: chosen) }
        }
        listener.close()
    }

    private var leastLoaded: Berth {
        places.min { $0.load.load(ordering: .relaxed) < $1.load.load(ordering: .relaxed) } ?? places[0]
    }

    /// Ends the threads of the loops, which have no connection any more.
    func stopLoops() { for place in places { place.loop.stop() } }
}
