/// How the worker processes of a model that has some are supervised. Of no meaning under the other models.
public struct WorkerOptions: Sendable, Hashable {
    /// Where operators reach the harbour.
    public enum Control: Sendable, Hashable {
        /// At a path by the address of the service, in a directory of the user: `/run/berth` for root,
        /// `$XDG_RUNTIME_DIR/berth` or `/tmp/berth-UID` for others. Where that is not possible there is none.
        case automatic
        /// At this path.
        case path(String)
        /// Nowhere.
        case none
    }

    /// Default ``Control/automatic``.
    public var control: Control = .automatic
    /// How long a worker that is replaced goes on with the connections that it has before it tells them. Default 30 s.
    public var patience: Duration = .seconds(30)
    /// How long a worker may take from its start until it is ready. Default 30 s; then it is killed.
    public var readyWithin: Duration = .seconds(30)
    /// How many connections a worker may accept before another one takes its place; jittered down by up to 20 %. Default
    /// `nil`: any number.
    public var connectionsPerWorker: Int?
    /// How old a worker may become before another one takes its place; jittered down by up to 20 %. Default `nil`: any
    /// age.
    public var age: Duration?
    /// For how long connections must have waited at a berth where nobody accepts before other workers dock there. Default
    /// 300 ms; `nil` for never.
    public var rescue: Duration? = .milliseconds(300)

    public init() {}
}

/// How a service tells whoever has started it that it takes connections. systemd is told in any case, where NOTIFY_SOCKET
/// asks for it.
public struct ReadyNotice: Sendable, Hashable {
    /// A file that gets the port and a line break; the address, where there is no port. Default `nil`.
    public var portFile: String?
    /// A descriptor that gets a line break and is closed. Default `nil`.
    public var descriptor: Int32?

    public init(portFile: String? = nil, descriptor: Int32? = nil) {
        self.portFile = portFile
        self.descriptor = descriptor
    }
}
