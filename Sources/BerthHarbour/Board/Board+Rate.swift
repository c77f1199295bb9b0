package import BerthSystem
internal import Synchronization

/// How fast tokens come: a token bucket, kept as one moment (the generic cell rate algorithm, ITU-T I.371). That moment is
/// when the bucket is full again.
///
/// Pure: told the moment and the time, it says what the moment is next.
package struct TokenBucket: Sendable, Hashable {
    private let interval: Int64
    private let tolerance: Int64

    /// - Parameters:
    ///   - rate: tokens a second, at least one.
    ///   - burst: how many there are when none was taken for long, at least one.
    package init(rate: Int, burst: Int) {
        interval = max(1, 1_000_000_000 / Int64(max(1, rate)))
        let (product, overflow) = interval.multipliedReportingOverflow(by: Int64(max(1, burst) - 1))
        tolerance = overflow ? .max / 4 : min(product, .max / 4)
    }

    package enum Result: Sendable, Hashable {
        /// One was taken; the bucket is full again then.
        case taken(fullAt: Int64)
        /// There is none before then.
        case empty(until: Int64)
    }

    package func take(fullAt: Int64, now: Int64) -> Result {
        if fullAt - tolerance > now { return .empty(until: fullAt - tolerance) }
        return .taken(fullAt: max(fullAt, now) + interval)
    }

    /// The moment when one that was taken is given back.
    package func giveBack(fullAt: Int64) -> Int64 { fullAt - interval }
}

// The bucket that all processes take from.
extension Board {
    /// `nil` where there is no limit.
    private var bucket: TokenBucket? {
        self[.rate].map { TokenBucket(rate: $0, burst: self[.burst] ?? $0) }
    }

    /// Takes a token; when there is none, says when to look again. The clock is that of all processes of a boot.
    package func takeToken(at now: MonotonicTime = .now) -> MonotonicTime? {
        guard let bucket else { return nil }
        while true {
            let present = self[Layout.tokens]
            switch bucket.take(fullAt: Int64(bitPattern: present), now: now.nanoseconds) {
            case .empty(let until): return MonotonicTime(nanoseconds: until)
            case .taken(let fullAt): if replaceTokens(present, UInt64(bitPattern: fullAt)) { return nil }
            }
        }
    }

    /// Gives back one that was taken for nothing.
    package func giveTokenBack() {
        guard let bucket else { return }
        while true {
            let present = self[Layout.tokens]
            let next = bucket.giveBack(fullAt: Int64(bitPattern: present))
            if replaceTokens(present, UInt64(bitPattern: next)) { return }
        }
    }

    /// When there is a token, where there is none now.
    package func tokenMoment(at now: MonotonicTime = .now) -> MonotonicTime? {
        guard let bucket else { return nil }
        guard case .empty(let until) = bucket.take(fullAt: Int64(bitPattern: self[Layout.tokens]), now: now.nanoseconds)
        else { return nil }
        return MonotonicTime(nanoseconds: until)
    }

    private func replaceTokens(_ present: UInt64, _ next: UInt64) -> Bool {
        unsafe word(Layout.tokens).pointee.compareExchange(
            expected: present, desired: next, ordering: .sequentiallyConsistent
        ).exchanged
    }
}
