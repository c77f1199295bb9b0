import BerthTesting
import Testing

@Suite("A manual clock")
struct ManualClockTests {
    @Test("stands still until it is moved, and wakes those whose time has come and nobody else")
    func advancing() async throws {
        let clock = ManualClock()
        let start = clock.now
        try await withThrowingTaskGroup(of: Int.self) { group in
            for seconds in [3, 1, 2] {
                group.addTask {
                    try await clock.sleep(until: start.advanced(by: .seconds(seconds)))
                    return seconds
                }
            }
            await clock.waitForSleepers(3)
            clock.advance(by: .milliseconds(999))
            #expect(clock.sleeperCount == 3)
            for expected in 1...3 {
                clock.advance(by: .seconds(1))
                let woken = try await group.next()
                #expect(woken == expected)
                #expect(clock.sleeperCount == 3 - expected)
            }
        }
        #expect(start.duration(to: clock.now) == .milliseconds(3_999))
    }

    @Test("lets a task go at once whose time has passed already")
    func past() async throws {
        let clock = ManualClock()
        clock.advance(by: .seconds(5))
        try await clock.sleep(until: clock.now)
        try await clock.sleep(for: .zero)
    }

    @Test("ends the sleep of a task that is cancelled, before or while it sleeps")
    func cancelling() async {
        let clock = ManualClock()
        let sleeping = Task { try await clock.sleep(for: .seconds(1)) }
        await clock.waitForSleepers()
        sleeping.cancel()
        await #expect(throws: CancellationError.self) { try await sleeping.value }
        let late = Task {
            withUnsafeCurrentTask { unsafe $0?.cancel() }
            try await clock.sleep(for: .seconds(1))
        }
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(clock.sleeperCount == 0)
    }
}
