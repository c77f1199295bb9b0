public import BerthSockets

/// What is to be bound, as far as the kernel's decision depends on it.
public struct BindAttempt: Sendable, Hashable {
    public var transport: SocketRecord.Transport
    public var address: SocketAddress
    public var options: ReuseOptions
    /// Whether a socket of IPv6 leaves IPv4 alone; without meaning for IPv4.
    public var isIPv6Only: Bool
    /// The effective user when the socket was opened.
    public var user: UInt32

    public init(
        _ address: SocketAddress, options: ReuseOptions, isIPv6Only: Bool = false, user: UInt32 = 0,
        transport: SocketRecord.Transport = .tcp
    ) {
        self.transport = transport
        self.address = address
        self.options = options
        self.isIPv6Only = isIPv6Only
        self.user = user
    }
}

/// A socket that may hold a port, and what is known of it beyond the kernel's list.
public struct PortHolder: Sendable, Hashable {
    public var socket: SocketRecord
    public var owners: Reading<[SocketOwner]>
    public var options: Reading<ReuseOptions>

    public init(
        _ socket: SocketRecord, owners: Reading<[SocketOwner]> = .unknown(.notLookedAt),
        options: Reading<ReuseOptions> = .unknown(.notLookedAt)
    ) {
        self.socket = socket
        self.owners = owners
        self.options = options
    }
}
