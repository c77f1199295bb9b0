internal import BerthSockets
internal import BerthSystem

/// What a check is about.
package enum CheckFocus: Sendable, Hashable {
    case everything
    case port(UInt16)
    case process(Int32)
}

/// What rules look at: two snapshots of one network, and what of it is asked about.
package struct CheckInput: Sendable {
    package var before: Snapshot
    package var now: Snapshot
    package var focus: CheckFocus
    /// The sockets that are asked about.
    let sockets: [InspectedSocket]
    /// Those of them in the earlier snapshot, by the kernel's name for them.
    let earlier: [UInt64: InspectedSocket]

    /// - Parameter before: the same as `now` where there is only one snapshot: nothing has changed then.
    package init(before: Snapshot, now: Snapshot, focus: CheckFocus = .everything) {
        self.before = before
        self.now = now
        self.focus = focus
        sockets = now.sockets.filter { focus.includes($0, in: now) }
        var earlier: [UInt64: InspectedSocket] = [:]
        // The kernel's list may have a socket twice when it changed while it was read.
        for socket in before.sockets where socket.state != .timeWait && focus.includes(socket, in: before) {
            earlier[socket.cookie] = socket
        }
        self.earlier = earlier
    }

    /// The time between the snapshots.
    var window: Duration { now.time(since: before) }
    /// Whether there are two snapshots.
    var hasWindow: Bool { window > .zero }
    var windowWords: String {
        let tenths = Int((window.components.seconds * 10) + window.components.attoseconds / 100_000_000_000_000_000)
        return tenths % 10 == 0 || tenths >= 1000 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s"
    }

    var listeners: [InspectedSocket] { sockets.filter(\.isListener) }

    /// The listeners that share one address, in groups of those with the same.
    func listenersByAddress(_ listeners: [InspectedSocket]) -> [[InspectedSocket]] {
        Dictionary(grouping: listeners) { "\($0.local)/\($0.interface)" }.sorted { $0.key < $1.key }.map(\.value)
    }

    func growth(_ counter: String) -> Int { now.growth(of: counter, since: before) }

    /// Connections that the kernel has made and nobody has accepted: they have no inode yet.
    func waiting(at listener: InspectedSocket, in snapshot: Snapshot) -> [InspectedSocket] {
        snapshot.sockets.filter { socket in
            socket.transport == .tcp && socket.inode == 0 && socket.localPort == listener.localPort
                && [.established, .closeWait].contains(socket.state)
                && (listener.local.isWildcard || socket.local.unmapped == listener.local.unmapped)
        }
    }

    // MARK: Words

    /// `python3 (pid 4112, user root)`, `a process of user www`, `the kernel`.
    func who(_ socket: InspectedSocket) -> String {
        if let owner = now.owner(of: socket) ?? before.owner(of: socket) { return name(owner.process) }
        return socket.inode == 0 ? "the kernel" : "a process of user \(user(socket.user))"
    }

    func name(_ process: ProcessRecord) -> String {
        var facts = ["pid \(process.pid)"]
        if let user = process.userName { facts.append("user \(Printable(user))") }
        if let unit = process.unit { facts.append("\(unit)") }
        return "\(Printable(process.name)) (\(facts.joined(separator: ", ")))"
    }

    func user(_ number: UInt32) -> String { Printable(now.users[number] ?? "\(number)").description }

    /// ` of python3 (pid 4112, user root)`; nothing where no owner can be seen.
    func ofWhom(_ socket: InspectedSocket) -> String {
        now.owner(of: socket).map { " of \(name($0.process))" } ?? ""
    }

    /// The processes that hold focused sockets, each with them; what nobody visible holds is left out.
    func byProcess(_ sockets: [InspectedSocket]) -> [(process: ProcessFacts, sockets: [InspectedSocket])] {
        var groups: [Int32: [InspectedSocket]] = [:]
        for socket in sockets {
            guard let owner = now.owner(of: socket) else { continue }
            groups[owner.process.pid, default: []].append(socket)
        }
        return groups.sorted { $0.key < $1.key }.compactMap { pid, sockets in
            now.processes[pid].map { ($0, sockets) }
        }
    }

    /// Sockets by who holds them, also where that is only a user: for findings that need no rights.
    func byHolder(_ sockets: [InspectedSocket]) -> [(who: String, pid: Int32?, sockets: [InspectedSocket])] {
        var groups: [String: (pid: Int32?, sockets: [InspectedSocket])] = [:]
        for socket in sockets {
            let key = who(socket)
            groups[key, default: (now.owner(of: socket)?.process.pid, [])].sockets.append(socket)
        }
        return groups.sorted { $0.key < $1.key }.map { ($0.key, $0.value.pid, $0.value.sockets) }
    }

    static let wholeNamespace = "counts events in this network namespace, not only of one server"
}

extension CheckFocus {
    func includes(_ socket: InspectedSocket, in snapshot: Snapshot) -> Bool {
        switch self {
        case .everything: true
        case .port(let port): socket.localPort == port || (socket.hasPeer && socket.remotePort == port)
        case .process(let pid): snapshot.owners[socket.inode].contains { $0.pid == pid }
        }
    }
}
