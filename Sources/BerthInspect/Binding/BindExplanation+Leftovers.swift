internal import BerthSockets

/// Nobody listens, but connections have the port.
extension BindExplanation {
    /// B003: what an earlier server left.
    func heldByLeftovers(_ holders: [PortHolder], surely: Bool) -> Finding {
        let groups = Leftovers.groups(holders, finTimeout: evidence.settings.finTimeout.value)
        let list = listed(groups.map(\.count))
        let verb = holders.count == 1 ? "blocks" : "block"
        let reason =
            attempt.options.reuseAddress
            ? "the server that \(holders.count == 1 ? "it is" : "they are") from had SO_REUSEADDR off"
            : "SO_REUSEADDR is off"
        let owned = holders.first { $0.owners.value?.isEmpty == false }
        var finding = Finding(
            code: .leftovers, confidence: surely ? .certain : .likely,
            headline: "nobody listens on \(attempt.address), but \(list) \(verb) it because \(reason)",
            evidence: groups.map { .init($0.sentence(naming: owners), source: "sock_diag") }
                + [.init(policyWords, source: "the bind that failed")],
            gaps: gaps(owned ?? holders[0]), meaning: leftoversMeaning(groups), fixes: leftoversFixes(holders),
            verification: verification,
            summary: "nobody listens there, but connections of an earlier server hold the port, and "
                + (attempt.options.reuseAddress ? "it had SO_REUSEADDR off: " : "SO_REUSEADDR is off: ")
                + listed(groups.map { $0.short(naming: owners) }))
        if let options = owned?.options.value {
            finding.evidence.append(.init("on one of them: \(options)", source: "getsockopt on its descriptor"))
        }
        if !surely { finding.disproof = "something else had the port at that moment and has ended since" }
        return finding
    }

    /// B026: a program's own connection to somewhere happens to have the port.
    func heldByOutgoing(_ holder: PortHolder, _ all: [PortHolder]) -> Finding {
        let record = holder.socket
        let peer = record.remote.map { " to \($0)" } ?? ""
        let port = attempt.address.port ?? 0
        let range = evidence.settings.ephemeralPorts.value.map { "\($0.lowerBound) to \($0.upperBound)" }
        let group = Leftovers.groups([holder], finTimeout: evidence.settings.finTimeout.value)[0]
        let state = "\(record.state)" + (group.end == nil ? group.begin : group.age(naming: owners))
        let who = holderName(holder, withStart: false)
        var lines: [Finding.Evidence] = [
            .init("\(record.local)\(peer): \(state)", source: "sock_diag")
        ]
        if let range, evidence.settings.ephemeralPorts.value?.contains(port) == true {
            lines.append(
                .init(
                    "the kernel gives ports \(range) to outgoing connections",
                    source: "/proc/sys/net/ipv4/ip_local_port_range"))
        }
        if all.count > 1 { lines.append(.init("\(all.count - 1) more like it", source: "sock_diag")) }
        var fixes = [
            "bind a port outside of \(range ?? "the range of outgoing connections")",
            "or keep the port out of it from now on: sysctl -w net.ipv4.ip_local_reserved_ports=\(port)",
        ]
        if let process = holder.owners.value.flatMap(Inheritance.principal)?.process {
            fixes.append("or \(process.pid == evidence.process ? "close that connection" : endIt(process))")
        }
        return Finding(
            code: .outgoingConnection, confidence: record.state == .synSent ? .certain : .likely,
            headline: "nobody listens on \(attempt.address), but an outgoing connection\(peer) of \(who) has the port",
            evidence: lines + ownerEvidence(holder), gaps: gaps(holder),
            meaning: "a connection holds its local port like a server does, and SO_REUSEADDR helps only where both "
                + "have it.",
            fixes: fixes, verification: verification,
            disproof: record.state == .synSent ? nil : "the peer connected to this port rather than this side to it",
            summary: "an outgoing connection\(peer) of \(who) has the port (\(state))")
    }

    /// Whether this machine opened the connection: by its port and its peer's, since the kernel does not keep it.
    func isOutgoing(_ holder: PortHolder) -> Bool {
        guard let remote = holder.socket.remote else { return false }
        if holder.socket.state == .synSent { return true }
        guard let range = evidence.settings.ephemeralPorts.value, range.contains(holder.socket.local.port ?? 0) else {
            return false
        }
        if evidence.listenersAtPeers.contains(where: { $0.local.port == remote.port }) { return true }
        return remote.port.map { !range.contains($0) && $0 < 32_768 } ?? false
    }

    /// `python3 (pid 4112, user root)`; `nil` for what the kernel ends by itself.
    private func owners(_ holder: PortHolder) -> String? {
        holder.socket.inode == nil ? nil : holderName(holder, withStart: false)
    }

    private func leftoversMeaning(_ groups: [Leftovers.Group]) -> String {
        guard groups.allSatisfy({ $0.end != nil }) else {
            return groups.contains { $0.end == nil && !$0.waitsForPeer }
                ? "the port is free once the process that holds the connections closes them, which may be never."
                : "the port is free once the peers take what is still to be sent to them, which may be never."
        }
        let end = groups.compactMap(\.end).max() ?? .zero
        return groups.contains { $0.isEstimate }
            ? "the kernel ends them by itself, in \(end.wordsRoundedUp) at the latest when the peers stay silent."
            : "the port is free by itself in \(end.wordsRoundedUp)."
    }

    private func leftoversFixes(_ holders: [PortHolder]) -> [String] {
        let port = attempt.address.port ?? 0
        var fixes: [String] = []
        let lacks = holders.contains { $0.options.value?.reuseAddress == false }
        if !attempt.options.reuseAddress, !lacks {
            let had = holders.contains { $0.options.value?.reuseAddress == true }
            fixes.append(
                "set SO_REUSEADDR before bind (Berth: reuse policy after-time-wait, the default); it helps "
                    + (had ? "because the earlier server had it, too" : "if the earlier server had it, too"))
        }
        if let process = holders.lazy.compactMap({ $0.owners.value.flatMap(Inheritance.principal)?.process }).first,
            process.pid != evidence.process
        {
            fixes.append(endIt(process))
        }
        if attempt.options.reuseAddress || lacks {
            fixes.append("wait; the next restart works at once, because this server sets SO_REUSEADDR")
        }
        fixes.append("or end the connections now, as root: ss -K 'sport = :\(port)'")
        return fixes
    }
}
