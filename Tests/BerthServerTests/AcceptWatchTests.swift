import Berth
import BerthSystem
import TestSupport
import Testing

@testable import BerthServer

@Suite("The watch on accepting")
struct AcceptWatchTests {
    /// What looks at some moments have found, in seconds.
    private static func findings(_ looks: [(at: Double, waiting: Int, taken: Int)]) -> [String] {
        var watch = AcceptWatch(limit: .seconds(10))
        return looks.compactMap { look in
            switch watch.look(
                waiting: look.waiting, taken: look.taken,
                at: MonotonicTime(nanoseconds: Int64(look.at * 1_000_000_000) + 1))
            {
            case .stalled(let waiting, let time): "\(look.at): \(waiting) wait for \(time.short)"
            case .resumed(let time): "\(look.at): over after \(time.short)"
            case nil: nil
            }
        }
    }

    @Test("says nothing while connections are taken, or none waits")
    func quiet() {
        #expect(Self.findings((0..<60).map { (Double($0), 5, $0) }) == [])
        #expect(Self.findings((0..<60).map { (Double($0), 0, 7) }) == [])
        #expect(Self.findings([(0, 1, 0), (9, 1, 0), (10, 0, 0), (11, 1, 0), (20, 1, 0)]) == [])
    }

    @Test("tells when none is taken for the time, again when that has doubled, and when it is over")
    func stalled() {
        var looks = stride(from: 0.0, through: 45, by: 2.5).map { (at: $0, waiting: 3, taken: 9) }
        looks.append((47, 2, 10))
        looks.append((50, 2, 10))
        #expect(
            Self.findings(looks)
                == ["10.0: 3 wait for 10 s", "20.0: 3 wait for 20 s", "40.0: 3 wait for 40 s", "47.0: over after 47 s"])
    }

    @Test(
        "a service whose places are all taken says that connections wait, and that it is over",
        arguments: TestModels.all)
    func live(model: ConcurrencyModel) async throws {
        let log = EventLog()
        var limits = ServerLimits.default
        limits.maximumConnections = 1
        limits.acceptStall = .milliseconds(40)
        try await withServer(on: loopback, model: model, configuration: .test(limits: limits, log)) { connection in
            _ = try await connection.readLine()
        } operation: { server in
            try await onOwnThread {
                let first = try server.connect()
                let second = try server.connect()
                let stalled = log.all(atLeast: 1) { event -> (Int, Bool)? in
                    if case .acceptStalled(let waiting, _, let isFull) = event { (waiting, isFull) } else { nil }
                }
                #expect(stalled.first?.0 == 1 && stalled.first?.1 == true)
                try first.finish()
                #expect(log.waitFor { if case .acceptResumed = $0 { true } else { false } })
                try second.finish()
            }
        }
    }
}
