internal import Glibc

/// A moment on the monotonic clock (`CLOCK_MONOTONIC`, `man 2 clock_gettime`): never set back, not counting suspension.
public struct MonotonicTime: Sendable, Hashable, Comparable {
    /// Nanoseconds since an arbitrary point, the same for all processes of one boot.
    public let nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    public static var now: MonotonicTime { MonotonicTime(nanoseconds: Kernel.monotonicNow) }

    /// The time of the kernel's last timer tick: not after ``now``, behind it by less than ``coarseness``, and read in a
    /// fifth of the time (`CLOCK_MONOTONIC_COARSE`).
    package static var coarse: MonotonicTime {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// The time between two ticks of the kernel, in nanoseconds (`man 2 clock_getres`): 1 to 10 ms.
    package static let coarseness: Int64 = {
        var time = timespec()
        unsafe clock_getres(CLOCK_MONOTONIC_COARSE, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }()

    public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The moment `duration` later; saturates.
    public func advanced(by duration: Duration) -> MonotonicTime {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(duration.wholeNanoseconds)
        return MonotonicTime(nanoseconds: overflow ? (duration < .zero ? .min : .max) : sum)
    }

    /// How long it is from `earlier` to this moment.
    public func duration(since earlier: MonotonicTime) -> Duration {
        // Apart, because the difference of two saturated moments overflows.
        .nanoseconds(nanoseconds) - .nanoseconds(earlier.nanoseconds)
    }
}

/// A moment by which something must be done, or never.
public struct Deadline: Sendable, Hashable {
    /// The moment; `nil` when there is none.
    public let time: MonotonicTime?

    /// No deadline: wait as long as it takes.
    public static let never = Deadline(time: nil)

    public init(time: MonotonicTime?) { self.time = time }

    /// `duration` from now.
    public static func after(_ duration: Duration) -> Deadline { Deadline(time: .now.advanced(by: duration)) }

    /// `duration` from now, or never for `nil`.
    public static func after(_ duration: Duration?) -> Deadline { duration.map { .after($0) } ?? .never }

    public var hasPassed: Bool { time.map { $0 <= .now } ?? false }

    /// How long there is left, at least zero; `nil` for never.
    public var remaining: Duration? { time.map { max(.zero, $0.duration(since: .now)) } }

    /// The earlier of the two.
    public func earlier(of other: Deadline) -> Deadline {
        guard let time else { return other }
        guard let theirs = other.time else { return self }
        return Deadline(time: min(time, theirs))
    }

    /// The timeout that poll(2) takes: milliseconds rounded up, so that a wait never ends before its deadline and
    /// then spins; -1 for never. At most 24.8 days, which is all that poll(2) takes: whoever waits looks at the deadline
    /// again.
    package var pollTimeout: Int32 {
        guard let remaining else { return -1 }
        let (milliseconds, rest) = remaining.wholeNanoseconds.quotientAndRemainder(dividingBy: 1_000_000)
        return Int32(clamping: rest > 0 ? milliseconds + 1 : milliseconds)
    }
}

extension Duration {
    /// The whole nanoseconds of this duration; saturates.
    package var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, overflowed) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflowed ? (seconds < 0 ? .min : .max) : sum
    }

    /// The duration in seconds, for people.
    package var inSeconds: Double { Double(wholeNanoseconds) / 1e9 }
}
