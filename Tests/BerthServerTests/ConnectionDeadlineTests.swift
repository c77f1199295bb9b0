import Berth
import BerthSystem
import TestSupport
import Testing

@Suite("What a connection has time for")
struct ConnectionDeadlineTests {
    /// Serves one connection and returns how it ended.
    private func outcome(
        _ model: ConcurrencyModel, framing: Framing = .lines, _ limits: ServerLimits,
        handle: @escaping @Sendable (Connection) async throws -> Void,
        client: @escaping @Sendable (SocketStream) throws -> Void
    ) async throws -> Outcome? {
        let log = EventLog()
        return try await withServer(
            on: loopback, model: model, configuration: .test(framing: framing, limits: limits, log), handle: handle
        ) { server in
            try await onOwnThread {
                let stream = try server.connect()
                try client(stream)
                return withExtendedLifetime(stream) { log.outcomes().first }
            }
        }
    }

    private static let none = ServerLimits(idle: .seconds(600), firstByte: nil, frame: nil)

    /// Sends a byte each 20 ms until the peer ends the connection.
    private static func dribble(_ stream: SocketStream, _ byte: UInt8 = 65) {
        let deadline = Deadline.after(.seconds(240))
        while !deadline.hasPassed {
            guard (try? stream.write([byte])) != nil, (try? stream.flush()) != nil, let fd = try? stream.fileDescriptor
            else { return }
            if (try? Kernel.wait(for: .readable, on: fd, until: .after(.milliseconds(20))))?.isEmpty == false { return }
        }
    }

    private static func read(_ connection: Connection) async throws { while try await connection.readLine() != nil {} }

    private static func answer(_ connection: Connection) async throws {
        while try await connection.answerFrame({ frame, reply in try reply.writeFrame(frame) }) {}
    }

    @Test("the first byte", arguments: TestModels.all)
    func firstByte(model: ConcurrencyModel) async throws {
        var limits = Self.none
        limits.firstByte = .milliseconds(60)
        let outcome = try await outcome(model, limits) {
            try await Self.read($0)
        } client: { stream in
            let rest = try stream.readToEnd()
            #expect(rest.isEmpty)
        }
        #expect(outcome?.kind == .firstByteDeadline)
    }

    @Test("a whole message, which a byte now and then does not extend", arguments: TestModels.all)
    func frame(model: ConcurrencyModel) async throws {
        var limits = Self.none
        limits.frame = .milliseconds(150)
        limits.idle = .seconds(100)
        let begin = MonotonicTime.now
        for handle: @Sendable (Connection) async throws -> Void in [Self.read, Self.answer] {
            let outcome = try await outcome(model, limits, handle: handle) { Self.dribble($0) }
            #expect(outcome?.kind == .frameDeadline)
        }
        let duration = MonotonicTime.now.duration(since: begin)
        #expect(duration >= .milliseconds(300))
    }

    @Test("and in the synchronous form", arguments: TestModels.all)
    func frameOfAnswerer(model: ConcurrencyModel) async throws {
        var limits = Self.none
        limits.frame = .milliseconds(150)
        let log = EventLog()
        try await withServer(
            on: loopback, framing: .selfCounting64, model: model, configuration: .test(limits: limits, log)
        ) { frame, reply in
            try reply.writeFrame(frame)
        } operation: { server in
            try await onOwnThread {
                let slow = try server.connect(framing: .selfCounting64)
                let honest = try server.connect(framing: .selfCounting64)
                try slow.write([0, 0, 0, 0, 0, 0, 0, 100, 1])
                try slow.flush()
                Self.dribble(slow)
                #expect(log.outcomes().map(\.kind) == [.frameDeadline])
                try honest.writeFrame("here")
                #expect(try honest.readFrame()?.body == Array("here".utf8))
            }
        }
    }

    @Test("honest peers that answer in time are not cut, however long they stay", arguments: TestModels.all)
    func honest(model: ConcurrencyModel) async throws {
        var limits = Self.none
        limits.frame = .seconds(1)
        limits.firstByte = .seconds(60)
        let outcome = try await outcome(model, limits) { connection in
            while let line = try await connection.readLine() { try await connection.write(line + "\n") }
        } client: { stream in
            // Each line comes in two parts, and with it the first half of the next.
            try stream.write("he")
            for _ in 0..<120 {
                try stream.flush()
                var nothing: [PollEntry] = []
                _ = try Kernel.poll(&nothing, until: .after(.milliseconds(15)))
                try stream.write("llo\nhe")
                let line = try stream.readLine()
                #expect(line == "hello")
            }
            try stream.write("llo\n")
            try stream.finish()
        }
        #expect(outcome?.kind == .peerFinished)
    }

    @Test("its age, also of one that is busy", arguments: TestModels.all)
    func age(model: ConcurrencyModel) async throws {
        var limits = Self.none
        limits.age = .milliseconds(200)
        let outcome = try await outcome(model, limits) { connection in
            while let line = try await connection.readLine() { try await connection.write(line + "\n") }
        } client: { stream in
            let end = Deadline.after(.seconds(240))
            while !end.hasPassed {
                guard (try? stream.write("hello\n")) != nil, (try? stream.readLine()) == "hello" else { return }
            }
        }
        #expect(outcome?.kind == .ageDeadline)
    }

    @Test("what its handler has set itself, and not more", arguments: TestModels.all)
    func handler(model: ConcurrencyModel) async throws {
        let outcome = try await outcome(model, Self.none) { connection in
            let first = try await connection.withDeadline(.seconds(240)) { try await connection.readLine() }
            #expect(first == "in time")
            _ = try await connection.withDeadline(.milliseconds(50)) {
                // The inner one cannot be longer.
                try await connection.withDeadline(.seconds(240)) { try await connection.readLine() }
            }
        } client: { stream in
            try stream.write("in time\n")
            try stream.flush()
            let rest = try stream.readToEnd()
            #expect(rest.isEmpty)
        }
        #expect(outcome?.kind == .handlerDeadline)
        guard case .deadline(_, let error)? = outcome else { return }
        #expect(error.description.hasSuffix(": the time that its handler has set has passed"))
    }

    @Test(
        "more than the synchronous form may leave unread ends the connection, and only that one",
        arguments: TestModels.loops)
    func unreadOutput(model: ConcurrencyModel) async throws {
        var limits = Self.none
        limits.unreadOutput = .mebibytes(1)
        let log = EventLog()
        try await withServer(
            on: loopback, framing: .selfCounting64, model: model, configuration: .test(limits: limits, log)
        ) { frame, reply in
            let block = [UInt8](repeating: 1, count: 1 << 18)
            for _ in 0..<(frame.body.byteCount == 1 ? 1 : 1024) { try reply.writeFrame(block.span.bytes) }
        } operation: { server in
            try await onOwnThread {
                let greedy = try server.connect(framing: .selfCounting64)
                try greedy.writeFrame("more")
                try greedy.flush()
                #expect(log.outcomes().map(\.kind) == [.unreadOutputLimit])
                let other = try server.connect(framing: .selfCounting64)
                try other.writeFrame("1")
                #expect(try other.readFrame()?.body.count == 1 << 18)
                greedy.close()
            }
        }
    }
}
