internal import BerthSockets
internal import BerthSystem

/// Who listens, and whether that is meant.
extension Rule {
    static let inheritedListener = Rule(code: .inheritedListener, title: "listeners of servers that are gone") {
        input in
        .findings(
            input.listeners.compactMap { listener in
                let owners = input.now.owners(of: listener)
                guard Inheritance.isFromGoneServer(owners), let owner = Inheritance.principal(owners) else {
                    return nil
                }
                let pid = owner.process.pid
                var evidence: [Finding.Evidence] = [
                    .init("its parent is now pid \(owner.process.parent)", source: "/proc/\(pid)/stat")
                ]
                if let wait = owner.process.waits.first, owner.process.waitsForEvents == false {
                    evidence.append(
                        .init(
                            "it does not wait for connections, but in \(Printable(wait))",
                            source: "/proc/\(pid)/task/*/wchan"))
                }
                return Finding(
                    code: .inheritedListener, severity: .warning, confidence: .likely,
                    headline: "\(listener.local) is held by \(input.name(owner.process)): descriptor "
                        + "\(owner.descriptor), inherited from a server that is gone",
                    evidence: evidence,
                    meaning: "clients still connect, nobody serves them, and the next server cannot bind.",
                    fixes: [
                        "end it: kill \(pid)",
                        "in the server, open sockets close-on-exec (SOCK_CLOEXEC) so that no child inherits them",
                    ], verification: "berth why \(listener.localPort)",
                    disproof: "\(Printable(owner.process.name)) took the socket over on purpose and serves it",
                    summary: "an inherited listener of a server that is gone")
            })
    }

    static let leftovers = Rule(code: .leftovers, title: "connections that hold a port where nobody listens") { input in
        // Every client leaves such connections: they matter only on a port that someone wants to serve.
        guard case .port(let port) = input.focus else { return .skipped("it is about one port: berth check PORT") }
        guard input.listeners.isEmpty else { return .nothing }
        let holders = input.sockets.filter { $0.localPort == port && $0.transport == .tcp && $0.hasPeer }
            .prefix(1000).map { PortHolder($0.record) }
        guard !holders.isEmpty else { return .nothing }
        let finTimeout = input.now.setting("net/ipv4/tcp_fin_timeout").map { Duration.seconds($0) }
        let groups = Leftovers.groups(holders, finTimeout: finTimeout)
        return .found(
            Finding(
                code: .leftovers, severity: .warning,
                headline: "nobody listens on port \(port), but \(listed(groups.map(\.count))) still "
                    + "\(holders.count == 1 ? "holds" : "hold") it",
                evidence: groups.map { .init($0.sentence { _ in nil }, source: "sock_diag") },
                meaning: "a server that binds it without SO_REUSEADDR, or after one without it, gets EADDRINUSE.",
                fixes: ["see what would work, and for how long not: berth why \(port)"],
                verification: "berth check \(port)", summary: "connections of an earlier server hold the port"))
    }

    static let silentDuplicate = Rule(code: .silentDuplicate, title: "two servers that share one address") { input in
        .findings(
            input.listenersByAddress(input.listeners).compactMap { group in
                let owners = group.compactMap { input.now.owner(of: $0)?.process }
                guard owners.count == group.count, Set(owners.map(\.pid)).count > 1 else { return nil }
                // Workers of one server come from one parent, which is the same program.
                let parents = Set(owners.map(\.parent))
                let pids = Set(owners.map(\.pid))
                if parents.count == 1, owners.allSatisfy({ $0.parentName == $0.name }) { return nil }
                if owners.contains(where: { owner in owners.allSatisfy { $0 == owner || $0.parent == owner.pid } }) {
                    return nil
                }
                if let unit = owners[0].unit, owners.allSatisfy({ $0.unit == unit }) { return nil }
                let names = owners.sorted { $0.pid < $1.pid }.map { input.name($0) }
                return Finding(
                    code: .silentDuplicate, severity: .warning, confidence: .likely,
                    headline:
                        "\(pids.count) processes listen on \(group[0].local), each gets about 1 in \(group.count) "
                        + "connections: \(listed(names))",
                    evidence: [
                        .init("\(group.count) listening sockets with this address", source: "sock_diag: LISTEN"),
                        .init("no common parent of the same program", source: "/proc/PID/stat"),
                    ],
                    meaning:
                        "SO_REUSEPORT lets a second copy of a server start without an error, and the kernel splits "
                        + "the clients by a hash.",
                    fixes: [
                        "end the one that is not meant: kill \(owners.max { $0.pid < $1.pid }?.pid ?? 0)",
                        "without SO_REUSEPORT a second start would fail (Berth: reuse policy after-time-wait)",
                    ], verification: "berth why \(group[0].localPort)",
                    disproof: "a supervisor started them as workers of one service",
                    summary: "two servers share one address")
            })
    }

    static let loopbackOnly = Rule(code: .loopbackOnly, title: "servers in containers that only loopback reaches") {
        input in
        let hasOther = input.now.addresses.contains { !$0.isLoopback }
        guard hasOther else { return .nothing }
        return .findings(
            input.listeners.filter(\.isLoopback).compactMap { listener in
                guard let owner = input.now.owner(of: listener)?.process, case .container? = owner.unit else {
                    return nil
                }
                let isElsewhere = input.listeners.contains { $0.localPort == listener.localPort && !$0.isLoopback }
                if isElsewhere { return nil }
                return Finding(
                    code: .loopbackOnly, severity: .warning, confidence: .likely,
                    headline: "\(input.name(owner)) listens on \(listener.local) only, inside a container",
                    evidence: [.init("listening on \(listener.local)", source: "sock_diag: LISTEN")],
                    meaning:
                        "a published port leads to the container's own address, which this listener does not have.",
                    fixes: ["listen on 0.0.0.0:\(listener.localPort), or [::]:\(listener.localPort) for both families"],
                    verification: "berth check \(listener.localPort)",
                    disproof: "it is meant for its own container alone", summary: "loopback only, in a container")
            })
    }
}

extension InspectedSocket {
    /// The same as the readers for a single port give it.
    package var record: SocketRecord {
        SocketRecord(
            transport: transport == .tcp ? .tcp : .udp, local: local, remote: remote, state: state,
            isIPv6Only: isIPv6Only, interface: interface, timer: timer, timerLeft: .milliseconds(Int64(expires)),
            retransmissions: Int(retransmissionsNow), receiveQueue: Int(receiveQueue), sendQueue: Int(sendQueue),
            user: user, inode: inode == 0 ? nil : UInt64(inode), info: nil)
    }
}
