public import BerthFraming
internal import BerthSystem

/// What a server allows at most. Every limit has a value from the start.
public struct ServerLimits: Sendable {
    /// What is done with a connection above ``maximumConnections``.
    public enum Overload: Sendable, Hashable {
        /// It waits in the kernel's accept queue until another one ends. Clients see a slow answer; when the queue is
        /// full as well, their connection attempts hang (the kernel drops them silently). The same under all models: of
        /// a thread pool, all threads are busy then.
        case wait
        /// It is accepted and reset at once, so that the client knows, and counted as refused. A thread pool has one
        /// thread more for it.
        case refuse
    }

    /// Connections at the same time. Default: 80 % of the descriptor limit less 32, and at most 16,384, since each has
    /// a thread under ``ConcurrencyModel/threads``. It caps the threads of a ``ConcurrencyModel/threadPool(threads:)``,
    /// which serves as many connections as it has threads.
    public var maximumConnections: Int
    /// Default ``Overload/wait``.
    public var overload: Overload
    /// How long a connection may wait for its peer to send something. Default 60 s; `nil` for as long as it takes.
    public var idle: Duration?
    /// How long a send may go on without the peer taking a byte. Default 30 s; `nil` for as long as it takes.
    public var writeStall: Duration?
    /// How long connections may go on when the service ends, before they are cut. Default 15 s.
    public var drain: Duration
    /// How long a polite close waits for the peer to finish, and how many bytes of it are thrown away meanwhile.
    /// Default 2 s and 64 KiB.
    public var linger: (time: Duration, discarding: ByteCount)

    /// How long a handler may run on an event loop without waiting for anything before that is reported, as
    /// ``ServerEvent/handlerBlocks(_:peer:for:)``: the loop serves nobody else meanwhile. Default 1 s, noticed within a
    /// quarter more; `nil` for never. Nothing is done about it.
    public var handlerBlocking: Duration?

    public init(
        maximumConnections: Int = ServerLimits.defaultMaximumConnections, overload: Overload = .wait,
        idle: Duration? = .seconds(60), writeStall: Duration? = .seconds(30), drain: Duration = .seconds(15),
        linger: (time: Duration, discarding: ByteCount) = (.seconds(2), .kibibytes(64)),
        handlerBlocking: Duration? = .seconds(1)
    ) {
        self.maximumConnections = max(1, maximumConnections)
        self.overload = overload
        self.idle = idle
        self.writeStall = writeStall
        self.drain = drain
        self.linger = linger
        self.handlerBlocking = handlerBlocking
    }

    public static var `default`: ServerLimits { ServerLimits() }

    /// 80 % of the descriptor limit of this process less 32, between 1 and 16,384.
    public static var defaultMaximumConnections: Int {
        min(16_384, max(1, Kernel.descriptorLimit / 10 * 8 - 32))
    }
}
