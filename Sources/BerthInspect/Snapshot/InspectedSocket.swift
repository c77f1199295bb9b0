package import BerthSockets
package import BerthSystem
internal import CBerth

/// One socket in a ``Snapshot``: plain numbers without references, some 200 bytes, because a busy host has a hundred
/// thousand of them.
///
/// Source: sock_diag (`man 7 sock_diag`), which tells it to any user.
package struct InspectedSocket: Sendable, Hashable {
    package var transport = Netlink.Transport.tcp
    package var isIPv6 = false
    /// ``TCPState/closed`` for a TCP socket that is only bound, and for a UDP socket without a peer.
    package var state = TCPState.closed
    package var timer = SocketRecord.Timer.none
    package var retransmissionsNow: UInt8 = 0
    package var backoff: UInt8 = 0
    /// Which halves are shut: 1 receiving, 2 sending, 3 both.
    package var shutdown: UInt8 = 0
    /// IPV6_V6ONLY; `nil` where the kernel does not tell, and for IPv4.
    package var isIPv6Only: Bool?
    package var localPort: UInt16 = 0
    package var remotePort: UInt16 = 0
    package var localHigh: UInt64 = 0
    package var localLow: UInt64 = 0
    package var remoteHigh: UInt64 = 0
    package var remoteLow: UInt64 = 0
    package var interface: UInt32 = 0
    /// When the timer ends, in milliseconds from the snapshot.
    package var expires: UInt32 = 0
    /// Bytes not read; on a listener the connections that wait.
    package var receiveQueue: UInt32 = 0
    /// Bytes not acknowledged; on a listener its effective backlog.
    package var sendQueue: UInt32 = 0
    package var user: UInt32 = 0
    /// 0 when no process holds it.
    package var inode: UInt32 = 0
    /// Connection attempts (listener) or datagrams that were thrown away here, since it was opened.
    package var drops: UInt32 = 0
    /// The kernel's name for this very socket.
    package var cookie: UInt64 = 0
    package var controlGroup: UInt64 = 0
    /// Whether TCP_INFO came along, of which the rest is.
    package var hasInfo = false
    /// Milliseconds before the snapshot.
    package var lastDataSent: UInt32 = 0
    package var lastDataReceived: UInt32 = 0
    package var lastAckReceived: UInt32 = 0
    package var notSent: UInt32 = 0
    package var retransmissions: UInt32 = 0
    package var outOfOrder: UInt32 = 0
    package var dataSegmentsSent: UInt32 = 0
    package var dataSegmentsReceived: UInt32 = 0
    package var segmentSize: UInt32 = 0
    package var sendWindow: UInt32 = 0
    package var bytesSent: UInt64 = 0
    package var bytesReceived: UInt64 = 0
    /// Microseconds.
    package var busy: UInt64 = 0
    package var limitedByPeer: UInt64 = 0

    package init() {}
}

extension InspectedSocket {
    package init?(_ entry: Netlink.SocketEntry) {
        guard let state = entry.state == 13 ? .closed : TCPState(rawValue: entry.state) else { return nil }
        self.init()
        transport = entry.transport
        isIPv6 = entry.localAddress.count == 16
        self.state = state
        timer = SocketRecord.Timer(rawValue: entry.timer) ?? .none
        retransmissionsNow = entry.retransmits
        shutdown = entry.shutdown ?? 0
        isIPv6Only = entry.isIPv6Only
        localPort = entry.localPort
        remotePort = entry.remotePort
        (localHigh, localLow) = Self.words(entry.localAddress)
        (remoteHigh, remoteLow) = Self.words(entry.remoteAddress)
        interface = entry.interface
        expires = entry.expires
        receiveQueue = entry.receiveQueue
        sendQueue = entry.sendQueue
        user = entry.user
        inode = entry.inode
        drops = entry.drops ?? 0
        cookie = entry.cookie
        controlGroup = entry.controlGroup ?? 0
        guard let info = entry.info?.fields else { return }
        hasInfo = true
        backoff = info.backoff
        lastDataSent = info.last_data_sent
        lastDataReceived = info.last_data_recv
        lastAckReceived = info.last_ack_recv
        notSent = info.notsent_bytes
        retransmissions = info.total_retrans
        outOfOrder = info.rcv_ooopack
        dataSegmentsSent = info.data_segs_out
        dataSegmentsReceived = info.data_segs_in
        segmentSize = info.snd_mss
        sendWindow = info.snd_wnd
        bytesSent = info.bytes_sent
        bytesReceived = info.bytes_received
        busy = info.busy_time
        limitedByPeer = info.rwnd_limited
    }

    /// Four bytes are the low 32 bits.
    private static func words(_ bytes: [UInt8]) -> (UInt64, UInt64) {
        func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        return bytes.count == 16 ? (number(bytes[..<8]), number(bytes[8...])) : (0, number(bytes[...]))
    }
}

extension InspectedSocket {
    package var local: SocketAddress { address(localHigh, localLow, localPort) }

    /// The peer; `nil` for a socket without one.
    package var remote: SocketAddress? {
        hasPeer ? address(remoteHigh, remoteLow, remotePort) : nil
    }

    package var hasPeer: Bool { state != .listen && state != .closed }
    package var isListener: Bool { state == .listen && transport == .tcp }
    package var isLoopback: Bool { local.unmapped.isLoopback }

    private func address(_ high: UInt64, _ low: UInt64, _ port: UInt16) -> SocketAddress {
        guard isIPv6 else { return .ipv4(IPv4Address(bits: UInt32(truncatingIfNeeded: low)), port: port) }
        let plain = IPv6Address(high: high, low: low)
        return .ipv6(plain.isLinkLocal ? IPv6Address(high: high, low: low, scope: interface) : plain, port: port)
    }

    /// The peer's address and port as one value to group by.
    package var remoteKey: RemoteKey { RemoteKey(high: remoteHigh, low: remoteLow, port: remotePort) }

    package struct RemoteKey: Sendable, Hashable {
        package var high: UInt64
        package var low: UInt64
        package var port: UInt16
    }
}
