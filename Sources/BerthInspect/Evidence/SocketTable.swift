internal import BerthSockets
public import BerthSystem

/// The TCP or UDP sockets of a network namespace.
public struct SocketTable: Sendable, Hashable {
    public var records: [SocketRecord]
    /// The table changed each time while it was read: a socket may be missing or listed twice.
    public var isUncertain: Bool

    public init(records: [SocketRecord], isUncertain: Bool = false) {
        self.records = records
        self.isUncertain = isUncertain
    }

    /// Reads the table of the calling thread's network namespace. Needs no rights.
    ///
    /// - Parameters:
    ///   - transport: whose sockets.
    ///   - port: only sockets with this local port; `nil` for all.
    ///   - withInfo: whether each record gets its TCP_INFO.
    /// - Throws: what the kernel answered; `.noSuchFile` where it has no `tcp_diag`.
    public static func read(
        _ transport: SocketRecord.Transport = .tcp, localPort port: UInt16? = nil, withInfo: Bool = true
    ) throws(Errno) -> SocketTable {
        let query = Netlink.SocketQuery(
            transport: transport == .tcp ? .tcp : .udp, localPort: port, wantsInfo: withInfo && transport == .tcp)
        let dump = try Netlink.sockets(query) { SocketRecord($0) }
        return SocketTable(records: dump.items, isUncertain: dump.isInterrupted)
    }
}

extension SocketRecord {
    /// Interprets an entry; `nil` for a state that this version does not know.
    package init?(_ entry: Netlink.SocketEntry) {
        // 13 is TCP_BOUND_INACTIVE: asked for under that number, and a name for "bound" wherever it may come back.
        guard let state = entry.state == 13 ? .closed : TCPState(rawValue: entry.state),
            let local = SocketAddress(entry.localAddress, port: entry.localPort, interface: entry.interface),
            let remote = SocketAddress(entry.remoteAddress, port: entry.remotePort, interface: entry.interface)
        else { return nil }
        let hasPeer = state != .listen && state != .closed
        self.init(
            transport: entry.transport == .tcp ? .tcp : .udp, local: local, remote: hasPeer ? remote : nil,
            state: state,
            isIPv6Only: entry.isIPv6Only, interface: entry.interface,
            timer: Timer(rawValue: entry.timer) ?? .none, timerLeft: .milliseconds(Int64(entry.expires)),
            retransmissions: Int(entry.retransmits), receiveQueue: Int(entry.receiveQueue),
            sendQueue: Int(entry.sendQueue), user: entry.user, inode: entry.inode == 0 ? nil : UInt64(entry.inode),
            info: entry.info.map { TCPInfo($0.fields) })
    }
}

extension SocketAddress {
    /// Four or sixteen bytes in network order; anything else is no IP address.
    init?(_ bytes: [UInt8], port: UInt16, interface: UInt32) {
        func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4: self = .ipv4(IPv4Address(bits: UInt32(number(bytes[...]))), port: port)
        case 16:
            let plain = IPv6Address(high: number(bytes[..<8]), low: number(bytes[8...]))
            // Only link-local addresses belong to an interface; the kernel keeps that apart from the address.
            let address =
                plain.isLinkLocal ? IPv6Address(high: plain.high, low: plain.low, scope: interface) : plain
            self = .ipv6(address, port: port)
        default: return nil
        }
    }
}
