import Berth
import BerthSystem
import Synchronization
import TestSupport
import Testing

@Suite("A handler")
struct HandlerTests {
    private struct Diary: ConnectionHandler {
        struct Refused: Error {}
        let steps: Monitor<[String]>
        var failSetup = false
        var failHandle = false
        var count = 0

        mutating func setup(_ connection: Connection) async throws {
            count += 1
            steps.change { $0.append("setup") }
            if failSetup { throw Refused() }
        }
        mutating func handle(_ connection: Connection) async throws {
            count += 1
            steps.change { $0.append("handle") }
            if failHandle { throw Refused() }
            while try await connection.readLine() != nil {}
        }
        mutating func finish(_ connection: Connection, _ outcome: Outcome) async {
            let count = count
            steps.change { $0.append("finish after \(count): \(outcome.kind.rawValue)") }
        }
    }

    private func diary(_ model: ConcurrencyModel, failSetup: Bool = false, failHandle: Bool = false) async throws
        -> [String]
    {
        let steps = Monitor<[String]>([])
        let log = EventLog()
        try await withServer(
            on: loopback, model: model, configuration: .test(log),
            handler: { Diary(steps: steps, failSetup: failSetup, failHandle: failHandle) }
        ) { server in
            try await onOwnThread {
                let stream = try server.connect()
                try stream.finish()
                _ = log.outcomes()
            }
        }
        return steps.withLock { $0 }
    }

    @Test("runs setup, handle and finish in this order, on one value", arguments: TestModels.all)
    func order(model: ConcurrencyModel) async throws {
        #expect(try await diary(model) == ["setup", "handle", "finish after 2: peer finished"])
    }

    @Test("finishes also when setup throws, and does not handle then", arguments: TestModels.all)
    func setupThrows(model: ConcurrencyModel) async throws {
        #expect(try await diary(model, failSetup: true) == ["setup", "finish after 1: handler failed"])
    }

    @Test("finishes also when handle throws", arguments: TestModels.all)
    func handleThrows(model: ConcurrencyModel) async throws {
        #expect(try await diary(model, failHandle: true) == ["setup", "handle", "finish after 2: handler failed"])
    }

    @Test("is a new value for each connection, with its own number", arguments: TestModels.all)
    func newForEach(model: ConcurrencyModel) async throws {
        let made = Atomic<Int>(0)
        let counter = Monitor<[ConnectionID]>([])
        try await withServer(on: loopback, model: model, configuration: .test()) {
            made.add(1, ordering: .relaxed)
            return ClosureHandler { connection in counter.change { $0.append(connection.id) } }
        } operation: { server in
            try await onOwnThread {
                for _ in 0..<3 { _ = try server.connect().readToEnd() }
            }
        }
        #expect(made.load(ordering: .relaxed) == 3)
        #expect(counter.withLock { $0 }.map(\.number).sorted() == [1, 2, 3])
    }

    @Test(
        "runs on its own thread from beginning to end, also after awaiting an actor, a timer and child tasks",
        arguments: TestModels.all)
    func ownThread(model: ConcurrencyModel) async throws {
        actor Room { func enter() -> Int32 { Kernel.threadID } }
        let room = Room()
        let threads = Monitor<[Int32]>([])
        try await withServer(on: loopback, model: model, configuration: .test()) { connection in
            var seen = [Kernel.threadID]
            seen.append(await room.enter())
            seen.append(Kernel.threadID)
            try await Task.sleep(for: .milliseconds(1))
            seen.append(Kernel.threadID)
            async let child = Kernel.threadID
            seen.append(await child)
            _ = try await connection.readLine()
            seen.append(Kernel.threadID)
            let all = seen
            threads.change { $0 += all }
        } operation: { server in
            try await onOwnThread {
                let stream = try server.connect()
                try stream.write("go\n")
                _ = try stream.readToEnd()
            }
        }
        let seen = threads.withLock { $0 }
        #expect(seen.count == 6)
        #expect(Set(seen).count == 1)
    }

    @Test("reaches the peer's and the local address", arguments: TestModels.all)
    func addresses(model: ConcurrencyModel) async throws {
        let answer = try await withServer(on: loopback, model: model, configuration: .test()) { connection in
            try await connection.write("\(connection.peer) \(connection.local)")
        } operation: { server in
            try await onOwnThread {
                let stream = try server.connect()
                let own = try stream.local
                let text = String(decoding: try stream.readToEnd(), as: UTF8.self)
                return text == "\(own) \(server.address)"
            }
        }
        #expect(answer)
    }

    @Test("need not flush before it waits for something that is not its connection", arguments: TestModels.all)
    func flushedBeforeWaiting(model: ConcurrencyModel) async throws {
        let release = Monitor(false)
        let early = try await withServer(on: loopback, model: model, configuration: .test()) { connection in
            try await connection.write("before")
            while !release.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
        } operation: { server in
            try await onOwnThread {
                defer { release.change { $0 = true } }
                return try server.connect().readExactly(6)
            }
        }
        #expect(early == Array("before".utf8))
    }

    @Test("reads lines, then raw bytes, then frames from one buffer and loses nothing", arguments: TestModels.all)
    func mixedReads(model: ConcurrencyModel) async throws {
        let seen = Monitor<[String]>([])
        try await withServer(on: loopback, model: model, configuration: .test()) { connection in
            var found = [try await connection.readLine() ?? ""]
            found.append(String(decoding: try await connection.readExactly(4), as: UTF8.self))
            connection.useFraming(.selfCounting64)
            found.append(try await connection.readFrame()?.text() ?? "")
            connection.useFraming(.lines)
            for try await line in connection.lines { found.append(line) }
            let all = found
            seen.change { $0 = all }
        } operation: { server in
            try await onOwnThread {
                let stream = try server.connect(framing: .selfCounting64)
                try stream.write("first\nrest")
                try stream.writeFrame("frame")
                try stream.write("a\r\nb\n")
                try stream.finish()
            }
        }
        #expect(seen.withLock { $0 } == ["first", "rest", "frame", "a", "b"])
    }
}
