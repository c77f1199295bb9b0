public import BerthFraming
public import BerthSockets

/// How a server listens and treats its connections.
public struct ServerConfiguration: Sendable {
    /// What may share the address. Default ``ReusePolicy/afterTimeWait``.
    public var reuse: ReusePolicy
    /// How many accepted connections may wait in the kernel; `nil`, the default, for as many as the kernel allows.
    public var backlog: Int?
    /// The options of the listener and of every connection.
    public var socketOptions: SocketOptions
    /// How connections read and write frames. Default ``Framing/raw``.
    public var framing: Framing
    public var limits: ServerLimits
    /// Who is told about events, in this order.
    public var observers: [any ServerObserver]
    /// How worker processes are supervised, under a model that has some.
    public var workers = WorkerOptions()
    /// Who else is told that the service takes connections.
    public var readyNotice = ReadyNotice()

    public init(
        reuse: ReusePolicy = .afterTimeWait, backlog: Int? = nil, socketOptions: SocketOptions = .default,
        framing: Framing = .raw, limits: ServerLimits = .default, observers: [any ServerObserver] = []
    ) {
        self.reuse = reuse
        self.backlog = backlog
        self.socketOptions = socketOptions
        self.framing = framing
        self.limits = limits
        self.observers = observers
    }

    public static var `default`: ServerConfiguration { ServerConfiguration() }

    /// The same with another framing.
    func framed(_ framing: Framing) -> ServerConfiguration {
        var copy = self
        copy.framing = framing
        return copy
    }
}
