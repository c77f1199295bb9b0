internal import BerthEngine
internal import BerthHarbour
internal import BerthSockets
internal import BerthSystem
internal import Synchronization

/// Where connections come to the loops: the entrance that all of them watch, and who takes which connection.
///
/// The kernel wakes one loop for a connection (EPOLLEXCLUSIVE), which accepts it. It keeps it, unless it has notably more
/// than the one with the fewest: then that one gets it. `docs/decisions/0008-accepting-on-event-loops.md` has what the
/// other ways cost.
final class LoopDoor: Sendable {
    /// A loop with what the door knows of it.
    final class Berth: Sendable {
        let loop: EventLoop
        /// Its connections.
        let load = Atomic<Int>(0)
        /// The listeners that it watches.
        let watched = Monitor<[Int32]>([])
        init(_ loop: EventLoop) { self.loop = loop }
    }

    let core: ServiceCore
    private let entrance: Entrance
    private let places: [Berth]
    /// Whether nothing is accepted because there are as many connections as there may be.
    private let isFull = Atomic<Bool>(false)

    init(entrance: Entrance, loops: [EventLoop]) {
        core = entrance.core
        self.entrance = entrance
        places = loops.map { Berth($0) }
    }

    /// Connections that a loop takes before it looks after those that it has.
    private static let batch = 64
    /// How many connections more than another a loop may have: handing one over costs more than a small imbalance.
    private static let tolerance = 8
    private static let glance: Duration = .milliseconds(100)
    /// How long loops may take to leave the listeners.
    private static let closingTime: Duration = .seconds(1)

    /// Starts the loops, each of which accepts.
    func open() throws(Errno) {
        var started: [Berth] = []
        core.waitingRoom.whenThereIsRoom { [self] admitted in startAnywhere(admitted) }
        do throws(Errno) {
            for (index, place) in places.enumerated() {
                place.loop.onListenerReady = { [self] in accept(at: place) }
                try place.loop.start(name: "berth-loop-\(index)")
                started.append(place)
            }
            // Once nothing but this can fail: a loop that accepts cannot simply be stopped.
            for (index, place) in places.enumerated() {
                do throws(Errno) {
                    for descriptor in entrance.descriptors {
                        try place.loop.watch(listener: descriptor, isShared: entrance.isShared)
                        place.watched.withLock { $0.append(descriptor) }
                    }
                } catch {
                    // Without the first there is no service, without another there is one more to share its work.
                    if index == 0 { throw error }
                }
            }
            entrance.whenChanged { [self] deadline in watchAnew(until: deadline) }
        } catch {
            for place in started { place.loop.stop() }
            for place in places { place.loop.onListenerReady = nil }
            throw error
        }
    }

    // MARK: On a loop's thread

    private func accept(at place: Berth) {
        for _ in 0..<Self.batch {
            switch entrance.takeOne() {
            case .connection(let admitted): assign(admitted, from: place)
            case .refused: continue
            case .nothing: return pauseIfDue(at: place)
            case .full: return waitForRoom(at: place)
            }
        }
    }

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

    /// After a failure the listeners, which stay ready, are not watched until it is time to try again.
    private func pauseIfDue(at place: Berth) {
        // While the service ends, the timer is that of telling the connections.
        guard !core.signals.isDraining, let end = entrance.recovery.pauseEnd else { return }
        unwatch(at: place)
        place.loop.pause(for: end.duration(since: .now)) { [self] in
            lookForRoom(at: place)
            watch(at: place)
        }
    }

    private func leastLoaded(comparedTo place: Berth) -> Berth {
        if places.count == 1 { return place }
        let own = place.load.load(ordering: .relaxed)
        guard let least = places.min(by: { $0.load.load(ordering: .relaxed) < $1.load.load(ordering: .relaxed) }),
            own > least.load.load(ordering: .relaxed) + Self.tolerance
        else { return place }
        return least
    }

    /// Stops to accept, on all loops, until a connection ends, or until it is time to look again.
    private func waitForRoom(at place: Berth) {
        isFull.store(true, ordering: .sequentiallyConsistent)
        adjust()
        // One may have ended before it could know.
        lookForRoom(at: place)
    }

    private func lookForRoom(at place: Berth) {
        guard isFull.load(ordering: .sequentiallyConsistent) else { return }
        if core.hasRoom || !core.isWaitingForRoom { return reopen() }
        place.loop.pause(for: max(.milliseconds(1), core.nextLook.duration(since: .now))) { [self] in
            lookForRoom(at: place)
            watch(at: place)
        }
    }

    private func reopen() {
        guard isFull.exchange(false, ordering: .sequentiallyConsistent) else { return }
        adjust()
    }

    /// Has each loop watch the listeners or not, as is right when it comes to do so: changes may overtake each other.
    private func adjust() {
        for place in places { place.loop.call { [self] in watch(at: place) } }
    }

    /// The same, and each looks at all listeners again: what was reported to a loop that did nothing is not reported to
    /// another one.
    private func watchAnew(until deadline: Deadline) -> Bool {
        let left = Monitor(places.count)
        for place in places {
            place.loop.call { [self] in
                unwatch(at: place)
                watch(at: place)
                left.change { $0 -= 1 }
            }
        }
        return left.wait(until: deadline) { $0 == 0 ? true : nil } ?? false
    }

    private func watch(at place: Berth) {
        if core.signals.isDraining || isFull.load(ordering: .sequentiallyConsistent) { return unwatch(at: place) }
        let wanted = entrance.descriptors
        let present = place.watched.withLock { $0 }
        for descriptor in present where !wanted.contains(descriptor) {
            place.loop.unwatch(listener: descriptor, isShared: entrance.isShared)
        }
        let watched = wanted.filter { descriptor in
            if present.contains(descriptor) { return true }
            do throws(Errno) { try place.loop.watch(listener: descriptor, isShared: entrance.isShared) } catch {
                return false
            }
            return true
        }
        place.watched.withLock { $0 = watched }
        // The kernel lacks memory for it (`man 2 epoll_ctl`), which may pass. Who comes waits in the queue.
        if watched.count < wanted.count { place.loop.pause(for: Self.glance) { [self] in watch(at: place) } }
    }

    private func unwatch(at place: Berth) {
        for descriptor in place.watched.withLock({ $0 }) {
            place.loop.unwatch(listener: descriptor, isShared: entrance.isShared)
        }
        place.watched.withLock { $0 = [] }
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
                unwatch(at: place)
                place.loop.drain(core.signals)
                left.change { $0 -= 1 }
            }
        }
        // A handler that blocks its loop does not hold this up for long, nor someone who is in a hurry at all.
        let end = deadline.earlier(of: .after(Self.closingTime))
        var hasLeft = false
        while !hasLeft, !end.hasPassed, !core.table.isHurried {
            hasLeft = left.wait(until: end.earlier(of: .after(Self.glance)), { $0 == 0 ? true : nil }) ?? false
        }
        // A listener of our own goes out of the loops' sets when it is closed.
        if hasLeft || !entrance.isShared { entrance.whenChanged(nil) }
        entrance.takeRest(until: deadline) { startAnywhere($0) }
        entrance.close()
    }

    /// Begins to serve a connection on the loop that has the fewest. From any thread.
    private func startAnywhere(_ admitted: Admitted) {
        let chosen = leastLoaded
        chosen.load.add(1, ordering: .relaxed)
        chosen.loop.call { [self] in start(admitted, at: chosen) }
    }

    /// Has the loops end the waits that are to end by now.
    func tellLoops() {
        for place in places { place.loop.call { [self] in place.loop.drain(core.signals) } }
    }

    /// What the handlers do, as their loops tell. One that does not is blocked, by whoever runs on it.
    func handlers() -> [ConnectionID: HandlerReport] {
        let before = places.map(\.loop.present)
        let answers = Monitor<[ObjectIdentifier: [ConnectionID: HandlerState]]>([:])
        for place in places {
            place.loop.call {
                let states = place.loop.handlers
                answers.change { $0[ObjectIdentifier(place.loop)] = states }
            }
        }
        let last = Deadline.after(Self.answerTime)
        var known: [ObjectIdentifier: [ConnectionID: HandlerState]] = [:]
        repeat {
            let count = places.count
            _ = answers.wait(until: .after(Self.blockedTime)) { $0.count == count ? true : nil }
            known = answers.withLock { $0 }
            // One that is only slow, on a machine under load, comes to answer.
            let areBlocked = zip(places, before).allSatisfy { place, before in
                known[ObjectIdentifier(place.loop)] != nil || (before.runner != 0 && place.loop.present == before)
            }
            if areBlocked { break }
        } while !last.hasPassed
        var reports: [ConnectionID: HandlerReport] = [:]
        for place in places {
            if let states = known[ObjectIdentifier(place.loop)] {
                for (id, state) in states { reports[id] = HandlerReport(state) }
                continue
            }
            for id in core.table.connections(on: place.loop) { reports[id] = HandlerReport(.behindBlockedLoop) }
            let runner = place.loop.present.runner
            if let culprit = core.table.connection(runBy: runner, on: place.loop) {
                reports[culprit.id] = HandlerReport(.blockingLoop)
            }
        }
        return reports
    }

    /// For how long one handler must have run for its loop to be taken for blocked, and how long a slow loop is waited for.
    private static let blockedTime: Duration = .milliseconds(250)
    private static let answerTime: Duration = .seconds(2)

    private var leastLoaded: Berth {
        places.min { $0.load.load(ordering: .relaxed) < $1.load.load(ordering: .relaxed) } ?? places[0]
    }

    /// Ends the threads of the loops, which have no connection any more.
    func stopLoops() { for place in places { place.loop.stop() } }
}
