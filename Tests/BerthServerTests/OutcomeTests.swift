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
        guard case .deadline(.idle, let error)? = outcome else {
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
        #expect(outcome?.kind == .writeStallDeadline)
    }

    @Test("a limit, which was exceeded and how much it is", arguments: TestModels.all)
    func limit(model: ConcurrencyModel) async throws {
        let outcome = try await outcome(model, framing: .selfCounting64(maximumFrame: .kibibytes(1))) { connection in
            for try await _ in connection.frames {}
        } client: { server in
            let stream = try server.connect(framing: .selfCounting64)
            try stream.writeFrame([UInt8](repeating: 1, count: 1025))
            try stream.flush()
            _ = try? stream.readToEnd()
        }
        guard case .limit(.frame, let error)? = outcome else {
            Issue.record("no limit: \(String(describing: outcome))")
            return
        }
        #expect(error.description.contains("1 KiB"))
        #expect(outcome?.kind == .frameLimit && outcome?.kind.isLimit == true)
    }

    @Test("protocol error, when the peer ends within a message", arguments: TestModels.all)
    func protocolError(model: ConcurrencyModel) async throws {
        let outcome = try await outcome(model, framing: .selfCounting64) { connection in
            for try await _ in connection.frames {}
        } client: { server in
            let stream = try server.connect()
            try stream.write([0, 0, 0, 0, 0, 0, 0, 12, 1])
            try stream.finish()
        }
        #expect(outcome?.kind == .protocolError)
    }

    @Test("each deadline and each limit has an outcome of its own, and says of it what it is")
    func kinds() {
        #expect(Set(ConnectionDeadline.allCases.map(\.outcome)).count == ConnectionDeadline.allCases.count)
        #expect(Outcome.Kind.allCases.count(where: \.isDeadline) == ConnectionDeadline.allCases.count)
        #expect(Outcome.Kind.allCases.count(where: \.isLimit) == Outcome.Limit.allCases.count)
        #expect(Outcome.Limit.allCases.allSatisfy { $0.outcome.rawValue == $0.rawValue })
        let stall = SocketError.deadline(
            .send, address: "a", nothingHappened: "room", within: .seconds(1), of: .writeStall)
        #expect(
            Outcome.deadline(.writeStall, stall).description
                == "the write stall deadline passed: cannot send to a: no room within 1 s")
    }

    @Test("each refusal is a sentence")
    func refusals() {
        let sentences: [(Refusal, String)] = [
            (.maximum(3), "there are 3 connections, the maximum"),
            (.address(limit: 2), "there are 2 connections from its address, the limit"),
            (.rate(perSecond: 9), "connections come faster than 9 a second, the limit"),
            (.denied(network: "10.0.0.0/8"), "connections from 10.0.0.0/8 are denied"),
            (.denied(network: nil), "its address is not among those that are allowed"),
            (.waited(.milliseconds(1500)), "there was no place for it within 1.5 s"),
            (.addressesFull, "there are too many other addresses to count its own"),
            (.descriptors(.tooManyOpenFiles), "no descriptor is left: \(Errno.tooManyOpenFiles)"),
            (.thread(.wouldBlock), "no thread could be started: \(Errno.wouldBlock)"),
            (.ending, "the service ends"),
        ]
        #expect(Set(sentences.map(\.0.kind)) == Set(Refusal.Kind.allCases))
        for (refusal, sentence) in sentences { #expect(refusal.description == sentence) }
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
