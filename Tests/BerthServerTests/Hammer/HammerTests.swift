import Berth
import BerthSystem
import BerthTesting
import Synchronization
import TestSupport
import Testing

@testable import BerthServer

/// Set `BERTH_HAMMER_SECONDS` for more than a short look, with `--filter HammerTests` for nothing else at that time: then
/// the descriptors of the whole process are counted as well. `BERTH_HAMMER_SEED` repeats a run as far as threads allow.
@Suite("A server that is hammered", .serialized)
struct HammerTests {
    private static func number(_ name: String) -> Double? {
        for entry in Kernel.environment where entry.hasPrefix(name + "=") {
            return Double(entry.dropFirst(name.count + 1))
        }
        return nil
    }

    private static let seconds = number("BERTH_HAMMER_SECONDS")
    private static let seed = number("BERTH_HAMMER_SEED").map { UInt64($0) } ?? .random(in: 0..<1 << 32)

    @Test(
        "gives every connection exactly one outcome, and keeps no descriptor and no handler",
        arguments: TestModels.all)
    func hammer(model: ConcurrencyModel) async throws {
        // What the process opens once and keeps, for its first sleep for example, is not what is counted.
        try await Task.sleep(for: .milliseconds(1))
        if Self.seconds != nil { try await strike(model, seed: Self.seed, until: .after(.milliseconds(300))) }
        let end = Deadline.after(.seconds(Self.seconds ?? 0.4))
        var round: UInt64 = 0
        repeat {
            let before = OpenDescriptors.count
            try await strike(
                model, seed: Self.seed &+ round &* 1_000, until: .after(.seconds(min(Self.seconds ?? 0.4, 5))))
            if Self.seconds != nil {
                #expect(OpenDescriptors.count <= before, "after round \(round): \(OpenDescriptors.list)")
            }
            round += 1
        } while !end.hasPassed
    }

    private func strike(_ model: ConcurrencyModel, seed: UInt64, until end: Deadline) async throws {
        var random = SeededGenerator(seed: seed)
        let limits = ServerLimits(
            maximumConnections: Int.random(in: 4...40, using: &random), overload: random.isOne(in: 2) ? .wait : .refuse,
            idle: .milliseconds(Int.random(in: 20...80, using: &random)),
            writeStall: .milliseconds(Int.random(in: 20...80, using: &random)),
            drain: .milliseconds(Int.random(in: 0...2_000, using: &random)), linger: (.milliseconds(50), .kibibytes(64))
        )
        let log = EventLog()
        let tally = Tally()
        let clients = Monitor(0)
        let strikes = Atomic<Int>(0)
        let said = "seed \(seed), \(model), \(limits)"
        let server = try await withServer(
            on: loopback, model: model,
            configuration: .test(framing: .selfCounting64(maximumFrame: .kibibytes(512)), limits: limits, log),
            handler: { Anvil(tally) }
        ) { server in
            // Half of the times the service ends while they still strike.
            let striking = random.isOne(in: 2) ? end : Deadline.after((end.remaining ?? .zero) + .milliseconds(200))
            for number in 0..<(Self.seconds == nil ? 10 : 24) as Range<UInt64> {
                clients.change { $0 += 1 }
                try Thread.start(name: "hammer") {
                    var client = Hammering(server.address, seed: seed &+ number)
                    while !striking.hasPassed, client.strike() { strikes.add(1, ordering: .relaxed) }
                    clients.change { $0 -= 1 }
                }
            }
            try await onOwnThread { _ = clients.wait(until: end) { $0 == 0 ? true : nil } }
            return server
        }
        let allCame = try await onOwnThread { clients.wait(until: .after(.seconds(120))) { $0 == 0 ? true : nil } }
        #expect(allCame == true, "a client waits for ever: \(said)")
        let statistics = server.statistics
        #expect(statistics.active == 0, "\(said)")
        #expect(statistics.outcomes.values.reduce(0, +) == statistics.accepted, "\(said): \(statistics)")
        var accepted: [ConnectionID: Int] = [:]
        var ended: [ConnectionID: Int] = [:]
        for event in log.all {
            if case .accepted(let id, _) = event { accepted[id, default: 0] += 1 }
            if case .ended(let id, _, _) = event { ended[id, default: 0] += 1 }
        }
        #expect(accepted.count == statistics.accepted, "\(said)")
        #expect(accepted == ended, "\(said)")
        #expect(ended.values.allSatisfy { $0 == 1 }, "\(said)")
        guard case .stopped(let report)? = log.all.last else {
            Issue.record("it did not end: \(said)")
            return
        }
        #expect(report.stuck == [], "\(said)")
        // What may wait is not refused, unless the time to end was over.
        if limits.overload == .wait, report.duration < limits.drain { #expect(statistics.refused == 0, "\(said)") }
        let isAllGone = try await onOwnThread {
            let patience = Deadline.after(.seconds(240))
            while tally.gone.load(ordering: .relaxed) < tally.made.load(ordering: .relaxed), !patience.hasPassed {
                var nothing: [PollEntry] = []
                _ = try Kernel.poll(&nothing, until: .after(.milliseconds(1)))
            }
            return !patience.hasPassed
        }
        #expect(
            isAllGone, "\(tally.made.load(ordering: .relaxed) - tally.gone.load(ordering: .relaxed)) handlers: \(said)")
        #expect(tally.setUp.load(ordering: .relaxed) == tally.finished.load(ordering: .relaxed), "\(said)")
        #expect(tally.astray.load(ordering: .relaxed) == 0, "\(said)")
        if case .ipv4(_, let port) = server.address { #expect(OpenDescriptors.sockets(onPort: port) == 0, "\(said)") }
        if Self.seconds != nil { print("\(model): \(statistics.accepted) connections, \(statistics.outcomes)") }
    }
}
