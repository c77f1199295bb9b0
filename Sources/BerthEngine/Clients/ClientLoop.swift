internal import BerthSockets
internal import BerthSystem
internal import Synchronization

/// The event loop of the clients that no handler has: started for the first of them, and there until the process ends.
enum ClientLoop {
    private static let loop = Monitor<EventLoop?>(nil)
    private static let lastID = Atomic<UInt64>(0)

    static func shared(for plan: ConnectPlan) throws(StreamError) -> EventLoop {
        do throws(Errno) { return try shared() } catch {
            throw .socket(SocketError(.open, address: plan.endpoint.description, errno: error))
        }
    }

    private static func shared() throws(Errno) -> EventLoop {
        try loop.withLock { (loop) throws(Errno) in
            if let loop { return loop }
            let made = try EventLoop()
            try made.start(name: "berth-clients")
            loop = made
            return made
        }
    }

    /// Clients have numbers of their own, which count those of the whole process.
    static func nextID() -> ConnectionID {
        ConnectionID(number: lastID.add(1, ordering: .relaxed).newValue)
    }
}
