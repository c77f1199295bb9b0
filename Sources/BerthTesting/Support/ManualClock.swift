internal import BerthSystem

/// A clock that stands still until a test moves it, for code that takes `any Clock<Duration>`.
///
/// ```swift
/// let clock = ManualClock()
/// async let done: Void = retry(every: .seconds(30), on: clock)
/// await clock.waitForSleepers()
/// clock.advance(by: .seconds(30))
/// ```
///
/// Nothing that sleeps on it wakes by itself: a test without a call of ``advance(by:)`` waits for ever.
public final class ManualClock: Clock, Sendable {
    /// A moment of the clock, which begins at zero.
    public struct Instant: InstantProtocol {
        /// How long the clock had gone when it was this moment.
        public let elapsed: Duration

        public func advanced(by duration: Duration) -> Instant { Instant(elapsed: elapsed + duration) }
        public func duration(to other: Instant) -> Duration { other.elapsed - elapsed }
        public static func < (left: Instant, right: Instant) -> Bool { left.elapsed < right.elapsed }
    }

    private struct Sleeper {
        let id: UInt64
        let end: Instant
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct Audience {
        let count: Int
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var now = Instant(elapsed: .zero)
        var lastID: UInt64 = 0
        var sleepers: [Sleeper] = []
        /// Those that were cancelled before they could sleep.
        var cancelled: Set<UInt64> = []
        var audience: [Audience] = []
    }

    private let state = Monitor(State())

    public init() {}

    public var now: Instant { state.withLock { $0.now } }

    /// One attosecond: the clock is as exact as the test is.
    public var minimumResolution: Duration { Duration(secondsComponent: 0, attosecondsComponent: 1) }

    /// How many tasks sleep.
    public var sleeperCount: Int { state.withLock { $0.sleepers.count } }

    /// Lets `duration` pass, and wakes whose time has come, the earliest first.
    public func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.now = state.now.advanced(by: duration)
            let now = state.now
            let woken = state.sleepers.filter { $0.end <= now }.sorted { ($0.end, $0.id) < ($1.end, $1.id) }
            state.sleepers.removeAll { $0.end <= now }
            return woken
        }
        for sleeper in woken { sleeper.continuation.resume() }
    }

    /// Waits until `count` tasks sleep, so that a test knows that those it started have come so far. Default one.
    public func waitForSleepers(_ count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.sleepers.count >= count { return true }
                state.audience.append(Audience(count: count, continuation: continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    /// - Throws: `CancellationError` when the task is cancelled first.
    public func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in fallAsleep(id, deadline, continuation) }
        } onCancel: {
            let sleeper = state.withLock { state -> Sleeper? in
                guard let index = state.sleepers.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return nil
                }
                return state.sleepers.remove(at: index)
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
        // A cancellation that came when it was awake already left its number behind.
        state.withLock { _ = $0.cancelled.remove(id) }
    }

    private func fallAsleep(_ id: UInt64, _ end: Instant, _ continuation: CheckedContinuation<Void, any Error>) {
        let (result, seen) = state.withLock { state -> (Result<Void, any Error>?, [Audience]) in
            if state.cancelled.remove(id) != nil { return (.failure(CancellationError()), []) }
            if end <= state.now { return (.success(()), []) }
            state.sleepers.append(Sleeper(id: id, end: end, continuation: continuation))
            let count = state.sleepers.count
            let seen = state.audience.filter { $0.count <= count }
            state.audience.removeAll { $0.count <= count }
            return (nil, seen)
        }
        if let result { continuation.resume(with: result) }
        for one in seen { one.continuation.resume() }
    }
}
