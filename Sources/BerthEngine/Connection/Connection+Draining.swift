internal import BerthSockets

// The end of the service, as a handler is told of it.
extension Connection {
    /// Whether this connection was told that the service is ending. From then on reads that would have to wait for a new
    /// message report the end of the stream; messages that have arrived are still delivered, and one that has begun may come
    /// to its end.
    ///
    /// The connections of a service are told one after the other, within the first fifth of ``ServerLimits/drain``, so that
    /// their clients do not all come back at once.
    public var isDraining: Bool {
        guard let signals, isToldAtOnce ? signals.isDraining : signals.isTold(id) else { return false }
        wasToldOfDrain = true
        return true
    }

    /// Has `body` be called when this connection is told that the service is ending, at once if it has been: for handlers
    /// that wait for something else than their peer. Once, on any thread; not any more once the connection is ended. Another
    /// call replaces the body.
    ///
    /// ```swift
    /// let (messages, inbox) = AsyncStream.makeStream(of: String.self)
    /// connection.whenDraining { inbox.finish() }
    /// for await message in messages { try await connection.write(message) }
    /// ```
    public func whenDraining(_ body: @escaping @Sendable () -> Void) {
        guard let signals, endedBy == nil else { return }
        listensToDrain = true
        signals.listen(id, body)
    }

    /// Goes on reading although the service is ending: to say goodbye in the protocol and wait for the peer's answer. Reads
    /// end again when the time of the connections is over (``ServerLimits/drain``).
    ///
    /// ```swift
    /// for try await line in connection.lines { … }
    /// if connection.isDraining {
    ///     try await connection.write("BYE\n")
    ///     connection.keepReading()
    ///     _ = try await connection.readLine()
    /// }
    /// ```
    public func keepReading() {
        core.input.wasInterrupted = false
        stream?.heedOnlyForce()
        if let channel = unsafe channel, unsafe channel.pointee.drainHeed != .nothing {
            unsafe channel.pointee.drainHeed = .force
        }
    }

    /// What the handler did of its own accord is over.
    func endListening() {
        if listensToDrain { signals?.listen(id, nil) }
        listensToDrain = false
    }
}
