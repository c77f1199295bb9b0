package import BerthSockets

/// What was to be seen of TCP and UDP in one network namespace at one moment: values only. Rules are tested from such
/// values, and `berth check --save` keeps them in a file.
package struct Snapshot: Sendable {
    /// Nanoseconds since 1970, and on the monotonic clock.
    package var wallClock: Int64 = 0
    package var monotonic: Int64 = 0
    /// The number of the network namespace; 0 when not told.
    package var namespace: UInt64 = 0
    package var kernel = ""
    package var sockets: [InspectedSocket] = []
    /// The kernel's table changed while it was read.
    package var isUncertain = false
    package var owners = OwnerIndex()
    package var processes: [Int32: ProcessFacts] = [:]
    /// By the socket's inode: listeners, and of each process some connections.
    package var switches: [UInt32: SocketSwitches] = [:]
    package var counters = Counters()
    /// The numbers of files below `/proc/sys`, by their path there.
    package var settings: [String: [Int]] = [:]
    package var congestionControl = ""
    package var addresses: [SocketAddress] = []
    package var users: [UInt32: String] = [:]
    /// What could not be read, one sentence each.
    package var gaps: [String] = []
    /// Whether the owners of sockets, and options of others, were to be seen at all.
    package var unreadableProcesses = 0

    package init() {}

    /// No figure of a file is larger: a thousand of them can be added, and each taken a hundred times, without overflow.
    package static let largestFigure = 1 << 46

    /// The first number of a setting.
    package func setting(_ name: String) -> Int? { settings[name]?.first }

    /// How much later than `earlier` this was taken.
    package func time(since earlier: Snapshot) -> Duration { .nanoseconds(monotonic) - .nanoseconds(earlier.monotonic) }

    /// How much a counter grew since `earlier`; 0 where it is not kept.
    package func growth(of name: String, since earlier: Snapshot) -> Int {
        max(0, (counters[name] ?? 0) - (earlier.counters[name] ?? 0))
    }

    /// The processes that hold a socket.
    package func owners(of socket: InspectedSocket) -> [SocketOwner] {
        owners[socket.inode].compactMap { entry in
            processes[entry.pid].map { SocketOwner(process: $0.record, descriptor: entry.descriptor) }
        }
    }

    /// The process to name for a socket.
    package func owner(of socket: InspectedSocket) -> SocketOwner? { Inheritance.principal(owners(of: socket)) }

    package var listeners: [InspectedSocket] { sockets.filter(\.isListener) }

    /// The files below `/proc/sys` that rules look at.
    static let settingNames = [
        "net/core/somaxconn", "net/ipv4/tcp_max_syn_backlog", "net/ipv4/tcp_syncookies", "net/ipv4/tcp_fin_timeout",
        "net/ipv4/tcp_tw_reuse", "net/ipv4/tcp_max_tw_buckets", "net/ipv4/ip_local_port_range",
        "net/ipv4/tcp_migrate_req", "net/ipv4/tcp_abort_on_overflow", "net/ipv4/tcp_keepalive_time",
        "net/ipv4/tcp_keepalive_intvl", "net/ipv4/tcp_keepalive_probes", "net/ipv4/ip_unprivileged_port_start",
        "net/ipv4/tcp_mem", "net/ipv4/tcp_max_orphans", "net/ipv6/bindv6only",
        "net/netfilter/nf_conntrack_count", "net/netfilter/nf_conntrack_max", "fs/file-nr",
    ]
}
