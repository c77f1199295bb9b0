internal import BerthSockets

/// How connections end, and how they should.
extension Rule {
    static let closeWaitLeak = Rule(code: .closeWaitLeak, title: "connections kept after their peer ended them") {
        input in
        let ended = input.sockets.filter { $0.state == .closeWait && $0.inode != 0 }
        return .findings(
            input.byHolder(ended).compactMap { who, pid, sockets in
                let oldest = sockets.map(\.lastAckReceived).max() ?? 0
                let stayed = sockets.count { input.earlier[$0.cookie]?.state == .closeWait }
                let isOld = oldest >= 60_000
                // A reply may still be on its way for a moment; twenty of them that stay are not that.
                guard isOld || (input.hasWindow && stayed >= 20) else { return nil }
                let unread = sockets.reduce(0) { $0 + Int($1.receiveQueue) }
                let age = Duration.milliseconds(Int64(oldest)).words
                return Finding(
                    code: .closeWaitLeak, severity: sockets.count >= 100 ? .error : .warning,
                    confidence: isOld ? .certain : .likely,
                    headline: "\(who) keeps \(counted(sockets.count, "connection")) that the client has ended, the "
                        + "oldest for \(age)",
                    evidence: [
                        .init(
                            "\(sockets.count) CLOSE_WAIT, \(counted(unread, "byte")) of them unread; one of them is "
                                + "\(sockets[0].local) with \(sockets[0].remote.map { "\($0)" } ?? "?")",
                            source: "sock_diag"),
                        .init("\(stayed) of them were there \(input.windowWords) before", source: "sock_diag"),
                    ],
                    meaning: "CLOSE_WAIT has no time limit: it lasts until the process closes its socket, and holds a "
                        + "descriptor.",
                    fixes: [
                        "in the server, close when a read returns 0 bytes (Berth: return from the handler)",
                        pid.map { "until then, restart it: it is pid \($0)" } ?? "until then, restart it",
                    ], verification: "ss -Htn state close-wait | wc -l",
                    disproof: isOld ? nil : "it still sends to clients that have only shut their sending half",
                    summary: "connections are kept after their peer ended them")
            })
    }

    static let resetByUnread = overTime(.resetByUnread, "resets because of unread input") { input in
        let count = input.growth("TcpExt.TCPAbortOnClose")
        guard count > 0 else { return .nothing }
        return .found(
            Finding(
                code: .resetByUnread, severity: count >= 3 ? .warning : .note,
                headline: "\(counted(count, "connection")) \(count == 1 ? "was" : "were") reset in "
                    + "\(input.windowWords) because \(count == 1 ? "it was" : "they were") closed with input unread",
                evidence: [
                    .init("TCPAbortOnClose +\(count); \(CheckInput.wholeNamespace)", source: "/proc/net/netstat")
                ],
                meaning:
                    "the peer gets an RST, which throws away what it has not read yet: the last reply may be lost.",
                fixes: [
                    "end politely: shutdown(fd, SHUT_WR), read to the end with a time limit, then close "
                        + "(Berth: finish, the default)"
                ], verification: "berth check --for 10s", summary: "closed with input unread"))
    }

    static let resetByLinger = Rule(code: .resetByLinger, title: "resets by SO_LINGER 0") { input in
        let count = input.growth("TcpExt.TCPAbortOnData")
        let holders = input.sockets.filter { input.now.switches[$0.inode]?.linger == 0 }
        guard count > 0 || !holders.isEmpty else { return .nothing }
        let who = holders.first.map { input.who($0) }
        let listens = holders.first(where: \.isListener)
        var evidence: [Finding.Evidence] = []
        if count > 0 {
            evidence.append(
                .init("TCPAbortOnData +\(count); \(CheckInput.wholeNamespace)", source: "/proc/net/netstat"))
        }
        if let first = listens ?? holders.first {
            evidence.append(
                .init(
                    "SO_LINGER on with 0 s on \(first.local)"
                        + (holders.count > 1 ? " and \(counted(holders.count - 1, "other socket"))" : ""),
                    source: "getsockopt on a duplicate of its descriptor"))
        }
        let resets =
            count > 0
            ? "\(counted(count, "connection")) \(count == 1 ? "was" : "were") reset in "
                + "\(input.windowWords) by SO_LINGER 0" : ""
        let sets = who.map { "\($0) has SO_LINGER on with 0 s\(listens.map { " on \($0.local)" } ?? "")" } ?? ""
        return .found(
            Finding(
                code: .resetByLinger, severity: .warning, confidence: count > 0 ? .certain : .likely,
                headline: [resets, sets].filter { !$0.isEmpty }.joined(separator: "; "), evidence: evidence,
                meaning: "closing sends an RST instead of a FIN and throws away what is not sent or not read yet.",
                fixes: ["remove the option; TIME_WAIT is no fault (berth explain time-wait)"],
                verification: "berth check --for 10s",
                disproof: count > 0 ? nil : "it resets these connections on purpose", summary: "SO_LINGER 0 resets"))
    }

    static let brokenPipeKills = Rule(code: .brokenPipeKills, title: "servers that SIGPIPE would end") { input in
        let ended = input.sockets.filter { $0.state == .closeWait && $0.inode != 0 }
        return .findings(
            input.byProcess(ended).compactMap { facts, sockets in
                guard facts.survivesBrokenPipe == false else { return nil }
                let pid = facts.record.pid
                return Finding(
                    code: .brokenPipeKills, severity: .warning, confidence: .possible,
                    headline: "SIGPIPE is not ignored in \(input.name(facts.record)), and "
                        + "\(counted(sockets.count, "client")) \(sockets.count == 1 ? "has" : "have") ended "
                        + "\(sockets.count == 1 ? "its connection" : "their connections")",
                    evidence: [
                        .init("bit 12 is in none of SigBlk, SigIgn and SigCgt", source: "/proc/\(pid)/status"),
                        .init("\(sockets.count) CLOSE_WAIT", source: "sock_diag"),
                    ],
                    meaning: "the second write to a client that is gone raises SIGPIPE, which ends the whole process.",
                    fixes: [
                        "send with MSG_NOSIGNAL, or ignore the signal: signal(SIGPIPE, SIG_IGN) (Berth does)"
                    ], verification: "grep Sig /proc/\(pid)/status",
                    disproof: "it sends with MSG_NOSIGNAL, which cannot be seen from outside",
                    summary: "SIGPIPE would end the server")
            })
    }

    static let groupMemberStops = Rule(code: .groupMemberStops, title: "queues that a worker takes with it") { input in
        guard input.now.setting("net/ipv4/tcp_migrate_req") == 0 else { return .nothing }
        let listenedBefore = input.earlier.values.filter { $0.isListener && $0.receiveQueue > 0 }
        return .findings(
            input.listenersByAddress(input.listeners).compactMap { group in
                let gone = listenedBefore.filter { old in
                    old.local == group[0].local && !group.contains { $0.cookie == old.cookie }
                }
                let lost = gone.reduce(0) { $0 + Int($1.receiveQueue) }
                let stuck = group.filter { ($0.receiveQueue > 0) && (input.earlier[$0.cookie]?.receiveQueue ?? 0) > 0 }
                let atRisk = group.count > 1 && input.hasWindow ? stuck.reduce(0) { $0 + Int($1.receiveQueue) } : 0
                guard lost > 0 || atRisk > 0 else { return nil }
                let headline =
                    lost > 0
                    ? "a listener on \(group[0].local) was closed with \(counted(lost, "connection")) in its queue, which "
                        + "\(lost == 1 ? "was" : "were") reset"
                    : "\(counted(atRisk, "connection")) \(atRisk == 1 ? "waits" : "wait") at \(stuck.count) of the "
                        + "\(group.count) listeners on \(group[0].local), and would be reset if "
                        + "\(stuck.count == 1 ? "it stopped" : "those stopped")"
                return Finding(
                    code: .groupMemberStops, severity: lost > 0 ? .error : .warning,
                    confidence: lost > 0 ? .likely : .possible, headline: headline,
                    evidence: [
                        .init("\(counted(group.count, "listener")) of this address now", source: "sock_diag: LISTEN"),
                        .init("0", source: "/proc/sys/net/ipv4/tcp_migrate_req"),
                    ],
                    meaning: "each listener of a SO_REUSEPORT group has a queue of its own, and closing it resets what "
                        + "waits there.",
                    fixes: [
                        "let the kernel hand the queue over: sysctl -w net.ipv4.tcp_migrate_req=1",
                        "or share one listener between the workers",
                    ], verification: "berth check \(group[0].localPort) --for 10s",
                    disproof: lost > 0 ? "it accepted them just before it closed" : "it is never stopped while busy",
                    summary: "a stopping worker resets its queue")
            })
    }

    static let listenerStopped = overTime(.listenerStopped, "listeners closed with connections waiting") { input in
        .findings(
            input.earlier.values.filter { $0.isListener && $0.receiveQueue > 0 }.sorted { $0.localPort < $1.localPort }
                .compactMap { old in
                    guard !input.listeners.contains(where: { $0.local == old.local }) else { return nil }
                    let resets = input.growth("Tcp.OutRsts")
                    guard resets > 0 else { return nil }
                    let count = Int(old.receiveQueue)
                    return Finding(
                        code: .listenerStopped, confidence: .likely,
                        headline: "\(old.local) of \(input.who(old)) stopped listening with "
                            + "\(counted(count, "connection")) in its queue, which \(count == 1 ? "was" : "were") reset",
                        evidence: [
                            .init("listening with \(count) waiting, then gone", source: "sock_diag"),
                            .init("OutRsts +\(resets); \(CheckInput.wholeNamespace)", source: "/proc/net/snmp"),
                        ],
                        meaning: "the kernel had accepted these clients; closing the listener resets them.",
                        fixes: [
                            "stop in this order: leave the load balancer, accept until the queue is empty, close, drain "
                                + "(Berth's drain does)",
                            "or let a supervisor hold the listener, so that it is never closed",
                        ], verification: "berth check \(old.localPort) --for 10s",
                        disproof: "it accepted them just before it closed", summary: "closed with connections waiting")
                })
    }
}
