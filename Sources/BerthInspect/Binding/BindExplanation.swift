public import BerthSockets
public import BerthSystem

/// Turns what was seen into the reason why a bind failed: a pure function.
public struct BindExplanation: Sendable {
    let attempt: BindAttempt
    let reuse: ReusePolicy
    let evidence: BindEvidence

    /// The finding for a bind, or the listen after it, that failed with `errno`.
    public static func finding(
        for attempt: BindAttempt, reuse: ReusePolicy, errno: Errno, evidence: BindEvidence
    ) -> Finding {
        let explanation = BindExplanation(attempt: attempt, reuse: reuse, evidence: evidence)
        switch errno {
        case .addressInUse: return explanation.inUse()
        case .permissionDenied, .notPermitted: return explanation.notAllowed(errno)
        case .addressNotAvailable: return explanation.notOfThisMachine(errno)
        default: return explanation.refused(errno)
        }
    }

    private func inUse() -> Finding {
        guard let port = attempt.address.port else { return refused(.addressInUse) }
        if port == 0 { return portsExhausted() }
        guard case .known(let holders) = evidence.holders else { return nothingVisible() }
        // Those that surely stand in the way; where there is none, those that may, since one of them does.
        let judged = holders.map { ($0, BindRule.verdict(on: attempt, by: $0)) }
        let refusing = judged.filter { $0.1 == .refuses }.map(\.0)
        let suspects = refusing.isEmpty ? judged.filter { $0.1 == .unknown }.map(\.0) : refusing
        let listeners = suspects.filter { $0.socket.state == .listen }
        if let first = listeners.first { return heldByListener(first, others: Array(listeners.dropFirst())) }
        let bound = suspects.filter { $0.socket.state == .closed }
        if let first = bound.first { return heldByBound(first) }
        if suspects.isEmpty { return nothingVisible() }
        let outgoing = suspects.filter(isOutgoing)
        if outgoing.count == suspects.count, let first = outgoing.first { return heldByOutgoing(first, suspects) }
        return heldByLeftovers(suspects, surely: !refusing.isEmpty)
    }

    // MARK: Words that several findings share

    /// `on 0.0.0.0:8080, which covers 127.0.0.1:8080`, or just the address where it is the one wanted.
    func place(_ record: SocketRecord) -> String {
        let wanted = attempt.address
        if record.local == wanted { return "\(wanted)" }
        if crossesFamilies(record) {
            return "\(record.local), which \(Self.isIPv6(wanted) ? "\(wanted) covers" : "covers \(wanted)")"
        }
        switch (record.local.isWildcard, wanted.isWildcard) {
        case (true, _): return "\(record.local), which covers \(wanted)"
        case (false, true): return "\(record.local), which \(wanted) covers"
        case (false, false): return "\(record.local), which is the same as \(wanted)"
        }
    }

    /// Whether one of the two sockets is an IPv6 wildcard for both families and the other is of IPv4.
    func crossesFamilies(_ record: SocketRecord) -> Bool { Self.isIPv6(record.local) != Self.isIPv6(attempt.address) }

    static func isIPv6(_ address: SocketAddress) -> Bool {
        if case .ipv6 = address.unmapped { true } else { false }
    }

    /// `python3 (pid 4112, user root, since 09:12:31, 3 min ago)`, without the time where it is said elsewhere.
    func name(_ process: ProcessRecord, withStart: Bool) -> String {
        if process.pid == evidence.process { return "this process (pid \(process.pid))" }
        var facts = ["pid \(process.pid)"]
        if let user = process.userName { facts.append("user \(Printable(user))") }
        if let unit = process.unit { facts.append("\(unit)") }
        if withStart, let since = since(process) { facts.append("since \(since.time), \(since.age) ago") }
        return "\(Printable(process.name)) (\(facts.joined(separator: ", ")))"
    }

    /// When a process started; of this process itself that is of no interest.
    func since(_ process: ProcessRecord) -> (time: String, age: String)? {
        guard process.pid != evidence.process, let start = process.start, let time = start.time else { return nil }
        return (time.words(on: evidence.time), start.age.words)
    }

    /// Who holds a socket, also where that is not known: `a process of user 1000`.
    func holderName(_ holder: PortHolder, withStart: Bool) -> String {
        if let owners = holder.owners.value, let owner = Inheritance.principal(owners) {
            return name(owner.process, withStart: withStart)
        }
        return holder.socket.inode == nil
            ? "the kernel" : "a process of user \(Printable(evidence.users[holder.socket.user]))"
    }

    /// What could not be seen of a holder.
    func gaps(_ holder: PortHolder) -> [String] {
        var gaps: [String] = []
        if case .unknown(let gap) = holder.owners, holder.socket.inode != nil {
            gaps.append(
                gap == .notPermitted
                    ? "which process it is: the descriptors of \(counted(evidence.unreadableProcesses, "process", "es"))"
                        + " of other users can be read by root only"
                    : "which process it is: \(gap)")
        } else if case .unknown(let gap) = holder.options, gap != .notLookedAt, holder.socket.inode != nil {
            gaps.append("its SO_REUSEADDR and SO_REUSEPORT: \(gap)")
        }
        if evidence.isUncertain { gaps.append("all sockets: the kernel's list changed while it was read") }
        return gaps
    }

    /// The command that shows who is on the port, quiet once nobody is.
    var verification: String {
        let filter = "'sport = :\(attempt.address.port ?? 0)'"
        return "ss -Htanp \(filter) (prints nothing once the port is free)"
    }

    /// What the policy sets.
    var policyWords: String {
        switch reuse {
        case .exclusive: "SO_REUSEADDR is off here (reuse policy exclusive)"
        case .afterTimeWait: "SO_REUSEADDR is on here (reuse policy after-time-wait)"
        case .shared: "SO_REUSEADDR and SO_REUSEPORT are on here (reuse policy shared)"
        }
    }

    /// How to end what a process does.
    func endIt(_ process: ProcessRecord) -> String {
        switch process.unit {
        case .systemd(let unit)?: "stop it: systemctl stop \(Printable(commandLine: [unit]))"
        case .systemdUser(let unit)?: "stop it: systemctl --user stop \(Printable(commandLine: [unit]))"
        case .container("docker", let id)?: "stop its container: docker stop \(id)"
        case .container("podman", let id)?: "stop its container: podman stop \(id)"
        default: "end it: kill \(process.pid)"
        }
    }
}
