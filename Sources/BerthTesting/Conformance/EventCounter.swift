internal import BerthEngine
public import BerthServer
internal import BerthSystem

/// Holds a service to its word that every connection has exactly one outcome: an observer that counts.
///
/// ```swift
/// let counter = EventCounter()
/// configuration.observers.append(counter)
/// …                                            // the service runs, and ends
/// #expect(counter.violations == [])
/// ```
public final class EventCounter: ServerObserver, Sendable {
    private struct State {
        /// The connections that have begun and not ended.
        var open: Set<ConnectionID> = []
        var accepted = 0
        var ended = 0
        var refused = 0
        var outcomes: [Outcome.Kind: Int] = [:]
        var stop: StopReport?
        var violations = Violations()
    }

    private let state = Monitor(State())

    public init() {}

    /// Connections that were accepted, and that ended.
    public var accepted: Int { state.withLock { $0.accepted } }
    public var ended: Int { state.withLock { $0.ended } }
    /// Connections that were refused.
    public var refused: Int { state.withLock { $0.refused } }
    /// How connections ended, by kind.
    public var outcomes: [Outcome.Kind: Int] { state.withLock { $0.outcomes } }
    /// How the service ended; `nil` while it goes on.
    public var stop: StopReport? { state.withLock { $0.stop } }

    public func observe(_ event: ServerEvent) {
        state.change { state in
            switch event {
            case .accepted(let id, _):
                state.accepted += 1
                if !state.open.insert(id).inserted { state.violations.add("\(id) was accepted twice") }
            case .ended(let id, _, let end):
                state.ended += 1
                state.outcomes[end.outcome.kind, default: 0] += 1
                if state.open.remove(id) == nil {
                    state.violations.add("\(id) ended, and was not there: \(end.outcome)")
                }
            case .refused: state.refused += 1
            case .stopped(let report): state.stop = report
            default: break
            }
        }
    }

    /// What did not hold, as sentences. While the service goes on: connections that ended twice or without a beginning.
    /// Once it has ended: also those that have no outcome, and those that had to be cut or whose handler is stuck.
    public var violations: [String] {
        state.withLock { state in
            var found = state.violations
            if let stop = state.stop {
                for id in state.open.sorted(by: { $0.number < $1.number }) { found.add("\(id) has no outcome") }
                if stop.killed > 0 { found.add("\(stop.killed) connections had to be cut at the end") }
                for one in stop.stuck { found.add("\(one)") }
            }
            return found.all
        }
    }
}
