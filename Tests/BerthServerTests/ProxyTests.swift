import Berth
import BerthSystem
import TestSupport
import Testing

@Suite("A handler that is a client as well", .timeLimit(.minutes(5)))
struct ProxyTests {
    @Test("forwards frames both ways", arguments: TestModels.all, TestModels.all)
    func proxy(front: ConcurrencyModel, back: ConcurrencyModel) async throws {
        let framed = ServerConfiguration.test(framing: largeFrames)
        try await withServer(on: loopback, model: back, configuration: framed, handle: echo) { server in
            let address = server.address
            try await withServer(on: loopback, model: front, configuration: framed) { connection in
                let upstream = try await Connection.connect(to: address, framing: largeFrames)
                for try await frame in connection.frames {
                    try await upstream.writeFrame(frame)
                    guard let answer = try await upstream.readFrame() else { break }
                    try await connection.writeFrame(answer)
                }
                try await upstream.finish()
            } operation: { proxy in
                try await onOwnThread {
                    let streams = try (0..<3).map { _ in try proxy.connect(framing: largeFrames) }
                    for size in [0, 1, 100, 100_000, 3 << 20] {
                        let body = [UInt8](repeating: UInt8(truncatingIfNeeded: size), count: size)
                        for stream in streams {
                            try stream.writeFrame(body)
                            try stream.flush()
                        }
                        for stream in streams {
                            let answer = try stream.readFrame()?.body
                            #expect(answer == body)
                        }
                    }
                    // Many at once: each answer finds its way.
                    for stream in streams { for number in 0..<500 { try stream.writeFrame("\(number)") } }
                    for stream in streams {
                        try stream.finishSending()
                        for number in 0..<500 {
                            let answer = try stream.readFrame()?.text()
                            #expect(answer == "\(number)")
                        }
                        let end = try stream.readFrame()
                        #expect(end == nil)
                    }
                }
            }
        }
    }

    @Test("need not flush what it forwards before it waits for the next", arguments: TestModels.all)
    func oneWay(model: ConcurrencyModel) async throws {
        let seen = Monitor<[String]>([])
        let framed = ServerConfiguration.test(framing: .lines)
        try await withServer(on: loopback, configuration: framed) { connection in
            for try await line in connection.lines { seen.change { $0.append(line) } }
        } operation: { collector in
            let address = collector.address
            try await withServer(on: loopback, model: model, configuration: framed) { connection in
                let upstream = try await Connection.connect(to: address)
                for try await line in connection.lines { try await upstream.write(line + "\n") }
            } operation: { server in
                let arrived = try await onOwnThread {
                    let stream = try server.connect()
                    for number in 1...20 {
                        try stream.write("\(number)\n")
                        try stream.flush()
                        let count = seen.wait(until: .after(.seconds(240))) { $0.count == number ? number : nil }
                        if count == nil { return false }
                    }
                    return true
                }
                #expect(arrived)
            }
        }
    }

    @Test("uses two clients at once", arguments: TestModels.all)
    func twoClients(model: ConcurrencyModel) async throws {
        let framed = ServerConfiguration.test(framing: .selfCounting64)
        let doubling: @Sendable (Connection) async throws -> Void = { connection in
            while let frame = try await connection.readFrame() {
                try await connection.writeFrame(frame.body + frame.body)
            }
        }
        try await withServer(on: loopback, model: model, configuration: framed, handle: echo) { first in
            try await withServer(on: loopback, model: model, configuration: framed, handle: doubling) { second in
                let (one, two) = (first.address, second.address)
                let answers = try await ClientPlace(model: model).run {
                    try await withConnection(to: one, framing: .selfCounting64) { plain in
                        try await withConnection(to: two, framing: .selfCounting64) { doubled in
                            var answers: [String] = []
                            for number in 0..<20 {
                                try await plain.writeFrame("\(number)")
                                try await doubled.writeFrame("\(number)")
                                answers.append(try await doubled.readFrame()?.text() ?? "")
                                answers.append(try await plain.readFrame()?.text() ?? "")
                            }
                            return answers
                        }
                    }
                }
                #expect(answers == (0..<20).flatMap { ["\($0)\($0)", "\($0)"] })
            }
        }
    }

    @Test("fails with what a server did to its client: that is not its own peer's doing", arguments: TestModels.all)
    func othersFailures(model: ConcurrencyModel) async throws {
        let log = EventLog()
        try await withServer(on: loopback, configuration: .test()) { connection in
            connection.abort()
        } operation: { server in
            let address = server.address
            try await withServer(on: loopback, model: model, configuration: .test(log)) { connection in
                try await connection.write("before")
                let upstream = try await Connection.connect(to: address)
                _ = try await upstream.readToEnd()
            } operation: { front in
                let answer = try await onOwnThread { try front.connect().readToEnd() }
                // What it had written is not lost by that.
                #expect(answer == Array("before".utf8))
            }
        }
        #expect(log.outcomes().map(\.kind) == [.handlerFailed])
    }
}
