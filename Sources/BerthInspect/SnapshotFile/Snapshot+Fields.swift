internal import BerthSockets
internal import BerthSystem

// What a snapshot is in a file. A new field gets a name here; a field whose meaning changes gets a new one.

extension Snapshot {
    mutating func code(_ coder: SnapshotCoder) {
        var copy = self
        coder.object {
            coder.field("wallClock", &copy.wallClock)
            coder.field("monotonic", &copy.monotonic)
            coder.field("namespace", &copy.namespace)
            coder.field("kernel", &copy.kernel)
            coder.field("isUncertain", &copy.isUncertain)
            coder.field("unreadableProcesses", &copy.unreadableProcesses)
            coder.field("congestionControl", &copy.congestionControl)
            coder.field("gaps", &copy.gaps, new: "") { coder.text(&$0) }
            coder.field("addresses", &copy.addresses, new: .unnamed) { address in
                var text = address == .unnamed ? "" : "\(address)"
                coder.text(&text)
                guard case .address(let read)? = (try? Endpoint(parsing: text))?.target else { return }
                address = read
            }
            var counters = copy.counters.values.sorted { $0.key < $1.key }.map {
                Pair(name: $0.key, numbers: [$0.value])
            }
            coder.field("counters", &counters, new: Pair()) { $0.code(coder) }
            for pair in counters { if let value = pair.numbers.first { copy.counters.set(pair.name, value) } }
            var settings = copy.settings.sorted { $0.key < $1.key }.map { Pair(name: $0.key, numbers: $0.value) }
            coder.field("settings", &settings, new: Pair()) { $0.code(coder) }
            for pair in settings { copy.settings[pair.name] = pair.numbers }
            var users = copy.users.sorted { $0.key < $1.key }.map { Pair(name: $0.value, numbers: [Int($0.key)]) }
            coder.field("users", &users, new: Pair()) { $0.code(coder) }
            for pair in users {
                if let number = pair.numbers.first.flatMap({ UInt32(exactly: $0) }) { copy.users[number] = pair.name }
            }
            var processes = copy.processes.values.sorted { $0.record.pid < $1.record.pid }
            coder.field("processes", &processes, new: ProcessFacts(record: .init(pid: 0, parent: 0, name: ""))) {
                $0.code(coder)
            }
            for process in processes { copy.processes[process.record.pid] = process }
            var owners = copy.owners.entries
            coder.field("owners", &owners, new: .init(inode: 0, pid: 0, descriptor: 0)) { entry in
                coder.row {
                    $0.number(&entry.inode)
                    $0.number(&entry.pid)
                    $0.number(&entry.descriptor)
                }
            }
            copy.owners = OwnerIndex(owners)
            var switches = copy.switches.sorted { $0.key < $1.key }.map { (inode: $0.key, value: $0.value) }
            let none = SocketSwitches(options: .init(reuseAddress: false, reusePort: false))
            coder.field("options", &switches, new: (inode: 0, value: none)) { entry in
                coder.row {
                    $0.number(&entry.inode)
                    entry.value.code($0)
                }
            }
            for entry in switches { copy.switches[entry.inode] = entry.value }
            coder.field("sockets", &copy.sockets, new: InspectedSocket()) { socket in
                coder.row { socket.code($0) }
            }
        }
        self = copy
    }

    private struct Pair {
        var name = ""
        var numbers: [Int] = []

        mutating func code(_ coder: SnapshotCoder) {
            var copy = self
            coder.object {
                coder.field("name", &copy.name)
                coder.field("values", &copy.numbers, new: 0) { coder.number(&$0) }
            }
            self = copy
        }
    }
}

extension SocketSwitches {
    mutating func code(_ row: NumberRow) {
        row.truth(&options.reuseAddress)
        row.truth(&options.reusePort)
        row.truth(&isIPv6Only)
        row.truth(&keepAlive)
        row.truth(&noDelay)
        // Off is -1.
        var seconds = linger ?? -1
        row.number(&seconds)
        linger = seconds < 0 ? nil : seconds
    }
}

extension InspectedSocket {
    mutating func code(_ row: NumberRow) {
        row.kind(&transport)
        row.truth(&isIPv6)
        row.kind(&state)
        row.kind(&timer)
        row.number(&retransmissionsNow)
        row.number(&backoff)
        row.number(&shutdown)
        row.truth(&isIPv6Only)
        row.number(&localHigh)
        row.number(&localLow)
        row.number(&localPort)
        row.number(&remoteHigh)
        row.number(&remoteLow)
        row.number(&remotePort)
        row.number(&interface)
        row.number(&expires)
        row.number(&receiveQueue)
        row.number(&sendQueue)
        row.number(&user)
        row.number(&inode)
        row.number(&drops)
        row.number(&cookie)
        row.number(&controlGroup)
        row.truth(&hasInfo)
        // Nothing more: TIME_WAIT and UDP would have fifteen zeros.
        if !hasInfo { return }
        row.number(&lastDataSent)
        row.number(&lastDataReceived)
        row.number(&lastAckReceived)
        row.number(&notSent)
        row.number(&retransmissions)
        row.number(&outOfOrder)
        row.number(&dataSegmentsSent)
        row.number(&dataSegmentsReceived)
        row.number(&segmentSize)
        row.number(&sendWindow)
        row.number(&bytesSent)
        row.number(&bytesReceived)
        row.number(&busy)
        row.number(&limitedByPeer)
    }
}

extension ProcessFacts {
    mutating func code(_ coder: SnapshotCoder) {
        var copy = self
        coder.object {
            coder.field("pid", &copy.record.pid)
            coder.field("parent", &copy.record.parent)
            coder.field("name", &copy.record.name)
            coder.field("parentName", &copy.record.parentName)
            coder.field("arguments", &copy.record.arguments, new: "") { coder.text(&$0) }
            coder.field("user", &copy.record.user)
            coder.field("userName", &copy.record.userName)
            coder.field("isOrphan", &copy.record.isOrphan)
            coder.field("waits", &copy.record.waits, new: "") { coder.text(&$0) }
            var age = copy.record.start?.age.wholeNanoseconds
            coder.field("age", &age)
            if let age, copy.record.start == nil { copy.record.start = .init(age: .nanoseconds(age), time: nil) }
            copy.codeUnit(coder)
            coder.field("descriptors", &copy.descriptors)
            coder.field("softLimit", &copy.softLimit)
            coder.field("hardLimit", &copy.hardLimit)
            coder.field("survivesBrokenPipe", &copy.survivesBrokenPipe)
            coder.field("processorTime", &copy.processorTime)
            coder.field("threads", &copy.threads)
            coder.field("runningThreads", &copy.runningThreads)
        }
        self = copy
    }

    /// A unit as its kind and name.
    private mutating func codeUnit(_ coder: SnapshotCoder) {
        var parts: [String] =
            switch record.unit {
            case .systemd(let name)?: ["systemd", name]
            case .systemdUser(let name)?: ["user", name]
            case .container(let runtime, let id)?: [runtime, id]
            case nil: []
            }
        coder.field("unit", &parts, new: "") { coder.text(&$0) }
        guard parts.count == 2 else { return }
        record.unit =
            switch parts[0] {
            case "systemd": .systemd(parts[1])
            case "user": .systemdUser(parts[1])
            default: .container(runtime: parts[0], id: parts[1])
            }
    }
}
