public import BerthSockets

/// The counters of a server, all taken at one moment.
public struct ServerStatistics: Sendable, Hashable {
    /// Connections accepted since the start, refused ones not counted.
    public var accepted = 0
    /// Connections open now.
    public var active = 0
    /// Connections accepted and not served, by reason.
    public var refusals: [Refusal.Kind: Int] = [:]
    /// All of ``refusals``.
    public var refused: Int { refusals.values.reduce(0, +) }
    /// Ended connections by outcome; together they are `accepted - active`.
    public var outcomes: [Outcome.Kind: Int] = [:]
    /// What went over the ended connections, all together; those of Unix sockets not counted.
    public var bytes = ByteAccount()

    public init() {}
}
