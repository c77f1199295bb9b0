package import BerthSockets

extension Connection {
    /// Flushes, and lends the number of the socket's descriptor, which stays owned by the connection, to someone who uses
    /// it directly, such as a program that is started on the connection; with one that becomes readable when the service
    /// ends. Waits are unbounded for them, as they expect.
    package func lendDescriptor() async throws(StreamError) -> (descriptor: Int32, drainSignal: Int32) {
        try await flush()
        try await leaveRing()
        isToldAtOnce = true
        // Whoever has the socket too would keep it among those that the loop watches, beyond its end.
        if let channel = unsafe channel, loop.isCurrent { unsafe loop.unwatch(channel) }
        if let stream { return (try stream.lendDescriptor(), signals?.descriptor ?? -1) }
        return (try fileDescriptor, signals?.descriptor ?? -1)
    }
}
