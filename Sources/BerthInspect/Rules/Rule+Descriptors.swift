internal import BerthSockets
internal import BerthSystem

/// What runs out: descriptors, local ports, places for remnants.
extension Rule {
    static let descriptorsOut = Rule(code: .descriptorsOut, title: "processes out of descriptors") { input in
        let groups = input.byProcess(input.sockets)
        if groups.isEmpty, input.now.unreadableProcesses > 0 {
            return .skipped("no process whose descriptors may be counted: no permission")
        }
        return .findings(
            groups.compactMap { facts, sockets in
                guard let used = facts.descriptors, let soft = facts.softLimit, soft > 0, used * 10 >= soft * 9 else {
                    return nil
                }
                let isOut = used + 1 >= soft
                let waiting = sockets.filter(\.isListener).reduce(0) { $0 + Int($1.receiveQueue) }
                let leaked = sockets.filter { $0.state == .closeWait }.count
                var tail = waiting > 0 ? "; \(counted(waiting, "connection")) wait that it cannot accept" : ""
                if leaked * 2 > used { tail += "; \(leaked) are connections in CLOSE_WAIT" }
                let pid = facts.record.pid
                let hard = facts.hardLimit ?? soft
                var fixes = leaked * 2 > used ? ["close connections when the peer has ended them (B011)"] : []
                if hard > soft {
                    fixes.append(
                        "raise its limit now: prlimit --pid \(pid) --nofile=\(hard) (LimitNOFILE= in its unit for good)"
                    )
                } else {
                    fixes.append("raise the hard limit: LimitNOFILE= in its unit, or /etc/security/limits.conf")
                }
                fixes.append("bound the connections that are taken at a time below the limit")
                return Finding(
                    code: .descriptorsOut, severity: isOut ? .error : .warning,
                    headline: "\(input.name(facts.record)) uses \(used) of \(soft) descriptors\(tail)",
                    evidence: [
                        .init("\(used) open", source: "stat(\"/proc/\(pid)/fd\")"),
                        .init(
                            "soft limit \(soft), hard limit \(hard >= ProcessFacts.unlimited ? "unlimited" : "\(hard)")",
                            source: "/proc/\(pid)/limits"),
                    ],
                    meaning:
                        "accept, connect and open fail with EMFILE; what waits in the accept queue stays there, and "
                        + "a loop that polls it spins.", fixes: fixes, verification: "ls /proc/\(pid)/fd | wc -l",
                    summary: "out of descriptors")
            })
    }

    static let portsRunOut = Rule(code: .portsExhausted, title: "local ports that run out") { input in
        guard let range = input.now.settings["net/ipv4/ip_local_port_range"], range.count == 2, range[0] <= range[1]
        else { return .skipped("/proc/sys/net/ipv4/ip_local_port_range cannot be read") }
        let size = range[1] - range[0] + 1
        let served = Set(input.now.sockets.lazy.filter(\.isListener).map(\.localPort))
        struct Key: Hashable {
            var peer: InspectedSocket.RemoteKey
            var high: UInt64
            var low: UInt64
        }
        var counts: [Key: (count: Int, timeWait: Int, sample: InspectedSocket)] = [:]
        for socket in input.sockets where socket.transport == .tcp && socket.hasPeer {
            guard (range[0]...range[1]).contains(Int(socket.localPort)), !served.contains(socket.localPort) else {
                continue
            }
            let key = Key(peer: socket.remoteKey, high: socket.localHigh, low: socket.localLow)
            counts[key, default: (0, 0, socket)].count += 1
            if socket.state == .timeWait { counts[key]?.timeWait += 1 }
        }
        let full = counts.values.filter { $0.count * 10 >= size * 9 }.sorted { $0.count > $1.count }
        return .findings(
            full.map { entry in
                let remote = entry.sample.remote.map { "\($0)" } ?? "?"
                let isOut = entry.count * 100 >= size * 98
                return Finding(
                    code: .portsExhausted, severity: isOut ? .error : .warning,
                    headline: "\(entry.count) of \(size) local ports towards \(remote) are in use "
                        + "(\(entry.timeWait) TIME_WAIT)",
                    evidence: [
                        .init("\(entry.count) connections from \(host(entry.sample.local))", source: "sock_diag"),
                        .init("\(range[0]) to \(range[1])", source: "/proc/sys/net/ipv4/ip_local_port_range"),
                    ],
                    meaning:
                        "from one address to one server there is a connection for each local port at most; the next "
                        + "connect fails with EADDRNOTAVAIL.",
                    fixes: [
                        "reuse connections (a pool, keep-alive) instead of one for each request",
                        "let TIME_WAIT ports be taken again: sysctl -w net.ipv4.tcp_tw_reuse=1",
                        "widen the range: sysctl -w net.ipv4.ip_local_port_range='10240 65535'",
                    ], verification: "ss -Htan dst \(remote) | wc -l", summary: "local ports run out")
            })
    }

    /// An address without its port.
    static func host(_ address: SocketAddress) -> String {
        switch address {
        case .ipv4(let address, _): "\(address)"
        case .ipv6(let address, _): "\(address)"
        case .unix, .abstract, .unnamed: "\(address)"
        }
    }

    static let remnantPile = Rule(code: .remnantPile, title: "more ended connections than the kernel keeps") { input in
        var findings: [Finding] = []
        let kept = input.now.counters["TCP.tw"] ?? input.now.sockets.count { $0.state == .timeWait }
        let overflow = input.growth("TcpExt.TCPTimeWaitOverflow")
        if let most = input.now.setting("net/ipv4/tcp_max_tw_buckets"), overflow > 0 || kept * 10 >= most * 9 {
            findings.append(
                Finding(
                    code: .remnantPile, severity: .warning,
                    headline: "\(kept) connections are in TIME_WAIT, of \(most) that the kernel keeps"
                        + (overflow > 0 ? "; \(overflow) were thrown away in \(input.windowWords)" : ""),
                    evidence: [
                        .init("TCP tw \(kept)", source: "/proc/net/sockstat"),
                        .init("\(most)", source: "/proc/sys/net/ipv4/tcp_max_tw_buckets"),
                    ],
                    meaning:
                        "TIME_WAIT itself is normal and cheap; beyond the limit the kernel ends connections without "
                        + "it, and late segments may hit a new connection.",
                    fixes: ["raise it: sysctl -w net.ipv4.tcp_max_tw_buckets=\(max(most, 1) * 4)"],
                    verification: "cat /proc/net/sockstat", summary: "TIME_WAIT beyond what is kept"))
        }
        let orphans = input.now.counters["TCP.orphan"] ?? 0
        if let most = input.now.setting("net/ipv4/tcp_max_orphans"), orphans * 2 >= most, orphans > 0 {
            findings.append(
                Finding(
                    code: .remnantPile, severity: .warning,
                    headline: "\(orphans) connections are closed by their process and not by their peer, of \(most) "
                        + "that the kernel keeps",
                    evidence: [
                        .init("TCP orphan \(orphans)", source: "/proc/net/sockstat"),
                        .init("\(most)", source: "/proc/sys/net/ipv4/tcp_max_orphans"),
                    ],
                    meaning: "beyond the limit the kernel resets them, and what they still had to send is lost.",
                    fixes: ["raise it: sysctl -w net.ipv4.tcp_max_orphans=\(max(most, 1) * 4)"],
                    verification: "cat /proc/net/sockstat", summary: "orphaned connections pile up"))
        }
        return .findings(findings)
    }

    static let conntrackFull = Rule(code: .conntrackFull, title: "a full connection tracking table") { input in
        guard let count = input.now.setting("net/netfilter/nf_conntrack_count"),
            let most = input.now.setting("net/netfilter/nf_conntrack_max"), most > 0
        else { return .skipped("there is no connection tracking here") }
        guard count * 10 >= most * 9 else { return .nothing }
        return .found(
            Finding(
                code: .conntrackFull, severity: count >= most ? .error : .warning,
                confidence: count >= most ? .likely : .possible,
                headline: "the firewall tracks \(count) connections, of \(most) that its table holds",
                evidence: [.init("\(count) of \(most)", source: "/proc/sys/net/netfilter/nf_conntrack_count and _max")],
                meaning: "when it is full, new connections are dropped before any socket hears of them.",
                fixes: ["raise it: sysctl -w net.netfilter.nf_conntrack_max=\(most * 4)"],
                verification: "sysctl net.netfilter.nf_conntrack_count",
                disproof: "no rule of the firewall uses tracking",
                summary: "the connection tracking table is full"))
    }
}
