internal import BerthEngine
internal import BerthHarbour
internal import BerthSockets
internal import BerthSystem

/// The connections of a process: which there are, and how they ended. What is counted stands on the board of the service.
final class ConnectionTable: Sendable {
    private struct State {
        /// In no order. Each knows its place.
        var entries: [Admitted] = []
        var lastID: UInt64 = 0
        var isHurried = false

        mutating func add(_ entry: Admitted) {
            entry.index = entries.count
            entries.append(entry)
        }

        mutating func remove(_ entry: Admitted) {
            guard entry.index >= 0, let last = entries.popLast() else { return }
            if last !== entry {
                entries[entry.index] = last
                last.index = entry.index
            }
            entry.index = -1
        }
    }

    let place: BoardPlace
    private let tally: Tally
    private let state = Monitor(State())

    init(place: BoardPlace) {
        self.place = place
        tally = Tally(place)
    }

    /// Counts only change under the lock, so that they go together.
    var statistics: ServerStatistics { state.withLock { _ in tally.statistics } }

    /// The peers of the connections there are.
    var peers: [String] { state.withLock { state in state.entries.map { "\($0.id) \($0.peer)" }.sorted() } }

    /// Takes in a connection that room was reserved for.
    ///
    /// - Parameter key: what its address is counted as, where that was claimed.
    func admit(descriptor: Int32, peer: SocketAddress, key: UInt64?) -> Admitted {
        state.withLock { state in
            state.lastID += 1
            let id = ConnectionID(number: state.lastID)
            let admitted = Admitted(id: id, peer: peer, descriptor: descriptor, key: key)
            state.add(admitted)
            place.began()
            return admitted
        }
    }

    /// Takes back an admission whose thread could not be started.
    func revoke(_ admitted: Admitted, _ reason: Refusal.Kind) {
        if let key = admitted.key { place.release(key) }
        state.change { state in
            state.remove(admitted)
            place.revoked()
            place.giveBack()
            tally.count(reason)
        }
    }

    func countRefused(_ reason: Refusal.Kind) { state.withLock { _ in tally.count(reason) } }

    /// How long processes that share the room look away when another one may have freed some.
    static let glance: Duration = .milliseconds(10)

    /// Waits for room for another connection until `deadline`, or until someone is in a hurry.
    func waitForRoom(until deadline: Deadline) -> Bool {
        while true {
            // Of other processes nobody tells.
            let end = place.board.isShared ? deadline.earlier(of: .after(Self.glance)) : deadline
            let found = state.wait(until: end) { [place] state in
                if place.hasRoom { return true }
                return state.isHurried ? false : nil
            }
            if let found { return found }
            if deadline.hasPassed { return false }
        }
    }

    /// Remembers the task of a connection's handler, and cancels it when the connection was cut before there was one.
    func setTask(_ admitted: Admitted, _ task: Task<Void, Never>) {
        let isLate = state.withLock { _ in
            // Its end may have been counted already.
            if admitted.index >= 0 { admitted.task = task }
            return admitted.wasKilled
        }
        if isLate { task.cancel() }
    }

    /// Remembers where a connection is.
    func setPlace(_ admitted: Admitted, _ loop: EventLoop, _ runner: UInt64?) {
        guard let runner else { return }
        state.withLock { _ in admitted.place = (ObjectIdentifier(loop), runner) }
    }

    /// The connection whose handler a loop runs; `nil` when it is gone, or when that is a task that a handler has started.
    func connection(runBy runner: UInt64, on loop: EventLoop) -> (id: ConnectionID, peer: SocketAddress)? {
        state.withLock { state in
            let found = state.entries.first { entry in
                if let place = entry.place, place.loop == ObjectIdentifier(loop), place.runner == runner { return true }
                return entry.task.map { EventLoop.runner(of: $0) } == runner
            }
            return found.map { ($0.id, $0.peer) }
        }
    }

    /// To be called before the descriptor is closed or given away.
    func releaseDescriptor(_ admitted: Admitted) { state.withLock { _ in admitted.descriptor = -1 } }

    func wasKilled(_ admitted: Admitted) -> Bool { state.withLock { _ in admitted.wasKilled } }

    /// Counts the end of a connection.
    func end(_ admitted: Admitted, _ end: ConnectionEnd) {
        if let key = admitted.key { place.release(key) }
        state.change { state in
            state.remove(admitted)
            // It is kept by the task, which it must not keep.
            admitted.task = nil
            tally.count(end.outcome.kind)
            if let bytes = end.bytes { place.count(bytes) }
            place.ended()
        }
    }

    /// Waits until there is no connection any more; false when the deadline passes, or someone is in a hurry, first.
    func waitUntilEmpty(until deadline: Deadline, unhurried: Bool = false) -> Bool {
        state.wait(until: deadline) { state in
            if state.entries.isEmpty { return true }
            return state.isHurried && !unhurried ? false : nil
        } ?? false
    }

    /// Whether connections are not waited for any more.
    var isHurried: Bool { state.withLock { $0.isHurried } }

    /// Ends the wait for connections to end by themselves.
    func hurry() { state.change { $0.isHurried = true } }

    /// Cuts all connections: resets their sockets, so that whoever waits on them wakes, and cancels their handlers, also
    /// those that have ended their connection themselves and go on.
    ///
    /// - Returns: how many connections were cut. They, and no others, end with the outcome `killed`.
    func killAll() -> Int {
        let (count, tasks) = state.withLock { state in
            var count = 0
            for entry in state.entries where entry.descriptor >= 0 {
                entry.wasKilled = true
                // Under the lock the number is certainly still this connection's.
                entry.bytesWhenKilled = TCPSocket.byteAccount(of: entry.descriptor, from: entry.peer)
                TCPSocket.cut(entry.descriptor)
                count += 1
            }
            return (count, state.entries.compactMap(\.task))
        }
        // Not under the lock: cancelling runs code of the handlers.
        for task in tasks { task.cancel() }
        return count
    }
}
