import Berth
import BerthSystem
import TestSupport
import Testing

@testable import BerthEngine

// With a thousand clients, and under the layouts with processes: `Benchmarks/closing/run drain`.
@Suite("The drain")
struct DrainTests {
    /// What a client of each kind does, and what becomes of its connection.
    private struct Client {
        let order: Obedient.Order
        let stream: SocketStream
    }

    /// Unchecked: made by one thread of a test, then used by another one.
    private final class Clients: @unchecked Sendable {
        var all: [Client] = []

        func connect(_ order: Obedient.Order, to server: RunningServer) throws {
            let stream = try server.connect()
            stream.readDeadline = .after(.seconds(240))
            try stream.write("\(order)\n")
            #expect(try stream.readLine() == "ok")
            all.append(Client(order: order, stream: stream))
        }
    }

    /// Those that do not end by themselves, what their handlers do, and how they end.
    private static let stuck: [Obedient.Order: (CutConnection.Activity, CutConnection.End)] = [
        .frames: (.reading, .finished), .flood: (.writing, .reset), .sleep: (.ownWork, .reset),
        .ignore: (.ownWork, .handlerGoesOn),
    ]

    @Test(
        "ends in its time, answers who has asked, and tells of exactly those that did not end, and why",
        arguments: TestModels.all)
    func drain(model: ConcurrencyModel) async throws {
        let log = EventLog()
        let gate = Gate()
        let clients = Clients()
        var limits = ServerLimits(idle: .seconds(600), writeStall: .seconds(600))
        limits.frame = nil
        limits.drain = .seconds(3)
        limits.force = .seconds(1)
        let answers = Monitor<[String]?>(nil)
        try await withServer(
            on: loopback, model: model, configuration: .test(limits: limits, log), handler: { Obedient(gate) }
        ) { server in
            try await onOwnThread {
                for order in [Obedient.Order.echo, .work, .frames, .flood, .sleep, .ignore] {
                    for _ in 0..<3 { try clients.connect(order, to: server) }
                }
                for client in clients.all {
                    switch client.order {
                    case .work: try client.stream.write("asked\n")
                    // Half a frame.
                    case .frames: try client.stream.write([0, 0, 0, 9, 1])
                    default: continue
                    }
                    try client.stream.flush()
                }
                // Their handlers have seen it.
                #expect(log.waitFor { _ in server.statistics.active == clients.all.count })
            }
            try Thread.start(name: "clients") {
                let result = clients.all.filter { $0.order == .work || $0.order == .echo }.map { client in
                    (try? String(decoding: client.stream.readToEnd(), as: UTF8.self)) ?? "reset"
                }
                answers.change { $0 = result }
            }
        }
        let found = try await onOwnThread { answers.wait(until: .after(.seconds(240))) { $0 } }
        gate.open()
        #expect(found?.filter { $0 == "asked\n" }.count == 3)
        #expect(found?.filter { $0.isEmpty }.count == 3)
        guard case .stopped(let report)? = log.all.last(where: { if case .stopped = $0 { true } else { false } }) else {
            Issue.record("it did not end")
            return
        }
        #expect(report.active == 18 && !report.isClean)
        let expected = clients.all.filter { Self.stuck[$0.order] != nil }
        #expect(Set(report.cut.map(\.peer)) == Set(expected.compactMap { try? $0.stream.local }))
        for client in expected {
            let local = try client.stream.local
            guard let cut = report.cut.first(where: { $0.peer == local }), let fate = Self.stuck[client.order] else {
                continue
            }
            // On a machine under load a handler may come too late to finish.
            let isRight = cut.end == fate.1 || (fate.1 == .finished && cut.end == .reset)
            #expect(cut.activity == fate.0 && isRight, "\(client.order): \(cut)")
            #expect(cut.age >= .seconds(2) && (cut.silence ?? .zero) <= cut.age + .seconds(1), "\(cut)")
            #expect(
                (cut.unread == 5) == (client.order == .frames) && (cut.unsent > 0) == (client.order == .flood), "\(cut)"
            )
        }
    }

    @Test(
        "ends reads within a message when the time is over, and finishes the connection of a handler that returns",
        arguments: TestModels.all)
    func halfClose(model: ConcurrencyModel) async throws {
        let log = EventLog()
        let clients = Clients()
        var limits = ServerLimits(idle: .seconds(600), linger: (.seconds(240), .kibibytes(64)))
        limits.frame = nil
        limits.drain = .milliseconds(500)
        limits.force = .seconds(480)
        let last = Monitor<[UInt8]?>(nil)
        try await withServer(
            on: loopback, model: model, configuration: .test(limits: limits, log), handler: { Obedient(Gate()) }
        ) { server in
            try await onOwnThread {
                try clients.connect(.frames, to: server)
                try clients.all[0].stream.write([0, 0, 0, 1, 65, 0, 0, 0, 9, 66])
                try clients.all[0].stream.flush()
                #expect(try clients.all[0].stream.readExactly(5) == [0, 0, 0, 1, 65])
            }
            try Thread.start(name: "client") {
                // Nothing but the end, and no error.
                let rest = try? clients.all[0].stream.readToEnd()
                clients.all[0].stream.close()
                last.change { $0 = rest ?? [0] }
            }
        }
        let lines = try await onOwnThread { last.wait(until: .after(.seconds(240))) { $0 } }
        #expect(lines == [])
        let ends = log.ends()
        #expect(ends.map(\.outcome.kind) == [.killed] && ends.first?.close?.ending == .peerFinished)
        guard case .stopped(let report)? = log.all.last else {
            Issue.record("it did not end")
            return
        }
        #expect(report.cut.map(\.end) == [.finished] && !report.isClean, "\(report.cut)")
        #expect(report.cut.map(\.activity) == [.reading] && report.cut.map(\.unread) == [5], "\(report.cut)")
    }

    @Test("is told to a handler that waits for something else, and lets it say goodbye", arguments: TestModels.all)
    func goodbye(model: ConcurrencyModel) async throws {
        let log = EventLog()
        let result = Monitor<[String]?>(nil)
        try await withServer(on: loopback, model: model, configuration: .test(log)) { connection in
            let (drained, told) = AsyncStream.makeStream(of: Void.self)
            connection.whenDraining { told.finish() }
            try await connection.write("hello\n")
            try await connection.flush()
            #expect(!connection.isDraining)
            for await _ in drained {}
            #expect(connection.isDraining)
            // A read would say that the stream has ended.
            #expect(try await connection.readLine() == nil)
            try await connection.write("bye?\n")
            connection.keepReading()
            if let answer = try await connection.readLine() { try await connection.write("\(answer) too\n") }
        } operation: { server in
            let stream = try await onOwnThread {
                let stream = try server.connect()
                stream.readDeadline = .after(.seconds(240))
                #expect(try stream.readLine() == "hello")
                return SocketStreamBox(stream)
            }
            try Thread.start(name: "client") {
                let stream = stream.stream
                var lines = [(try? stream.readLine()) ?? "nothing"]
                try? stream.write("bye\n")
                try? stream.flush()
                lines.append((try? stream.readLine()) ?? "nothing")
                lines.append((try? stream.readLine()) == .some(nil) ? "the end" : "more")
                stream.close()
                result.change { [lines] in $0 = lines }
            }
        }
        let lines = try await onOwnThread { result.wait(until: .after(.seconds(240))) { $0 } }
        #expect(lines == ["bye?", "bye too", "the end"])
        #expect(log.outcomes().map(\.kind) == [.drained])
    }

    @Test("tells one connection after the other, evenly over its window")
    func spread() throws {
        let signals = try ServerSignals()
        let ids = (1...1000).map { ConnectionID(number: UInt64(5000 + $0)) }
        #expect(ids.allSatisfy { signals.moment(of: $0) == nil })
        let before = MonotonicTime.now
        signals.drain(within: .seconds(1000), until: before.advanced(by: .seconds(5000)))
        let moments = ids.compactMap { signals.moment(of: $0) }.sorted()
        let after = MonotonicTime.now
        #expect(moments.count == 1000)
        #expect(moments[0] >= before && moments[999] <= after.advanced(by: .seconds(1000)))
        // None is far from its neighbours: a second would be ideal.
        for (first, second) in zip(moments, moments.dropFirst()) {
            #expect(second.duration(since: first) < .seconds(3))
        }
        #expect(!signals.isTold(ids[0]) || signals.moment(of: ids[0]).map { $0 <= .now } == true)
        signals.force()
        #expect(ids.allSatisfy { signals.isTold($0) })
    }

    @Test("is not held up by a handler that blocks its event loop, and names it", arguments: TestModels.loops)
    func blockedLoop(model: ConcurrencyModel) async throws {
        let log = EventLog()
        let gate = Gate()
        let clients = Clients()
        var limits = ServerLimits(idle: .seconds(600))
        limits.drain = .milliseconds(500)
        limits.force = .seconds(1)
        let begin = MonotonicTime.now
        try await withServer(
            on: loopback, model: model, configuration: .test(limits: limits, log), handler: { Obedient(gate) }
        ) { server in
            try await onOwnThread {
                for order in [Obedient.Order.echo, .block] { try clients.connect(order, to: server) }
            }
        }
        // The loop was not joined.
        #expect(MonotonicTime.now.duration(since: begin) < .seconds(120))
        gate.open()
        guard case .stopped(let report)? = log.all.last(where: { if case .stopped = $0 { true } else { false } }) else {
            Issue.record("it did not end")
            return
        }
        let blocking = try clients.all[1].stream.local
        let culprit = report.cut.first { $0.peer == blocking }
        #expect(culprit?.activity == .blockingLoop && culprit?.end == .handlerGoesOn, "\(report.cut)")
        #expect(report.cut.allSatisfy { $0.peer == blocking || $0.activity == .behindBlockedLoop }, "\(report.cut)")
    }
}
