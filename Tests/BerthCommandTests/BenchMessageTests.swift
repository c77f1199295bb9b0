import BerthFraming
import BerthSockets
import Testing

@testable import BerthCommand

/// What a load is made of: messages, schedules, buckets. No service, no clock.
@Suite("Bench: messages and schedules")
struct BenchMessageTests {
    private static let framings: [(framing: Framing, marks: [UInt8]?)] = [
        (.raw, nil), (.selfCounting64, nil), (.lengthPrefix(bytes: .two, endian: .little), nil),
        (.lines, [0x0D, 0x0A]), (.delimiter("\r\n.\r\n"), Array("\r\n.".utf8)), (.headers, nil),
        (
            .delimiter("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM"),
            Array("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM".utf8)
        ),
    ]

    private func message(_ template: MessageTemplate, connection: UInt32, number: UInt64) -> [UInt8] {
        let layout = template.layout
        return [UInt8](unsafeUninitializedCapacity: layout.count) { memory, count in
            count = layout.count
            guard let start = memory.baseAddress else { return }
            let tag = MessageLayout.tag(connection: connection, message: number)
            layout.write(tag, shift: MessageLayout.shift(connection: connection), to: UnsafeMutableRawPointer(start))
        }
    }

    @Test("a message is one frame of its framing, whatever its numbers are", arguments: [1, 2, 7, 8, 9, 16, 17, 1000])
    func oneFrame(size: Int) throws {
        for (framing, marks) in Self.framings {
            let template = try MessageTemplate(framing: framing, bodyCount: size, forbidden: marks)
            for (connection, number) in [(0, 0), (1, 255), (999_999, 1 << 39)] as [(UInt32, UInt64)] {
                let bytes = message(template, connection: connection, number: number)
                var codec = framing
                guard case .frame(let frame) = try codec.decode(bytes.span.bytes, atEnd: false) else {
                    Issue.record("\(framing), \(size) bytes: no frame")
                    continue
                }
                #expect(frame.consumed == bytes.count, "\(framing)")
                #expect(frame.body.count == size, "\(framing)")
            }
        }
    }

    @Test("messages of different connections, and of neighbouring numbers, differ even when they are one byte")
    func tagsDiffer() throws {
        for size in [1, 8, 16, 40] {
            let template = try MessageTemplate(framing: .raw, bodyCount: size)
            var seen: Set<[UInt8]> = []
            for number in 0..<100 { seen.insert(message(template, connection: 5, number: UInt64(number))) }
            #expect(seen.count == 100)
            #expect(message(template, connection: 0, number: 9) != message(template, connection: 1, number: 9))
        }
    }

    @Test("the right message is recognised whole and in any two parts, and no other")
    func recognised() throws {
        for (framing, marks) in Self.framings {
            let template = try MessageTemplate(framing: framing, bodyCount: 40, forbidden: marks)
            let layout = template.layout
            let tag = MessageLayout.tag(connection: 300, message: 77)
            let shift = MessageLayout.shift(connection: 300)
            var bytes = message(template, connection: 300, number: 77)
            func isRight(_ from: Int, _ count: Int) -> Bool {
                bytes.withUnsafeBytes { memory in
                    guard let start = memory.baseAddress else { return false }
                    if count == layout.count { return layout.isMessage(tag, shift: shift, at: start) }
                    return layout.isPart(tag, shift: shift, from: from, at: start + from, count: count)
                }
            }
            #expect(isRight(0, layout.count))
            for cut in 0...layout.count { #expect(isRight(0, cut) && isRight(cut, layout.count - cut)) }
            for index in bytes.indices {
                bytes[index] ^= 1
                #expect(!isRight(0, layout.count), "\(framing), byte \(index)")
                #expect(!isRight(index, 1))
                bytes[index] ^= 1
            }
        }
    }

    @Test("a body that a framing cannot carry is refused")
    func refused() {
        #expect(throws: FramingError.self) { try MessageTemplate(framing: .fixedLength(.bytes(9)), bodyCount: 8) }
        #expect(throws: FramingError.self) {
            try MessageTemplate(framing: .lines(maximumLine: .bytes(10)), bodyCount: 11, forbidden: [10, 13])
        }
        #expect(throws: FramingError.self) { try MessageTemplate(framing: .lengthPrefix(bytes: .one), bodyCount: 256) }
    }

    @Test("connections are shared out whole, and the schedules of all threads make the rate")
    func shares() {
        var plan = LoadPlan(address: .unnamed)
        plan.pace = .open(perSecond: 1000)
        for (connections, threads) in [(1, 1), (64, 3), (7, 7), (1000, 6)] {
            plan.connections = connections
            plan.threads = threads
            let shares = (0..<threads).map { plan.share(ofThread: $0) }
            #expect(shares.map(\.count).reduce(0, +) == connections)
            #expect(shares.first?.first == 0)
            for (one, next) in zip(shares, shares.dropFirst()) { #expect(one.first + one.count == next.first) }
            let rate = (0..<threads).compactMap { plan.interval(ofThread: $0) }.map { 1e9 / $0 }.reduce(0, +)
            #expect(abs(rate - 1000) < 1e-6)
        }
    }

    @Test("a schedule is kept whatever was sent of it, and its backlog is what is due and not sent")
    func schedule() {
        var schedule = LoadSchedule(interval: 1e9 / 3)
        #expect(schedule.nextTime == .max)
        #expect(schedule.backlog(at: 5) == 0)
        schedule.start(at: 1000)
        schedule.start(at: 2000)
        #expect(schedule.time(of: 0) == 1000)
        #expect(schedule.time(of: 3_000_000) == 1_000_000_000_001_000)
        #expect(schedule.backlog(at: 1_000_001_500) == 4)
        #expect(schedule.take() == 1000)
        #expect(schedule.backlog(at: 1_000_001_500) == 3)
    }

    @Test("the line of slots is first in, first out, and goes round")
    func line() {
        var line = SlotLine(capacity: 3)
        var taken: [UInt32?] = []
        for round in 0..<5 as Range<UInt32> {
            line.append(round)
            line.append(round + 10)
            taken += [line.popFirst(), line.popFirst()]
        }
        #expect(taken == [0, 10, 1, 11, 2, 12, 3, 13, 4, 14])
        #expect(line.popFirst() == nil)
    }

    @Test("a bucket is at most 0.4 % away from what it holds, up to 18 minutes")
    func buckets() {
        var value: UInt64 = 1
        while value < 1 << 40 {
            let kept = LatencyBuckets.value(at: LatencyBuckets.index(of: value))
            #expect(abs(Double(kept) - Double(value)) <= Double(value) * 0.004, "\(value) is kept as \(kept)")
            value += value / 7 + 1
        }
        #expect(LatencyBuckets.index(of: .max) == LatencyBuckets.index(of: 1 << 40 - 1))
    }

    @Test("percentiles are those of what was recorded, and the maximum is exact")
    func percentiles() {
        var buckets = LatencyBuckets()
        for microseconds in 1...1000 { buckets.record(Int64(microseconds) * 1000) }
        buckets.record(-5)
        var histogram = LatencyHistogram()
        histogram.add(buckets.take())
        histogram.add(buckets.take())
        #expect(histogram.count == 1001)
        let summary = histogram.summary
        #expect(summary.maximum == 1_000_000)
        for (figure, exact) in [(summary.p50, 500.0), (summary.p90, 900), (summary.p99, 990), (summary.p999, 999)] {
            #expect(abs(Double(figure) / 1000 - exact) < exact * 0.006, "\(figure)")
        }
        #expect(LatencyHistogram().summary == LatencySummary())
    }

    @Test("the processor time of a process is found behind any name")
    func processorTime() {
        let fields = "S 1 1 1 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 1 0 100"
        #expect(ProcessorTime.parse("7 (a b) c) \(fields)") == .seconds(2))
        #expect(ProcessorTime.parse("7 (berth) S 1") == nil)
        #expect(ProcessorTime.parse("") == nil)
    }
}
