public import BerthSystem

/// A process, as far as any user may know it (`man 5 proc`).
public struct ProcessRecord: Sendable, Hashable {
    /// When a process started.
    public struct Start: Sendable, Hashable {
        public var age: Duration
        public var time: LocalTime?

        public init(age: Duration, time: LocalTime?) {
            self.age = age
            self.time = time
        }
    }

    public var pid: Int32
    public var parent: Int32
    /// The short name, at most 15 bytes; a process may choose it.
    public var name: String
    public var arguments: [String]
    /// The effective user, by number and name; `nil` when the process ended while it was looked at.
    public var user: UInt32?
    public var userName: String?
    public var start: Start?
    public var unit: ServiceUnit?
    /// Whether the process that started it is gone, so that it was given another parent; `nil` when not to be told.
    public var isOrphan: Bool?
    /// The kernel functions in which its threads wait, one for each thread; empty where the kernel does not tell.
    public var waits: [String]
    /// The short name of the process that started it; `nil` when that cannot be told.
    public var parentName: String?

    public init(
        pid: Int32, parent: Int32, name: String, arguments: [String] = [], user: UInt32? = nil,
        userName: String? = nil, start: Start? = nil, unit: ServiceUnit? = nil, isOrphan: Bool? = nil,
        waits: [String] = [], parentName: String? = nil
    ) {
        self.pid = pid
        self.parent = parent
        self.name = name
        self.arguments = arguments
        self.user = user
        self.userName = userName
        self.start = start
        self.unit = unit
        self.isOrphan = isOrphan
        self.waits = waits
        self.parentName = parentName
    }

    /// Whether a thread of it waits for something to happen on a descriptor, as a server does; `nil` when not told.
    public var waitsForEvents: Bool? {
        if waits.isEmpty { return nil }
        let places = ["inet_csk_accept", "ep_poll", "do_epoll", "poll", "select", "io_cqring", "io_uring"]
        return waits.contains { wait in places.contains { wait.contains($0) } }
    }
}

/// A process that holds a socket, and its number of the descriptor.
public struct SocketOwner: Sendable, Hashable {
    public var process: ProcessRecord
    public var descriptor: Int32

    public init(process: ProcessRecord, descriptor: Int32) {
        self.process = process
        self.descriptor = descriptor
    }
}
