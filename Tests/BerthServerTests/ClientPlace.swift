import Berth
import BerthSystem
import TestSupport
import Testing

/// Where a client is used: from a task of the test's own, or from a handler of a model.
struct ClientPlace: Sendable, CustomTestStringConvertible {
    /// The model of the handler; `nil` for the test's own task.
    let model: ConcurrencyModel?

    static let all = [ClientPlace(model: nil)] + handlers
    static let handlers = TestModels.all.map { ClientPlace(model: $0) }

    var testDescription: String { model.map { "a handler, \($0)" } ?? "the test's own task" }

    /// Runs `body` there.
    func run<R: Sendable>(_ body: @escaping @Sendable () async throws -> R) async throws -> R {
        guard let model else { return try await body() }
        let result = Monitor<Result<R, any Error>?>(nil)
        try await withServer(on: loopback, model: model, configuration: .test()) { _ in
            let found = await Self.result(of: body)
            result.change { $0 = found }
        } operation: { server in
            try await onOwnThread { _ = try server.connect().readToEnd() }
        }
        return try #require(result.withLock { $0 }).get()
    }

    /// Runs `body` there, and cancels it once `isWaiting` has come true. What it throws.
    func cancelling(
        once isWaiting: Monitor<Bool>, _ body: @escaping @Sendable () async throws -> Void
    ) async throws -> (any Error)? {
        let result = Monitor<(any Error)?>(nil)
        let run: @Sendable () async -> Void = {
            if case .failure(let error) = await Self.result(of: body) { result.change { $0 = error } }
        }
        let wait: @Sendable () async throws -> Void = {
            _ = try await onOwnThread { isWaiting.wait(until: .after(.seconds(240))) { $0 ? true : nil } }
        }
        if let model {
            // The end of a service cancels its handlers.
            var limits = ServerLimits.default
            limits.drain = .milliseconds(1)
            let log = EventLog()
            try await withServer(on: loopback, model: model, configuration: .test(limits: limits, log)) { _ in
                await run()
            } operation: { server in
                let client = SocketStreamBox(try server.connect())
                try await wait()
                _ = client
            }
            let stuck = log.all.contains { if case .stopped(let report) = $0 { !report.stuck.isEmpty } else { false } }
            #expect(!stuck)
        } else {
            let task = Task { await run() }
            try await wait()
            task.cancel()
            await task.value
        }
        return result.withLock { $0 }
    }

    private static func result<R>(of body: () async throws -> R) async -> Result<R, any Error> {
        do { return .success(try await body()) } catch { return .failure(error) }
    }
}

/// A listener to whom no connection can be made: its accept queue is full, and what comes is dropped silently.
struct SilentPort: ~Copyable {
    let address: SocketAddress
    private let listener: TCPListener
    private let filler: TCPSocket

    init(on endpoint: Endpoint = loopback) throws {
        let listener = try TCPListener.listen(on: endpoint, backlog: 0)
        let filler = try TCPSocket.connect(to: listener.address, within: .seconds(10))
        address = listener.address
        self.listener = listener
        self.filler = filler
    }
}

/// Sends frames back as they came.
func echo(_ connection: Connection) async throws {
    while let frame = try await connection.readFrame() { try await connection.writeFrame(frame) }
}

/// Frames of up to 32 MiB.
let largeFrames = Framing.lengthPrefix(
    bytes: .eight, endian: .big, counts: .prefixAndBody, maximumFrame: .mebibytes(32))
