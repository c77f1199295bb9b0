import Berth
import BerthSystem
import TestSupport
import Testing

@testable import BerthServer

@Suite("The threads of a pool")
struct ThreadPoolTests {
    /// Which threads served, in this order.
    private final class Roster: Sendable {
        private let served = Monitor<[Int32]>([])

        var all: [Int32] { served.withLock { $0 } }
        var threads: Set<Int32> { Set(all) }

        func sign() { served.change { $0.append(Kernel.threadID) } }

        /// Connects, and waits until that was served.
        func visit(_ server: RunningServer) throws {
            let count = all.count
            let stream = try server.connect()
            let wasServed = served.wait(until: .after(.seconds(240))) { $0.count > count ? true : nil }
            #expect(wasServed == true)
            stream.close()
        }

        /// Connects until `count` threads have served.
        func meet(_ count: Int, of server: RunningServer) throws {
            let deadline = Deadline.after(.seconds(240))
            while threads.count < count, !deadline.hasPassed { try visit(server) }
            try #require(threads.count == count)
            try waitUntilAsleep()
        }

        /// Waits until all threads that have ever served wait for something: for the next connection.
        func waitUntilAsleep() throws {
            let deadline = Deadline.after(.seconds(240))
            let threads = threads
            while try !threads.allSatisfy({ try Self.isAsleep($0) }) {
                try #require(!deadline.hasPassed)
            }
        }

        /// Whether it waits, and not for a lock (`man 5 proc_pid_wchan`). It is the same sleep before and after that was
        /// asked.
        private static func isAsleep(_ thread: Int32) throws -> Bool {
            let before = try status(thread)
            let place = (try? Kernel.contents(of: "/proc/self/task/\(thread)/wchan")) ?? []
            let after = try status(thread)
            let isForLock = String(decoding: place, as: UTF8.self).contains("futex")
            return before.isAsleep && after == before && !isForLock
        }

        private struct Status: Equatable {
            var isAsleep = false
            var sleeps = 0
        }

        /// `man 5 proc_pid_status`.
        private static func status(_ thread: Int32) throws -> Status {
            let text = String(decoding: try Kernel.contents(of: "/proc/self/task/\(thread)/status"), as: UTF8.self)
            var status = Status()
            for line in text.split(separator: "\n") {
                let words = line.split(separator: "\t")
                if words.first == "State:" { status.isAsleep = words.last?.first == "S" }
                if words.first == "voluntary_ctxt_switches:" { status.sleeps = words.last.flatMap { Int($0) } ?? 0 }
            }
            return status
        }

        /// How often the threads went to sleep.
        func sleeps() throws -> Int { try threads.reduce(0) { try $0 + Self.status($1).sleeps } }
    }

    @Test("take turns: the one that has waited longest is woken")
    func turns() async throws {
        let roster = Roster()
        try await withServer(on: loopback, model: .threadPool(threads: 4), configuration: .test()) { connection in
            connection.close()
            roster.sign()
        } operation: { server in
            try await onOwnThread {
                try roster.meet(4, of: server)
                for _ in 0..<40 {
                    try roster.visit(server)
                    try roster.waitUntilAsleep()
                }
            }
        }
        // Ten each. The kernel may hold a thread up on its way back into the line: then it loses its place, and only then.
        let order = Array(roster.all.suffix(40))
        #expect(roster.threads.allSatisfy { thread in order.count { $0 == thread } >= 7 }, "\(order)")
        #expect(zip(order, order.dropFirst()).allSatisfy { $0 != $1 }, "\(order)")
    }

    @Test("are woken one for a connection, not all of them")
    func noHerd() async throws {
        let roster = Roster()
        let visits = 200
        try await withServer(on: loopback, model: .threadPool(threads: 16), configuration: .test()) { connection in
            connection.close()
            roster.sign()
        } operation: { server in
            try await onOwnThread {
                try roster.meet(16, of: server)
                let before = try roster.sleeps()
                for _ in 0..<visits { try roster.visit(server) }
                try roster.waitUntilAsleep()
                let sleeps = try roster.sleeps() - before
                // One each, and now and then one for a lock, more of them on a busy machine. A herd would be 16 times as many.
                #expect(sleeps >= visits / 2)
                #expect(sleeps < visits * 6)
            }
        }
    }

    @Test("sleep while nobody comes")
    func idle() async throws {
        let roster = Roster()
        try await withServer(on: loopback, model: .threadPool(threads: 4), configuration: .test()) { connection in
            connection.close()
            roster.sign()
        } operation: { server in
            try await onOwnThread {
                try roster.meet(4, of: server)
                let before = try roster.sleeps()
                // Twice as long as reads wait in the kernel: if that held for accepts, each would wake twice.
                var nothing: [PollEntry] = []
                _ = try Kernel.poll(&nothing, until: .after(SocketStream.patience * 2.2))
                #expect(try roster.sleeps() - before <= 4)
            }
        }
    }

    @Test(
        "end with the service though they wait in accept, on TCP and on a Unix socket, and free the address",
        arguments: [loopback, Endpoint(.abstract(name: Array("berth-pool-test-\(Kernel.processID)".utf8)))])
    func endsIdle(endpoint: Endpoint) async throws {
        let log = EventLog()
        let address = try await withServer(
            on: endpoint, model: .threadPool(threads: 8), configuration: .test(log),
            handle: { connection in connection.close() }, operation: { $0.address })
        guard case .stopped(let report)? = log.all.last else {
            Issue.record("it did not end")
            return
        }
        #expect(report.isClean)
        #expect(report.duration < .seconds(4))
        try await onOwnThread {
            let successor = try onceNoForkHoldsIt(within: .seconds(240)) { () throws(SocketError) in
                try TCPListener.listen(on: Endpoint(address))
            }
            #expect(successor.address == address)
        }
    }

    @Test("are as many as was asked for, but never more than connections are allowed")
    func count() {
        var limits = ServerLimits.default
        limits.maximumConnections = 10
        let models: [(ConcurrencyModel, ConcurrencyModel)] = [
            (.threadPool(threads: 4), .threadPool(threads: 4)), (.threadPool(threads: 11), .threadPool(threads: 10)),
            (.threadPool(threads: 0), .threadPool(threads: 1)), (.threadPool(), .threadPool(threads: 10)),
            (.threads, .threads), (.eventLoops(loops: 0), .eventLoops(loops: 1)),
        ]
        for (asked, expected) in models { #expect(asked.resolved(for: limits) == expected) }
        guard case .threadPool(let threads?) = ConcurrencyModel.threadPool().resolved(for: .default) else {
            Issue.record("no number")
            return
        }
        #expect(threads >= min(32, ServerLimits.defaultMaximumConnections))
    }

    @Test("refuse what comes while all of them serve, by the one that is left over")
    func refuse() async throws {
        var limits = ServerLimits.default
        limits.overload = .refuse
        let log = EventLog()
        try await withServer(
            on: loopback, model: .threadPool(threads: 2), configuration: .test(limits: limits, log)
        ) { connection in
            try await connection.write("in\n")
            _ = try await connection.readLine()
        } operation: { server in
            try await onOwnThread {
                for round in 1...3 {
                    let first = try server.connect()
                    #expect(try first.readLine() == "in")
                    let second = try server.connect()
                    #expect(try second.readLine() == "in")
                    for _ in 0..<5 {
                        #expect(throws: (any Error).self) { _ = try server.connect().readToEnd() }
                    }
                    try first.finish()
                    try second.finish()
                    // There is room again once they are counted out.
                    let deadline = Deadline.after(.seconds(240))
                    while server.statistics.active > 0, !deadline.hasPassed {}
                    #expect(log.outcomes(2 * round).count == 2 * round)
                }
                #expect(server.statistics.refused == 15)
                #expect(server.statistics.accepted == 6)
            }
        }
        let reasons = log.all.compactMap { event -> String? in
            if case .refused(_, let reason) = event { return reason.description }
            return nil
        }
        #expect(Set(reasons) == ["there are 2 connections, the maximum"])
    }
}

@Suite("The names of models")
struct ModelNameTests {
    @Test("name a model and nothing else")
    func names() {
        #expect(
            ConcurrencyModel.all.map(\.name) == [
                "event-loops", "threads", "thread-pool", "processes", "process-pool", "reuse-port",
            ])
        for model in ConcurrencyModel.all { #expect(ConcurrencyModel(named: model.name) == model) }
        #expect(ConcurrencyModel(named: "thread-pool of 3") == nil)
        #expect(ConcurrencyModel(named: "") == nil)
    }

    @Test("are said with the numbers that are known")
    func descriptions() {
        let models: [ConcurrencyModel] = [
            .threads, .threadPool(), .threadPool(threads: 3), .eventLoops(), .eventLoops(loops: 2),
            .eventLoops(loops: 2, io: .epoll), .processes(), .processPool(), .reusePort(workers: 3, engine: .threads),
        ]
        #expect(
            models.map(\.description) == [
                "threads", "thread-pool", "thread-pool of 3", "event-loops", "event-loops of 2",
                "event-loops of 2 by epoll", "processes", "process-pool, event-loops of 1", "reuse-port of 3, threads",
            ])
    }
}
