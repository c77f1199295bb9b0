internal import BerthEngine
internal import BerthHarbour
internal import BerthSockets
internal import BerthSystem

/// A connection that did not end in time.
struct OverdueConnection: Sendable {
    let entry: Admitted
    let cut: CutConnection
}

// What the end of a service does with the connections there are.
extension ConnectionTable {
    /// Waits until someone is in a hurry who was not before, until there is no connection any more, or until the deadline.
    ///
    /// - Parameter hurries: how many have been in a hurry so far.
    /// - Returns: whether someone is.
    func waitForDrain(_ hurries: inout Int, untilEmpty: Bool, until deadline: Deadline) -> Bool {
        let known = hurries
        let isHurried =
            state.wait(until: deadline) { state -> Bool? in
                if state.hurries > known { return true }
                return untilEmpty && state.entries.isEmpty ? false : nil
            } ?? false
        if isHurried { hurries += 1 }
        return isHurried
    }

    /// What is left of connections whose handlers have not ended, also those that have ended their connection themselves.
    var present: [OverdueConnection] { state.withLock { state in state.entries.map { Self.look(at: $0) } } }

    /// The time of the connections is over: from now on those there are end with the outcome `killed`, unless their handlers
    /// have ended, and nobody is let in any more.
    ///
    /// - Returns: these connections.
    func markOverdue() -> [OverdueConnection] {
        state.change { state in
            state.isOver = true
            return state.entries.filter { !$0.hasEndedHandler && $0.descriptor >= 0 }.map { entry in
                entry.isOverdue = true
                return Self.look(at: entry)
            }
        }
    }

    /// Cancels all handlers.
    func cancelAll() {
        let tasks = state.withLock { state in state.entries.compactMap(\.task) }
        // Not under the lock: cancelling runs code of the handlers.
        for task in tasks { task.cancel() }
    }

    /// Resets the sockets of all connections, so that whoever waits on them wakes. They, and those that were overdue, and no
    /// others, end with the outcome `killed`.
    ///
    /// - Returns: how many were reset, and those of them that were not overdue before.
    func resetAll() -> (late: [OverdueConnection], count: Int) {
        let result = state.withLock { state in
            var late: [OverdueConnection] = []
            var count = 0
            for entry in state.entries where entry.descriptor >= 0 {
                let connection = Self.look(at: entry)
                // Where the handler has ended and everything has arrived, nothing is cut off but the wait for the peer.
                entry.wasKilled = entry.wasKilled || !entry.hasEndedHandler || connection.cut.unsent > 0
                if entry.wasKilled { count += 1 }
                if entry.wasKilled, !entry.isOverdue { late.append(connection) }
                entry.bytesWhenReset = TCPSocket.byteAccount(of: entry.descriptor, from: entry.peer)
                // Under the lock the number is certainly still this connection's.
                TCPSocket.cut(entry.descriptor)
            }
            return (late, count)
        }
        cancelAll()
        return result
    }

    /// What the kernel knows of a connection now. Under the lock, so that the number is certainly still this connection's.
    private static func look(at entry: Admitted) -> OverdueConnection {
        var cut = CutConnection(
            number: entry.id.number, peer: entry.peer, age: MonotonicTime.now.duration(since: entry.begin))
        if entry.hasEndedHandler {
            cut.activity = .ended
        } else {
            switch entry.interruption?.wait {
            case .reading?: cut.activity = .reading
            case .writing?: cut.activity = .writing
            case .nothing?, nil: cut.activity = .ownWork
            }
        }
        if entry.descriptor >= 0, entry.peer.isIP {
            cut.silence = TCPSocket.silence(of: entry.descriptor)
            cut.unread = ((try? Kernel.unreadBytes(entry.descriptor)) ?? 0) + (entry.interruption?.unread ?? 0)
            cut.unsent = TCPSocket.byteAccount(of: entry.descriptor, from: entry.peer)?.unacknowledged ?? 0
        }
        return OverdueConnection(entry: entry, cut: cut)
    }
}
