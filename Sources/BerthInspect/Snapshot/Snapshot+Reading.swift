internal import BerthSockets
package import BerthSystem

extension Snapshot {
    /// How much is looked at.
    package struct Depth: Sendable, Hashable {
        /// Who holds the sockets, and what those processes are.
        package var owners = true
        /// How many sockets of each process are looked into for their options, besides listeners.
        package var closeLooks = 32

        package init() {}
        package static let full = Depth()
        /// Sockets and counters only: a few milliseconds.
        package static var sockets: Depth {
            var depth = Depth()
            depth.owners = false
            return depth
        }
    }

    /// Looks at the network of the calling thread. What cannot be read is said in ``gaps``, each reason once.
    ///
    /// - Throws: when the list of sockets itself cannot be read: there is nothing to look at.
    package static func read(_ depth: Depth = .full) throws(Errno) -> Snapshot {
        var snapshot = Snapshot()
        snapshot.wallClock = Kernel.wallClock
        snapshot.monotonic = MonotonicTime.now.nanoseconds
        snapshot.namespace = (try? NetworkNamespace.current()) ?? 0
        let owners = depth.owners ? OwnerScan.begin() : nil
        let query = Netlink.SocketQuery(wantsInfo: true, wantsMemory: true)
        let tcp = try Netlink.sockets(query) { InspectedSocket($0) }
        snapshot.sockets = tcp.items
        snapshot.isUncertain = tcp.isInterrupted
        do throws(Errno) {
            let udp = Netlink.SocketQuery(transport: .udp, wantsInfo: false, wantsMemory: true)
            snapshot.sockets += try Netlink.sockets(udp) { InspectedSocket($0) }.items
        } catch {
            snapshot.gaps.append("UDP sockets: \(error)")
        }
        snapshot.readCounters()
        snapshot.readSettings()
        if let owners { snapshot.add(owners.result(), closeLooks: depth.closeLooks) }
        if snapshot.isUncertain { snapshot.gaps.append("all sockets: the kernel's list changed while it was read") }
        return snapshot
    }

    private mutating func readCounters() {
        for name in ["netstat", "snmp"] {
            if let text = Self.text("/proc/thread-self/net/\(name)") {
                counters.add(table: text)
            } else {
                gaps.append("/proc/net/\(name): not readable")
            }
        }
        for name in ["sockstat", "sockstat6"] {
            if let text = Self.text("/proc/thread-self/net/\(name)") { counters.add(sockstat: text) }
        }
    }

    private mutating func readSettings() {
        for name in Self.settingNames {
            // A setting that a kernel does not have says nothing: rules that need it are skipped.
            guard let text = Self.text("/proc/sys/\(name)") else { continue }
            settings[name] = text.split { $0 == "\t" || $0 == " " || $0 == "\n" }.compactMap { Int($0) }
        }
        congestionControl =
            Self.text("/proc/sys/net/ipv4/tcp_congestion_control").map { String($0.prefix { $0 != "\n" }) } ?? ""
        kernel = Self.text("/proc/sys/kernel/osrelease").map { String($0.prefix { $0 != "\n" }) } ?? ""
        do throws(Errno) {
            addresses = try Kernel.interfaceAddresses().map { SocketAddress($0).withPort(0) }
        } catch {
            gaps.append("the addresses of the interfaces: \(error)")
        }
    }

    private mutating func add(_ scan: OwnerScan, closeLooks: Int) {
        if let failure = scan.failure {
            gaps.append("which processes hold the sockets (/proc): \(failure)")
            return
        }
        unreadableProcesses = scan.unreadableProcesses
        let wanted = Set(sockets.lazy.map(\.inode).filter { $0 != 0 })
        let reader = ProcessReader()
        var gone: Set<Int32> = []
        // Gone in the middle: its sockets are without an owner, as they are a moment later.
        owners = OwnerIndex(
            scan.entries.filter { entry in
                guard wanted.contains(entry.inode), !gone.contains(entry.pid) else { return false }
                if processes[entry.pid] == nil {
                    processes[entry.pid] = reader.facts(entry.pid)
                    if processes[entry.pid] == nil { gone.insert(entry.pid) }
                }
                return !gone.contains(entry.pid)
            })
        if unreadableProcesses > 0 {
            gaps.append(
                "the descriptors of \(counted(unreadableProcesses, "process", "es")) of other users: no permission "
                    + "(root sees who holds their sockets, and with which options)")
        }
        let table = UserNames.read()
        for user in Set(sockets.lazy.map(\.user)) { users[user] = table[user] }
        readSwitches(closeLooks: closeLooks)
    }

    private mutating func readSwitches(closeLooks: Int) {
        var looks: [Int32: Int] = [:]
        var refused = 0
        for socket in sockets where socket.inode != 0 {
            guard let owner = owners[socket.inode].first else { continue }
            if !socket.isListener {
                if socket.transport == .udp || !socket.hasPeer { continue }
                guard looks[owner.pid, default: 0] < closeLooks else { continue }
                looks[owner.pid, default: 0] += 1
            }
            switch SocketSwitches.read(socket, owner) {
            case .known(let value): switches[socket.inode] = value
            case .unknown(.notPermitted): refused += 1
            case .unknown: break
            }
        }
        if refused > 0 {
            gaps.append("the options of \(counted(refused, "socket")): no permission to duplicate their descriptors")
        }
    }

    private static func text(_ path: String) -> String? {
        (try? Kernel.contents(of: path)).map { String(decoding: $0, as: UTF8.self) }
    }
}

extension SocketSwitches {
    /// Reads the options through a duplicate of the owner's descriptor, which is closed at once.
    static func read(_ socket: InspectedSocket, _ owner: OwnerIndex.Entry) -> Reading<SocketSwitches> {
        do throws(Errno) {
            let copy = try Kernel.duplicate(descriptor: owner.descriptor, ofProcess: owner.pid)
            let fd = copy.rawValue
            guard try Kernel.status(fd).inode == UInt64(socket.inode) else { return .unknown(.notVisible) }
            let sharing = try Kernel.sharing(fd)
            let manners = try Kernel.manners(fd, isTCP: socket.transport == .tcp)
            return .known(
                SocketSwitches(
                    options: .init(reuseAddress: sharing.reuseAddress, reusePort: sharing.reusePort),
                    isIPv6Only: sharing.isIPv6Only, keepAlive: manners.keepAlive, noDelay: manners.noDelay,
                    linger: manners.linger))
        } catch {
            return .unknown(Unknown(error))
        }
    }
}
