internal import BerthSockets
public import BerthSystem

/// Everything that is looked at to explain a bind that failed: values only, so that the explanation can be tested
/// without a kernel.
public struct BindEvidence: Sendable {
    /// The sockets with the port in question that may stand in the way.
    public var holders: Reading<[PortHolder]>
    /// Listeners of this machine on the ports that the holders' connections lead to: where somebody listens on the
    /// peer's port, the peer was connected to.
    public var listenersAtPeers: [SocketRecord]
    /// The list of sockets changed all the time while it was read.
    public var isUncertain: Bool
    /// Processes whose descriptors could not be looked through.
    public var unreadableProcesses: Int
    public var settings: HostSettings
    /// This process.
    public var process: Int32
    public var users: UserNames
    /// When this was looked at.
    public var time: LocalTime?

    public init(
        holders: Reading<[PortHolder]>, listenersAtPeers: [SocketRecord] = [], isUncertain: Bool = false,
        unreadableProcesses: Int = 0, settings: HostSettings = HostSettings(), process: Int32 = 0,
        users: UserNames = UserNames(names: [0: "root"]), time: LocalTime? = nil
    ) {
        self.holders = holders
        self.listenersAtPeers = listenersAtPeers
        self.isUncertain = isUncertain
        self.unreadableProcesses = unreadableProcesses
        self.settings = settings
        self.process = process
        self.users = users
        self.time = time
    }

    /// How many sockets are looked into by their owners' descriptors. Connections of one listener have its options and
    /// its process, so that more of them tell nothing new.
    private static let closeLooks = 100

    /// Looks at the calling thread's network namespace.
    public static func read(for attempt: BindAttempt) -> BindEvidence {
        read(port: attempt.address.port, attempt.transport) { holder in
            let verdict = BindRule.verdict(on: attempt, by: holder)
            return verdict == .refuses || verdict == .unknown
        }
    }

    /// The same for every socket with a port, as far as it `counts`.
    package static func read(
        port: UInt16?, _ transport: SocketRecord.Transport, where counts: (PortHolder) -> Bool = { _ in true }
    ) -> BindEvidence {
        var evidence = BindEvidence(holders: .unknown(.notLookedAt), settings: .read(), process: Kernel.processID)
        evidence.users = .read()
        evidence.time = Kernel.localTime(nanosecondsSince1970: Kernel.wallClock)
        guard let port else { return evidence }
        do throws(Errno) {
            let table = try SocketTable.read(transport, localPort: port)
            evidence.isUncertain = table.isUncertain
            let suspects = table.records.map { PortHolder($0) }.filter(counts)
            evidence.holders = .known(evidence.lookedInto(suspects))
            evidence.listenersAtPeers = listeners(atPeersOf: suspects.map(\.socket))
        } catch {
            evidence.holders = .unknown(.failed(error))
        }
        return evidence
    }

    /// Adds owners and options.
    private mutating func lookedInto(_ holders: [PortHolder]) -> [PortHolder] {
        // Those that stand in the way for good first: listeners, and what is only bound.
        func isListed(_ record: SocketRecord) -> Bool { record.state == .listen || record.state == .closed }
        let sorted = holders.filter { isListed($0.socket) } + holders.filter { !isListed($0.socket) }
        let inodes = sorted.lazy.compactMap(\.socket.inode).prefix(Self.closeLooks)
        let processes = ProcessTable.read(ownersOf: Set(inodes))
        unreadableProcesses = processes.value?.unreadableProcesses ?? 0
        return sorted.enumerated().map { index, holder in
            var holder = holder
            guard let inode = holder.socket.inode else {
                holder.owners = .unknown(.heldByKernel)
                holder.options = .unknown(.heldByKernel)
                return holder
            }
            guard index < Self.closeLooks else { return holder }
            holder.owners = processes.flatMap { $0.owners(of: holder.socket) }
            holder.options = holder.owners.flatMap { owners in
                guard let owner = owners.first else { return .unknown(.notVisible) }
                let settings = SocketSettings.read(inode: inode, descriptor: owner.descriptor, of: owner.process.pid)
                if let isIPv6Only = settings.value?.isIPv6Only { holder.socket.isIPv6Only = isIPv6Only }
                return settings.flatMap { .known($0.options) }
            }
            return holder
        }
    }

    /// The listeners on the ports that the connections lead to; a few of them are enough to tell an outgoing connection
    /// from an accepted one.
    private static func listeners(atPeersOf records: [SocketRecord]) -> [SocketRecord] {
        let ports = Set(records.compactMap { $0.remote?.port }).prefix(8)
        return ports.flatMap { port in
            // What cannot be read here is only missed as a hint.
            ((try? SocketTable.read(localPort: port, withInfo: false))?.records ?? []).filter { $0.state == .listen }
        }
    }
}
