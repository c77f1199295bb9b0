import Berth
import BerthSystem
import TestSupport
import Testing

@Suite("Every connection ends with exactly one outcome")
struct OutcomeTests {
    /// Serves one connection and returns how it ended.
    private func outcome(
        _ model: ConcurrencyModel, framing: Framing = .raw, limits: ServerLimits = .default,
        handle: @escaping @Sendable (Connection) async throws -> Void,
        client: @escaping @Sendable (RunningServer) throws -> Void
    ) async throws -> Outcome? {
        let log = EventLog()
        return try await withServer(
            on: loopback, model: model, configuration: .test(framing: framing, limits: limits, log), handle: handle
        ) { server in
            try await onOwnThread {
                try client(server)
                let outcomes = log.outcomes()
                #expect(outcomes.count == 1)
                #expect(server.statistics.accepted == 1)
                return outcomes.first
            }
        }
    }

    @Test("peer finished, when the handler has read to the end", arguments: TestModels.all)
    func peerFinished(model: ConcurrencyModel) async throws {
        let outcome = try await outcome(model) { connection in
            while try await !connection.read().isEmpty {}
        } client: { server in
            try server.connect().finish()
        }
        #expect(outcome?.kind == .peerFinished)
    }

    @Test("finished, when the handler returns first", arguments: TestModels.all)
    func finished(model: ConcurrencyModel) async throws {
        let outcome = try await outcome(model) { _ in
        } client: { server in
            _ = try server.connect().readToEnd()
        }
        #expect(outcome?.kind == .finished)
    }

    @Test("peer reset, with the error", arguments: TestModels.all)
    func peerReset(model: ConcurrencyModel) async throws {
        let outcome = try await outcome(model) { connection in
            while try await !connection.read().isEmpty {}
        } client: { server in
            let stream = try server.connect()
            try stream.write("x")
            try stream.flush()
            stream.abort()
        }
        guard case .peerReset(let error)? = outcome else {
            Issue.record("not a reset: \(String(describing: outcome))")
            return
        }
        #expect(error.errno == .connectionReset)
    }

    @Test("deadline, when the peer is silent for too long", arguments: TestModels.all)
    func idle(model: ConcurrencyModel) async throws {
        var limits = ServerLimits.default
        limits.idle = .milliseconds(50)
        let outcome = try await outcome(model, limits: limits) { connection in
            while try await !connection.read().isEmpty {}
        } client: { server in
            let found1 = try server.connect().readToEnd()
            #expect(found1.isEmpty)
        }
        guard case .deadline(let error)? = outcome else {
            Issue.record("no deadline: \(String(describing: outcome))")
            return
        }
        #expect(error.description.hasSuffix(": no byte from the peer within 50 ms"))
    }

    @Test("deadline, when the peer does not take what is sent", arguments: TestModels.all)
    func stalled(model: ConcurrencyModel) async throws {
        var limits = ServerLimits.default
        limits.writeStall = .milliseconds(100)
        let done = Monitor(false)
        let outcome = try await outcome(model, limits: limits) { connection in
            defer { done.change { $0 = true } }
            let block = [UInt8](repeating: 7, count: 1 << 20)
            while true { try await connection.write(block) }
        } client: { server in
            let stream = try server.connect()
            _ = done.wait { $0 ? true : nil }
            stream.close()
        }
        #expect(outcome?.kind == .deadline)
    }

    @Test("protocol error, with the limit that was exceeded", arguments: TestModels.all)
    func protocolError(model: ConcurrencyModel) async throws {
        let outcome = try await outcome(model, framing: .selfCounting64(maximumFrame: .kibibytes(1))) { connection in
            for try await _ in connection.frames {}
        } client: { server in
            let stream = try server.connect(framing: .selfCounting64)
            try stream.writeFrame([UInt8](repeating: 1, count: 1025))
            try stream.flush()
            _ = try? stream.readToEnd()
        }
        guard case .protocolError(let error)? = outcome else {
            Issue.record("no protocol error: \(String(describing: outcome))")
            return
        }
        #expect(error.description.contains("1 KiB"))
    }

    @Test("handler failed, with what it threw", arguments: TestModels.all)
    func handlerFailed(model: ConcurrencyModel) async throws {
        struct Tantrum: Error, CustomStringConvertible { var description: String { "no more tea" } }
        let outcome = try await outcome(model) { _ in
            throw Tantrum()
        } client: { server in
            _ = try server.connect().readToEnd()
        }
        #expect(outcome?.description == "the handler failed: no more tea")
    }

    @Test("aborted, when the handler does so, and the peer sees an RST", arguments: TestModels.all)
    func aborted(model: ConcurrencyModel) async throws {
        let outcome = try await outcome(model) { connection in
            _ = try await connection.read()
            connection.abort()
        } client: { server in
            let stream = try server.connect()
            try stream.write("x")
            #expect(throws: StreamError.self) { _ = try stream.readToEnd() }
        }
        #expect(outcome?.kind == .aborted)
    }

    @Test("detached, when the handler takes the socket, which then works on", arguments: TestModels.all)
    func detached(model: ConcurrencyModel) async throws {
        let outcome = try await outcome(model) { connection in
            _ = try await connection.readLine()
            let detached = try await connection.detach()
            #expect(detached.unread == Array("rest".utf8))
            let socket = detached.takeSocket()
            try socket.sendAll("still here")
            socket.finish()
        } client: { server in
            let stream = try server.connect()
            try stream.write("line\nrest")
            try stream.finishSending()
            let found2 = try stream.readToEnd()
            #expect(found2 == Array("still here".utf8))
        }
        #expect(outcome?.kind == .detached)
    }
}
