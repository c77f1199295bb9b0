import Berth
import BerthSystem
import TestSupport
import Testing

@Suite("Who is let in")
struct AdmissionTests {
    /// A service that greets, and keeps connections until their peer ends.
    private func serve(
        _ model: ConcurrencyModel, _ limits: ServerLimits, _ log: EventLog = EventLog(),
        _ body: @escaping @Sendable (RunningServer) throws -> Void
    ) async throws {
        var limits = limits
        limits.idle = .seconds(600)
        try await withServer(on: loopback, model: model, configuration: .test(limits: limits, log)) { connection in
            try await connection.write("in\n")
            while try await connection.readLine() != nil {}
        } operation: { server in
            try await onOwnThread { try body(server) }
        }
    }

    private static func reasons(_ log: EventLog, _ count: Int) -> [Refusal] {
        log.all(atLeast: count) { if case .refused(_, let reason) = $0 { reason } else { nil } }
    }

    /// Whether the service lets one more in, which need not be told before the connect is over.
    private static func isLetIn(_ server: RunningServer) -> Bool {
        guard let stream = try? server.connect() else { return false }
        return isGreeted(stream)
    }

    private static func isGreeted(_ stream: SocketStream) -> Bool {
        stream.readDeadline = .after(.seconds(240))
        return (try? stream.readLine()) == "in"
    }

    @Test("of one address only so many at a time, and more when some have gone", arguments: TestModels.all)
    func perAddress(model: ConcurrencyModel) async throws {
        let log = EventLog()
        var limits = ServerLimits.default
        limits.perAddress = .atMost(2)
        try await serve(model, limits, log) { server in
            let first = try server.connect()
            let second = try server.connect()
            #expect(Self.isGreeted(first) && Self.isGreeted(second))
            #expect(!Self.isLetIn(server))
            #expect(Self.reasons(log, 1) == [.address(limit: 2)])
            try first.finish()
            _ = log.outcomes()
            #expect(Self.isLetIn(server))
            #expect(server.statistics.refusals == [.address: 1])
        }
    }

    @Test("of this machine any number by default")
    func loopbackIsFree() async throws {
        var limits = ServerLimits.default
        limits.maximumConnections = 4
        try await serve(.threads, limits) { server in
            let streams = try (0..<4).map { _ in try server.connect() }
            for stream in streams { #expect(Self.isGreeted(stream)) }
        }
    }

    @Test("who is denied is reset, and those who are not are served", arguments: TestModels.all)
    func denied(model: ConcurrencyModel) async throws {
        let log = EventLog()
        var limits = ServerLimits.default
        limits.access = AccessList(deny: [try #require(Network("127.0.0.0/8"))])
        try await serve(model, limits, log) { server in
            #expect(!Self.isLetIn(server))
            #expect(Self.reasons(log, 1) == [.denied(network: "127.0.0.0/8")])
            // While it runs.
            server.limits.access = AccessList(allow: [try #require(Network("127.0.0.1"))])
            #expect(Self.isLetIn(server))
            server.limits.access = AccessList(allow: [try #require(Network("10.0.0.0/8"))])
            #expect(!Self.isLetIn(server))
            #expect(Self.reasons(log, 2).last == .denied(network: nil))
            #expect(server.statistics.refusals == [.denied: 2])
        }
    }

    @Test("above the rate they are refused, when that is asked for", arguments: TestModels.all)
    func rateRefuses(model: ConcurrencyModel) async throws {
        let log = EventLog()
        var limits = ServerLimits.default
        limits.overload = .refuse
        limits.acceptRate = .init(perSecond: 1, burst: 3)
        try await serve(model, limits, log) { server in
            let streams = (0..<20).map { _ in try? server.connect() }
            let greeted = streams.count { $0.map { Self.isGreeted($0) } ?? false }
            let reasons = Self.reasons(log, 20 - greeted)
            #expect((3...19).contains(greeted) && reasons.allSatisfy { $0 == .rate(perSecond: 1) })
            #expect(server.statistics.accepted + server.statistics.refused == 20)
        }
    }

    @Test("or wait until there are tokens", arguments: TestModels.all)
    func rateWaits(model: ConcurrencyModel) async throws {
        var limits = ServerLimits.default
        limits.acceptRate = .init(perSecond: 50, burst: 2)
        try await serve(model, limits) { server in
            let begin = MonotonicTime.now
            let streams = try (0..<12).map { _ in try server.connect() }
            for stream in streams { #expect(Self.isGreeted(stream)) }
            #expect(MonotonicTime.now.duration(since: begin) >= .milliseconds(195))
            #expect(server.statistics.refused == 0)
        }
    }

    @Test("above the maximum they get the farewell of the service, whole, and a clean end", arguments: TestModels.all)
    func farewell(model: ConcurrencyModel) async throws {
        let log = EventLog()
        var limits = ServerLimits.default
        limits.maximumConnections = 1
        limits.overload = .farewell(Array("come back later\n".utf8))
        try await serve(model, limits, log) { server in
            let first = try server.connect()
            #expect(Self.isGreeted(first))
            for _ in 0..<3 {
                let other = try server.connect()
                // Unread by the server, which a close at once would answer with a reset.
                try other.write("hello?\n")
                try other.flush()
                #expect(try other.readToEnd() == Array("come back later\n".utf8))
            }
            #expect(Self.reasons(log, 3) == [.maximum(1), .maximum(1), .maximum(1)])
        }
    }

    @Test("or are kept until there is room, in their order", arguments: TestModels.all)
    func queue(model: ConcurrencyModel) async throws {
        let log = EventLog()
        var limits = ServerLimits.default
        limits.maximumConnections = 1
        limits.overload = .queue(for: .seconds(240), atMost: 2)
        try await serve(model, limits, log) { server in
            let first = try server.connect()
            #expect(Self.isGreeted(first))
            let second = try server.connect()
            let third = try server.connect()
            // The two that wait are all that may.
            #expect(!Self.isLetIn(server))
            #expect(Self.reasons(log, 1) == [.maximum(1)])
            try first.finish()
            #expect(Self.isGreeted(second))
            try second.finish()
            #expect(Self.isGreeted(third))
            #expect(server.statistics.accepted == 3)
        }
    }

    @Test("but no longer than they may", arguments: TestModels.all)
    func queueDeadline(model: ConcurrencyModel) async throws {
        let log = EventLog()
        var limits = ServerLimits.default
        limits.maximumConnections = 1
        limits.overload = .queue(for: .milliseconds(100), atMost: 8)
        try await serve(model, limits, log) { server in
            let first = try server.connect()
            #expect(Self.isGreeted(first))
            #expect(!Self.isLetIn(server))
            #expect(Self.reasons(log, 1) == [.waited(.milliseconds(100))])
            #expect(server.statistics.refusals == [.waited: 1])
        }
    }

    @Test(
        "those who are kept when the service ends are served or refused, and none is forgotten",
        arguments: TestModels.all)
    func queueAtTheEnd(model: ConcurrencyModel) async throws {
        let log = EventLog()
        var limits = ServerLimits.default
        limits.maximumConnections = 1
        limits.overload = .queue(for: .seconds(240), atMost: 8)
        limits.drain = .milliseconds(200)
        let streams = Monitor<[SocketStreamBox]>([])
        try await serve(model, limits, log) { server in
            let first = try server.connect()
            #expect(Self.isGreeted(first))
            for _ in 0..<3 {
                let waits = SocketStreamBox(try server.connect())
                streams.change { $0.append(waits) }
            }
            streams.change { $0.append(SocketStreamBox(first)) }
        }
        let refused = log.all.count { if case .refused(_, .ending) = $0 { true } else { false } }
        let served = log.all.count { if case .accepted = $0 { true } else { false } }
        let last = log.all.contains { if case .stopped = $0 { true } else { false } }
        // What the kernel had not given to the service by then it has reset.
        #expect(last && served >= 1 && served + refused <= 4)
        #expect(log.all.count { if case .ended = $0 { true } else { false } } == served)
    }

    @Test("what becomes of those beyond the maximum can be changed while the service runs", arguments: TestModels.all)
    func changingOverload(model: ConcurrencyModel) async throws {
        let log = EventLog()
        var limits = ServerLimits.default
        limits.maximumConnections = 1
        try await serve(model, limits, log) { server in
            let first = try server.connect()
            #expect(Self.isGreeted(first))
            // The others wait in the kernel.
            let second = try server.connect()
            second.readDeadline = .after(.milliseconds(100))
            #expect(throws: StreamError.self) { _ = try second.readLine() }
            server.limits.overload = .refuse
            #expect(server.limits.overload == .refuse)
            #expect(!Self.isGreeted(second) && !Self.isLetIn(server))
            server.limits.overload = .farewell(Array("later\n".utf8))
            #expect(try server.connect().readToEnd() == Array("later\n".utf8))
            server.limits.overload = .queue(for: .seconds(240), atMost: 1)
            let third = try server.connect()
            // It is the one that waits.
            #expect(!Self.isLetIn(server))
            server.limits.overload = .wait
            let fourth = try server.connect()
            try first.finish()
            #expect(Self.isGreeted(third))
            try third.finish()
            #expect(Self.isGreeted(fourth))
            #expect(server.statistics.refusals == [.maximum: 4])
        }
    }

    @Test("the largest message can be changed for those who come from then on", arguments: TestModels.all)
    func changingLargestFrame(model: ConcurrencyModel) async throws {
        let log = EventLog()
        try await withServer(on: loopback, model: model, configuration: .test(framing: .selfCounting64, log)) {
            connection in
            while let frame = try await connection.readFrame() { try await connection.writeFrame(frame) }
        } operation: { server in
            try await onOwnThread {
                func echo(_ stream: SocketStream, _ text: String) throws -> String? {
                    stream.readDeadline = .after(.seconds(240))
                    try stream.writeFrame(text)
                    return try stream.readFrame()?.text()
                }
                let first = try server.connect(framing: .selfCounting64)
                #expect(try echo(first, "long enough") == "long enough")
                server.limits.largestFrame = ByteCount(5)
                #expect(server.limits.largestFrame == ByteCount(5))
                let second = try server.connect(framing: .selfCounting64)
                #expect(try echo(second, "short") == "short")
                #expect(try echo(second, "longer") == nil)
                #expect(log.outcomes().map(\.kind) == [.frameLimit])
                #expect(try echo(first, "long enough") == "long enough")
                server.limits.largestFrame = nil
                #expect(try echo(server.connect(framing: .selfCounting64), "long enough") == "long enough")
            }
        }
    }

    @Test("a maximum that is raised lets those in who wait in the kernel", arguments: TestModels.all)
    func raising(model: ConcurrencyModel) async throws {
        var limits = ServerLimits.default
        limits.maximumConnections = 3
        try await serve(model, limits) { server in
            server.limits.maximumConnections = 1
            let first = try server.connect()
            #expect(Self.isGreeted(first))
            let second = try server.connect()
            second.readDeadline = .after(.milliseconds(100))
            #expect(throws: StreamError.self) { _ = try second.readLine() }
            server.limits.maximumConnections = 2
            #expect(Self.isGreeted(second))
        }
    }

    @Test("the maximum can be changed while the service runs", arguments: TestModels.all)
    func changing(model: ConcurrencyModel) async throws {
        let log = EventLog()
        var limits = ServerLimits.default
        limits.maximumConnections = 3
        limits.overload = .refuse
        try await serve(model, limits, log) { server in
            server.limits.maximumConnections = 1
            let first = try server.connect()
            #expect(Self.isGreeted(first))
            #expect(!Self.isLetIn(server))
            server.limits.maximumConnections = 2
            #expect(Self.isLetIn(server))
            #expect(server.limits.maximumConnections == 2)
            #expect(Self.reasons(log, 1).first == .maximum(1))
        }
    }
}
