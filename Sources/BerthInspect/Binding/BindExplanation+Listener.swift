internal import BerthSockets

/// A live socket holds the address: it listens, or is bound and may listen at any moment.
extension BindExplanation {
    func heldByListener(_ holder: PortHolder, others: [PortHolder]) -> Finding {
        let owners = holder.owners.value ?? []
        if Inheritance.isFromGoneServer(owners), let owner = Inheritance.principal(owners) {
            return heldByHeir(holder, owner, owners)
        }
        let record = holder.socket
        let who = holderName(holder, withStart: true)
        let verb = record.local.description == attempt.address.description ? "" : "it listens on \(place(record)); "
        var finding = Finding(
            code: .portInUse, headline: "\(attempt.address) is already listened on by \(who)",
            evidence: [socketEvidence(holder, "\(verb)accept queue \(record.receiveQueue) of \(record.sendQueue)")],
            gaps: gaps(holder), meaning: listenerMeaning(holder), fixes: listenerFixes(holder),
            verification: verification, summary: sentence(holder, verb: "listens on"))
        finding.evidence += ownerEvidence(holder)
        finding.evidence += others.prefix(4).map {
            Finding.Evidence("also \(holderName($0, withStart: false)) on \($0.socket.local)", source: "sock_diag")
        }
        if crossesFamilies(record) { asDualStack(&finding, holder, who) }
        return finding
    }

    /// A socket that is bound, and neither listens nor is connected.
    func heldByBound(_ holder: PortHolder) -> Finding {
        let who = holderName(holder, withStart: true)
        var finding = Finding(
            code: .portInUse, headline: "\(attempt.address) is bound by \(who), which does not listen on it",
            evidence: [socketEvidence(holder, "it is bound to \(place(holder.socket))")] + ownerEvidence(holder),
            gaps: gaps(holder),
            meaning: "binding takes the address, also before listen and without any connection.",
            fixes: listenerFixes(holder), verification: nil,
            summary: sentence(holder, verb: "is bound to") + ", and does not listen")
        // ss lists such sockets from its version 6.8 on only: binding is the better proof.
        finding.verification = bindProbe
        if crossesFamilies(holder.socket) { asDualStack(&finding, holder, who) }
        return finding
    }

    /// B002: a process that neither opened the socket nor serves it.
    private func heldByHeir(_ holder: PortHolder, _ owner: SocketOwner, _ owners: [SocketOwner]) -> Finding {
        let who = name(owner.process, withStart: true)
        let plain = name(owner.process, withStart: false)
        let descriptor = "descriptor \(owner.descriptor)"
        let more = owners.count == 1 ? "" : " and \(counted(owners.count - 1, "other process", "es"))"
        var evidence = [socketEvidence(holder, "it listens on \(place(holder.socket))")] + ownerEvidence(holder)
        evidence.append(
            .init(
                "the process that started it is gone: its parent is now pid \(owner.process.parent)",
                source: "/proc/\(owner.process.pid)/stat"))
        if let wait = owner.process.waits.first, owner.process.waitsForEvents == false {
            evidence.append(
                .init(
                    "it does not wait for connections, but in \(Printable(wait))",
                    source: "/proc/\(owner.process.pid)/task/*/wchan"))
        }
        return Finding(
            code: .inheritedListener, confidence: .likely,
            headline:
                "\(attempt.address) is held by \(who)\(more): \(descriptor), inherited from a server that is gone",
            evidence: evidence, gaps: gaps(holder),
            meaning: "a listening socket lives until the last process that holds it closes it; clients still connect, "
                + "and nobody serves them.",
            fixes: [
                endIt(owner.process),
                "in the server, open sockets close-on-exec (SOCK_CLOEXEC; Berth does) so that no child inherits them",
            ], verification: verification,
            disproof: "\(Printable(owner.process.name)) took the socket over on purpose and serves it",
            summary: "\(plain) holds \(holder.socket.local) by \(descriptor), inherited from a server that is gone"
                + (since(owner.process).map { ", since \($0.time) (\($0.age) ago)" } ?? ""))
    }

    // MARK: Dual stack

    private func asDualStack(_ finding: inout Finding, _ holder: PortHolder, _ who: String) {
        let port = attempt.address.port ?? 0
        let record = holder.socket
        finding.code = .dualStackOverlap
        if case .ipv6 = attempt.address.unmapped {
            finding.headline =
                "\(attempt.address) (dual-stack) also claims IPv4, where \(record.local) is held by \(who)"
            finding.meaning =
                "an IPv6 wildcard socket without IPV6_V6ONLY takes every IPv4 address of its port as well."
            finding.fixes.insert("leave IPv4 to the other: bind [::]:\(port) with IPV6_V6ONLY", at: 0)
        } else {
            finding.headline = "\(record.local) (dual-stack) already covers \(attempt.address): it is held by \(who)"
            finding.meaning =
                "an IPv6 wildcard socket without IPV6_V6ONLY takes every IPv4 address of its port as well."
            finding.fixes.insert("open that [::]:\(port) with IPV6_V6ONLY, so that it leaves IPv4 alone", at: 0)
            finding.fixes.removeLast()
            finding.fixes.append("or use the one dual-stack socket for both families")
        }
    }

    // MARK: Parts

    private func socketEvidence(_ holder: PortHolder, _ text: String) -> Finding.Evidence {
        let inode = holder.socket.inode.map { ", inode \($0)" } ?? ""
        let state = holder.socket.state == .closed ? "bound" : "\(holder.socket.state)"
        return .init(text, source: "sock_diag: \(state)\(inode)")
    }

    /// How the owner holds it, and with which options.
    func ownerEvidence(_ holder: PortHolder) -> [Finding.Evidence] {
        guard let owners = holder.owners.value, let owner = Inheritance.principal(owners) else { return [] }
        let pid = owner.process.pid
        var lines: [Finding.Evidence] = []
        if pid != evidence.process, !owner.process.arguments.isEmpty {
            lines.append(
                .init(
                    "its command: \(Printable(commandLine: owner.process.arguments, limit: 200))",
                    source: "/proc/\(pid)/cmdline"))
        }
        if owners.count > 1 {
            let others = owners.filter { $0 != owner }.prefix(8).map { "pid \($0.process.pid)" }
            lines.append(.init("\(owners.count) processes hold it, also \(listed(others))", source: "/proc/*/fd"))
        }
        if let options = holder.options.value {
            lines.append(.init("\(options)", source: "getsockopt on its descriptor \(owners[0].descriptor)"))
        }
        return lines
    }

    private func listenerMeaning(_ holder: PortHolder) -> String {
        guard attempt.options.reusePort else {
            return "a listening socket has its address for itself; SO_REUSEADDR passes over old connections only."
        }
        if holder.socket.user != attempt.user {
            return "SO_REUSEPORT shares an address among sockets of one user only; that one is of user "
                + "\(Printable(evidence.users[holder.socket.user])), this one of user "
                + "\(Printable(evidence.users[attempt.user]))."
        }
        return "SO_REUSEPORT shares an address only when every socket has it, and that listener does not."
    }

    private func listenerFixes(_ holder: PortHolder) -> [String] {
        let owners = holder.owners.value ?? []
        let other = "bind another port, or port 0 for one that is free"
        guard let process = Inheritance.principal(owners)?.process else {
            return ["see who it is as root: sudo ss -Htanp 'sport = :\(attempt.address.port ?? 0)'", other]
        }
        if process.pid == evidence.process {
            let descriptor = owners.first { $0.process.pid == process.pid }?.descriptor ?? -1
            return ["close the socket that this process has there already: descriptor \(descriptor)", other]
        }
        return [endIt(process), other]
    }

    private func sentence(_ holder: PortHolder, verb: String) -> String {
        let who = holderName(holder, withStart: false)
        let owner = holder.owners.value.flatMap { Inheritance.principal($0) }
        let start = owner.flatMap { since($0.process) }.map { " since \($0.time) (\($0.age) ago)" } ?? ""
        let place = place(holder.socket)
        // The time belongs to the address that is held, before "which covers …".
        guard let comma = place.firstIndex(of: ",") else { return "\(who) \(verb) \(place)\(start)" }
        return "\(who) \(verb) \(place[..<comma])\(start)\(place[comma...])"
    }

    /// A command that binds the address and says whether that works.
    var bindProbe: String {
        let port = attempt.address.port ?? 0
        let (family, host) =
            switch attempt.address {
            case .ipv6(let address, _): ("socket.AF_INET6", "\(address)")
            case .ipv4(let address, _): ("socket.AF_INET", "\(address)")
            case .unix, .abstract, .unnamed: ("socket.AF_UNIX", "")
            }
        return "python3 -c \"import socket; socket.socket(\(family)).bind(('\(host)', \(port)))\" "
            + "(prints nothing once the port is free)"
    }
}
