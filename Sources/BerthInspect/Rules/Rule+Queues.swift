internal import BerthSockets

/// Connections that wait to be accepted, or never get that far.
extension Rule {
    static let queueOverflow = Rule(code: .queueOverflow, title: "accept queues that are full") { input in
        .findings(
            input.listeners.compactMap { listener in
                let earlier = input.earlier[listener.cookie]
                let drops = Int(listener.drops) - Int(earlier?.drops ?? listener.drops)
                let isFull = listener.receiveQueue > listener.sendQueue
                // The drops of a listener also count what the SYN queue refused; the overflows do not.
                let overflows = input.growth("TcpExt.ListenOverflows")
                guard isFull || (drops > 0 && overflows > 0) else { return nil }
                let queue = "\(listener.receiveQueue) of \(listener.sendQueue)"
                let what =
                    drops > 0
                    ? "dropped \(counted(drops, "connection attempt")) in \(input.windowWords): its accept queue "
                        + (isFull ? "is full (\(queue))" : "was full")
                    : "drops connection attempts: its accept queue is full (\(queue))"
                var evidence: [Finding.Evidence] = [
                    .init("queue \(queue), drops \(listener.drops) since it listens", source: "sock_diag: LISTEN")
                ]
                if overflows > 0 {
                    evidence.append(
                        .init(
                            "ListenOverflows +\(overflows); \(CheckInput.wholeNamespace)", source: "/proc/net/netstat"))
                }
                return Finding(
                    code: .queueOverflow, headline: "\(listener.local)\(input.ofWhom(listener)) \(what)",
                    evidence: evidence,
                    meaning:
                        "the kernel ignores a client's SYN while the queue is full: clients hang and try again after "
                        + "1, 2, 4 … seconds; they are not refused.",
                    fixes: overflowFixes(listener, input),
                    verification: "berth check \(listener.localPort) --for 10s", summary: "the accept queue is full")
            })
    }

    private static func overflowFixes(_ listener: InspectedSocket, _ input: CheckInput) -> [String] {
        let most = input.now.setting("net/core/somaxconn") ?? 4096
        var fixes = ["accept faster: see whether the server is stuck (B010) or out of descriptors (B009)"]
        if Int(listener.sendQueue) < most {
            fixes.append("ask for more when listening: listen(fd, \(most)) instead of \(listener.sendQueue)")
        } else {
            fixes.append(
                "let the kernel give more: sysctl -w net.core.somaxconn=\(max(4096, most * 4)), then restart it")
        }
        return fixes
    }

    static let backlogClamped = Rule(code: .backlogClamped, title: "backlogs cut by net.core.somaxconn") { input in
        // The kernel's default since 5.4; a listener that has all of it is as most are.
        guard let most = input.now.setting("net/core/somaxconn"), most < 4096 else { return .nothing }
        return .findings(
            input.listeners.filter { Int($0.sendQueue) == most }.map { listener in
                Finding(
                    code: .backlogClamped, severity: .note, confidence: .likely,
                    headline: "\(listener.local)\(input.ofWhom(listener)) has a backlog of \(most), which is all that "
                        + "net.core.somaxconn gives",
                    evidence: [
                        .init("backlog \(listener.sendQueue)", source: "sock_diag: LISTEN"),
                        .init("\(most)", source: "/proc/sys/net/core/somaxconn"),
                    ],
                    meaning: "listen(2) cuts a larger number silently; \(most + 1) connections may wait, then SYNs are "
                        + "dropped.",
                    fixes: ["raise it and restart the server: sysctl -w net.core.somaxconn=4096"],
                    verification: "berth check \(listener.localPort)",
                    disproof: "the server asked for exactly \(most)", summary: "the backlog is cut by somaxconn")
            })
    }

    static let synFlood = overTime(.synFlood, "SYN queues that are full") { input in
        let cookies = input.growth("TcpExt.TCPReqQFullDoCookies")
        let dropped = input.growth("TcpExt.TCPReqQFullDrop")
        guard cookies + dropped > 0 else { return .nothing }
        let half = input.sockets.filter { $0.state == .synReceived || $0.state == .newSynReceived }
        return .found(
            Finding(
                code: .synFlood, severity: dropped > 0 ? .error : .warning, confidence: .likely,
                headline: dropped > 0
                    ? "\(counted(dropped, "handshake")) dropped in \(input.windowWords): a SYN queue is full"
                    : "\(counted(cookies, "handshake")) answered with SYN cookies in \(input.windowWords): a SYN queue "
                        + "is full",
                evidence: [
                    .init(
                        "TCPReqQFullDoCookies +\(cookies), TCPReqQFullDrop +\(dropped); \(CheckInput.wholeNamespace)",
                        source: "/proc/net/netstat"),
                    .init("\(counted(half.count, "socket")) in SYN_RECV", source: "sock_diag"),
                ],
                meaning: dropped > 0
                    ? "handshakes that are not finished fill the queue, and cookies are off: new clients hang."
                    : "handshakes that are not finished fill the queue; cookies let new clients in all the same.",
                fixes: [
                    dropped > 0 ? "turn cookies on: sysctl -w net.ipv4.tcp_syncookies=1" : "leave tcp_syncookies at 1",
                    "see where they come from: ss -Htn state syn-recv",
                    "for honest load, raise the backlog and net.ipv4.tcp_max_syn_backlog",
                ], verification: "berth check --for 10s", disproof: "a burst of honest clients that is over by now",
                summary: "a SYN queue is full"))
    }

    static let acceptorStuck = overTime(.acceptorStuck, "connections that nobody accepts") { input in
        guard input.window >= .milliseconds(900) else { return .skipped("it compares two moments: --for 1s or longer") }
        return .findings(
            input.listenersByAddress(input.listeners).compactMap { group in
                // Sockets of one group cannot be told apart by what waits at their address.
                guard group.count == 1, let earlier = input.earlier[group[0].cookie], earlier.receiveQueue > 0 else {
                    return nil
                }
                let listener = group[0]
                let now = Set(input.waiting(at: listener, in: input.now).map(\.cookie))
                let before = input.waiting(at: listener, in: input.before)
                guard !before.isEmpty, before.allSatisfy({ now.contains($0.cookie) }) else { return nil }
                return stuck(listener, waiting: Int(listener.receiveQueue), input)
            })
    }

    private static func stuck(_ listener: InspectedSocket, waiting: Int, _ input: CheckInput) -> Finding {
        let owner = input.now.owner(of: listener)?.process
        var evidence: [Finding.Evidence] = [
            .init("accept queue \(listener.receiveQueue) of \(listener.sendQueue)", source: "sock_diag: LISTEN"),
            .init("the same connections waited at the beginning and at the end", source: "sock_diag: inode 0"),
        ]
        if let owner, let facts = input.now.processes[owner.pid] {
            if facts.runningThreads > 0, !owner.waits.isEmpty || facts.threads > 1 {
                evidence.append(
                    .init(
                        "\(facts.runningThreads) of its \(counted(facts.threads, "thread")) "
                            + "\(facts.runningThreads == 1 ? "computes" : "compute")", source: "/proc/\(owner.pid)/task"
                    ))
            }
            if !owner.waits.isEmpty {
                let places = Set(owner.waits).sorted().map { "\(Printable($0))" }
                evidence.append(
                    .init("its threads wait in \(listed(places))", source: "/proc/\(owner.pid)/task/*/wchan"))
            }
        }
        let subject = waiting == 1 ? "1 connection waits" : "\(waiting) connections wait"
        return Finding(
            code: .acceptorStuck,
            headline: "\(subject) at \(listener.local)\(input.ofWhom(listener)); none was accepted for "
                + "\(input.windowWords)",
            evidence: evidence,
            meaning: "the kernel has made the connections, so clients believe they are connected, and wait.",
            fixes: [
                owner.map { "see what it does: cat /proc/\($0.pid)/task/*/stack (root), or its profiler" }
                    ?? "see what the server does, as root",
                "do not block the thread that accepts; Berth reports a handler that does",
            ], verification: "berth check \(listener.localPort) --for 5s", summary: "nobody accepts")
    }
}
