internal import BerthSockets
internal import BerthSystem

/// The report as people read it.
extension PortReport {
    private var words: BindExplanation {
        BindExplanation(attempt: attempt(.afterTimeWait, addresses[0]), reuse: .afterTimeWait, evidence: evidence)
    }

    private var protocolName: String { transport == .tcp ? "TCP" : "UDP" }

    /// The whole answer, without a line break at the end.
    package var text: String {
        var lines = [answer]
        // No bind was made here: what it said is nobody's evidence.
        let reasons = refusal?.evidence.filter { $0.source != "the bind that failed" } ?? []
        lines += reasons.map { "  \($0.text) (\($0.source))" }
        if !groups.isEmpty { lines += ["", "who holds it:"] + groups.enumerated().flatMap(lines(of:)) }
        if !elsewhere.isEmpty {
            lines += ["", "in other networks of this machine (they are in nobody's way here):"]
            lines += elsewhere.map { place in
                let process = words.name(place.process, withStart: false)
                let holder =
                    place.isHolder
                    ? process : "a process of user \(Printable(place.userName)), in the network of \(process)"
                let command = "\(user == 0 ? "" : "sudo ")berth why \(port) --pid \(place.process.pid)"
                return "  \(place.local) by \(holder); look there: \(command)"
            }
        }
        lines += ["", refusal == nil ? "if you bind now:" : "as far as others are concerned, if you bind now:"]
        lines += tableLines()
        let advice = advice
        if !advice.isEmpty {
            lines += ["", "what to do, the most harmless first:"]
            lines += advice.enumerated().map { "  \($0 + 1). \($1)" }
        }
        let gaps = gaps
        if !gaps.isEmpty { lines += [""] + gaps.map { "not seen: \($0)" } }
        return lines.joined(separator: "\n")
    }

    /// The first line: whether a server can start there, and if not, why.
    package var answer: String {
        if let refusal { return refusal.headline }
        let address = addresses[0]
        let (allowed, blockers) = verdict(.afterTimeWait, address)
        switch allowed {
        case true?:
            if holders.isEmpty { return "\(address) is free (\(protocolName)): nothing holds port \(port) here" }
            let passed = holders.indices.contains { verdict(.exclusive, address).blockers.contains($0) }
            return passed
                ? "\(address) is free for a server with SO_REUSEADDR (Berth's default); without it, connections of an "
                    + "earlier server are in the way"
                : "\(address) is free (\(protocolName)): what holds port \(port) has other addresses"
        case nil:
            return "\(address) may be in use: it depends on options that cannot be seen from here"
        case false?:
            let blocking = blockers.map { holders[$0] }
            let finding = BindExplanation.finding(
                for: attempt(.afterTimeWait, address), reuse: .afterTimeWait, errno: .addressInUse,
                evidence: evidence.with(blocking))
            if transport == .udp {
                return "\(address) is in use (UDP): \(words.holderName(blocking[0], withStart: true)) has it"
            }
            return "\(address) is in use: \(finding.summary)"
        }
    }

    // MARK: Who

    /// Holders that are told together: each listener alone, connections of one state and holder together.
    struct Group {
        var indices: [Int]
    }

    var groups: [Group] {
        var groups: [Group] = []
        var places: [String: Int] = [:]
        for (index, holder) in holders.enumerated() {
            let isAlone = holder.socket.state == .listen || holder.socket.state == .closed
            let owner = holder.owners.value.flatMap { Inheritance.principal($0) }?.process.pid
            let key = "\(holder.socket.state)/\(owner ?? (holder.socket.inode == nil ? -1 : 0))"
            if !isAlone, let place = places[key] {
                groups[place].indices.append(index)
            } else {
                if !isAlone { places[key] = groups.count }
                groups.append(Group(indices: [index]))
            }
        }
        return groups
    }

    private func lines(of entry: (offset: Int, element: Group)) -> [String] {
        let members = entry.element.indices.map { holders[$0] }
        let first = members[0]
        let socket = first.socket
        let mark = "  (\(entry.offset + 1)) "
        var lines: [String] = []
        switch socket.state {
        case .listen:
            lines.append(
                "\(mark)LISTEN \(socket.local), accept queue \(socket.receiveQueue) of \(socket.sendQueue)"
                    + (socket.isIPv6Only == false && socket.local.isWildcard ? ", covers IPv4 too" : ""))
        case .closed:
            lines.append("\(mark)bound to \(socket.local)\(transport == .tcp ? ", not listening" : " (UDP)")")
        case .synReceived, .newSynReceived:
            lines.append("\(mark)\(counted(members.count, "handshake")) under way; they hold nothing")
        default:
            let finTimeout = evidence.settings.finTimeout.value
            let what = Leftovers.groups(members, finTimeout: finTimeout).map { group in
                group.sentence { self.words.holderName($0, withStart: false) }
            }
            let outgoing = words.isOutgoing(first) ? ", opened from here" : ""
            lines.append("\(mark)\(listed(what))\(outgoing)")
        }
        let indent = String(repeating: " ", count: mark.count)
        if socket.inode == nil {
            if ![.synReceived, .newSynReceived].contains(socket.state) {
                lines.append("\(indent)no process holds it any more: the kernel ends it")
            }
        } else {
            let owners = first.owners.value ?? []
            let descriptor = Inheritance.principal(owners).map { ", descriptor \($0.descriptor)" } ?? ""
            lines.append("\(indent)\(words.holderName(first, withStart: true))\(descriptor)")
            if owners.count > 1 {
                let others = owners.map(\.process.pid).sorted().prefix(8).map { "\($0)" }
                lines.append("\(indent)\(owners.count) processes share it: pid \(listed(others))")
            }
            if Inheritance.isFromGoneServer(owners) {
                lines.append("\(indent)inherited: the process that started it is gone")
            }
            if let process = Inheritance.principal(owners)?.process, process.pid != evidence.process,
                !process.arguments.isEmpty
            {
                lines.append("\(indent)\(Printable(commandLine: process.arguments, limit: 160))")
            }
        }
        if let options = first.options.value { lines.append("\(indent)\(options)\(optionSource(first))") }
        return lines
    }

    private func optionSource(_ holder: PortHolder) -> String {
        holder.socket.inode == nil ? " (by a bind with each option, closed at once)" : ""
    }

    // MARK: What would happen

    private func tableLines() -> [String] {
        let numbers = Dictionary(
            uniqueKeysWithValues: groups.enumerated().flatMap { number, group in
                group.indices.map { ($0, number + 1) }
            })
        func cell(_ reuse: ReusePolicy, _ address: SocketAddress, _ isOtherUser: Bool) -> String {
            let (allowed, blockers) = verdict(reuse, address, isOtherUser: isOtherUser)
            let marks = Set(blockers.compactMap { numbers[$0] }).sorted().prefix(3).map { "(\($0))" }.joined(
                separator: " ")
            switch allowed {
            case true?: return "yes"
            case false?: return "no \(marks)"
            case nil: return "unknown \(marks)"
            }
        }
        let rows = ReusePolicy.allCases.flatMap { reuse -> [[String]] in
            let own = addresses.map { cell(reuse, $0, false) }
            let other = addresses.map { cell(reuse, $0, true) }
            let name = reuse == .afterTimeWait ? "\(reuse) (default)" : "\(reuse)"
            return own == other ? [[name] + own] : [[name] + own, ["  as \(otherUserName)"] + other]
        }
        let all = [["as"] + addresses.map { "\($0)" }] + rows
        let widths = all[0].indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        var lines = all.map { row in
            "  "
                + zip(row, widths).enumerated().map { index, cell in
                    index == row.count - 1
                        ? cell.0 : cell.0 + String(repeating: " ", count: cell.1 - cell.0.count)
                }.joined(separator: "  ")
        }
        if rows.count == ReusePolicy.allCases.count { lines.append("  \(otherUserName) gets the same answers") }
        return lines
    }

    private var otherUserName: String {
        holders.contains { $0.socket.inode != nil && $0.socket.user == otherUser }
            ? "user \(Printable(evidence.users[otherUser]))" : "another user"
    }

    private var gaps: [String] {
        var gaps: [String] = []
        if evidence.unreadableProcesses > 0,
            holders.contains(where: { $0.owners.value == nil && $0.socket.inode != nil })
        {
            gaps.append(
                "which process it is: the descriptors of \(counted(evidence.unreadableProcesses, "process", "es")) of "
                    + "other users can be read by root only")
        } else if holders.contains(where: { $0.owners.gap == .notVisible }) {
            gaps.append("which process it is: \(Unknown.notVisible)")
        }
        if holders.contains(where: { $0.options.gap == .notPermitted }) {
            gaps.append("SO_REUSEADDR and SO_REUSEPORT of what holds it: no permission to duplicate its descriptor")
        }
        if evidence.isUncertain { gaps.append("all sockets: the kernel's list changed while it was read") }
        return gaps
    }
}

extension BindEvidence {
    func with(_ holders: [PortHolder]) -> BindEvidence {
        var copy = self
        copy.holders = .known(holders)
        return copy
    }
}
