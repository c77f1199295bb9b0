internal import BerthInspect
internal import BerthSockets
internal import BerthSystem

extension PortReport {
    /// A bind that was really made.
    struct Attempt: Sendable {
        var reuse: ReusePolicy
        var address: SocketAddress
        var errno: Errno?
    }

    /// Binds by every policy, each for a moment.
    func attempts() -> [Attempt] {
        addresses.flatMap { address in
            ReusePolicy.allCases.map { reuse in
                switch PortReport.attempt(reuse, address, transport) {
                case .success: Attempt(reuse: reuse, address: address, errno: nil)
                case .failure(let errno): Attempt(reuse: reuse, address: address, errno: errno)
                }
            }
        }
    }

    static func text(of attempts: [Attempt]) -> String {
        var table = TextTable([.left, .left, .left])
        for attempt in attempts {
            table.add(["\(attempt.address)", "\(attempt.reuse)", attempt.errno.map { "\($0)" } ?? "worked"])
        }
        return "tried, and closed at once:\n" + table.lines(indent: "  ").joined(separator: "\n")
    }

    /// One line, version 1.
    func json(_ attempts: [Attempt]?) -> String {
        var text = JSONText()
        text.add("version", 1)
        text.add("transport", transport == .tcp ? "tcp" : "udp")
        text.add("port", Int(port))
        text.add("answer", answer)
        text.add("isFree", json: isFree.map { "\($0)" } ?? "null")
        text.add("holders", json: JSONText.array(holders.map(Self.json)))
        let cells = addresses.flatMap { address in
            ReusePolicy.allCases.flatMap { reuse in
                [false, true].map { isOther in
                    let (allowed, blockers) = verdict(reuse, address, isOtherUser: isOther)
                    var text = JSONText()
                    text.add("address", "\(address)")
                    text.add("policy", "\(reuse)")
                    text.add("anotherUser", isOther)
                    text.add("works", json: allowed.map { "\($0)" } ?? "null")
                    text.add("because", json: JSONText.array(blockers.map { "\($0)" }))
                    return text.object
                }
            }
        }
        text.add("ifYouBind", json: JSONText.array(cells))
        text.add("advice", json: JSONText.array(advice.map(JSONText.quoted)))
        if let attempts {
            let tried = attempts.map { attempt in
                var text = JSONText()
                text.add("address", "\(attempt.address)")
                text.add("policy", "\(attempt.reuse)")
                text.add("worked", attempt.errno == nil)
                if let errno = attempt.errno { text.add("error", errno.name) }
                return text.object
            }
            text.add("tried", json: JSONText.array(tried))
        }
        return text.object
    }

    private static func json(_ holder: PortHolder) -> String {
        var text = JSONText()
        text.add("state", holder.socket.state == .closed ? "BOUND" : "\(holder.socket.state)")
        text.add("local", "\(holder.socket.local)")
        if let remote = holder.socket.remote { text.add("remote", "\(remote)") }
        text.add("user", Int(holder.socket.user))
        text.add("timerLeft", holder.socket.timerLeft.inSeconds)
        text.add("pids", json: JSONText.array((holder.owners.value ?? []).map { "\($0.process.pid)" }))
        if let options = holder.options.value {
            text.add("reuseAddress", options.reuseAddress)
            text.add("reusePort", options.reusePort)
        }
        return text.object
    }
}
