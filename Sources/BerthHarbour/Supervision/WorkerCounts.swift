public import BerthSockets

/// What a worker has counted since its start.
public struct WorkerCounts: Sendable, Hashable {
    /// Connections accepted, refused ones not counted.
    public var accepted = 0
    /// Connections open now.
    public var active = 0
    /// Connections accepted and not served.
    public var refused = 0
    /// The same by reason, where that is known.
    public var refusals: [String: Int] = [:]
    /// Ended connections by outcome.
    public var outcomes: [String: Int] = [:]
    /// What went over the ended connections.
    public var bytes = ByteAccount()

    public init() {}

    /// Adds what another worker has counted.
    package mutating func add(_ other: WorkerCounts) {
        accepted += other.accepted
        active += other.active
        refused += other.refused
        bytes.add(other.bytes)
        refusals.merge(other.refusals, uniquingKeysWith: +)
        outcomes.merge(other.outcomes, uniquingKeysWith: +)
    }
}
