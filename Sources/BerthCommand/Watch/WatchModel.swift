internal import BerthInspect
internal import BerthSockets
internal import BerthSystem

/// What `berth watch` shows: a pure value made of two looks.
struct WatchModel: Sendable {
    /// One listening address: listeners that share it are one row.
    struct Row: Sendable, Hashable {
        var address: String
        var port: UInt16
        var owner: String
        var listeners: Int
        var waiting: Int
        var limit: Int
        var drops: Int
        var dropsPerSecond: Double
        var established: Int
        var closeWait: Int
        var timeWait: Int
        var other: Int
        /// The oldest CLOSE_WAIT, in milliseconds; 0 for none.
        var oldestCloseWait: Int
        /// Connections of it that are new since the look before, for each second.
        var newPerSecond: Double
    }

    var rows: [Row]
    /// How many connections are in each state, the most frequent first.
    var states: [(state: TCPState, count: Int)]
    /// Events of the network, for each second.
    var rates: [(name: String, perSecond: Double)]
    var gaps: [String]
    var sockets: Int

    init(before: Snapshot, now: Snapshot) {
        let seconds = max(0.001, now.time(since: before).inSeconds)
        let isFirst = now.monotonic == before.monotonic
        var earlierDrops: [UInt64: UInt32] = [:]
        var known: Set<UInt64> = []
        for socket in before.sockets where socket.transport == .tcp {
            if socket.isListener { earlierDrops[socket.cookie] = socket.drops } else { known.insert(socket.cookie) }
        }
        var rows: [String: Row] = [:]
        var order: [String] = []
        var byPort: [UInt16: [String]] = [:]
        for socket in now.sockets where socket.isListener {
            let address = "\(socket.local)"
            if rows[address] == nil {
                let process = now.owner(of: socket)?.process
                let user = now.users[socket.user] ?? "\(socket.user)"
                rows[address] = Row(
                    address: address, port: socket.localPort,
                    owner: process.map { "\(Printable($0.name)) (\($0.pid))" } ?? "user \(Printable(user))",
                    listeners: 0, waiting: 0, limit: 0, drops: 0, dropsPerSecond: 0, established: 0, closeWait: 0,
                    timeWait: 0, other: 0, oldestCloseWait: 0, newPerSecond: 0)
                order.append(address)
                byPort[socket.localPort, default: []].append(address)
            }
            rows[address]?.listeners += 1
            rows[address]?.waiting += Int(socket.receiveQueue)
            rows[address]?.limit += Int(socket.sendQueue)
            rows[address]?.drops += Int(socket.drops)
            let grown = Int(socket.drops) - Int(earlierDrops[socket.cookie] ?? socket.drops)
            rows[address]?.dropsPerSecond += Double(max(0, grown)) / seconds
        }
        var states: [TCPState: Int] = [:]
        for socket in now.sockets where socket.transport == .tcp && socket.hasPeer {
            states[socket.state, default: 0] += 1
            guard let address = Self.place(of: socket, among: byPort[socket.localPort] ?? []) else { continue }
            switch socket.state {
            case .established: rows[address]?.established += 1
            case .closeWait:
                rows[address]?.closeWait += 1
                let oldest = max(rows[address]?.oldestCloseWait ?? 0, Int(socket.lastAckReceived))
                rows[address]?.oldestCloseWait = oldest
            case .timeWait: rows[address]?.timeWait += 1
            default: rows[address]?.other += 1
            }
            if !isFirst, !known.contains(socket.cookie) {
                rows[address]?.newPerSecond += 1 / seconds
            }
        }
        self.rows = order.compactMap { rows[$0] }
        self.states = states.sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
            .map { ($0.key, $0.value) }
        rates = [
            ("accepted", "Tcp.PassiveOpens"), ("opened", "Tcp.ActiveOpens"), ("resets sent", "Tcp.OutRsts"),
            ("connections reset", "Tcp.EstabResets"), ("retransmits", "Tcp.RetransSegs"),
            ("queue overflows", "TcpExt.ListenOverflows"),
        ].map { ($0.0, Double(now.growth(of: $0.1, since: before)) / seconds) }
        gaps = now.gaps
        sockets = now.sockets.count
    }

    /// The listener that a connection came from: the one of its own address, or the wildcard.
    private static func place(of socket: InspectedSocket, among addresses: [String]) -> String? {
        if addresses.count < 2 { return addresses.first }
        let own = "\(socket.local.unmapped)"
        if let exact = addresses.first(where: { $0 == own }) { return exact }
        return addresses.first { $0.hasPrefix("0.0.0.0:") || $0.hasPrefix("[::]:") } ?? addresses.first
    }
}

extension WatchModel {
    /// One line, version 1.
    var json: String {
        var text = JSONText()
        text.add("version", 1)
        text.add("sockets", sockets)
        text.add(
            "listeners",
            json: JSONText.array(
                rows.map { row in
                    var text = JSONText()
                    text.add("address", row.address)
                    text.add("owner", row.owner)
                    text.add("sharing", row.listeners)
                    text.add("waiting", row.waiting)
                    text.add("limit", row.limit)
                    text.add("drops", row.drops)
                    text.add("dropsPerSecond", row.dropsPerSecond)
                    text.add("newPerSecond", row.newPerSecond)
                    text.add("established", row.established)
                    text.add("closeWait", row.closeWait)
                    text.add("timeWait", row.timeWait)
                    text.add("oldestCloseWaitMilliseconds", row.oldestCloseWait)
                    return text.object
                }))
        var states = JSONText()
        for entry in self.states { states.add("\(entry.state)", entry.count) }
        text.add("states", json: states.object)
        var rates = JSONText()
        for rate in self.rates { rates.add(rate.name, rate.perSecond) }
        text.add("perSecond", json: rates.object)
        text.add("notSeen", json: JSONText.array(gaps.map(JSONText.quoted)))
        return text.object
    }
}
