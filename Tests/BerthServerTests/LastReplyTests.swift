import Berth
import BerthSystem
import TestSupport
import Testing

// A thousand rounds of each, and the layouts with processes: `Benchmarks/closing/run reply`.
@Suite("The last reply")
struct LastReplyTests {
    private static let rounds = 12

    /// What a client gets that begins to read when it is told of an RST, or after a while.
    private static func visit(_ server: RunningServer, patience: Duration) throws -> (count: Int, failure: (any Error)?)
    {
        let socket = try TCPSocket.connect(to: Endpoint(server.address), within: .seconds(60))
        let descriptor = socket.fileDescriptor
        let stream = SocketStream(socket)
        stream.readDeadline = .after(.seconds(240))
        #expect(try stream.readExactly(1) == Array(".".utf8))
        try stream.write([UInt8](repeating: 0x55, count: LastReply.unread))
        try stream.flush()
        // Nothing but an RST is told of before the reply is read.
        _ = try Kernel.wait(for: .peerFinished, on: descriptor, until: .after(patience))
        var received: [UInt8] = []
        do {
            while case let bytes = try stream.read(), !bytes.isEmpty { received += bytes }
        } catch {
            #expect(LastReply.reply.starts(with: received))
            return (received.count, error)
        }
        #expect(received == LastReply.reply)
        return (received.count, nil)
    }

    @Test(
        "arrives whole, and a clean end behind it, while the client's bytes are unread, however the handler ends",
        arguments: TestModels.all, [LastReply.Way.returns, .throwing, .cancelled])
    func arrives(model: ConcurrencyModel, way: LastReply.Way) async throws {
        let log = EventLog()
        var limits = ServerLimits.default
        // A client under load may take its time.
        limits.linger.time = .seconds(240)
        let configuration = ServerConfiguration.test(limits: limits, log)
        try await withServer(on: loopback, model: model, configuration: configuration, handler: { LastReply(way) }) {
            server in
            try await onOwnThread {
                for _ in 0..<Self.rounds {
                    let result = try Self.visit(server, patience: .milliseconds(20))
                    #expect(result.count == LastReply.reply.count && result.failure == nil)
                }
            }
        }
        let ends = log.ends(Self.rounds)
        let kinds: [LastReply.Way: Outcome.Kind] = [
            .returns: .finished, .throwing: .handlerFailed, .cancelled: .cancelled,
        ]
        for end in ends {
            #expect(end.outcome.kind == kinds[way])
            #expect(end.close?.ending == .peerFinished)
            #expect(
                end.bytes
                    == ByteAccount(
                        received: LastReply.unread, sent: LastReply.reply.count + 1, discarded: LastReply.unread))
            #expect(end.duration > .zero)
        }
    }

    @Test("is lost by a plain close", arguments: TestModels.all)
    func isLost(model: ConcurrencyModel) async throws {
        let log = EventLog()
        try await withServer(on: loopback, model: model, configuration: .test(log), handler: { LastReply(.closes) }) {
            server in
            try await onOwnThread {
                for _ in 0..<Self.rounds {
                    let result = try Self.visit(server, patience: .seconds(240))
                    #expect(result.count < LastReply.reply.count && result.failure != nil)
                }
            }
        }
        for end in log.ends(Self.rounds) {
            #expect(end.outcome.kind == .finished && end.close == nil)
            #expect(end.bytes?.sent == LastReply.reply.count + 1 && end.bytes?.discarded == 0)
            #expect((end.bytes?.unacknowledged ?? 0) > 0)
        }
    }

    @Test("is waited for beyond the usual half second of an ending service while the client takes it slowly")
    func slowClientOfAnEndingService() async throws {
        let log = EventLog()
        let reader = Monitor<SocketStreamBox?>(nil)
        var limits = ServerLimits.default
        limits.linger.time = .seconds(60)
        try await withServer(on: loopback, model: .eventLoops(loops: 1), configuration: .test(limits: limits, log)) {
            connection in
            for try await _ in connection.lines {}
            // Told that the service ends.
            try await connection.write(LastReply.reply)
        } operation: { server in
            try await onOwnThread {
                let box = SocketStreamBox(try server.connect())
                reader.change { $0 = box }
                #expect(log.waitFor { if case .accepted = $0 { true } else { false } })
            }
            try Thread.start(name: "slow reader") {
                guard let stream = reader.withLock({ $0 })?.stream else { return }
                _ = log.waitFor { if case .draining = $0 { true } else { false } }
                // Longer than what a peer has that has acknowledged everything.
                var nothing: [PollEntry] = []
                _ = try? Kernel.poll(&nothing, until: .after(.milliseconds(800)))
                let all = try? stream.readToEnd()
                stream.close()
                reader.change { $0 = all == LastReply.reply ? nil : $0 }
            }
        }
        #expect(log.ends().map(\.close?.ending) == [.peerFinished])
        let isWhole = try await onOwnThread {
            reader.wait(until: .after(.seconds(240))) { $0 == nil ? true : nil }
        }
        #expect(isWhole == true)
    }
}
