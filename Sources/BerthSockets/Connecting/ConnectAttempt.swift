public import BerthSystem

/// One address that a connect tried without success, and how it failed.
public struct ConnectAttempt: Sendable, Hashable {
    /// The address that was tried.
    public let address: SocketAddress
    /// What the kernel said; `nil` when nothing had come back by the deadline.
    public let failure: Errno?
    /// How long this attempt lasted.
    public let after: Duration

    public init(address: SocketAddress, failure: Errno?, after: Duration) {
        self.address = address
        self.failure = failure
        self.after = after
    }
}

extension ConnectAttempt: CustomStringConvertible {
    /// For example `[::1]:80: nobody listens there (ECONNREFUSED)` or `192.0.2.1:80: no answer within 3 s`.
    public var description: String {
        if let failure { return "\(address): \(failure)" }
        return "\(address): no answer within \(after.short)"
    }
}
