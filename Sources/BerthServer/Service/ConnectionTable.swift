internal import BerthEngine
internal import BerthHarbour
internal import BerthSockets
internal import BerthSystem

/// The connections of a process: which there are, and how they ended. What is counted stands on the board of the service.
final class ConnectionTable: Sendable {
    struct State {
        /// In no order. Each knows its place.
        var entries: [Admitted] = []
        var lastID: UInt64 = 0
        /// How many have been in a hurry, and how many of them wanted nothing but the next step.
        var hurries = 0
        var heard = 0
        /// Whether the time of the connections is over.
        var isOver = false

        var isHurried: Bool { isOver || hurries > heard }

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
    let state = Monitor(State())
    private let tally: Tally

    init(place: BoardPlace) {
        self.place = place
        tally = Tally(place)
    }

    /// Counts only change under the lock, so that they go together.
    var statistics: ServerStatistics { state.withLock { _ in tally.statistics } }

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
        releaseAddress(of: admitted)
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
            return admitted.isOverdue || admitted.wasKilled
        }
        if isLate { task.cancel() }
    }

    /// Remembers by what a connection's waits are ended.
    func setInterruption(_ admitted: Admitted, _ interruption: StreamInterruption) {
        state.withLock { _ in admitted.interruption = interruption }
    }

    /// The numbers of the connections on a loop, as far as that is remembered.
    func connections(on loop: EventLoop) -> [ConnectionID] {
        state.withLock { state in state.entries.filter { $0.place?.loop == ObjectIdentifier(loop) }.map(\.id) }
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

    /// Notes that a connection's handler has ended; true when that was too late.
    ///
    /// - Parameter isCutShort: whether it has thrown because it was cancelled. What it had written may be the half of
    ///   something then: when that was the end of the service's doing, the connection is reset.
    func endHandler(_ admitted: Admitted, isCutShort: Bool) -> Bool {
        state.withLock { _ in
            admitted.hasEndedHandler = true
            if admitted.isOverdue, isCutShort { admitted.wasKilled = true }
            return admitted.isOverdue || admitted.wasKilled
        }
    }

    /// Lets the address of a connection have another one.
    func releaseAddress(of admitted: Admitted) { if let key = admitted.key { place.release(key) } }

    /// Counts the end of a connection, whose address was released.
    func end(_ admitted: Admitted, _ end: ConnectionEnd) {
        state.change { state in
            state.remove(admitted)
            // It is kept by the task, which it must not keep.
            admitted.task = nil
            admitted.interruption = nil
            tally.count(end.outcome.kind)
            if let bytes = end.bytes { place.count(bytes) }
            place.ended()
        }
    }

    /// Waits until there is no connection any more; false when the deadline passes, or someone is in a hurry, first.
    func waitUntilEmpty(until deadline: Deadline) -> Bool {
        state.wait(until: deadline) { state in
            if state.entries.isEmpty { return true }
            return state.isHurried ? false : nil
        } ?? false
    }

    /// Whether connections are not waited for any more.
    var isHurried: Bool { state.withLock { $0.isHurried } }

    /// Has the end of the service come to its next step.
    func hurry() { state.change { $0.hurries += 1 } }

    /// Who was in a hurry until now wanted nothing but that the service ends at once: its connections are waited for.
    func hearHurries() { state.change { $0.heard = $0.hurries } }
}
