import Berth
import BerthSystem
import BerthTesting
import Synchronization
import TestSupport
import Testing

@testable import BerthServer

@Suite("A handler on an event loop")
struct LoopTests {
    /// What a handler may wait for besides its connection.
    enum Wait: String, CaseIterable {
        case actor, sleep, child, group, continuation, otherTask

        /// Waits, in this way, until `isOver`.
        func wait(for gate: Gate, _ number: Int) async throws {
            switch self {
            case .actor: await gate.pass(number)
            case .sleep: while !gate.isOpen(number) { try await Task.sleep(for: .milliseconds(1)) }
            case .child:
                async let passed: Void = gate.pass(number)
                async let also: Void = gate.pass(number)
                _ = await (passed, also)
            case .group:
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<3 { group.addTask { await gate.pass(number) } }
                }
            case .continuation:
                await withCheckedContinuation { continuation in
                    // A test process that has no thread left fails at much else.
                    try? Thread.start(name: "resume") {
                        gate.waitUntilOpen(number)
                        continuation.resume()
                    }
                }
            case .otherTask: await Task { await gate.pass(number) }.value
            }
        }
    }

    /// Gates that a client opens one after the other.
    actor Gate {
        private let opened = Monitor(0)

        nonisolated func open(_ number: Int) { opened.change { $0 = max($0, number) } }
        nonisolated func isOpen(_ number: Int) -> Bool { opened.withLock { $0 >= number } }
        nonisolated func waitUntilOpen(_ number: Int) { _ = opened.wait { $0 >= number ? true : nil } }

        func pass(_ number: Int) async {
            while !isOpen(number) { try? await Task.sleep(for: .milliseconds(1)) }
        }
    }

    @Test(
        "has sent what it wrote before it waits for anything, and comes back to its thread", arguments: TestModels.loops
    )
    func waits(model: ConcurrencyModel) async throws {
        let gate = Gate()
        let astray = Monitor<[Wait]>([])
        try await withServer(on: loopback, model: model, configuration: .test()) { connection in
            let home = Kernel.threadID
            for (index, wait) in Wait.allCases.enumerated() {
                try await connection.write("before \(wait.rawValue)\n")
                try await wait.wait(for: gate, index + 1)
                if Kernel.threadID != home { astray.change { $0.append(wait) } }
            }
            try await connection.write("done\n")
        } operation: { server in
            try await onOwnThread {
                let stream = try server.connect()
                for (index, wait) in Wait.allCases.enumerated() {
                    let line = try stream.readLine()
                    #expect(line == "before \(wait.rawValue)")
                    gate.open(index + 1)
                }
                let last = try stream.readLine()
                #expect(last == "done")
            }
        }
        #expect(astray.withLock { $0 } == [])
    }

    @Test("keeps what it has not read while it waits, and others use its loop", arguments: TestModels.loops)
    func leftovers(model: ConcurrencyModel) async throws {
        let gate = Gate()
        gate.open(1)
        try await withServer(on: loopback, model: model, configuration: .test(framing: .selfCounting64)) { connection in
            var random = SeededGenerator(seed: connection.id.number)
            while true {
                if random.isOne(in: 2) {
                    try await Wait.allCases[Int.random(in: 0..<6, using: &random)].wait(for: gate, 1)
                }
                switch Int.random(in: 0..<3, using: &random) {
                case 0:
                    guard let frame = try await connection.readFrame() else { return }
                    try await connection.writeFrame(frame)
                case 1:
                    let body = try await connection.withFrame { $0.body.withUnsafeBytes { unsafe [UInt8]($0) } }
                    guard let body else { return }
                    await Task.yield()
                    try await connection.writeFrame(body)
                default:
                    let isThere = try await connection.answerFrame { frame, reply in try reply.writeFrame(frame) }
                    if !isThere { return }
                }
            }
        } operation: { server in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for seed in 0..<8 as Range<UInt64> {
                    group.addTask {
                        try await onOwnThread {
                            let problem = try Self.converse(server, seed: seed)
                            #expect(problem == nil)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    /// Sends frames of all sizes in pieces that are none, and says what is wrong with the answers.
    private static func converse(_ server: RunningServer, seed: UInt64) throws -> String? {
        var random = SeededGenerator(seed: seed)
        let stream = try server.connect(framing: .selfCounting64)
        stream.readDeadline = .after(.seconds(240))
        for round in 0..<6 {
            var bodies: [[UInt8]] = []
            var bytes: [UInt8] = []
            for _ in 0..<20 {
                let most = random.isOne(in: 10) ? 150_000 : 300
                let size = Int.random(in: 0...most, using: &random)
                let body = [UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: size)
                bytes += withUnsafeBytes(of: UInt64(body.count + 8).bigEndian) { unsafe Array($0) } + body
                bodies.append(body)
            }
            // A small reader and a small writer would block each other.
            let all = bytes
            let number = try stream.fileDescriptor
            let sending = Monitor(false)
            try Thread.start(name: "send") { [all] in
                var cut = SeededGenerator(seed: seed &+ 77)
                var rest = all[...]
                while !rest.isEmpty {
                    let piece = Array(rest.prefix(Int.random(in: 1...40_000, using: &cut)))
                    rest = rest.dropFirst(piece.count)
                    piece.withUnsafeBytes { try? unsafe Kernel.writeAll(number, $0) }
                }
                sending.change { $0 = true }
            }
            for (index, body) in bodies.enumerated() {
                guard let frame = try stream.readFrame() else { return "seed \(seed), round \(round): ended" }
                if frame.body != body { return "seed \(seed), round \(round): frame \(index) is not what was sent" }
            }
            _ = sending.wait { $0 ? true : nil }
        }
        try stream.finish()
        return nil
    }

    @Test(
        "takes the rest of a request from a client that has shut its writing side, and gives it the whole reply",
        arguments: TestModels.all)
    func halfClose(model: ConcurrencyModel) async throws {
        let reply = [UInt8](repeating: 0x2A, count: 6 << 20)
        try await withServer(on: loopback, model: model, configuration: .test()) { connection in
            let request = try await connection.readToEnd()
            #expect(request.count == 100_000)
            try await connection.write(reply)
        } operation: { server in
            try await onOwnThread {
                let stream = try server.connect()
                try stream.write([UInt8](repeating: 1, count: 100_000))
                try stream.finishSending()
                let found = try stream.readToEnd(limit: .mebibytes(8))
                #expect(found == reply)
            }
        }
    }

    @Test("is ended by its idle limit, never early and not much late", arguments: TestModels.loops)
    func idle(model: ConcurrencyModel) async throws {
        let limits = ServerLimits(idle: .milliseconds(60))
        let log = EventLog()
        let waited = Monitor<[Duration]>([])
        try await withServer(on: loopback, model: model, configuration: .test(limits: limits, log)) { connection in
            // The first wait arms the timer, the later ones find it armed for an earlier moment.
            while true {
                let begin = MonotonicTime.now
                do { if try await connection.read().isEmpty { return } } catch {
                    waited.change { $0.append(MonotonicTime.now.duration(since: begin)) }
                    throw error
                }
            }
        } operation: { server in
            try await onOwnThread {
                let streams = try (0..<20).map { _ in try server.connect() }
                for round in 0..<4 {
                    for stream in streams.prefix(4 * round) {
                        try stream.write("more")
                        try stream.flush()
                    }
                    var nothing: [PollEntry] = []
                    _ = try Kernel.poll(&nothing, until: .after(.milliseconds(7)))
                }
                let outcomes = withExtendedLifetime(streams) { log.outcomes(20) }
                #expect(outcomes.allSatisfy { $0.kind == .idleDeadline })
            }
        }
        let all = waited.withLock { $0 }
        #expect(all.count == 20)
        #expect(all.allSatisfy { $0 >= .milliseconds(60) }, "\(all)")
        // One of them at least met no busy processor.
        #expect(all.contains { $0 < .seconds(1) }, "\(all)")
    }

    @Test(
        "is told when its own task is cancelled, and what it has written arrives all the same",
        arguments: TestModels.loops)
    func cancelled(model: ConcurrencyModel) async throws {
        let log = EventLog()
        let reply = [UInt8](repeating: 0x2A, count: 3 << 20)
        let error = Monitor<(any Error)?>(nil)
        try await withServer(on: loopback, model: model, configuration: .test(log)) { connection in
            _ = try await connection.readLine()
            withUnsafeCurrentTask { unsafe $0?.cancel() }
            do throws(StreamError) { try await connection.write(reply) } catch {
                // A peer that has not read yet is not waited for.
                guard case .cancelled = error else { throw error }
            }
            do throws(StreamError) { _ = try await connection.readLine() } catch let found {
                error.change { $0 = found }
                throw found
            }
        } operation: { server in
            try await onOwnThread {
                let stream = try server.connect()
                try stream.write("go\n")
                let found = try stream.readExactly(reply.count)
                #expect(found == reply)
                let end = try stream.read()
                #expect(end == [])
                try stream.finish()
                #expect(log.outcomes().map(\.kind) == [.cancelled])
            }
        }
        guard case .cancelled? = error.withLock({ $0 }) as? StreamError else {
            Issue.record("the read came to \(String(describing: error.withLock { $0 }))")
            return
        }
    }

    @Test("that has ended its connection may flush, and gets an error for more", arguments: TestModels.all)
    func useAfterEnd(model: ConcurrencyModel) async throws {
        let errors = Atomic<Int>(0)
        let log = EventLog()
        try await withServer(on: loopback, model: model, configuration: .test(framing: .lines, log)) { connection in
            _ = try await connection.readFrame()
            connection.close()
            try await connection.flush()
            do throws(StreamError) { try await connection.write("more") } catch { errors.add(1, ordering: .relaxed) }
            do throws(StreamError) { try await connection.writeFrame("more") } catch {
                errors.add(1, ordering: .relaxed)
            }
            do throws(StreamError) { _ = try await connection.read() } catch { errors.add(1, ordering: .relaxed) }
            do throws(StreamError) { _ = try await connection.detach() } catch { errors.add(1, ordering: .relaxed) }
            connection.close()
            connection.abort()
            try await connection.flush()
        } operation: { server in
            try await onOwnThread {
                for count in 1...10 {
                    let stream = try server.connect()
                    try stream.write("go\n")
                    _ = try? stream.readToEnd()
                    #expect(log.outcomes(count).count == count)
                }
            }
        }
        #expect(errors.load(ordering: .relaxed) == 40)
    }
}
