public import BerthSockets

/// One TCP or UDP socket of this network namespace, as the kernel lists it.
///
/// Source: `man 7 sock_diag`. Any user may read all of it.
public struct SocketRecord: Sendable, Hashable {
    public enum Transport: UInt8, Sendable, Hashable {
        case tcp = 6
        case udp = 17
    }

    /// The timer that runs on a socket.
    public enum Timer: UInt8, Sendable, Hashable {
        case none = 0
        case retransmission = 1
        case keepAlive = 2
        /// The socket is only a small remnant that the kernel keeps until this timer ends.
        case timeWait = 3
        case zeroWindowProbe = 4
    }

    public var transport: Transport
    /// The address that the socket is bound to.
    public var local: SocketAddress
    /// The peer; `nil` for a socket that has none.
    public var remote: SocketAddress?
    /// ``TCPState/closed`` for a socket that is bound and neither listens nor is connected (told from Linux 6.8 on).
    public var state: TCPState
    /// Whether a socket of IPv6 leaves IPv4 alone; `nil` where the kernel does not tell, and for IPv4.
    public var isIPv6Only: Bool?
    /// The number of the interface that it is bound to (SO_BINDTODEVICE); 0 for none.
    public var interface: UInt32
    public var timer: Timer
    /// How long the timer still runs; zero when none does.
    public var timerLeft: Duration
    public var retransmissions: Int
    /// Bytes not read yet; on a listener the connections that wait to be accepted.
    public var receiveQueue: Int
    /// Bytes not acknowledged yet; on a listener its effective backlog.
    public var sendQueue: Int
    /// Who opened the socket; 0 for one that no process holds.
    public var user: UInt32
    /// The number of the socket, by which its owners are found; `nil` when no process holds it.
    public var inode: UInt64?
    /// What the kernel knows about the connection; `nil` when not asked for, and for remnants.
    public var info: TCPInfo?

    public init(
        transport: Transport = .tcp, local: SocketAddress, remote: SocketAddress? = nil, state: TCPState,
        isIPv6Only: Bool? = nil,
        interface: UInt32 = 0, timer: Timer = .none, timerLeft: Duration = .zero, retransmissions: Int = 0,
        receiveQueue: Int = 0, sendQueue: Int = 0, user: UInt32 = 0, inode: UInt64? = nil, info: TCPInfo? = nil
    ) {
        self.transport = transport
        self.local = local
        self.remote = remote
        self.state = state
        self.isIPv6Only = isIPv6Only
        self.interface = interface
        self.timer = timer
        self.timerLeft = timerLeft
        self.retransmissions = retransmissions
        self.receiveQueue = receiveQueue
        self.sendQueue = sendQueue
        self.user = user
        self.inode = inode
        self.info = info
    }

    /// Whether it is the small form that the kernel keeps of a closed connection, in the states TIME_WAIT and
    /// FIN_WAIT2. For the kernel's own checks both are TIME_WAIT.
    public var isRemnant: Bool { timer == .timeWait || state == .timeWait }
}
