import Testing

@testable import BerthSockets

@Suite("The deadlines of a connection")
struct DeadlineClockTests {
    private static let second: Int64 = 1_000_000_000

    /// A peer, as a clock sees it, at times in seconds.
    private struct Connection {
        var clock = DeadlineClock()
        var received: UInt64 = 0
        var buffered = 0

        init(_ change: (inout DeadlineClock.Limits) -> Void) {
            var limits = DeadlineClock.Limits()
            change(&limits)
            clock.limits = limits
        }

        /// Bytes come: of the message that has begun, or with `whole` those that end it.
        mutating func receive(_ count: Int, leaving rest: Int? = nil) {
            received += UInt64(count)
            buffered = rest ?? buffered + count
        }

        /// Until when a wait for bytes may last, in seconds; `nil` for ever.
        mutating func wait(at time: Double, streaming: Bool = false) -> Double? {
            seconds(
                clock.awaitBytes(
                    now: nanoseconds(time), received: received, buffered: buffered,
                    isBetween: buffered == 0 && !streaming, isStreaming: streaming))
        }

        mutating func waitForRoom(at time: Double) -> Double? { seconds(clock.awaitRoom(now: nanoseconds(time))) }

        func passed(at time: Double, forRoom: Bool = false) -> ConnectionDeadline {
            clock.passed(now: nanoseconds(time), forRoom: forRoom, received: received).deadline
        }

        private func nanoseconds(_ time: Double) -> Int64 { Int64((time * 1e9).rounded()) + DeadlineClockTests.second }
        private func seconds(_ moment: Int64) -> Double? {
            moment == .max ? nil : Double(moment - DeadlineClockTests.second) / 1e9
        }
    }

    @Test("without limits nothing ends a wait")
    func none() {
        var connection = Connection { _ in }
        #expect(!connection.clock.isBounded)
        #expect(connection.wait(at: 0) == nil && connection.waitForRoom(at: 1) == nil)
        connection.receive(1)
        #expect(connection.wait(at: 2) == nil && !connection.clock.isOver(now: .max - 1))
    }

    @Test("the first byte has its own time, which further waits do not begin anew")
    func firstByte() {
        var connection = Connection { $0.firstByte = 10 * Self.second }
        #expect(connection.wait(at: 3) == 13)
        #expect(connection.wait(at: 8) == 13)
        #expect(connection.passed(at: 13) == .firstByte)
        connection.receive(5, leaving: 0)
        #expect(connection.wait(at: 9) == nil)
    }

    @Test("a byte now and then extends the idle time and not that of the message")
    func frame() {
        var connection = Connection {
            $0.frame = 30 * Self.second
            $0.idle = 8 * Self.second
        }
        #expect(connection.wait(at: 0) == 8)
        connection.receive(1)
        #expect(connection.wait(at: 5) == 13)
        for time in stride(from: 10.0, through: 25, by: 5) {
            connection.receive(1)
            #expect(connection.wait(at: time) == time + 8)
        }
        connection.receive(1)
        #expect(connection.wait(at: 30) == 35)
        #expect(connection.passed(at: 35) == .frame)
    }

    @Test("each message has its time, also when they come so close that one is always in part there")
    func pipelined() {
        var connection = Connection { $0.frame = 30 * Self.second }
        _ = connection.wait(at: 0)
        connection.receive(10)
        #expect(connection.wait(at: 1) == 31)
        // The first is whole and gone; of the second there is more than there was of the first.
        connection.receive(30, leaving: 20)
        #expect(connection.wait(at: 20) == 50)
        connection.receive(5)
        #expect(connection.wait(at: 40) == 50)
        connection.receive(50, leaving: 0)
        #expect(connection.wait(at: 45) == nil)
        connection.receive(1)
        #expect(connection.wait(at: 60) == 90)
    }

    @Test("a message that is taken piece by piece may take any time, as long as it is fast enough")
    func streaming() {
        var connection = Connection {
            $0.frame = 30 * Self.second
            $0.rate = 100
        }
        _ = connection.wait(at: 0)
        connection.receive(100, leaving: 0)
        // Five seconds of grace, and one for the hundred bytes that have come: none, as they were there before.
        #expect(connection.wait(at: 10, streaming: true) == 15)
        connection.receive(1000, leaving: 0)
        #expect(connection.wait(at: 14, streaming: true) == 25)
        connection.receive(10_000, leaving: 0)
        #expect(connection.wait(at: 24, streaming: true) == 125)
        #expect(connection.passed(at: 125) == .rate)
    }

    @Test("a message has to come fast enough, after five seconds")
    func rate() {
        var connection = Connection { $0.rate = 1000 }
        _ = connection.wait(at: 0)
        connection.receive(500)
        #expect(connection.wait(at: 1) == 6.5)
        connection.receive(1000)
        #expect(connection.wait(at: 6) == 7.5)
        #expect(connection.passed(at: 7.5) == .rate)
        // Between two messages nothing has to come.
        connection.receive(1, leaving: 0)
        #expect(connection.wait(at: 7) == nil)
    }

    @Test("room to send has its own time, and what is read has nothing to do with it")
    func stall() {
        var connection = Connection {
            $0.stall = 30 * Self.second
            $0.idle = 5 * Self.second
            $0.firstByte = 1 * Self.second
        }
        #expect(connection.waitForRoom(at: 0) == 30)
        // The peer has read something.
        #expect(connection.waitForRoom(at: 20) == 50)
        #expect(connection.passed(at: 50, forRoom: true) == .writeStall)
        #expect(connection.wait(at: 60) == 1)
    }

    @Test("a connection that is too old ends between two messages, and within one when that had its time as well")
    func age() {
        var connection = Connection {
            $0.age = 100 * Self.second
            $0.frame = 30 * Self.second
        }
        #expect(connection.wait(at: 0) == 100)
        connection.receive(1)
        #expect(connection.wait(at: 90) == 120)
        #expect(connection.passed(at: 120) == .frame)
        connection.receive(9, leaving: 5)
        #expect(connection.wait(at: 119) == 130)
        #expect(connection.passed(at: 130) == .age)
        connection.receive(9, leaving: 0)
        #expect(connection.wait(at: 125) == 100)
        #expect(connection.passed(at: 125) == .age)
        #expect(connection.waitForRoom(at: 125) == 100 && connection.passed(at: 125, forRoom: true) == .age)
        #expect(!connection.clock.isOver(now: 130 * Self.second) && connection.clock.isOver(now: 131 * Self.second))
    }

    @Test("what the handler has set itself ends any wait, and no other deadline moves it")
    func handler() {
        var connection = Connection { $0.idle = 60 * Self.second }
        connection.clock.handlerEnd = 5 * Self.second + Self.second
        #expect(connection.wait(at: 0) == 5)
        connection.receive(1)
        #expect(connection.wait(at: 4) == 5 && connection.waitForRoom(at: 4) == 5)
        #expect(connection.passed(at: 5) == .handler && connection.passed(at: 5, forRoom: true) == .handler)
        connection.clock.handlerEnd = .max
        #expect(connection.wait(at: 6) == 66)
    }

    @Test("of two that have passed the one that passed first is told")
    func order() {
        var connection = Connection {
            $0.idle = 5 * Self.second
            $0.firstByte = 6 * Self.second
        }
        _ = connection.wait(at: 0)
        #expect(connection.passed(at: 100) == .idle)
        _ = connection.wait(at: 4)
        #expect(connection.passed(at: 100) == .firstByte)
    }

    @Test("each is told in one sentence")
    func sentences() {
        func text(_ deadline: ConnectionDeadline, _ limit: Int64) -> String {
            SocketError.passed(deadline, limit: limit, deadline == .writeStall ? .send : .receive, address: "a")
                .description
        }
        #expect(text(.firstByte, 10 * Self.second) == "cannot receive from a: no first byte from the peer within 10 s")
        #expect(text(.frame, 30 * Self.second) == "cannot receive from a: no whole message from the peer within 30 s")
        #expect(text(.idle, 60 * Self.second) == "cannot receive from a: no byte from the peer within 60 s")
        #expect(
            text(.writeStall, 30 * Self.second)
                == "cannot send to a: no room to send (the peer does not read) within 30 s")
        #expect(text(.rate, 100) == "cannot receive from a: its message comes with less than 100 bytes a second")
        #expect(text(.age, 3600 * Self.second) == "cannot receive from a: the connection is older than 3600 s")
        #expect(text(.handler, .max) == "cannot receive from a: the time that its handler has set has passed")
    }
}
