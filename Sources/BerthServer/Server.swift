public import BerthEngine
public import BerthFraming
internal import BerthHarbour
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
    let endpoint: Endpoint
    let model: ConcurrencyModel
    let configuration: ServerConfiguration
    private let session: Session
    let stopRequest: StopRequest

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
    /// Each further signal cuts the drain short: it comes to its next step at once (`docs/closing-and-drain.md`).
    ///
    /// Listening sockets that were handed to this process (`LISTEN_FDS`, `man 3 sd_listen_fds`) are served in place of the
    /// endpoint, by the first server that runs. Under a model with worker processes this call supervises them; in a
    /// worker, which is started as a copy of this program, it serves. What else the program does happens in the workers
    /// too; another server of the program waits there until the worker ends.
    ///
    /// - Returns: how the end went.
    /// - Throws: ``ServerError`` when the service cannot listen; it says who holds the address, where that is known.
    @discardableResult
    public func run() async throws -> StopReport {
        try await withTaskCancellationHandler {
            try await onThread(named: "berth-run") { [self] in
                if let role = WorkerRole.current { return try work(as: role) }
                if model.hasWorkers { return try superviseWorkers(until: stopRequest) }
                return try serve(
                    until: stopRequest,
                    start: {
                        let service = try start()
                        announce(service.address)
                        return service
                    }, withdraw: { readyAnnouncement.withdraw() })
            }
        } onCancel: {
            stop()
        }
    }

    /// Ends ``run()``, from anywhere.
    public func stop() { stopRequest.make() }

    /// Listens and serves; the caller ends it.
    func start() throws(ServerError) -> any Service {
        let listeners = try listen(reuse: configuration.reuse) { () throws(SocketError) in
            if let environment = try ListenEnvironment.current(), HandedOver.take() {
                return try Listeners(inherited: environment, options: configuration.socketOptions)
            }
            return Listeners(
                own: try TCPListener.listen(
                    on: endpoint, reuse: configuration.reuse, backlog: configuration.backlog,
                    options: configuration.socketOptions))
        }
        let service = try start(on: listeners, docked: true)
        service.report(
            .listening(
                service.address, backlog: listeners.backlog.effective, note: both(listeners.backlog.note, service.note))
        )
        return service
    }

    /// Serves on listeners.
    ///
    /// - Parameters:
    ///   - docked: whether it accepts at once.
    ///   - place: of a process that is one of several.
    ///   - observer: someone else who is told about events.
    func start(
        on listeners: Listeners, docked: Bool, place: BoardPlace? = nil, observer: (any ServerObserver)? = nil
    ) throws(ServerError) -> any Service {
        do throws(SocketError) {
            var configuration = configuration
            if let observer { configuration.observers.append(observer) }
            return try makeService(model.engine, on: listeners, docked: docked, configuration, session, place: place)
        } catch { throw ServerError(listening: error, reuse: configuration.reuse) }
    }

    func report(_ event: ServerEvent) {
        for observer in configuration.observers { observer.observe(event) }
    }

    /// Tells those who wait for it that the service takes connections.
    func announce(_ address: SocketAddress) {
        for problem in readyAnnouncement.announce(address) { report(.harbour(.note(problem))) }
    }

    var readyAnnouncement: ReadyAnnouncement {
        ReadyAnnouncement(
            portFile: configuration.readyNotice.portFile, descriptor: configuration.readyNotice.descriptor)
    }

    private func both(_ first: String?, _ second: String?) -> String? {
        guard let first, let second else { return first ?? second }
        return first + "; " + second
    }
}
