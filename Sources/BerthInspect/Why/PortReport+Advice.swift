internal import BerthSockets

/// What to do, the most harmless first.
extension PortReport {
    package var advice: [String] {
        if let refusal { return refusal.fixes }
        let address = addresses[0]
        let (allowed, blockers) = verdict(.afterTimeWait, address)
        guard allowed != true else { return adviceWhereFree(address) }
        let blocking = blockers.map { holders[$0] }
        let words = BindExplanation(
            attempt: attempt(.afterTimeWait, address), reuse: .afterTimeWait, evidence: evidence.with(blocking))
        var advice: [String] = []
        let kernelHeld = blocking.filter { $0.socket.inode == nil }
        let live = blocking.filter { $0.socket.inode != nil }
        if live.isEmpty, !kernelHeld.isEmpty {
            let left = kernelHeld.map(\.socket.timerLeft).max() ?? .zero
            if kernelHeld.contains(where: { $0.options.value?.reuseAddress == false }) {
                advice.append(
                    "wait \(left.wordsRoundedUp): setting SO_REUSEADDR on the new server alone does not help, because the "
                        + "old one lacked it; the restart after that works at once")
            } else {
                advice.append("wait \(left.wordsRoundedUp): the kernel ends it by itself")
            }
        }
        advice.append("use another port, or port 0 for one that is free")
        if let crossing = live.first(where: { words.crossesFamilies($0.socket) }) {
            advice.append(
                BindExplanation.isIPv6(address)
                    ? "leave IPv4 to the other: bind \(address) with IPV6_V6ONLY"
                    : "open \(crossing.socket.local) with IPV6_V6ONLY there, so that it leaves IPv4 alone")
        }
        if live.contains(where: words.isOutgoing) {
            advice.append(
                "keep the port from outgoing connections for the future: sysctl -w "
                    + "net.ipv4.ip_local_reserved_ports=\(port)")
        }
        var named: Set<Int32> = []
        for holder in live {
            guard let process = holder.owners.value.flatMap(Inheritance.principal)?.process,
                named.insert(process.pid).inserted, named.count <= 4
            else { continue }
            let end = words.endIt(process)
            advice.append(
                end.hasPrefix("end it: kill")
                    ? "end \(words.name(process, withStart: false)): berth free \(port) --signal TERM" : end)
        }
        if live.contains(where: { $0.owners.value == nil }) {
            advice.append("see which process it is, as root: sudo berth why \(port)")
        }
        if !kernelHeld.isEmpty {
            advice.append("destroy what is left, as root: berth free \(port) --destroy-leftovers")
        }
        return advice
    }

    /// A bind works; but perhaps not the one that failed.
    private func adviceWhereFree(_ address: SocketAddress) -> [String] {
        let (allowed, blockers) = verdict(.exclusive, address)
        guard allowed == false else { return [] }
        let left = blockers.map { holders[$0].socket.timerLeft }.max() ?? .zero
        var advice = [
            "set SO_REUSEADDR before bind (Berth: reuse policy after-time-wait, the default); it helps because what is "
                + "left had it, too"
        ]
        if left > .zero { advice.append("or wait \(left.wordsRoundedUp)") }
        return advice
    }
}
