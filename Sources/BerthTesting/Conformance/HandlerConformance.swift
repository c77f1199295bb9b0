public import BerthServer
internal import BerthSockets
internal import BerthSystem

/// What a service keeps under every model and with every kind of client: run it on a handler of your own.
///
/// ```swift
/// let handler = HandlerConformance(
///     exchanges: [.init("Ada\n", "Hello, Ada!\n")], configuration: .init(framing: .lines)
/// ) { Greeter() }
/// #expect(await handler.violations() == [])          // Swift Testing
/// ```
///
/// Under each model a server is started on a free port of 127.0.0.1. Checked is that
///
/// - each exchange gets its reply, to the byte, and then a FIN, whether the request comes whole or byte by byte;
/// - it still does while peers of every kind of ``FaultyPeer`` visit;
/// - the service ends in time while a client says nothing: nothing is cut, no handler is stuck;
/// - every connection has one outcome, and the counts add up.
///
/// It takes some seconds for each model, most of them waiting: peers that stop are there until `idle` or the peer's patience
/// ends it.
public struct HandlerConformance: Sendable {
    /// A request and the reply that it gets when the client then finishes sending.
    public struct Exchange: Sendable, Hashable {
        public var request: [UInt8]
        public var reply: [UInt8]

        public init(_ request: [UInt8], _ reply: [UInt8]) {
            self.request = request
            self.reply = reply
        }

        /// An exchange of texts.
        public init(_ request: String, _ reply: String) { self.init(Array(request.utf8), Array(reply.utf8)) }
    }

    /// The models of one process, which are those that a test can run: event loops by epoll and by io_uring, threads, a thread
    /// pool.
    public static let models: [ConcurrencyModel] = [
        .eventLoops(loops: 2, io: .epoll), .eventLoops(loops: 2, io: .uring), .threads, .threadPool(threads: 32),
    ]

    private let exchanges: [Exchange]
    private let models: [ConcurrencyModel]
    private let patience: Duration
    private let serve:
        @Sendable (ConcurrencyModel, EventCounter, @Sendable (RunningServer) async -> Void) async throws -> Void

    /// - Parameters:
    ///   - exchanges: what clients say and get; each on a connection of its own.
    ///   - configuration: how the service is configured, framing above all. Its observers are told as well.
    ///   - models: default ``models``; those with worker processes are not possible.
    ///   - patience: how long an exchange may take, and how long the service has to end. Default 60 s.
    ///   - handler: makes the handler, as for `Server`.
    public init<Handler: ConnectionHandler>(
        exchanges: [Exchange], configuration: ServerConfiguration = .default,
        models: [ConcurrencyModel] = HandlerConformance.models, patience: Duration = .seconds(60),
        handler: @escaping @Sendable () -> Handler
    ) {
        self.exchanges = exchanges
        self.models = models
        self.patience = patience
        serve = { model, counter, operation in
            var configuration = configuration
            configuration.observers.append(counter)
            configuration.limits.drain = patience
            try await withServer(
                on: "127.0.0.1:0", model: model, configuration: configuration, handler: handler, operation: operation)
        }
    }

    /// Each thing that the handler does wrong, as a sentence; empty when it keeps everything. At most 20, and then how many
    /// more there are.
    public func violations() async -> [String] {
        var violations = Violations()
        for model in models {
            let counter = EventCounter()
            let found = Monitor<[String]>([])
            // Is there, and says nothing, when the service is told to end.
            let silent = Monitor<SilentClient?>(nil)
            do {
                try await serve(model, counter) { server in
                    let sentences = await visit(server)
                    found.change { $0 += sentences }
                    let client = SilentClient(server.address, within: patience)
                    silent.withLock { $0 = client }
                }
            } catch { violations.add("under \(model): the service did not start: \(error)") }
            for sentence in found.withLock({ $0 }) + counter.violations {
                violations.add("under \(model): \(sentence)")
            }
        }
        return violations.all
    }

    private func visit(_ server: RunningServer) async -> [String] {
        let address = server.address
        var sentences: [String] = []
        for exchange in exchanges {
            for peer in ways(of: exchange) { sentences += await check(exchange, by: peer, at: address) }
        }
        guard let first = exchanges.first else { return sentences }
        await withTaskGroup(of: [String].self) { group in
            for faulty in FaultyPeer.all(first.request) {
                group.addTask {
                    _ = await faulty.visit(address, within: .seconds(2))
                    return []
                }
            }
            for exchange in exchanges {
                group.addTask {
                    await check(exchange, by: .halfCloses(exchange.request), at: address).map { "among others, \($0)" }
                }
            }
            for await found in group { sentences += found }
        }
        return sentences
    }

    private func ways(of exchange: Exchange) -> [FaultyPeer] {
        // A fifth of a second for all of it at most.
        let pause = min(.milliseconds(5), .milliseconds(200) / max(1, exchange.request.count))
        return [.halfCloses(exchange.request), .dribbles(exchange.request, every: pause)]
    }

    private func check(_ exchange: Exchange, by peer: FaultyPeer, at address: SocketAddress) async -> [String] {
        let report = await peer.visit(address, within: patience)
        if report.ending == .serverFinished, report.reply[...] == exchange.reply.prefix(PeerReport.longestReply),
            report.received == exchange.reply.count
        {
            return []
        }
        let request = String(decoding: exchange.request.prefix(80), as: UTF8.self)
        return [
            "the request \"\(request)\" got \"\(report.text.prefix(80))\" in place of "
                + "\"\(String(decoding: exchange.reply.prefix(80), as: UTF8.self))\": the peer \(report)"
        ]
    }
}

/// A connection that nobody uses, for as long as this is there.
private final class SilentClient: Sendable {
    private let socket: TCPSocket

    init?(_ address: SocketAddress, within patience: Duration) {
        guard let socket = try? TCPSocket.connect(to: address, within: patience) else { return nil }
        self.socket = socket
    }
}
