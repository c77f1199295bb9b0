import Berth
import BerthEngine
import BerthSystem
import TestSupport
import Testing

@Suite("A client", .timeLimit(.minutes(5)))
struct ClientTests {
    @Test("asks and gets its answers, one by one", arguments: ClientPlace.all, TestModels.all)
    func asks(place: ClientPlace, model: ConcurrencyModel) async throws {
        try await withServer(
            on: loopback, model: model, configuration: .test(framing: .selfCounting64), handle: echo
        ) { server in
            let address = server.address
            let answers = try await place.run {
                let client = try await Connection.connect(to: address, framing: .selfCounting64)
                var answers: [String] = []
                for number in 0..<50 {
                    try await client.writeFrame("question \(number)")
                    answers.append(try await client.readFrame()?.text() ?? "the end")
                }
                let report = try await client.finish()
                answers.append("clean: \(report.isClean)")
                return answers
            }
            #expect(answers == (0..<50).map { "question \($0)" } + ["clean: true"])
        }
    }

    @Test("of a test talks to the synchronous form of a service", arguments: TestModels.all)
    func synchronousForm(model: ConcurrencyModel) async throws {
        try await withServer(on: loopback, framing: .selfCounting64, model: model, configuration: .test()) {
            frame, reply in
            try reply.writeFrame(frame)
        } operation: { server in
            let client = try await Connection.connect(to: server.address, framing: .selfCounting64)
            try await client.writeFrame("hello")
            #expect(try await client.readFrame()?.text() == "hello")
        }
    }

    @Test("may ask a thousand times before it reads", arguments: ClientPlace.all, TestModels.all)
    func pipelines(place: ClientPlace, model: ConcurrencyModel) async throws {
        try await withServer(
            on: loopback, model: model, configuration: .test(framing: .selfCounting64), handle: echo
        ) { server in
            let address = server.address
            let answers = try await place.run {
                let client = try await Connection.connect(to: address, framing: .selfCounting64)
                for number in 0..<1000 { try await client.writeFrame("\(number)") }
                try await client.finishSending()
                var answers: [String] = []
                for try await frame in client.frames { answers.append(try frame.text()) }
                return answers
            }
            #expect(answers == (0..<1000).map { "\($0)" })
        }
    }

    @Test("sends and gets 16 MiB, more than the kernel holds", arguments: ClientPlace.all)
    func large(place: ClientPlace) async throws {
        try await withServer(
            on: loopback, model: .eventLoops(loops: 1), configuration: .test(framing: largeFrames), handle: echo
        ) { server in
            let address = server.address
            let isSame = try await place.run {
                var body = (0..<1021).map { UInt8(truncatingIfNeeded: $0) }
                while body.count < 16 << 20 { body += body }
                let client = try await Connection.connect(to: address, framing: largeFrames)
                try await client.writeFrame(body)
                return try await client.readFrame()?.body == body
            }
            #expect(isSame)
        }
    }

    @Test("that has sent everything says so, and reads on", arguments: ClientPlace.all, TestModels.all)
    func halfClose(place: ClientPlace, model: ConcurrencyModel) async throws {
        try await withServer(on: loopback, model: model, configuration: .test()) { connection in
            let all = try await connection.readToEnd()
            try await connection.write("got \(all.count) bytes")
        } operation: { server in
            let address = server.address
            let answer = try await place.run {
                let client = try await Connection.connect(to: address)
                try await client.write([UInt8](repeating: 7, count: 100_000))
                try await client.finishSending()
                return String(decoding: try await client.readToEnd(), as: UTF8.self)
            }
            #expect(answer == "got 100000 bytes")
        }
    }

    @Test("that nobody refers to any more is closed", arguments: ClientPlace.all)
    func dropped(place: ClientPlace) async throws {
        let log = EventLog()
        try await withServer(on: loopback, configuration: .test(log)) { connection in
            _ = try await connection.readToEnd()
        } operation: { server in
            let address = server.address
            try await place.run { _ = try await Connection.connect(to: address) }
            let outcomes = try await onOwnThread { log.outcomes().map(\.kind) }
            #expect(outcomes == [.peerFinished])
        }
    }

    @Test("waits no longer than its idle limit, loses nothing by that, and may go on", arguments: ClientPlace.all)
    func idleLimit(place: ClientPlace) async throws {
        let release = Monitor(false)
        try await withServer(on: loopback, configuration: .test()) { connection in
            try await connection.write("early")
            try await connection.flush()
            while !release.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
            try await connection.write(" and late")
        } operation: { server in
            let address = server.address
            let (failure, all) = try await place.run {
                let client = try await Connection.connect(to: address)
                try client.setIdleLimit(.milliseconds(20))
                var failure = ""
                do throws(StreamError) { _ = try await client.readExactly(14) } catch { failure = error.description }
                release.change { $0 = true }
                try client.setIdleLimit(.seconds(60))
                return (failure, String(decoding: try await client.readExactly(14), as: UTF8.self))
            }
            #expect(failure == "cannot receive from \(address): no byte from the peer within 20 ms")
            #expect(all == "early and late")
        }
    }

    @Test("waits for room no longer than its stall limit", arguments: ClientPlace.all)
    func stallLimit(place: ClientPlace) async throws {
        let release = Monitor(false)
        try await withServer(on: loopback, configuration: .test()) { connection in
            while !release.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
        } operation: { server in
            let address = server.address
            defer { release.change { $0 = true } }
            let failure = try await place.run {
                let client = try await Connection.connect(to: address)
                client.stallLimit = .milliseconds(50)
                do throws(StreamError) { try await client.write([UInt8](repeating: 0, count: 64 << 20)) } catch {
                    if case .socket(let error) = error, error.isDeadline { return error.detail ?? "" }
                }
                return "no deadline"
            }
            #expect(failure == "no room to send (the peer does not read) within 50 ms")
        }
    }

    @Test("has limits from the start", arguments: ClientPlace.all)
    func limits(place: ClientPlace) async throws {
        try await withServer(on: loopback, configuration: .test()) { _ in
        } operation: { server in
            let address = server.address
            let limits = try await place.run {
                let client = try await Connection.connect(to: address)
                return [client.idleLimit, client.stallLimit]
            }
            #expect(limits == [.seconds(60), .seconds(30)])
        }
    }

    @Test("serves whoever belongs to an actor, on whatever thread that runs", arguments: TestModels.all)
    func actors(model: ConcurrencyModel) async throws {
        actor Asker {
            var count = 0
            func count(_ more: Int) { count += more }
            func ask(_ address: SocketAddress) async throws {
                let client = try await Connection.connect(to: address, framing: .selfCounting64)
                for number in 0..<100 {
                    try await client.writeFrame("\(number)")
                    let answer = try await client.readFrame()?.text()
                    if answer == "\(number)" { count += 1 }
                }
                try await client.finish()
            }
        }
        let asker = Asker()
        try await withServer(
            on: loopback, model: model, configuration: .test(framing: .selfCounting64), handle: echo
        ) { server in
            let address = server.address
            try await withServer(on: loopback, model: model, configuration: .test()) { connection in
                try await asker.ask(address)
                try await connection.write("done")
            } operation: { front in
                // Others want the actor as well, so that it is seldom free when a wait is over.
                let isDone = Monitor(false)
                defer { isDone.change { $0 = true } }
                try Thread.start(name: "noise") {
                    ThreadExecutor().runTask(started: { _ in }, beforeWaiting: {}) {
                        while !isDone.withLock({ $0 }) { await asker.count(0) }
                    }
                }
                try await onOwnThread {
                    let streams = try (0..<4).map { _ in try front.connect() }
                    for stream in streams { _ = try stream.readToEnd() }
                }
            }
        }
        #expect(await asker.count == 400)
    }

    @Test("of a handler on an event loop may outlive its handler and its service", arguments: [1, 2])
    func outlives(loops: Int) async throws {
        /// Unchecked: handed on once.
        final class Box: @unchecked Sendable {
            let client: Connection
            init(_ client: Connection) { self.client = client }
        }
        let handedOn = Monitor<Box?>(nil)
        try await withServer(on: loopback, configuration: .test(framing: .selfCounting64), handle: echo) { server in
            let address = server.address
            try await withServer(on: loopback, model: .eventLoops(loops: loops), configuration: .test()) { _ in
                let box = Box(try await Connection.connect(to: address, framing: .selfCounting64))
                handedOn.change { $0 = box }
            } operation: { front in
                try await onOwnThread { _ = try front.connect().readToEnd() }
            }
            let box = try #require(handedOn.change { $0.take() })
            try await box.client.writeFrame("still here")
            #expect(try await box.client.readFrame()?.text() == "still here")
            try await box.client.finish()
            await #expect(throws: StreamError.self) { try await box.client.writeFrame("gone") }
        }
    }
}
