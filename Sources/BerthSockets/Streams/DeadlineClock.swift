internal import BerthSystem

/// The deadlines of one connection: what it has time for, and since when. Moments and times are in nanoseconds, `.max` for
/// never and without end.
///
/// Pure: it is told what the connection waits for and how far the peer is, and says until when. The times run while we
/// wait: a service that is slow is not held against its peer. Each of them has a beginning of its own, which no other one
/// moves.
package struct DeadlineClock: Sendable {
    /// What a connection has time for.
    package struct Limits: Sendable, Hashable {
        /// From the first wait on, until the first byte.
        package var firstByte: Int64 = .max
        /// From the first wait within a message on, until it is whole.
        package var frame: Int64 = .max
        /// Of each wait for a byte.
        package var idle: Int64 = .max
        /// Of each wait for room to send.
        package var stall: Int64 = .max
        /// From the first wait on, until the connection is ended: between two messages; within one, ``frame`` later.
        package var age: Int64 = .max
        /// Bytes a second that a message must have come with, after ``rateGrace``; 0 for any.
        package var rate: Int64 = 0

        package init() {}

        /// Whether there is any.
        package var isBounded: Bool {
            firstByte != .max || frame != .max || idle != .max || stall != .max || age != .max || rate > 0
        }
    }

    /// How long a message may be slow at its beginning: a connection that has to find its speed first.
    package static let rateGrace: Int64 = 5_000_000_000

    package var limits = Limits() {
        didSet { isBounded = limits.isBounded || handlerEnd != .max }
    }
    /// What the handler has set itself as the end of what it does.
    package var handlerEnd: Int64 = .max {
        didSet { isBounded = limits.isBounded || handlerEnd != .max }
    }
    /// Whether anything ends a wait.
    package private(set) var isBounded = false
    private var ageEnd: Int64 = .max
    /// When the first wait began; 0 before.
    private var begin: Int64 = 0
    /// When the first wait within the present message began; `.max` between two messages.
    private var messageBegin: Int64 = .max
    /// Until when the present message has to be whole.
    private var frameEnd: Int64 = .max
    /// How many bytes had come before the present message.
    private var messageBase: UInt64 = 0
    /// When the present wait began.
    private var waitBegin: Int64 = 0

    package init() {}

    /// A wait for bytes begins, or goes on after some have come.
    ///
    /// - Parameters:
    ///   - received: how many bytes have come in all.
    ///   - buffered: how many of them have not been taken yet: those of a message that is not whole.
    ///   - isBetween: whether none has come of the next message.
    ///   - isStreaming: whether the handler takes the message piece by piece: then it may have any size, and only has to
    ///     come fast enough.
    /// - Returns: until when it may last.
    package mutating func awaitBytes(
        now: Int64, received: UInt64, buffered: Int, isBetween: Bool, isStreaming: Bool = false
    ) -> Int64 {
        if begin == 0 { start(now) }
        waitBegin = now
        if isBetween {
            messageBegin = .max
            frameEnd = .max
            if received == 0 { return earliest(Self.sum(begin, limits.firstByte), endForBytes) }
            return endForBytes
        }
        // What lies in front of the present message has been taken: another one has begun when that has grown.
        let base = received &- UInt64(buffered)
        if messageBegin == .max || (base != messageBase && !isStreaming) {
            messageBegin = now
            messageBase = base
            frameEnd = Self.sum(now, limits.frame)
        }
        if isStreaming { frameEnd = .max }
        return earliest(earliest(endForBytes, frameEnd), rateEnd(received))
    }

    /// A wait for room to send begins, or the peer has made some.
    package mutating func awaitRoom(now: Int64) -> Int64 {
        if begin == 0 { start(now) }
        waitBegin = now
        return earliest(Self.sum(now, limits.stall), earliest(handlerEnd, ageEnd))
    }

    /// Whether the connection is over, busy or not: too old, or beyond what its handler has set itself.
    package func isOver(now: Int64) -> Bool {
        isBounded && (handlerEnd <= now || Self.sum(ageEnd, limits.frame == .max ? 0 : limits.frame) <= now)
    }

    private mutating func start(_ now: Int64) {
        begin = now
        ageEnd = Self.sum(now, limits.age)
    }

    /// Until when a wait for bytes may last, whatever message they are of.
    private var endForBytes: Int64 {
        let age = messageBegin == .max ? ageEnd : Self.sum(ageEnd, limits.frame == .max ? 0 : limits.frame)
        return earliest(Self.sum(waitBegin, limits.idle), earliest(handlerEnd, age))
    }

    /// When the present message is too slow if nothing more comes.
    private func rateEnd(_ received: UInt64) -> Int64 {
        guard limits.rate > 0, messageBegin != .max else { return .max }
        let bytes = Int64(clamping: received &- messageBase)
        let (seconds, rest) = bytes.quotientAndRemainder(dividingBy: limits.rate)
        let (time, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return .max }
        let part = Int64(Double(rest) / Double(limits.rate) * 1e9)
        return Self.sum(Self.sum(messageBegin, Self.rateGrace), Self.sum(time, part))
    }

    /// Which deadline of a wait has passed, and what its limit was. To be asked when one has.
    package func passed(
        now: Int64, forRoom: Bool, received: UInt64
    ) -> (deadline: ConnectionDeadline, limit: Int64) {
        // Of several that have passed the one that passed first.
        var all: [(Int64, ConnectionDeadline, Int64)] = [
            (handlerEnd, .handler, .max)
        ]
        if forRoom {
            all += [(Self.sum(waitBegin, limits.stall), .writeStall, limits.stall), (ageEnd, .age, limits.age)]
        } else {
            all.append((Self.sum(waitBegin, limits.idle), .idle, limits.idle))
            if messageBegin == .max {
                all.append((ageEnd, .age, limits.age))
                if received == 0 { all.append((Self.sum(begin, limits.firstByte), .firstByte, limits.firstByte)) }
            } else {
                let late = Self.sum(ageEnd, limits.frame == .max ? 0 : limits.frame)
                all += [
                    (frameEnd, .frame, limits.frame),
                    (rateEnd(received), .rate, limits.rate), (late, .age, limits.age),
                ]
            }
        }
        let first = all.min { $0.0 < $1.0 }
        return first.map { ($0.1, $0.2) } ?? (.idle, limits.idle)
    }

    private func earliest(_ left: Int64, _ right: Int64) -> Int64 { left < right ? left : right }

    private static func sum(_ moment: Int64, _ time: Int64) -> Int64 {
        let (sum, overflow) = moment.addingReportingOverflow(time)
        return overflow ? .max : sum
    }
}
