internal import BerthSockets
internal import BerthSystem

/// Connections that live, and do not do well.
extension Rule {
    static let halfOpen = Rule(code: .halfOpen, title: "peers that have vanished") { input in
        var findings: [Finding] = []
        let silent = input.sockets.filter {
            $0.transport == .tcp && $0.timer == .retransmission && $0.backoff >= 3 && $0.state != .synSent
                && $0.lastAckReceived >= 1_000
        }
        for (who, _, sockets) in input.byHolder(silent) {
            let longest = Duration.milliseconds(Int64(sockets.map(\.lastAckReceived).max() ?? 0)).words
            findings.append(
                Finding(
                    code: .halfOpen, severity: .warning, confidence: .likely,
                    headline: "\(counted(sockets.count, "peer")) of \(who) \(sockets.count == 1 ? "does" : "do") not "
                        + "answer any more, for up to \(longest), with data waiting for "
                        + (sockets.count == 1 ? "it" : "them"),
                    evidence: [
                        .init(
                            "retransmitting with backoff \(sockets.map(\.backoff).max() ?? 0); one of them is "
                                + "\(sockets[0].local) with \(sockets[0].remote.map { "\($0)" } ?? "?")",
                            source: "sock_diag: TCP_INFO")
                    ],
                    meaning: "the kernel goes on for about 15 minutes (tcp_retries2) before it tells the program.",
                    fixes: [
                        "bound it: setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 30000) (Berth's default)",
                        "see whether the network is there: ping the peer",
                    ], verification: "ss -Htno state established | grep timer:.on",
                    disproof: "the network is only slow and the peer answers yet", summary: "peers do not answer"))
        }
        let hour: UInt32 = 3_600_000
        let idle = input.sockets.filter {
            $0.transport == .tcp && $0.state == .established && $0.inode != 0 && $0.timer == .none && $0.hasInfo
                && !$0.isLoopback && min($0.lastDataReceived, $0.lastDataSent) >= hour
                && input.now.switches[$0.inode]?.keepAlive != true
        }
        for (who, _, sockets) in input.byHolder(idle) where sockets.count >= 10 {
            let oldest = Duration.milliseconds(Int64(sockets.map(\.lastDataReceived).max() ?? 0)).words
            findings.append(
                Finding(
                    code: .halfOpen, severity: .warning, confidence: .possible,
                    headline: "\(sockets.count) connections of \(who) have been idle for more than an hour without "
                        + "keep-alive, the oldest for \(oldest)",
                    evidence: [.init("no timer runs on them", source: "sock_diag")],
                    meaning: "a peer that vanished without a FIN would be kept for ever; nothing asks it.",
                    fixes: [
                        "turn keep-alive on: SO_KEEPALIVE with TCP_KEEPIDLE 60, TCP_KEEPINTVL 10, TCP_KEEPCNT 6",
                        "or close connections that are idle",
                    ], verification: "berth check --for 1s", disproof: "the peers are alive and just silent",
                    summary: "idle connections without keep-alive"))
        }
        return .findings(findings)
    }

    static let slowPeer = Rule(code: .slowPeer, title: "peers, or servers, that do not read") { input in
        let stalled = input.sockets.filter {
            $0.transport == .tcp && $0.hasPeer && $0.timer == .zeroWindowProbe && $0.sendQueue >= 1024
        }
        var findings: [Finding] = input.byHolder(stalled).map { who, _, sockets in
            let bytes = sockets.reduce(0) { $0 + Int($1.sendQueue) }
            return Finding(
                code: .slowPeer, severity: .warning,
                headline: "\(counted(sockets.count, "peer")) of \(who) \(sockets.count == 1 ? "does" : "do") not read; "
                    + "\(size(bytes)) wait in the kernel",
                evidence: [
                    .init(
                        "the peer's window is closed and probed; one of them is \(sockets[0].local) with "
                            + "\(sockets[0].remote.map { "\($0)" } ?? "?")", source: "sock_diag: timer persist")
                ],
                meaning: "the program's next write waits, or its own buffers grow.",
                fixes: [
                    "bound how long a write may wait and end such peers (Berth: stallLimit)",
                    "keep less unsent: TCP_NOTSENT_LOWAT",
                ], verification: "ss -Htno | grep timer:.persist", summary: "peers do not read")
        }
        let unread = input.sockets.filter { socket in
            guard socket.transport == .tcp, socket.state == .established, socket.inode != 0,
                socket.receiveQueue >= 65_536, let earlier = input.earlier[socket.cookie], input.hasWindow
            else { return false }
            // Nothing was taken out in all that time.
            return earlier.receiveQueue >= 65_536
                && UInt64(socket.receiveQueue) - UInt64(min(earlier.receiveQueue, socket.receiveQueue))
                    == socket.bytesReceived - min(earlier.bytesReceived, socket.bytesReceived)
        }
        findings += input.byHolder(unread).map { who, _, sockets in
            Finding(
                code: .slowPeer, severity: .warning, confidence: .likely,
                headline: "\(who) has not read \(counted(sockets.count, "connection")) for \(input.windowWords); "
                    + "\(size(sockets.reduce(0) { $0 + Int($1.receiveQueue) })) wait for it",
                evidence: [
                    .init(
                        "one of them is \(sockets[0].local) with \(sockets[0].remote.map { "\($0)" } ?? "?")",
                        source: "sock_diag")
                ],
                meaning: "its peers cannot send any more once its receive buffer is full.",
                fixes: ["see what it waits for: cat /proc/PID/task/*/wchan"], verification: "ss -Htn",
                disproof: "it holds these peers back on purpose", summary: "a program does not read")
        }
        return .findings(findings)
    }

    private static func size(_ bytes: Int) -> String {
        bytes < 1 << 20 ? "\(bytes >> 10) KiB" : "\(bytes >> 20).\((bytes >> 10 & 1023) * 10 >> 10) MiB"
    }

    static let delayedAcks = overTime(.delayedAcks, "small writes that wait for acknowledgements") { input in
        let delayed = input.growth("TcpExt.DelayedACKs")
        guard delayed >= 5 else { return .nothing }
        let slow = input.sockets.filter { socket in
            guard socket.transport == .tcp, socket.state == .established, socket.inode != 0,
                let earlier = input.earlier[socket.cookie],
                socket.dataSegmentsSent >= earlier.dataSegmentsSent, socket.bytesSent >= earlier.bytesSent
            else { return false }
            let segments = Int(socket.dataSegmentsSent - earlier.dataSegmentsSent)
            let bytes = Int(clamping: socket.bytesSent - earlier.bytesSent)
            // A stall of 40 ms for each pair of writes leaves fifty segments a second at most.
            let perSecond = Double(segments) / max(0.1, Double(input.window / .milliseconds(1)) / 1000)
            return segments >= 8 && bytes < segments * 536 && perSecond <= 60
                && input.now.switches[socket.inode]?.noDelay != true
                && Int(socket.dataSegmentsReceived - min(earlier.dataSegmentsReceived, socket.dataSegmentsReceived))
                    * 3 <= segments * 2
        }
        return .findings(
            input.byHolder(slow).map { who, _, sockets in
                let known = input.now.switches[sockets[0].inode] != nil
                return Finding(
                    code: .delayedAcks, severity: .warning, confidence: known ? .likely : .possible,
                    headline:
                        "\(counted(sockets.count, "connection")) of \(who) \(sockets.count == 1 ? "waits" : "wait") "
                        + "40 ms for acknowledgements between small writes",
                    evidence: [
                        .init("DelayedACKs +\(delayed); \(CheckInput.wholeNamespace)", source: "/proc/net/netstat"),
                        .init(
                            "segments of less than 536 bytes on \(sockets[0].local) with "
                                + "\(sockets[0].remote.map { "\($0)" } ?? "?")", source: "sock_diag: TCP_INFO"),
                    ]
                        + (known
                            ? [.init("TCP_NODELAY off", source: "getsockopt on a duplicate of its descriptor")] : []),
                    meaning:
                        "Nagle's algorithm holds a small segment back until the one before is acknowledged, and the "
                        + "peer delays that for 40 ms.",
                    fixes: [
                        "write a message in one call (writev, or a buffer)",
                        "or set TCP_NODELAY (Berth does)",
                    ], verification: "berth check --for 2s", disproof: "the program itself sends that slowly",
                    summary: "40 ms stalls")
            })
    }

    static let lossOrPressure = overTime(.lossOrPressure, "lost segments, or memory that runs short") { input in
        var findings: [Finding] = []
        let sent = input.growth("Tcp.OutSegs")
        let again = input.growth("Tcp.RetransSegs")
        if sent >= 100, again * 20 >= sent {
            let percent = again * 100 / sent
            findings.append(
                Finding(
                    code: .lossOrPressure, severity: .warning, confidence: .likely,
                    headline:
                        "\(percent) % of the segments were sent again in \(input.windowWords) (\(again) of \(sent))",
                    evidence: [
                        .init(
                            "RetransSegs +\(again), OutSegs +\(sent); \(CheckInput.wholeNamespace)",
                            source: "/proc/net/snmp")
                    ],
                    meaning: "the network loses segments, or acknowledgements come too late.",
                    fixes: ["see which peers: ss -Htni | grep retrans", "look at the interfaces: ip -s link"],
                    verification: "berth check --for 10s", disproof: "peers that vanished are retried (B018)",
                    summary: "segments are lost"))
        }
        let pressure = [
            "TcpExt.TCPMemoryPressures", "TcpExt.PruneCalled", "TcpExt.TCPRcvQDrop", "TcpExt.TCPAbortOnMemory",
            "TcpExt.TCPBacklogDrop",
        ].map { ($0.dropFirst("TcpExt.".count), input.growth($0)) }.filter { $0.1 > 0 }
        if !pressure.isEmpty {
            findings.append(
                Finding(
                    code: .lossOrPressure, severity: .warning, confidence: .likely,
                    headline: "TCP was short of memory in \(input.windowWords)",
                    evidence: [
                        .init(
                            pressure.map { "\($0.0) +\($0.1)" }.joined(separator: ", ")
                                + "; \(CheckInput.wholeNamespace)", source: "/proc/net/netstat")
                    ],
                    meaning: "received data is squeezed or thrown away, and has to be sent again.",
                    fixes: [
                        "see who holds it: ss -tm", "raise net.ipv4.tcp_mem or net.ipv4.tcp_rmem where there is memory",
                    ], verification: "cat /proc/net/sockstat", disproof: "one slow reader with a full buffer (B019)",
                    summary: "TCP is short of memory"))
        }
        return .findings(findings)
    }
}
