import BerthFraming
import BerthSockets
import BerthSystem
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import BerthEngine

@Suite("An event loop")
struct EventLoopTests {
    /// Carries a connection to wherever a test uses it.
    ///
    /// Unchecked: one task at a time uses it.
    private final class Box: @unchecked Sendable {
        let connection: Connection
        init(_ connection: Connection) { self.connection = connection }
    }

    /// A connection of a loop, made on its thread, and a stream at its other end.
    private static func pair(_ loop: EventLoop, framing: Framing = .lines, watched: Bool = true) throws -> (
        Box, SocketStream
    ) {
        let listener = try TCPListener.listen(on: "127.0.0.1:0")
        let client = try TCPSocket.connect(to: Endpoint(listener.address), within: .seconds(10))
        let accepted = try listener.accept()
        let peer = accepted.peer
        let number = accepted.detach().release()
        let made = Monitor<Box?>(nil)
        loop.call {
            let socket = TCPSocket(descriptor: Descriptor(owning: number), peer: peer)
            let connection = Connection(
                id: ConnectionID(number: 1), socket: socket, framing: SharedFraming(framing), loop: loop)
            if watched { try? connection.watch() }
            let box = Box(connection)
            made.change { $0 = box }
        }
        let box = made.wait { $0 }
        let stream = SocketStream(client, framing: framing)
        stream.readDeadline = .after(.seconds(240))
        return (try #require(box), stream)
    }

    private static func withLoop<R>(_ body: (EventLoop) async throws -> R) async throws -> R {
        let loop = try EventLoop()
        try loop.start(name: "test-loop")
        let result: Result<R, any Error>
        do { result = .success(try await body(loop)) } catch { result = .failure(error) }
        try await onOwnThread { loop.stop() }
        return try result.get()
    }

    @Test("ends when it is told to, also together with a job, and does what was called before")
    func stops() async throws {
        for _ in 0..<200 {
            let called = Atomic<Int>(0)
            let loop = try EventLoop()
            try loop.start(name: "test-loop")
            let task = Task(executorPreference: loop) { _ = called.add(1, ordering: .relaxed) }
            loop.call { called.add(1, ordering: .relaxed) }
            try await onOwnThread { loop.stop() }
            await task.value
            #expect(called.load(ordering: .relaxed) == 2)
        }
    }

    @Test("does by the caller's hand what is called once it has ended")
    func lateCalls() async throws {
        let called = Monitor(false)
        try await Self.withLoop { loop in
            try await onOwnThread { loop.stop() }
            loop.call { called.change { $0 = true } }
            let isCalled = called.withLock { $0 }
            #expect(isCalled)
        }
    }

    @Test(
        "closes a connection that is let go by another thread, before the loop has ended and after",
        arguments: [false, true])
    func letGo(isLate: Bool) async throws {
        try await onOwnThread {
            let loop = try EventLoop()
            try loop.start(name: "test-loop")
            var held: (box: Box, stream: SocketStream)? = try Self.pair(loop)
            let stream = try #require(held?.stream)
            try stream.write("unread")
            try stream.flush()
            if isLate { loop.stop() }
            held = nil
            // A connection that goes with something unread is reset by the kernel.
            #expect(throws: StreamError.self) { if try stream.read().isEmpty { throw StreamError.ended } }
            if !isLate { loop.stop() }
        }
    }

    @Test("ends the wait of a task that is cancelled, however it waits, and whenever that comes")
    func cancellation() async throws {
        try await Self.withLoop { loop in
            for round in 0..<60 {
                let (box, stream) = try await onOwnThread { try Self.transfer(Self.pair(loop)) }
                let token = try #require(box.connection.runner)
                if round % 3 == 0 { loop.cancel(token) }
                let task = Task(executorPreference: loop) {
                    box.connection.heedCancellation()
                    if round % 3 == 2 { withUnsafeCurrentTask { unsafe $0?.cancel() } }
                    do throws(StreamError) {
                        if round % 2 == 0 {
                            _ = try await box.connection.readLine()
                        } else {
                            while true { try await box.connection.write([UInt8](repeating: 1, count: 1 << 20)) }
                        }
                        return false
                    } catch {
                        if case .cancelled = error { return true }
                        return false
                    }
                }
                if round % 3 == 1 {
                    // Until it surely waits: what it has written, or nothing, and then nothing happens.
                    for _ in 0..<round { await Task.yield() }
                }
                if round % 3 != 2 { loop.cancel(token) }
                let wasCancelled = await task.value
                #expect(wasCancelled)
                stream.stream.close()
            }
        }
    }

    /// Unchecked: as ``Box``.
    private final class Client: @unchecked Sendable {
        let stream: SocketStream
        init(_ stream: SocketStream) { self.stream = stream }
    }

    private static func transfer(_ pair: (Box, SocketStream)) -> (Box, Client) { (pair.0, Client(pair.1)) }

    /// An actor with a thread of its own.
    private actor Elsewhere {
        private final class Executor: SerialExecutor {
            private let jobs = Monitor<[UnownedJob]>([])
            private let isOver = Monitor(false)

            func enqueue(_ job: consuming ExecutorJob) {
                let job = UnownedJob(job)
                jobs.change { $0.append(job) }
            }

            func stop() { jobs.change { _ in isOver.change { $0 = true } } }

            func run() {
                while let job = jobs.wait({ jobs -> UnownedJob?? in
                    if !jobs.isEmpty { return jobs.removeFirst() }
                    return isOver.withLock { $0 } ? .some(nil) : nil
                }) ?? nil {
                    unsafe job.runSynchronously(on: asUnownedSerialExecutor())
                }
            }
        }

        private let executor = Executor()
        nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

        init() throws { try Thread.start(name: "elsewhere") { [executor] in executor.run() } }

        nonisolated func stop() { executor.stop() }

        func echo(_ box: Box) async throws { try await EventLoopTests.echo(box.connection) }
    }

    /// Answers lines, in all ways to read and write, until the peer has finished.
    private static func echo(_ connection: Connection) async throws {
        var count = 0
        while true {
            count += 1
            switch count % 3 {
            case 0:
                guard let line = try await connection.readLine() else { return }
                try await connection.write(line + "\n")
            case 1:
                guard let frame = try await connection.readFrame() else { return }
                try await connection.writeFrame(frame)
            default:
                let isThere = try await connection.answerFrame { frame, reply in try reply.writeFrame(frame) }
                if !isThere { return }
                try await connection.flush()
            }
        }
    }

    /// Sends lines of all sizes at once, and says which answer is wrong.
    private static func talk(_ stream: SocketStream) throws -> String? {
        let lines = (0..<300).map { String(repeating: "x", count: $0 % 7 == 0 ? 20_000 : $0) }
        let number = try stream.fileDescriptor
        try Thread.start(name: "send") {
            for line in lines { Array((line + "\n").utf8).withUnsafeBytes { try? unsafe Kernel.writeAll(number, $0) } }
            try? Kernel.shutdown(number, .writing)
        }
        for (index, line) in lines.enumerated() where try stream.readLine() != line { return "line \(index)" }
        return nil
    }

    @Test("serves connections that are used elsewhere: by an actor with a thread of its own, by a task of the pool")
    func elsewhere() async throws {
        try await Self.withLoop { loop in
            for round in 0..<6 {
                let (box, client) = try await onOwnThread { try Self.transfer(Self.pair(loop)) }
                async let problem = onOwnThread { try Self.talk(client.stream) }
                if round % 2 == 0 {
                    let actor = try Elsewhere()
                    defer { actor.stop() }
                    try await actor.echo(box)
                } else {
                    try await Task.detached { try await Self.echo(box.connection) }.value
                }
                let found = try await problem
                #expect(found == nil)
                box.connection.close()
            }
        }
    }

    /// Answers the frames of a connection without a task, and says how that ended.
    private static func answer(
        on loop: EventLoop, stallLimit: Duration? = nil, _ answer: @escaping FrameAnswerer.Answer,
        client: @escaping @Sendable (SocketStream, _ hasEnded: () -> Bool) throws -> Void
    ) async throws -> Result<Void, any Error>? {
        let (box, other) = try await onOwnThread {
            try Self.transfer(Self.pair(loop, framing: .selfCounting64, watched: false))
        }
        let ended = Monitor<Result<Void, any Error>?>(nil)
        loop.call {
            box.connection.stallLimit = stallLimit
            let answerer = FrameAnswerer(box.connection, answer: answer) { _, error in
                let result: Result<Void, any Error> = error.map { .failure($0) } ?? .success(())
                ended.change { $0 = result }
            }
            try? answerer.start()
        }
        return try await onOwnThread {
            try client(other.stream) { ended.withLock { $0 } != nil }
            let result = ended.wait(until: .after(.seconds(240))) { $0 }
            box.connection.close()
            return result
        }
    }

    @Test("answers frames without a task, to the end of the stream")
    func answers() async throws {
        try await Self.withLoop { loop in
            let result = try await Self.answer(on: loop) { frame, reply in
                try reply.writeFrame(frame)
            } client: { stream, _ in
                let large = [UInt8](repeating: 3, count: 200_000)
                for round in 0..<20 {
                    for _ in 0..<round { try stream.writeFrame("frame \(round)") }
                    try stream.writeFrame(large)
                    for _ in 0..<round {
                        let text = try stream.readFrame()?.text()
                        #expect(text == "frame \(round)")
                    }
                    let body = try stream.readFrame()?.body
                    #expect(body == large)
                }
                try stream.finishSending()
            }
            guard case .success? = result else {
                Issue.record("it came to \(String(describing: result))")
                return
            }
        }
    }

    @Test("ends answering when the peer takes nothing for too long, though it goes on sending", .timeLimit(.minutes(2)))
    func stalledAnswers() async throws {
        let reply = [UInt8](repeating: 1, count: 24 << 20)
        try await Self.withLoop { loop in
            let result = try await Self.answer(on: loop, stallLimit: .milliseconds(150)) { _, writer in
                try writer.write(reply.span.bytes)
            } client: { stream, hasEnded in
                let patience = Deadline.after(.seconds(240))
                while !hasEnded() {
                    try #require(!patience.hasPassed, "it does not end while the peer sends")
                    try stream.writeFrame("more")
                    try stream.flush()
                    var nothing: [PollEntry] = []
                    _ = try Kernel.poll(&nothing, until: .after(.milliseconds(10)))
                }
            }
            guard case .failure(let error as StreamError)? = result, case .socket(let socketError) = error else {
                Issue.record("it came to \(String(describing: result))")
                return
            }
            #expect(socketError.isDeadline)
        }
    }

    @Test("is not waited for by a connection that was ended before it")
    func endedBefore() async throws {
        let box = try await Self.withLoop { loop in
            let (box, client) = try await onOwnThread { try Self.transfer(Self.pair(loop)) }
            box.connection.close()
            client.stream.close()
            return box
        }
        await #expect(throws: StreamError.self) { _ = try await box.connection.read() }
        await #expect(throws: StreamError.self) { _ = try await box.connection.readFrame() }
        await #expect(throws: StreamError.self) { try await box.connection.write("more") }
        try await box.connection.flush()
        box.connection.close()
        box.connection.abort()
    }
}
