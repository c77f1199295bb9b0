import Berth
import BerthSystem
import TestSupport
import Testing

@Suite("A handler that blocks its event loop", .timeLimit(.minutes(5)))
struct BlockingTests {
    /// An event of a handler that blocks.
    private struct Notice: Equatable {
        let id: UInt64?
        let peer: SocketAddress?
        let time: Duration
        let isOver: Bool
    }

    /// The notices so far, waiting until there are `count`.
    private static func notices(_ log: EventLog, _ count: Int = 0) -> [Notice] {
        func all() -> [Notice] {
            log.all.compactMap { event in
                switch event {
                case .handlerBlocks(let id, let peer, let time):
                    Notice(id: id?.number, peer: peer, time: time, isOver: false)
                case .handlerBlocked(let id, let peer, let time):
                    Notice(id: id?.number, peer: peer, time: time, isOver: true)
                default: nil
                }
            }
        }
        _ = log.waitFor { _ in all().count >= count }
        return all()
    }

    private static func limits(_ time: Duration?) -> ServerLimits { ServerLimits(handlerBlocking: time) }

    /// When the handler blocks.
    enum Moment: CaseIterable {
        case atItsBeginning, afterReading, afterATimer, afterAnActor, inAChild
    }

    @Test("is reported with its connection, and again when that is over", arguments: Moment.allCases, [1, 2])
    func reported(moment: Moment, loops: Int) async throws {
        actor Room { func enter() {} }
        let room = Room()
        let log = EventLog()
        let own = Monitor<SocketAddress?>(nil)
        try await withServer(
            on: loopback, model: .eventLoops(loops: loops),
            configuration: .test(limits: Self.limits(.milliseconds(20)), log)
        ) { connection in
            // The first one only takes a number.
            if connection.id.number == 1 { return }
            let block: @Sendable () -> Void = { _ = Self.notices(log, 1) }
            switch moment {
            case .atItsBeginning: break
            case .afterReading: _ = try await connection.readLine()
            case .afterATimer: try await Task.sleep(for: .milliseconds(1))
            case .afterAnActor: await room.enter()
            case .inAChild:
                async let child: Void = block()
                return await child
            }
            block()
        } operation: { server in
            try await onOwnThread {
                _ = try server.connect().readToEnd()
                let stream = try server.connect()
                let address = try stream.local
                own.change { $0 = address }
                try stream.write("go\n")
                try stream.flush()
                _ = try stream.readToEnd()
                _ = Self.notices(log, 2)
            }
        }
        let notices = Self.notices(log)
        #expect(notices.map(\.isOver) == [false, true])
        let isKnown = moment != .inAChild
        for notice in notices {
            #expect(notice.id == (isKnown ? 2 : nil))
            #expect(notice.peer == (isKnown ? own.withLock { $0 } : nil))
            #expect(notice.time >= .milliseconds(20))
        }
    }

    @Test("is reported in the synchronous form, too")
    func synchronousForm() async throws {
        let log = EventLog()
        try await withServer(
            on: loopback, framing: .selfCounting64, model: .eventLoops(loops: 1),
            configuration: .test(limits: Self.limits(.milliseconds(20)), log)
        ) { frame, reply in
            _ = Self.notices(log, 1)
            try reply.writeFrame(frame)
        } operation: { server in
            try await onOwnThread {
                let stream = try server.connect(framing: .selfCounting64)
                try stream.writeFrame("go")
                let answer = try stream.readFrame()?.text()
                #expect(answer == "go")
                _ = Self.notices(log, 2)
            }
        }
        #expect(Self.notices(log).map(\.id) == [1, 1])
    }

    @Test("is reported again whenever the time has doubled, and once at its end")
    func doubling() async throws {
        let log = EventLog()
        try await withServer(
            on: loopback, model: .eventLoops(loops: 1),
            configuration: .test(limits: Self.limits(.milliseconds(10)), log)
        ) { _ in
            _ = Self.notices(log, 4)
        } operation: { server in
            try await onOwnThread {
                _ = try server.connect().readToEnd()
                _ = Self.notices(log, 5)
            }
        }
        let notices = Self.notices(log)
        #expect(notices.last?.isOver == true)
        #expect(notices.filter(\.isOver).count == 1)
        for (earlier, later) in zip(notices, notices.dropFirst()) {
            #expect(later.time >= (later.isOver ? earlier.time : earlier.time * 2))
        }
    }

    @Test("is not one that waits, however long; nor is a loop that has nothing to do", arguments: [true, false])
    func waiting(hasConnections: Bool) async throws {
        let log = EventLog()
        let blocking = EventLog()
        let isOver = Monitor(false)
        try await withServer(
            on: loopback, model: .eventLoops(loops: 2), configuration: .test(limits: Self.limits(.seconds(1)), log)
        ) { connection in
            if connection.id.number == 1 { return _ = try await connection.read() }
            while !isOver.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
        } operation: { server in
            // The clock is another service, whose handler does block, for longer.
            try await withServer(
                on: loopback, model: .eventLoops(loops: 1),
                configuration: .test(limits: Self.limits(.milliseconds(1300)), blocking)
            ) { _ in
                _ = Self.notices(blocking, 1)
            } operation: { clock in
                try await onOwnThread {
                    let clients = hasConnections ? try (0..<4).map { _ in try server.connect() } : []
                    _ = try clock.connect().readToEnd()
                    isOver.change { $0 = true }
                    for client in clients { try client.finish() }
                }
            }
        }
        #expect(Self.notices(log) == [])
        #expect(Self.notices(blocking).first?.isOver == false)
    }

    @Test("is not looked for when nobody wants to know")
    func off() async throws {
        let log = EventLog()
        let blocking = EventLog()
        try await withServer(
            on: loopback, model: .eventLoops(loops: 1), configuration: .test(limits: Self.limits(nil), log)
        ) { _ in
            _ = Self.notices(blocking, 3)
        } operation: { server in
            try await withServer(
                on: loopback, model: .eventLoops(loops: 1),
                configuration: .test(limits: Self.limits(.milliseconds(20)), blocking)
            ) { _ in
                _ = Self.notices(blocking, 3)
            } operation: { clock in
                try await onOwnThread {
                    let streams = [try server.connect(), try clock.connect()]
                    for stream in streams { _ = try stream.readToEnd() }
                }
            }
        }
        #expect(Self.notices(log) == [])
    }

    @Test("is nobody's trouble under engines whose handlers may block", arguments: TestModels.blocking)
    func blockingEngines(model: ConcurrencyModel) async throws {
        let log = EventLog()
        let blocking = EventLog()
        try await withServer(
            on: loopback, model: model, configuration: .test(limits: Self.limits(.milliseconds(5)), log)
        ) { _ in
            _ = Self.notices(blocking, 1)
        } operation: { server in
            try await withServer(
                on: loopback, model: .eventLoops(loops: 1),
                configuration: .test(limits: Self.limits(.milliseconds(20)), blocking)
            ) { _ in
                _ = Self.notices(blocking, 1)
            } operation: { clock in
                try await onOwnThread {
                    let streams = [try server.connect(), try clock.connect()]
                    for stream in streams { _ = try stream.readToEnd() }
                }
            }
        }
        #expect(Self.notices(log) == [])
    }
}
