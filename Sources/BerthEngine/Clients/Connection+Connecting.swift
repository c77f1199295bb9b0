public import BerthFraming
public import BerthSockets
internal import BerthSystem

// Connections that this side opens.
extension Connection {
    /// Connects to a server: resolves its name, tries its addresses, and returns the first connection that is made.
    ///
    /// What `TCPSocket.connect` says holds here as well: the order of the addresses (RFC 8305), one limit for everything,
    /// and every word of an error. What differs is who waits:
    ///
    /// | called by | the connection belongs to | a wait |
    /// | --- | --- | --- |
    /// | a handler on an event loop | that loop | lets the loop go on |
    /// | a handler that has a thread | that thread | blocks it |
    /// | anyone else | a loop that all such clients of the process share | suspends the task |
    ///
    /// Nowhere does it block a thread of Swift's global pool, and names are looked up on threads of their own.
    ///
    /// On the handler's loop a client gathers what is written like the handler's own connection. On a handler's thread, and
    /// for everyone else, each write is sent at once: write what belongs together in one piece.
    ///
    /// A wait for the server may take 60 s, and one for room to send 30 s, as on a server's side;
    /// ``setIdleLimit(_:)`` and ``stallLimit`` change that. When the task is cancelled, its present wait and all later ones
    /// end with `StreamError.cancelled`; on a thread that blocks this cuts the connection (RST). The end of a service does
    /// not end waits of its handlers' clients, until it cuts the handlers.
    ///
    /// A client that nobody refers to any more is closed, and what it had not sent is lost: ``finish(within:discarding:)``
    /// it, or use `withConnection`. Its ``id`` counts the clients of the process.
    ///
    /// - Parameters:
    ///   - endpoint: a host, an address or a Unix socket.
    ///   - framing: how frames are read and written. Default raw.
    ///   - time: bounds the whole call. Default 30 s; `nil` leaves it to the kernel.
    ///   - local: the local address, for machines that have several.
    ///   - options: set before connecting.
    /// - Throws: `StreamError.socket` with what `TCPSocket.connect` would throw; `.cancelled`.
    public static func connect(
        to endpoint: Endpoint, framing: Framing = .raw, within time: Duration? = .seconds(30),
        from local: SocketAddress? = nil, options: SocketOptions = .default
    ) async throws(StreamError) -> Connection {
        let plan = ConnectPlan(to: endpoint, within: time, from: local, options: options)
        if unsafe Thread.mark == ThreadExecutor.mark { return try await connectBlocking(plan, framing) }
        let loop = if let current = EventLoop.current { current } else { try ClientLoop.shared(for: plan) }
        let result = await withTaskExecutorPreference(loop) { () async in await connect(plan, framing, on: loop) }
        return try result.get().connection
    }

    /// Connects to one address; see ``connect(to:framing:within:from:options:)-(Endpoint,_,_,_,_)``.
    public static func connect(
        to address: SocketAddress, framing: Framing = .raw, within time: Duration? = .seconds(30),
        from local: SocketAddress? = nil, options: SocketOptions = .default
    ) async throws(StreamError) -> Connection {
        try await connect(to: Endpoint(address), framing: framing, within: time, from: local, options: options)
    }

    // Concurrent, so that it runs on the loop also for a caller that belongs to an actor.
    @concurrent
    private static func connect(
        _ plan: ConnectPlan, _ framing: Framing, on loop: EventLoop
    ) async -> Result<Visit, StreamError> {
        do throws(StreamError) {
            let connection = Connection(
                id: ClientLoop.nextID(), socket: try await loop.connect(plan), framing: SharedFraming(framing),
                loop: loop,
                isClient: true)
            connection.beginAsClient(idle: ClientLimits.idle, stall: ClientLimits.writeStall)
            try connection.watch()
            return .success(Visit(connection: connection))
        } catch {
            return .failure(error)
        }
    }

    private static func connectBlocking(
        _ plan: ConnectPlan, _ framing: Framing
    ) async throws(StreamError) -> Connection {
        let stream = SocketStream(try await plan.connectOnThisThread(), framing: framing)
        try stream.setIdleLimit(ClientLimits.idle)
        stream.stallLimit = ClientLimits.writeStall
        // Nobody would send what gathers when the handler waits for something else.
        unsafe stream.memory.pointee.output.isOpen = false
        return Connection(id: ClientLoop.nextID(), stream: stream, local: try stream.local, isClient: true)
    }
}

/// What bounds the waits of a client from the start: the same as for a server's connections.
enum ClientLimits {
    static let idle: Duration = .seconds(60)
    static let writeStall: Duration = .seconds(30)
}
