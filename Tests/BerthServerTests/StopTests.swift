import Berth
import BerthSystem
import TestSupport
import Testing

@Suite("The end of a service")
struct StopTests {
    @Test("comes promptly with idle clients connected, who get a FIN and not an RST", arguments: TestModels.all)
    func promptWithIdleClients(model: ConcurrencyModel) async throws {
        let log = EventLog()
        let clients = Monitor<[SocketStreamBox]>([])
        try await withServer(on: loopback, model: model, configuration: .test(log)) { connection in
            try await connection.write("hello\n")
            while try await connection.readLine() != nil {}
        } operation: { server in
            try await onOwnThread {
                for _ in 0..<20 {
                    let stream = try server.connect()
                    let found1 = try stream.readLine()
                    #expect(found1 == "hello")
                    let box = SocketStreamBox(stream)
                    clients.change { $0.append(box) }
                }
            }
        }
        try await onOwnThread {
            for client in clients.withLock({ $0 }) {
                let last = try client.stream.readLine()
                #expect(last == nil)
            }
        }
        #expect(log.outcomes(20).allSatisfy { $0.kind == .drained })
        let report = log.all.compactMap { event -> StopReport? in
            if case .stopped(let report) = event { return report }
            return nil
        }
        #expect(report.count == 1)
        #expect(report.first?.active == 20)
        #expect(report.first?.isClean == true)
        // 200 ms until an idle thread looks, then the polite close, which a client may draw out for 500 ms.
        #expect((report.first?.duration ?? .zero) < .seconds(10))
    }

    @Test("serves what the kernel had accepted already", arguments: TestModels.all)
    func servesTheQueue(model: ConcurrencyModel) async throws {
        let gate = Monitor(false)
        let log = EventLog()
        var limits = ServerLimits.default
        limits.maximumConnections = 1
        let clients = Monitor<[SocketStreamBox]>([])
        try await withServer(on: loopback, model: model, configuration: .test(limits: limits, log)) { connection in
            while !gate.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
            try await connection.write("served")
        } operation: { server in
            try await onOwnThread {
                for _ in 0..<3 {
                    let box = SocketStreamBox(try server.connect())
                    clients.change { $0.append(box) }
                }
                #expect(log.waitFor { if case .accepted = $0 { true } else { false } })
            }
            try Thread.start(name: "open the gate") {
                _ = log.waitFor { if case .draining = $0 { true } else { false } }
                gate.change { $0 = true }
            }
        }
        let answers = try await onOwnThread {
            clients.withLock { $0 }.map { client in (try? client.stream.readToEnd()) ?? [] }
        }
        #expect(answers == Array(repeating: Array("served".utf8), count: 3))
    }

    @Test("serves a long queue, however few connections there may be at a time", arguments: TestModels.all)
    func servesALongQueue(model: ConcurrencyModel) async throws {
        let gate = Monitor(false)
        let log = EventLog()
        var limits = ServerLimits.default
        limits.maximumConnections = 2
        let clients = Monitor<[SocketStreamBox]>([])
        try await withServer(on: loopback, model: model, configuration: .test(limits: limits, log)) { connection in
            while !gate.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
            try await connection.write("served")
            try await connection.flush()
            connection.close()
        } operation: { server in
            try await onOwnThread {
                for _ in 0..<100 {
                    let box = SocketStreamBox(try server.connect())
                    clients.change { $0.append(box) }
                }
            }
            try Thread.start(name: "open the gate") {
                _ = log.waitFor { if case .draining = $0 { true } else { false } }
                gate.change { $0 = true }
            }
        }
        let answers = try await onOwnThread {
            clients.withLock { $0 }.map { client in (try? client.stream.readToEnd()) ?? [] }
        }
        #expect(answers == Array(repeating: Array("served".utf8), count: 100))
    }

    @Test("resets and counts what is still queued when its time is over", arguments: TestModels.all)
    func refusesTheRest(model: ConcurrencyModel) async throws {
        let log = EventLog()
        var limits = ServerLimits.default
        limits.maximumConnections = 1
        limits.drain = .milliseconds(50)
        let clients = Monitor<[SocketStreamBox]>([])
        try await withServer(on: loopback, model: model, configuration: .test(limits: limits, log)) { _ in
            try await Task.sleep(for: .seconds(1000))
        } operation: { server in
            try await onOwnThread {
                for _ in 0..<3 {
                    let box = SocketStreamBox(try server.connect())
                    clients.change { $0.append(box) }
                }
                #expect(log.waitFor { if case .accepted = $0 { true } else { false } })
            }
        }
        #expect(log.outcomes().map(\.kind) == [.killed])
        #expect(log.all.filter { if case .refused = $0 { true } else { false } }.count == 2)
        try await onOwnThread {
            for client in clients.withLock({ $0 }) {
                #expect(throws: StreamError.self) { _ = try client.stream.read() }
            }
        }
    }

    @Test("lets a message that has begun come to its end", arguments: TestModels.all)
    func finishesTheMessage(model: ConcurrencyModel) async throws {
        let log = EventLog()
        let client = Monitor<SocketStreamBox?>(nil)
        let isSent = Monitor(false)
        try await withServer(on: loopback, model: model, configuration: .test(framing: .selfCounting64, log)) {
            connection in
            for try await frame in connection.frames { try await connection.writeFrame(frame) }
        } operation: { server in
            try await onOwnThread {
                let stream = try server.connect(framing: .selfCounting64)
                // The first 9 bytes of a frame of 12.
                try stream.write([0, 0, 0, 0, 0, 0, 0, 12, 65])
                try stream.flush()
                let box = SocketStreamBox(stream)
                client.change { $0 = box }
                #expect(log.waitFor { if case .accepted = $0 { true } else { false } })
            }
            try Thread.start(name: "finish the frame") {
                _ = log.waitFor { if case .draining = $0 { true } else { false } }
                let stream = client.withLock { $0 }?.stream
                try? stream?.write("BCD")
                try? stream?.flush()
                isSent.change { $0 = true }
            }
        }
        let answer = try await onOwnThread {
            _ = isSent.wait(until: .after(.seconds(240))) { $0 ? true : nil }
            return try client.withLock { $0 }?.stream.readFrame()?.text()
        }
        #expect(answer == "ABCD")
    }

    @Test("cuts what does not end in time, and says so", arguments: TestModels.all)
    func cuts(model: ConcurrencyModel) async throws {
        let log = EventLog()
        var limits = ServerLimits.default
        limits.drain = .milliseconds(50)
        try await withServer(on: loopback, model: model, configuration: .test(limits: limits, log)) { connection in
            while !Task.isCancelled { try? await Task.sleep(for: .seconds(100)) }
        } operation: { server in
            try await onOwnThread {
                _ = try server.connect()
                #expect(log.waitFor { if case .accepted = $0 { true } else { false } })
            }
        }
        #expect(log.outcomes().map(\.kind) == [.killed])
        #expect(
            log.waitFor { if case .stopped(let report) = $0 { report.killed == 1 && !report.isClean } else { false } })
    }

    @Test("comes when run() is told to stop, and frees the address at once", arguments: TestModels.all)
    func runStops(model: ConcurrencyModel) async throws {
        let log = EventLog()
        let server = Server(on: loopback, model: model, configuration: .test(log)) { connection in
            while try await connection.readLine() != nil {}
        }
        async let report = server.run()
        let address = await onListening(log)
        let stream = try await onOwnThread {
            SocketStreamBox(SocketStream(try TCPSocket.connect(to: Endpoint(address), within: .seconds(5))))
        }
        server.stop()
        let isClean = try await report.isClean
        #expect(isClean)
        _ = stream
        // The server's side closed first: its TIME_WAIT or FIN_WAIT2 must not keep a successor from binding.
        try await onOwnThread {
            let successor = try onceNoForkHoldsIt { () throws(SocketError) in
                try TCPListener.listen(on: Endpoint(address))
            }
            #expect(successor.address == address)
        }
    }

    private func onListening(_ log: EventLog) async -> SocketAddress {
        let address = try? await onOwnThread { () -> SocketAddress? in
            guard log.waitFor({ if case .listening = $0 { true } else { false } }) else { return nil }
            for case .listening(let address, _, _) in log.all { return address }
            return nil
        }
        return (address ?? nil) ?? .unix(path: "the server did not listen")
    }
}

/// Carries a client's stream between the threads of a test, one at a time.
final class SocketStreamBox: @unchecked Sendable {
    // Unchecked: tests hand the stream from one thread to the next, with a Monitor in between.
    let stream: SocketStream
    init(_ stream: SocketStream) { self.stream = stream }
}
