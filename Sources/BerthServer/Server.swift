public import BerthEngine
public import BerthFraming
public import BerthSockets
internal import BerthSystem

/// A TCP service: where it listens, how it runs its handlers, what it allows.
///
/// ```swift
/// let server = Server(on: "127.0.0.1:12345") { connection in
///     for try await line in connection.lines { try await connection.write("Hello, \(line)!\n") }
/// }
/// try await server.run()   // until SIGINT or SIGTERM, drained
/// ```
public final class Server: Sendable {
    private let endpoint: Endpoint
    private let model: ConcurrencyModel
    private let configuration: ServerConfiguration
    private let session: Session
    private let stopRequest: StopRequest

    /// A service with a handler type; `makeHandler` is called once for each connection, where its handler runs.
    ///
    /// - Parameters:
    ///   - endpoint: where to listen; `":8080"` for all addresses of the machine, port 0 for any free port.
    ///   - model: how handlers are run. Default ``ConcurrencyModel/eventLoops(loops:io:)``.
    public init<Handler: ConnectionHandler>(
        on endpoint: Endpoint, model: ConcurrencyModel = .eventLoops(), configuration: ServerConfiguration = .default,
        handler makeHandler: @escaping @Sendable () -> Handler
    ) {
        self.endpoint = endpoint
        self.model = model
        self.configuration = configuration
        session = Session(makeHandler)
        stopRequest = StopRequest()
    }

    /// A service whose handler is a closure.
    public convenience init(
        on endpoint: Endpoint, model: ConcurrencyModel = .eventLoops(), configuration: ServerConfiguration = .default,
        handle: @escaping @Sendable (Connection) async throws -> Void
    ) {
        self.init(on: endpoint, model: model, configuration: configuration) { ClosureHandler(handle) }
    }

    /// A service that needs nothing but a frame in and frames out: `answer` is called with each frame in place, and writes
    /// its replies in place. The fastest form of a handler; under event loops it takes no task.
    ///
    /// - Parameter framing: in place of the configuration's.
    public init(
        on endpoint: Endpoint, framing: Framing, model: ConcurrencyModel = .eventLoops(),
        configuration: ServerConfiguration = .default,
        answer: @escaping @Sendable (borrowing BorrowedFrame, ReplyWriter) throws -> Void
    ) {
        self.endpoint = endpoint
        self.model = model
        self.configuration = configuration.framed(framing)
        session = Session(answering: answer)
        stopRequest = StopRequest()
    }

    /// Listens and serves until SIGINT or SIGTERM arrives, ``stop()`` is called, or the task is cancelled; then drains.
    ///
    /// A second signal cuts the drain short: what is still connected is cut at once.
    ///
    /// - Returns: how the end went.
    /// - Throws: ``ServerError`` when the service cannot listen; it says who holds the address, where that is known.
    @discardableResult
    public func run() async throws -> StopReport {
        try await withTaskCancellationHandler {
            try await onThread(named: "berth-run") { [self] in
                try serve(try listen(), until: stopRequest, start: start(on:))
            }
        } onCancel: {
            stop()
        }
    }

    /// Ends ``run()``, from anywhere.
    public func stop() { stopRequest.make() }

    /// Listens and serves; the caller ends it.
    func start() throws(ServerError) -> any Service { try start(on: try listen()) }

    private func listen() throws(ServerError) -> TCPListener {
        do throws(SocketError) {
            return try TCPListener.listen(
                on: endpoint, reuse: configuration.reuse, backlog: configuration.backlog,
                options: configuration.socketOptions)
        } catch {
            throw ServerError(listening: error, reuse: configuration.reuse)
        }
    }

    /// Serves on a listener.
    private func start(on listener: consuming TCPListener) throws(ServerError) -> any Service {
        let backlog = listener.backlog.effective
        let note = listener.backlogNote
        do throws(SocketError) {
            let service = try makeService(model, on: listener, configuration, session)
            service.report(.listening(service.address, backlog: backlog, note: both(note, service.note)))
            return service
        } catch {
            throw ServerError(listening: error, reuse: configuration.reuse)
        }
    }

    private func both(_ first: String?, _ second: String?) -> String? {
        guard let first, let second else { return first ?? second }
        return first + "; " + second
    }
}
