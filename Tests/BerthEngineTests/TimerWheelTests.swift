import BerthTesting
import TestSupport
import Testing

@testable import BerthEngine

@Suite("A timer wheel")
struct TimerWheelTests {
    /// A wheel beside the plainest thing that does the same: a list of deadlines.
    private final class Twins {
        private var wheel: TimerWheel
        private let nodes: UnsafeMutablePointer<TimerNode>
        private let count: Int
        /// What the wheel was told, by the number of the timer; `nil` for what is not armed.
        private(set) var deadlines: [Int64?]
        private(set) var now: Int64

        init(now: Int64, timers count: Int) {
            self.now = now
            self.count = count
            wheel = TimerWheel(now: now)
            unsafe nodes = .allocate(capacity: count)
            for index in 0..<count { unsafe (nodes + index).initialize(to: TimerNode(token: UInt64(index))) }
            deadlines = Array(repeating: nil, count: count)
        }

        deinit { unsafe nodes.deallocate() }

        func arm(_ index: Int, in delay: Int64) {
            let (deadline, overflow) = now.addingReportingOverflow(delay)
            deadlines[index] = overflow ? .max : deadline
            unsafe wheel.arm(nodes + index, at: overflow ? .max : deadline)
        }

        func cancel(_ index: Int) {
            deadlines[index] = nil
            unsafe wheel.cancel(nodes + index)
        }

        func isArmed(_ index: Int) -> Bool { unsafe nodes[index].isArmed }

        /// The moment at which the wheel wants to be looked at; `nil` when nothing is armed.
        var nextMoment: Int64? { wheel.nextMoment() }

        /// Lets time pass, takes everything that is due, and says what is wrong with that.
        func advance(to moment: Int64) -> String? {
            now = max(now, moment)
            while let node = unsafe wheel.popDue(now: now) {
                let index = unsafe Int(node.pointee.token)
                guard let deadline = deadlines[index] else { return "\(index) fires and is not armed" }
                if deadline > now { return "\(index) fires \(deadline - now) ns early" }
                if isArmed(index) { return "\(index) is still armed when it fires" }
                deadlines[index] = nil
            }
            // Plain loops: these are the hot ones under a sanitizer.
            for index in 0..<count {
                let deadline = deadlines[index]
                if isArmed(index) != (deadline != nil) { return "\(index) is armed, or is not, against what was said" }
                // A deadline within a tick counts when the tick is over.
                if let deadline, now - deadline >= 1_000_000 { return "\(index) is \(now - deadline) ns late" }
            }
            guard let next = nextMoment else {
                return deadlines.contains { $0 != nil } ? "nothing is said to come, and something is" : nil
            }
            for index in 0..<count {
                guard let deadline = deadlines[index], deadline < .max - 1_000_000 else { continue }
                if next > deadline + 1_000_000 { return "\(index) comes \(next - deadline) ns before the next look" }
            }
            return nil
        }
    }

    private static let year: Int64 = 365 * 86_400 * 1_000_000_000
    /// How far deadlines and steps of time reach, in nanoseconds: within a tick, within each level, beyond the last.
    private static let ranges: [Int64] = [
        900_000, 50_000_000, 4_000_000_000, 260_000_000_000, 17_000_000_000_000, 1_000_000_000_000_000, year, 5 * year,
    ]

    @Test(
        "fires what a plain list of deadlines does, at most a tick later and never early",
        arguments: 0..<12 as Range<UInt64>)
    func againstAList(seed: UInt64) async throws {
        // Not on a thread that all tests share.
        let problem = try await onOwnThread { Self.compare(seed: seed) }
        #expect(problem == nil)
    }

    private static func compare(seed: UInt64) -> String? {
        var random = SeededGenerator(seed: seed)
        let start = seed % 3 == 0 ? 0 : Int64.random(in: 0...Self.year, using: &random)
        let twins = Twins(now: start, timers: 24)
        for step in 0..<1_500 {
            let index = Int.random(in: 0..<24, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                let range = Self.ranges.randomElement(using: &random) ?? 1
                twins.arm(
                    index, in: Int.random(in: 0..<20, using: &random) == 0 ? 0 : .random(in: 0...range, using: &random))
            case 5: twins.cancel(index)
            case 6:
                // As the loop does: exactly when the wheel says.
                if let next = twins.nextMoment, let problem = twins.advance(to: next) {
                    return "step \(step): \(problem)"
                }
            default:
                let range = Self.ranges.dropLast(step % 50 == 0 ? 0 : 2).randomElement(using: &random) ?? 1
                let moment = twins.now.addingReportingOverflow(.random(in: 0...range, using: &random))
                if moment.overflow || moment.partialValue > 200 * Self.year { return nil }
                if let problem = twins.advance(to: moment.partialValue) { return "step \(step): \(problem)" }
            }
        }
        return nil
    }

    @Test("fires at the first tick that is not before the deadline, wherever in a tick that lies")
    func exactTick() {
        for offset: Int64 in [0, 1, 999_999, 1_000_000, 1_000_001, 63_000_000, 64_000_000, 64_000_001, 4_096_000_000] {
            let twins = Twins(now: 77, timers: 1)
            twins.arm(0, in: offset)
            let due = 77 + (offset + 999_999) / 1_000_000 * 1_000_000
            #expect(twins.advance(to: due - 1) == nil)
            #expect(twins.isArmed(0) == (offset > 0), "\(offset)")
            #expect(twins.advance(to: due) == nil)
            #expect(!twins.isArmed(0), "\(offset)")
        }
    }

    @Test("fires what has no delay at once, and what is armed while others fire in its turn")
    func noDelay() {
        let twins = Twins(now: 5_000_000_000, timers: 2)
        twins.arm(0, in: 0)
        #expect(twins.nextMoment.map { $0 <= twins.now } == true)
        #expect(twins.advance(to: twins.now) == nil)
        #expect(!twins.isArmed(0))
        #expect(twins.nextMoment == nil)
        twins.arm(0, in: -10_000_000)
        #expect(twins.advance(to: twins.now) == nil)
        #expect(!twins.isArmed(0))
    }

    @Test("moves a timer that is armed again, to an earlier and to a later moment")
    func armAgain() {
        let twins = Twins(now: 0, timers: 1)
        twins.arm(0, in: 10_000_000)
        twins.arm(0, in: 100_000_000)
        #expect(twins.advance(to: 99_999_999) == nil)
        #expect(twins.isArmed(0))
        twins.arm(0, in: 3_600_000_000_000)
        twins.arm(0, in: 1_000_000)
        #expect(twins.advance(to: 101_000_000) == nil)
        #expect(!twins.isArmed(0))
    }

    @Test("keeps what lies beyond its last level, however far, and across the end of a round of that level")
    func far() {
        let round: Int64 = (1 << 36) * 1_000_000
        for delay in [round - 1, round, round + 1, 3 * round + 17, .max] {
            for start in [0, round - 5_000_000, round / 64 * 63 + 1, 2 * round - 1] {
                let twins = Twins(now: 0, timers: 1)
                #expect(twins.advance(to: start) == nil)
                twins.arm(0, in: delay)
                // Looked at only when it asks for it.
                var looks = 0
                while let next = twins.nextMoment, next < 50 * round, looks < 1_000 {
                    if let problem = twins.advance(to: next) {
                        Issue.record("\(delay) from \(start): \(problem)")
                        return
                    }
                    looks += 1
                }
                #expect(looks < 1_000)
                #expect(twins.isArmed(0) == (delay == .max), "\(delay) from \(start)")
            }
        }
    }

    @Test("does not fire what was cancelled, whatever list it waited in")
    func cancel() {
        for range in Self.ranges {
            let twins = Twins(now: 12_345, timers: 3)
            for index in 0..<3 { twins.arm(index, in: range) }
            twins.cancel(1)
            twins.cancel(1)
            #expect(twins.advance(to: 12_345 + range + 1_000_000) == nil)
            #expect(!twins.isArmed(0) && !twins.isArmed(1) && !twins.isArmed(2))
            #expect(twins.nextMoment == nil)
        }
    }
}
