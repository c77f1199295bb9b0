public import BerthFraming

/// When the kernel asks an idle peer whether it is still there, and how often.
public struct KeepAlive: Sendable, Hashable {
    /// How long a connection is idle before the first question. Default 60 s.
    public var idle: Duration
    /// The time between two questions. Default 10 s.
    public var interval: Duration
    /// How many may go unanswered. Default 6. ``SocketOptions/userTimeout`` overrides it: with Berth's 30 s a peer
    /// that vanished while idle is given up after the first unanswered question, 70 s after it was last heard.
    public var count: Int

    public init(idle: Duration = .seconds(60), interval: Duration = .seconds(10), count: Int = 6) {
        self.idle = idle
        self.interval = interval
        self.count = count
    }
}

/// The options of a listener and of its connections, or of one outgoing connection.
///
/// `nil` leaves an option as the kernel has it. Options that a socket does not know are left out: those of TCP on
/// Unix sockets, those of listeners on connections. Each is explained at the ``SocketOption`` of its name.
public struct SocketOptions: Sendable, Hashable {
    /// Send small segments at once. Default on.
    public var noDelay: Bool? = true
    /// Ask idle peers whether they are there. Default 60 s, 10 s, 6 times; `nil` is off.
    public var keepAlive: KeepAlive? = KeepAlive()
    /// How long sent data may stay unacknowledged. Default 30 s; the kernel's own is about 15 minutes.
    public var userTimeout: Duration? = .seconds(30)
    /// How long `close` waits. Default `nil`: it does not.
    public var linger: Duration?
    /// The send buffer. Default `nil`: sized by the kernel.
    public var sendBuffer: ByteCount?
    /// The receive buffer. Default `nil`: sized by the kernel.
    public var receiveBuffer: ByteCount?
    /// How much may wait unsent while the socket still counts as writable. Default `nil`: no limit.
    public var notSentLowWater: ByteCount?
    /// The congestion control algorithm. Default `nil`: the system's.
    public var congestionControl: String?
    /// Acknowledge at once, until the kernel turns it back. Default `nil`.
    public var quickAck: Bool?
    /// Listeners: report a connection only when its first data arrived. Default `nil`: at once.
    public var deferAccept: Duration?
    /// Listeners: how many connections with data in the SYN may be under way. Default `nil`: none.
    public var fastOpen: Int?
    /// Listeners that share a port: the CPU whose packets this one prefers. Default `nil`.
    public var incomingCPU: Int?
    /// Connections: send the first data with the SYN. Default `nil`: no.
    public var fastOpenConnect: Bool?

    /// Berth's defaults.
    public init() {}

    /// Berth's defaults: no-delay, keep-alive, and 30 s for unacknowledged data.
    public static let `default` = SocketOptions()

    /// Everything as the kernel has it.
    public static let kernel: SocketOptions = {
        var options = SocketOptions()
        options.noDelay = nil
        options.keepAlive = nil
        options.userTimeout = nil
        return options
    }()
}
