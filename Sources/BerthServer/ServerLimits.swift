public import BerthFraming
public import BerthSockets
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
        /// It is accepted, gets these bytes, and is ended politely: a message of the service's own protocol. Counted as
        /// refused.
        case farewell([UInt8])
        /// It is accepted and kept until there is room, at most for so long, and at most so many: for clients that give up
        /// by themselves after a time, so that the service does not serve whom nobody waits for. Beyond that it is reset and
        /// counted as refused.
        case queue(for: Duration, atMost: Int)
    }

    /// How many connections one address may have: an IPv6 address counts by its /64. Unix sockets have no address.
    public enum PerAddress: Sendable, Hashable {
        /// A quarter of ``ServerLimits/maximumConnections``; any number from this machine itself.
        case automatic
        /// So many, also from this machine.
        case atMost(Int)
        case unlimited
    }

    /// How fast connections may come: a token bucket.
    public struct AcceptRate: Sendable, Hashable {
        /// Connections a second, in the long run.
        public var perSecond: Int
        /// Connections that may come at once after a pause.
        public var burst: Int

        /// - Parameter burst: `nil` for as many as in a second.
        public init(perSecond: Int, burst: Int? = nil) {
            self.perSecond = max(1, perSecond)
            self.burst = max(1, burst ?? self.perSecond)
        }
    }

    /// Connections at the same time, in all processes of the service together. Default: 80 % of the descriptor limit less 32, and at most 16,384, since each has
    /// a thread under ``ConcurrencyModel/threads``. It caps the threads of a ``ConcurrencyModel/threadPool(threads:)``,
    /// which serves as many connections as it has threads.
    public var maximumConnections: Int
    /// Default ``Overload/wait``.
    public var overload: Overload
    /// Default ``PerAddress/automatic``. Who has too many is refused, whatever ``overload`` says of others.
    public var perAddress: PerAddress
    /// Default `nil`: as fast as they come. Beyond it ``overload`` says what is done.
    public var acceptRate: AcceptRate?
    /// Who may connect, by address. Default: everybody. Who may not is reset.
    public var access: AccessList
    /// How much may have been written that the peer has not read, when more is written by a handler that does not wait for
    /// that: by the synchronous form. Default 16 MiB. Handlers that `await` their writes wait instead.
    public var unreadOutput: ByteCount
    /// How long a connection may take for its first byte. Default 10 s; `nil` for as long as it takes.
    public var firstByte: Duration?
    /// How long a message may take, from the first wait for its rest until it is whole: a byte now and then does not extend
    /// it. Default 30 s; `nil` for as long as it takes. It bounds frames, lines and exact counts, and not what is read
    /// raw or piece by piece: see ``minimumRate``.
    public var frame: Duration?
    /// The largest message, in place of what the framing says; a framing of your own keeps its limit. Default `nil`: what
    /// the framing says, 1 MiB as a rule.
    public var largestFrame: ByteCount?
    /// How many bytes a second of a message must come, on average since it began, after its first five seconds. Default
    /// `nil`: any number. It bounds messages that are read piece by piece too.
    public var minimumRate: ByteCount?
    /// How old a connection may become; each by up to 10 % more or less, so that those that came together do not come
    /// again together. It is ended between two messages, and within one when ``frame`` has passed as well. Default `nil`:
    /// any age.
    public var age: Duration?
    /// How long a connection may wait for its peer to send something. Default 60 s; `nil` for as long as it takes.
    public var idle: Duration?
    /// How long a send may go on without the peer taking a byte. Default 30 s; `nil` for as long as it takes.
    public var writeStall: Duration?
    /// How long connections may go on when the service ends, before they are cut. Default 15 s. Within the first fifth they
    /// are told, one after the other.
    public var drain: Duration
    /// How long it may take from then on: handlers are cancelled, what they have written is sent, what is left is reset.
    /// Default 5 s. Whatever handlers do, the service has ended after ``lameDuck``, ``drain`` and this.
    public var force: Duration = .seconds(5)
    /// How long a service that is to end goes on accepting, so that whoever balances its load notices that it is not ready
    /// any more. Default `nil`: 5 s where an orchestrator runs it (KUBERNETES_SERVICE_HOST, NOMAD_ALLOC_ID or
    /// ECS_CONTAINER_METADATA_URI_V4 is set), otherwise no time. Of no meaning for `withServer`.
    public var lameDuck: Duration?
    /// How long a polite close waits for the peer to finish, and how many bytes of it are thrown away meanwhile.
    /// Default 2 s and 64 KiB.
    public var linger: (time: Duration, discarding: ByteCount)

    /// How long a handler may run on an event loop without waiting for anything before that is reported, as
    /// ``ServerEvent/handlerBlocks(_:peer:for:)``: the loop serves nobody else meanwhile. Default 1 s, noticed within a
    /// quarter more; `nil` for never. Nothing is done about it.
    public var handlerBlocking: Duration?
    /// How long connections may wait to be accepted without one being accepted before that is reported, as
    /// ``ServerEvent/acceptStalled(waiting:for:isFull:)``. Default 10 s, noticed within a quarter more; `nil` for never. Not
    /// in workers: there the harbour looks after the queues.
    public var acceptStall: Duration? = .seconds(10)

    public init(
        maximumConnections: Int = ServerLimits.defaultMaximumConnections, overload: Overload = .wait,
        idle: Duration? = .seconds(60), writeStall: Duration? = .seconds(30), drain: Duration = .seconds(15),
        linger: (time: Duration, discarding: ByteCount) = (.seconds(2), .kibibytes(64)),
        handlerBlocking: Duration? = .seconds(1), perAddress: PerAddress = .automatic, acceptRate: AcceptRate? = nil,
        access: AccessList = AccessList(), unreadOutput: ByteCount = .mebibytes(16),
        firstByte: Duration? = .seconds(10),
        frame: Duration? = .seconds(30), minimumRate: ByteCount? = nil, age: Duration? = nil
    ) {
        self.firstByte = firstByte
        self.frame = frame
        self.minimumRate = minimumRate
        self.age = age
        self.perAddress = perAddress
        self.acceptRate = acceptRate
        self.access = access
        self.unreadOutput = unreadOutput
        self.maximumConnections = max(1, maximumConnections)
        self.overload = overload
        self.idle = idle
        self.writeStall = writeStall
        self.drain = drain
        self.linger = linger
        self.handlerBlocking = handlerBlocking
    }

    public static var `default`: ServerLimits { ServerLimits() }

    /// ``lameDuck``, or what is right here.
    var lameDuckTime: Duration {
        if let lameDuck { return lameDuck }
        let marks = ["KUBERNETES_SERVICE_HOST", "NOMAD_ALLOC_ID", "ECS_CONTAINER_METADATA_URI_V4"]
        return marks.contains { Kernel.environmentVariable($0) != nil } ? .seconds(5) : .zero
    }

    /// 80 % of the descriptor limit of this process less 32, between 1 and 16,384.
    public static var defaultMaximumConnections: Int {
        min(16_384, max(1, Kernel.descriptorLimit / 10 * 8 - 32))
    }
}
