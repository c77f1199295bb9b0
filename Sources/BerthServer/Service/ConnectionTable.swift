internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

/// The connections of a server: how many there may be, which there are, how they ended.
final class ConnectionTable: Sendable {
    struct Entry {
        let peer: SocketAddress
        /// `nil` once the connection's owner is about to close it: then the number may belong to something else.
        var descriptor: Int32?
        var task: Task<Void, Never>?
        /// The event loop that it is on, and how that calls it.
        var place: (loop: ObjectIdentifier, runner: UInt64)?
        var wasKilled = false
    }

    private struct State {
        var entries: [ConnectionID: Entry] = [:]
        var statistics = ServerStatistics()
        var isHurried = false
    }

    let maximum: Int
    private let state = Monitor(State())

    init(maximum: Int) { self.maximum = maximum }

    var statistics: ServerStatistics { state.withLock { $0.statistics } }

    /// The peers of the connections there are.
    var peers: [String] { state.withLock { state in state.entries.map { "\($0.key) \($0.value.peer)" }.sorted() } }

    /// Takes in a connection; `nil` when there are as many as there may be.
    func admit(descriptor: Int32, peer: SocketAddress) -> ConnectionID? {
        state.withLock { state in
            if state.statistics.active >= maximum { return nil }
            state.statistics.accepted += 1
            state.statistics.active += 1
            let id = ConnectionID(number: UInt64(state.statistics.accepted))
            state.entries[id] = Entry(peer: peer, descriptor: descriptor)
            return id
        }
    }

    /// Takes back an admission whose thread could not be started.
    func revoke(_ id: ConnectionID) {
        state.change { state in
            state.entries[id] = nil
            state.statistics.active -= 1
            state.statistics.accepted -= 1
            state.statistics.refused += 1
        }
    }

    func countRefused() { state.withLock { $0.statistics.refused += 1 } }

    /// Whether another connection may come.
    var hasRoom: Bool { state.withLock { [maximum] in $0.statistics.active < maximum } }

    /// Whether another connection may come, waiting for one to end until `deadline`, or until someone is in a hurry.
    func waitForRoom(until deadline: Deadline) -> Bool {
        state.wait(until: deadline) { [maximum] state in
            if state.statistics.active < maximum { return true }
            return state.isHurried ? false : nil
        } ?? false
    }

    /// Remembers the task of a connection's handler, and cancels it when the connection was cut before there was one.
    func setTask(_ id: ConnectionID, _ task: Task<Void, Never>) {
        let isLate = state.withLock { state in
            state.entries[id]?.task = task
            return state.entries[id]?.wasKilled ?? false
        }
        if isLate { task.cancel() }
    }

    /// Remembers where a connection is.
    func setPlace(_ id: ConnectionID, _ loop: EventLoop, _ runner: UInt64?) {
        guard let runner else { return }
        state.withLock { $0.entries[id]?.place = (ObjectIdentifier(loop), runner) }
    }

    /// The connection whose handler a loop runs; `nil` when it is gone, or when that is a task that a handler has started.
    func connection(runBy runner: UInt64, on loop: EventLoop) -> (id: ConnectionID, peer: SocketAddress)? {
        state.withLock { state in
            let found = state.entries.first { _, entry in
                if let place = entry.place, place.loop == ObjectIdentifier(loop), place.runner == runner { return true }
                return entry.task.map { EventLoop.runner(of: $0) } == runner
            }
            return found.map { ($0.key, $0.value.peer) }
        }
    }

    /// To be called before the descriptor is closed or given away.
    func releaseDescriptor(_ id: ConnectionID) { state.withLock { $0.entries[id]?.descriptor = nil } }

    func wasKilled(_ id: ConnectionID) -> Bool { state.withLock { $0.entries[id]?.wasKilled ?? false } }

    /// Counts the end of a connection.
    func end(_ id: ConnectionID, _ outcome: Outcome.Kind) {
        state.change { state in
            state.entries[id] = nil
            state.statistics.active -= 1
            state.statistics.outcomes[outcome, default: 0] += 1
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
            for (id, entry) in state.entries {
                guard let descriptor = entry.descriptor else { continue }
                state.entries[id]?.wasKilled = true
                // Under the lock the number is certainly still this connection's.
                TCPSocket.cut(descriptor)
                count += 1
            }
            return (count, state.entries.values.compactMap(\.task))
        }
        // Not under the lock: cancelling runs code of the handlers.
        for task in tasks { task.cancel() }
        return count
    }
}
