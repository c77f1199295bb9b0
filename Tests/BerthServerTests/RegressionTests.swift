import Berth
import BerthHarbour
import BerthSystem
import TestSupport
import Testing

@testable import BerthServer

@Suite("What once went wrong with a server")
struct RegressionTests {
    @Test("a connection that waits in its polite close can be cut, and counts as cut", arguments: TestModels.all)
    func cutWhileLingering(model: ConcurrencyModel) async throws {
        let log = EventLog()
        var limits = ServerLimits.default
        limits.drain = .milliseconds(50)
        let client = Monitor<SocketStreamBox?>(nil)
        try await withServer(on: loopback, model: model, configuration: .test(limits: limits, log)) { connection in
            try await connection.finish(within: .seconds(1000))
        } operation: { server in
            try await onOwnThread {
                let stream = try server.connect()
                #expect(try stream.readToEnd().isEmpty)
                client.change { [box = SocketStreamBox(stream)] in $0 = box }
            }
        }
        #expect(log.outcomes().map(\.kind) == [.killed])
        let report = try #require(log.report)
        #expect(report.killed == 1)
        #expect(report.stuck == [])
    }

    @Test("a reply that is cut in the middle ends with an RST, not as if it were whole", arguments: TestModels.all)
    func cutReply(model: ConcurrencyModel) async throws {
        let log = EventLog()
        var limits = ServerLimits.default
        limits.drain = .milliseconds(50)
        let client = Monitor<SocketStreamBox?>(nil)
        try await withServer(on: loopback, model: model, configuration: .test(limits: limits, log)) { connection in
            try await connection.write("half of")
            try await Task.sleep(for: .seconds(1000))
        } operation: { server in
            try await onOwnThread {
                let stream = try server.connect()
                #expect(try stream.readExactly(7) == Array("half of".utf8))
                client.change { [box = SocketStreamBox(stream)] in $0 = box }
            }
        }
        let stream = try #require(client.withLock { $0 }?.stream)
        #expect(throws: StreamError.self) { _ = try stream.read() }
        #expect(log.outcomes().map(\.kind) == [.killed])
    }

    @Test(
        "a handler that goes on after it ended its connection is cancelled, but nothing is cut",
        arguments: TestModels.all)
    func cancelledAfterItsEnd(model: ConcurrencyModel) async throws {
        let log = EventLog()
        var limits = ServerLimits.default
        limits.drain = .milliseconds(50)
        try await withServer(on: loopback, model: model, configuration: .test(limits: limits, log)) { connection in
            _ = try await connection.readLine()
            connection.abort()
            try await Task.sleep(for: .seconds(1000))
        } operation: { server in
            try await onOwnThread {
                let stream = try server.connect()
                try stream.write("go\n")
                #expect(throws: StreamError.self) { _ = try stream.readToEnd() }
            }
        }
        #expect(log.outcomes().map(\.kind) == [.aborted])
        #expect(log.report?.isClean == true)
    }

    @Test("what a handler does when it is cancelled may look at the server", arguments: TestModels.all)
    func cancellationHandler(model: ConcurrencyModel) async throws {
        let log = EventLog()
        var limits = ServerLimits.default
        limits.drain = .milliseconds(50)
        let running = Monitor<RunningServer?>(nil)
        let seen = Monitor<Int?>(nil)
        try await withServer(on: loopback, model: model, configuration: .test(limits: limits, log)) { connection in
            try await withTaskCancellationHandler {
                try await Task.sleep(for: .seconds(1000))
            } onCancel: {
                let active = running.withLock { $0 }?.statistics.active
                seen.change { $0 = active }
            }
        } operation: { server in
            running.change { $0 = server }
            try await onOwnThread {
                _ = try server.connect()
                #expect(log.waitFor { if case .accepted = $0 { true } else { false } })
            }
        }
        #expect(seen.withLock { $0 } == 1)
        #expect(log.outcomes().map(\.kind) == [.killed])
        // The handler knows the server that knows the handler: without this neither would ever be freed.
        running.change { $0 = nil }
    }

    @Test("a connection that is cut before its handler has begun is cancelled when it begins")
    func cutBeforeItsTask() async throws {
        let table = ConnectionTable(place: BoardPlace(try Board.own(connections: 1), 0))
        let pipe = try Kernel.pipe()
        let admitted = table.admit(descriptor: pipe.reading.rawValue, peer: .unnamed, key: nil)
        #expect(table.resetAll().count == 1)
        let task = Task<Void, Never> { try? await Task.sleep(for: .seconds(1000)) }
        table.setTask(admitted, task)
        #expect(task.isCancelled)
        #expect(table.wasKilled(admitted))
    }

    @Test(
        "a handler that waited for an exact count when the service ended is no victim of its peer",
        arguments: TestModels.all)
    func drainedWhileReadingExactly(model: ConcurrencyModel) async throws {
        let log = EventLog()
        let client = Monitor<SocketStreamBox?>(nil)
        try await withServer(on: loopback, model: model, configuration: .test(log)) { connection in
            try await connection.write("go\n")
            _ = try await connection.readExactly(10)
        } operation: { server in
            try await onOwnThread {
                let stream = try server.connect()
                #expect(try stream.readLine() == "go")
                client.change { [box = SocketStreamBox(stream)] in $0 = box }
            }
        }
        #expect(log.outcomes().map(\.kind) == [.drained])
    }

    @Test("a handler that asks whether the service ends, and ends for that, is drained", arguments: TestModels.all)
    func drainedByAsking(model: ConcurrencyModel) async throws {
        let log = EventLog()
        let client = Monitor<SocketStreamBox?>(nil)
        try await withServer(on: loopback, model: model, configuration: .test(log)) { connection in
            try await connection.write("go\n")
            while !connection.isDraining { try await Task.sleep(for: .milliseconds(1)) }
        } operation: { server in
            try await onOwnThread {
                let stream = try server.connect()
                #expect(try stream.readLine() == "go")
                client.change { [box = SocketStreamBox(stream)] in $0 = box }
            }
        }
        #expect(log.outcomes().map(\.kind) == [.drained])
    }

    @Test("the end comes though new clients keep coming", arguments: TestModels.all)
    func endsUnderArrivals(model: ConcurrencyModel) async throws {
        let log = EventLog()
        var limits = ServerLimits.default
        limits.maximumConnections = 1
        let address = Monitor<SocketAddress?>(nil)
        let clients = Monitor<[SocketStreamBox]>([])
        // Every connection brings another one before there is room for the next, so that two always wait in the queue.
        let bringNext: @Sendable () -> Void = {
            guard let address = address.withLock({ $0 }),
                let socket = try? TCPSocket.connect(to: Endpoint(address), within: .seconds(10))
            else { return }
            // The latest are held open; those before them were ended by the server long ago.
            clients.change { [box = SocketStreamBox(SocketStream(socket))] in $0 = $0.suffix(15) + [box] }
        }
        let configuration = ServerConfiguration(backlog: 3, limits: limits, observers: [log])
        try await withServer(on: loopback, model: model, configuration: configuration) { connection in
            bringNext()
            connection.close()
        } operation: { server in
            address.change { [address = server.address] in $0 = address }
            try await onOwnThread {
                for _ in 0..<3 { bringNext() }
                _ = log.outcomes(20)
            }
        }
        let after = log.all.drop { if case .draining = $0 { false } else { true } }
        // The queue and what was being taken: four and one, and no refusal.
        #expect(after.filter { if case .accepted = $0 { true } else { false } }.count <= 6)
        #expect(!after.contains { if case .refused = $0 { true } else { false } })
    }
}

extension EventLog {
    /// How the end went.
    fileprivate var report: StopReport? {
        for case .stopped(let report) in all { return report }
        return nil
    }
}
