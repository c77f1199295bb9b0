import Testing

@testable import BerthSystem

@Suite("Deadlines")
struct DeadlineTests {
    static let durations: [(Duration, Int64)] = [
        (.zero, 0),
        (.nanoseconds(1), 1),
        (Duration(secondsComponent: 0, attosecondsComponent: 999_999_999), 0),
        (.milliseconds(1500), 1_500_000_000),
        (.milliseconds(-1500), -1_500_000_000),
        (.seconds(9_223_372_036), 9_223_372_036_000_000_000),
        (.seconds(9_223_372_037), .max),
        (.seconds(Int64.max), .max),
        (.seconds(Int64.min), .min),
        (.nanoseconds(Int64.max), .max),
        (.nanoseconds(Int64.min), .min),
    ]

    @Test("a duration has whole nanoseconds, and saturates", arguments: durations)
    func wholeNanoseconds(_ duration: Duration, _ nanoseconds: Int64) {
        #expect(duration.wholeNanoseconds == nanoseconds)
    }

    @Test("moments saturate instead of wrapping around")
    func saturation() {
        let moment = MonotonicTime(nanoseconds: 5)
        #expect(moment.advanced(by: .seconds(Int64.max)).nanoseconds == .max)
        #expect(MonotonicTime(nanoseconds: -5).advanced(by: .seconds(Int64.min)).nanoseconds == .min)
        #expect(moment.advanced(by: .nanoseconds(-5)).nanoseconds == 0)
        let span = MonotonicTime(nanoseconds: .max).duration(since: MonotonicTime(nanoseconds: .min))
        #expect(span > .nanoseconds(Int64.max))
    }

    @Test(
        "the timeout of poll is rounded up and never negative, except for no deadline at all",
        arguments: [
            (Duration.seconds(Int64.min), Int32(0)...0),
            (.seconds(-1), 0...0),
            (.zero, 0...0),
            (.nanoseconds(1), 0...1),
            (.milliseconds(5), 0...5),
            (.microseconds(60_000_001), 50_000...60_001),
            (.seconds(24 * 86_400), 2_073_590_000...2_073_600_000),
            (.seconds(25 * 86_400), .max ... .max),
            (.seconds(Int64.max), .max ... .max),
        ])
    func pollTimeout(_ time: Duration, _ milliseconds: ClosedRange<Int32>) {
        let timeout = Deadline.after(time).pollTimeout
        #expect(milliseconds.contains(timeout), "\(timeout)")
    }

    @Test("no deadline never passes, has no rest and waits for ever")
    func never() {
        #expect(!Deadline.never.hasPassed)
        #expect(Deadline.never.remaining == nil)
        #expect(Deadline.never.pollTimeout == -1)
        #expect(Deadline.after(nil) == .never)
    }

    @Test("of two deadlines the earlier one counts, and no deadline is later than any")
    func earlier() {
        let soon = Deadline(time: MonotonicTime(nanoseconds: 1))
        let late = Deadline(time: MonotonicTime(nanoseconds: 2))
        for (one, two, first) in [
            (soon, late, soon), (late, soon, soon), (soon, .never, soon), (.never, soon, soon),
            (.never, .never, Deadline.never),
        ] {
            #expect(one.earlier(of: two) == first)
        }
        #expect(soon.hasPassed && soon.remaining == .zero)
    }

    @Test("a wait never ends before its deadline")
    func noEarlyEnd() async throws {
        try await onThread {
            let pipe = try Kernel.pipe()
            for microseconds in stride(from: 0, through: 3000, by: 130) {
                let deadline = Deadline.after(.microseconds(microseconds))
                #expect(try Kernel.wait(for: .readable, on: pipe.reading.rawValue, until: deadline).isEmpty)
                #expect(deadline.hasPassed)
                let second = Deadline.after(.microseconds(microseconds))
                var entries = [PollEntry(pipe.reading.rawValue, .readable)]
                #expect(try Kernel.poll(&entries, until: second) == 0)
                #expect(second.hasPassed)
            }
        }
    }
}
