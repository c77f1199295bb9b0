/// Tells a server from a process that only inherited the server's socket.
///
/// The kernel keeps no record of who opened a socket. What it shows: who holds it, who started whom, and whether a
/// thread waits for connections.
enum Inheritance {
    /// Whether `owners` inherited their socket from a process that is gone.
    static func isFromGoneServer(_ owners: [SocketOwner]) -> Bool {
        let pids = Set(owners.map(\.process.pid))
        let tops = owners.map(\.process).filter { !pids.contains($0.parent) }
        // A process whose starter is gone, as a daemon is that detached itself: but that one serves, so that a thread
        // of it waits for events. Two such processes can share a socket only by inheriting it.
        guard !tops.isEmpty, tops.allSatisfy({ $0.isOrphan == true }) else { return false }
        return tops.count > 1 || owners.allSatisfy { $0.process.waitsForEvents == false }
    }

    /// The process to name first: the one that started the others, the oldest of several.
    static func principal(_ owners: [SocketOwner]) -> SocketOwner? {
        let pids = Set(owners.map(\.process.pid))
        let tops = owners.filter { !pids.contains($0.process.parent) }
        return (tops.isEmpty ? owners : tops).max {
            ($0.process.start?.age ?? .zero, -$0.process.pid) < ($1.process.start?.age ?? .zero, -$1.process.pid)
        }
    }
}
