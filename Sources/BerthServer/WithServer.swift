public import BerthEngine
public import BerthFraming
public import BerthSockets

/// A server that listens and serves, for as long as the scope that made it; see `withServer`.
public struct RunningServer: Sendable {
    let service: any Service

    /// Where it listens: the real port, also when 0 was asked for.
    public var address: SocketAddress { service.address }

    /// The counters, now.
    public var statistics: ServerStatistics { service.statistics }

    /// What is allowed now. Of what is set, these change at once: ``ServerLimits/maximumConnections``,
    /// ``ServerLimits/overload``, ``ServerLimits/perAddress``, ``ServerLimits/acceptRate``, ``ServerLimits/access``,
    /// ``ServerLimits/unreadOutput``, ``ServerLimits/largestFrame``; and for connections that come from
    /// then on the deadlines. The others are those that the server was made with. Nobody is cut off by a maximum that is
    /// lowered: fewer come.
    public var limits: ServerLimits {
        get { service.core.limits }
        nonmutating set { service.core.limits = newValue }
    }
}

/// Serves for as long as `operation` runs, then drains and stops: for tests, and for programs that are a client as well.
///
/// ```swift
/// try await withServer(on: ":0", handler: { Chat(room: room) }) { server in
///     let socket = try TCPSocket.connect(to: server.address)
///     …
/// }
/// ```
///
/// - Returns: what `operation` returned.
/// - Throws: ``ServerError`` when it cannot listen, or when the model has worker processes, or what `operation` throws, once the server has stopped.
public func withServer<Handler: ConnectionHandler, R>(
    on endpoint: Endpoint, model: ConcurrencyModel = .eventLoops(), configuration: ServerConfiguration = .default,
    handler: @escaping @Sendable () -> Handler, operation: (RunningServer) async throws -> R
) async throws -> R {
    try await run(Server(on: endpoint, model: model, configuration: configuration, handler: handler), operation)
}

/// Serves for as long as `operation` runs.
private func run<R>(_ server: Server, _ operation: (RunningServer) async throws -> R) async throws -> R {
    // The operation would run in each worker again.
    if server.model.hasWorkers {
        let place = server.endpoint.description
        throw ServerError(
            serving: SocketError(
                .serve, address: place, detail: "withServer has one process, and \(server.model.name) has several",
                hint: "use Server.run()"))
    }
    let service = try server.start()
    let result: Result<R, any Error>
    do { result = .success(try await operation(RunningServer(service: service))) } catch { result = .failure(error) }
    do { _ = try await onThread(named: "berth-stop") { service.stop() } } catch {
        // No thread is to be had: better to block this one than to leave the service behind.
        _ = service.stop()
    }
    return try result.get()
}

/// The same for services that need nothing but a frame in and frames out: `answer` is called with each frame in place,
/// and writes its replies in place. The fastest form of a handler.
///
/// ```swift
/// try await withServer(on: ":0", framing: .selfCounting64) { frame, reply in
///     try reply.writeFrame(frame)
/// } operation: { server in
///     …
/// }
/// ```
public func withServer<R>(
    on endpoint: Endpoint, framing: Framing, model: ConcurrencyModel = .eventLoops(),
    configuration: ServerConfiguration = .default,
    answer: @escaping @Sendable (borrowing BorrowedFrame, ReplyWriter) throws -> Void,
    operation: (RunningServer) async throws -> R
) async throws -> R {
    let server = Server(on: endpoint, framing: framing, model: model, configuration: configuration, answer: answer)
    return try await run(server, operation)
}

/// The same with a closure for the handler.
public func withServer<R>(
    on endpoint: Endpoint, model: ConcurrencyModel = .eventLoops(), configuration: ServerConfiguration = .default,
    handle: @escaping @Sendable (Connection) async throws -> Void, operation: (RunningServer) async throws -> R
) async throws -> R {
    try await withServer(
        on: endpoint, model: model, configuration: configuration, handler: { ClosureHandler(handle) },
        operation: operation)
}
