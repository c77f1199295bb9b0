import Berth
import BerthSystem
import Synchronization
import TestSupport
import Testing

@testable import BerthServer

/// What one connection can do to the others of its loop.
@Suite("The connections of one event loop")
struct LoopLoadTests {
    private static let model = ConcurrencyModel.eventLoops(loops: 1)

    /// Asks until `isOver`, at least `least` times, and returns how often.
    private static func ask(_ stream: SocketStream, least: Int, _ isOver: () -> Bool) throws -> Int {
        stream.readDeadline = .after(.seconds(240))
        var count = 0
        while count < least || !isOver() {
            try stream.writeFrame("ask \(count)")
            let answer = try stream.readFrame()?.text()
            #expect(answer == "ask \(count)")
            count += 1
        }
        return count
    }

    private static func echo(_ connection: Connection) async throws {
        while try await connection.answerFrame({ frame, reply in try reply.writeFrame(frame) }) {}
    }

    @Test("are served, and the loop sleeps, while the peer of another does not read; the stall limit ends that")
    func stalledPeer() async throws {
        let log = EventLog()
        let limits = ServerLimits(writeStall: .milliseconds(400))
        let written = Atomic<Int>(0)
        let used = Monitor<[Int64]>([])
        try await withServer(
            on: loopback, model: Self.model, configuration: .test(framing: .selfCounting64, limits: limits, log)
        ) { connection in
            guard let first = try await connection.readFrame()?.text(), first == "flood" else {
                return try await Self.echo(connection)
            }
            let block = [UInt8](repeating: 1, count: 1 << 20)
            for _ in 0..<64 {
                // The time of the loop's thread: how much of it goes by while this handler waits.
                let before = Kernel.threadProcessorTime
                defer { used.change { $0.append(Kernel.threadProcessorTime - before) } }
                try await connection.write(block)
                written.add(1, ordering: .relaxed)
            }
        } operation: { server in
            try await onOwnThread {
                let stalled = try server.connect(framing: .selfCounting64)
                try stalled.writeFrame("flood")
                try stalled.flush()
                let other = try server.connect(framing: .selfCounting64)
                try other.writeFrame("no flood")
                var served = 0
                // Slowly, so that the processor time of the loop is its own and not that of the questions.
                while log.all.allSatisfy({ if case .ended = $0 { false } else { true } }) {
                    served += try Self.ask(other, least: 1) { true }
                    var nothing: [PollEntry] = []
                    _ = try Kernel.poll(&nothing, until: .after(.milliseconds(5)))
                }
                #expect(served > 0)
                #expect(log.outcomes().map(\.kind) == [.writeStallDeadline])
                stalled.close()
                try other.finish()
            }
        }
        // What is written waits in the kernel or is the block that the handler waits with: it does not pile up.
        #expect(written.load(ordering: .relaxed) < 48)
        #expect((used.withLock { $0 }.last ?? .max) < 300_000_000, "the loop was busy while it waited")
    }

    @Test("are served while another one's peer sends without end", .timeLimit(.minutes(2)))
    func endlessSender() async throws {
        try await withServer(on: loopback, model: Self.model, configuration: .test(framing: .selfCounting64)) {
            connection in
            guard let first = try await connection.readFrame()?.text(), first == "flood" else {
                return try await Self.echo(connection)
            }
            while try await connection.withFrame({ _ in true }) == true {}
        } operation: { server in
            try await beside(server) { stream in
                let frames = [UInt8](repeating: 0, count: 64 << 10)
                try stream.writeFrame(frames)
            }
        }
    }

    @Test("are served while another one's handler writes without end and its peer keeps up", .timeLimit(.minutes(2)))
    func endlessWriter() async throws {
        let isOver = Monitor(false)
        try await withServer(on: loopback, model: Self.model, configuration: .test(framing: .selfCounting64)) {
            connection in
            guard let first = try await connection.readFrame()?.text(), first == "flood" else {
                return try await Self.echo(connection)
            }
            let block = [UInt8](repeating: 1, count: 32 << 10)
            while !isOver.withLock({ $0 }) { try await connection.write(block) }
        } operation: { server in
            try await beside(server) { stream in
                if try stream.read(upTo: 1 << 20).isEmpty { throw StreamError.ended }
            }
            isOver.change { $0 = true }
        }
    }

    /// Has a client do `flood` again and again while another one asks 200 times.
    private func beside(_ server: RunningServer, _ flood: @escaping @Sendable (SocketStream) throws -> Void)
        async throws
    {
        let isOver = Monitor(false)
        let floods = Atomic<Int>(0)
        try Thread.start(name: "flood") {
            guard let stream = try? server.connect(framing: .selfCounting64) else { return }
            try? stream.writeFrame("flood")
            try? stream.flush()
            while !isOver.withLock({ $0 }), (try? flood(stream)) != nil { floods.add(1, ordering: .relaxed) }
            stream.abort()
        }
        try await onOwnThread {
            defer { isOver.change { $0 = true } }
            let patience = Deadline.after(.seconds(240))
            let stream = try server.connect(framing: .selfCounting64)
            try stream.writeFrame("no flood")
            let count = try Self.ask(stream, least: 200) { floods.load(ordering: .relaxed) > 50 || patience.hasPassed }
            #expect(count >= 200)
            try stream.finish()
        }
    }
}

@Suite("Event loops that accept")
struct LoopAcceptTests {
    @Test("let everyone in sooner or later, and refuse nobody, however few may be in at a time")
    func fewAtATime() async throws {
        var limits = ServerLimits.default
        limits.maximumConnections = 2
        let most = Atomic<Int>(0)
        let now = Atomic<Int>(0)
        try await withServer(
            on: loopback, model: .eventLoops(loops: 4), configuration: .test(limits: limits)
        ) { connection in
            let count = now.add(1, ordering: .relaxed).newValue
            if count > most.load(ordering: .relaxed) { most.store(count, ordering: .relaxed) }
            try await connection.write("in")
            try await connection.flush()
            now.subtract(1, ordering: .relaxed)
            connection.close()
        } operation: { server in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<6 {
                    group.addTask {
                        try await onOwnThread {
                            for _ in 0..<100 {
                                let stream = try server.connect()
                                stream.readDeadline = .after(.seconds(240))
                                let word = try stream.readToEnd()
                                #expect(word == Array("in".utf8))
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(server.statistics.refused == 0)
            #expect(server.statistics.accepted == 600)
        }
        #expect(most.load(ordering: .relaxed) <= 2)
    }

    @Test("are gone with their server, and with them what they had")
    func gone() async throws {
        weak var core: ServiceCore?
        try await withServer(on: loopback, model: .eventLoops(loops: 2), configuration: .test()) { connection in
            _ = try await connection.readToEnd()
        } operation: { server in
            core = (server.service as? LoopService)?.core
            #expect(core != nil)
            _ = try await onOwnThread { try server.connect().finish() }
        }
        // The threads of the loops have ended, and let go of it a moment later.
        let patience = Deadline.after(.seconds(240))
        while core != nil, !patience.hasPassed { try await Task.sleep(for: .milliseconds(1)) }
        #expect(core == nil)
    }
}
