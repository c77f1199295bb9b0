internal import BerthSockets
internal import BerthSystem

extension Connection {
    /// Flushes, and calls `body` with the number of the socket's descriptor, which stays owned by the connection, and
    /// with one that becomes readable when the service ends. For programs that are started on the connection: waits
    /// are unbounded for them, as they expect.
    package func lendDescriptor<R, E: Error>(
        _ body: (_ descriptor: Int32, _ drainSignal: Int32) throws(E) -> R
    ) async throws -> R {
        try await flush()
        // Whoever polls the signal is told by it.
        defer { _ = isDraining }
        let descriptor = try stream?.lendDescriptor() ?? fileDescriptor
        return try body(descriptor, signals?.descriptor ?? -1)
    }
}
