package import BerthSockets
internal import BerthSystem

/// What a process does with sockets: what `berth why pid:4112` tells.
package struct ProcessReport: Sendable {
    package var facts: ProcessFacts
    private let snapshot: Snapshot
    private let sockets: [InspectedSocket]

    /// `nil` when the process holds no socket that was seen.
    package init?(_ pid: Int32, in snapshot: Snapshot) {
        guard let facts = snapshot.processes[pid] else { return nil }
        self.facts = facts
        self.snapshot = snapshot
        sockets = snapshot.sockets.filter { CheckFocus.process(pid).includes($0, in: snapshot) }
    }

    /// Whether there is such a process.
    package static func exists(_ pid: Int32) -> Bool { (try? Kernel.status(of: "/proc/\(pid)")) != nil }

    package var text: String {
        let input = CheckInput(before: snapshot, now: snapshot)
        var lines = [input.name(facts.record)]
        if !facts.record.arguments.isEmpty {
            lines.append("  \(Printable(commandLine: facts.record.arguments, limit: 160))")
        }
        if let used = facts.descriptors {
            lines.append(
                "  \(used) descriptors\(facts.softLimit.map { " of \($0 >= ProcessFacts.unlimited ? "unlimited" : "\($0)")" } ?? "")"
            )
        }
        let listeners = sockets.filter(\.isListener)
        lines += listeners.map { listener in
            let options = snapshot.switches[listener.inode].map { ", \($0.options)" } ?? ""
            return
                "  listens on \(listener.local), accept queue \(listener.receiveQueue) of \(listener.sendQueue)\(options)"
        }
        lines += sockets.filter { $0.transport == .udp }.map { "  has UDP \($0.local)" }
        let connections = sockets.filter { $0.transport == .tcp && $0.hasPeer }
        let served = Set(listeners.map(\.localPort))
        for (isServed, title) in [(true, "accepted"), (false, "opened")] {
            let some = connections.filter { served.contains($0.localPort) == isServed }
            guard !some.isEmpty else { continue }
            let states = Dictionary(grouping: some, by: \.state).sorted { $0.value.count > $1.value.count }
            let list = states.map { "\($0.value.count) \($0.key)" }
            lines.append("  \(title) \(counted(some.count, "connection")): \(list.joined(separator: ", "))")
        }
        lines.append("what is wrong with it: berth check pid:\(facts.record.pid)")
        return lines.joined(separator: "\n")
    }
}

/// Who has the name of a Unix socket.
package struct UnixReport: Sendable {
    package var text: String
    package var isInUse: Bool

    /// Looks at the calling thread's network.
    package static func read(_ address: SocketAddress) -> UnixReport {
        let holders = UnixBindExplanation.read(for: address)
        let file: Bool
        if case .unix(let path) = address {
            file = (try? Kernel.status(of: path, followLinks: false)) != nil
        } else {
            file = false
        }
        if holders.value?.isEmpty == true, !file {
            return UnixReport(text: "\(address) is free: no socket has that name, and no file is there", isInUse: false)
        }
        let attempt = BindAttempt(address, options: .init(.afterTimeWait), user: Kernel.effectiveUser)
        var evidence = BindEvidence.read(for: attempt)
        evidence.holders = .known([])
        let words = BindExplanation(attempt: attempt, reuse: .afterTimeWait, evidence: evidence)
        let finding = UnixBindExplanation(address: address, holders: holders, words: words).finding()
        return UnixReport(text: finding.description, isInUse: true)
    }
}
