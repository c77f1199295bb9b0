public import BerthSockets

/// The account of a connection that has ended.
public struct ConnectionEnd: Sendable {
    /// Why it ended.
    public var outcome: Outcome
    /// How its polite close went; `nil` where it was ended in another way.
    public var close: CloseReport?
    /// How long it was open: from its accept until it was closed.
    public var duration: Duration
    /// What went over it; `nil` for Unix sockets, of which the kernel counts nothing, and for a connection whose peer was
    /// gone before its handler began.
    public var bytes: ByteAccount?

    public init(
        outcome: Outcome, close: CloseReport? = nil, duration: Duration = .zero, bytes: ByteAccount? = nil
    ) {
        self.outcome = outcome
        self.close = close
        self.duration = duration
        self.bytes = bytes
    }
}
