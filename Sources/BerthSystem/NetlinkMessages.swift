package import CBerth
internal import Glibc

extension Netlink {
    /// One socket as the kernel's socket monitor describes it, not yet interpreted.
    package struct SocketEntry: Sendable, Hashable {
        package var transport: Transport
        /// AF_INET or AF_INET6.
        package var family: Int32
        /// As in `tcp_states.h`.
        package var state: UInt8
        /// Four or sixteen bytes in network order.
        package var localAddress: [UInt8]
        package var localPort: UInt16
        package var remoteAddress: [UInt8]
        package var remotePort: UInt16
        /// The interface that the socket is bound to (SO_BINDTODEVICE); 0 for none.
        package var interface: UInt32
        /// Which timer runs: 0 none, 1 retransmission, 2 keep-alive, 3 TIME_WAIT, 4 zero window probe.
        package var timer: UInt8
        package var retransmits: UInt8
        /// When that timer ends, in milliseconds from now.
        package var expires: UInt32
        /// Bytes not yet read; for a listener the connections that wait to be accepted.
        package var receiveQueue: UInt32
        /// Bytes not yet acknowledged; for a listener its effective backlog.
        package var sendQueue: UInt32
        package var user: UInt32
        /// The inode of the socket's descriptors; 0 when no process holds it.
        package var inode: UInt32
        /// The kernel's name for this very socket, which no later one has.
        package var cookie: UInt64
        /// IPV6_V6ONLY; the kernel tells it of IPv6 sockets that listen or are only bound.
        package var isIPv6Only: Bool?
        /// TCP_INFO, where it was asked for; not told for TIME_WAIT.
        package var info: TCPInfoBytes?
        /// Datagrams or connection attempts that this socket threw away (SK_MEMINFO_DROPS), where asked for.
        package var drops: UInt32?
        /// Which halves are shut: 1 receiving, 2 sending, 3 both; where asked for.
        package var shutdown: UInt8?
        /// The control group in which it was opened, from Linux 5.9 on.
        package var controlGroup: UInt64?
    }

    /// The bytes of an INET_DIAG_INFO attribute.
    package struct TCPInfoBytes: Sendable, Hashable {
        package let bytes: [UInt8]
        package init(bytes: [UInt8]) { self.bytes = bytes }

        /// The fields; those that an older kernel did not send are zero.
        package var fields: berth_tcp_info {
            var info = berth_tcp_info()
            unsafe bytes.withUnsafeBytes { bytes in
                guard let start = bytes.baseAddress else { return }
                unsafe berth_tcp_info_from_bytes(start, bytes.count, &info)
            }
            return info
        }
    }
}

/// Takes the messages of a dump apart, datagram by datagram. Every length is checked: what does not fit is an error,
/// never read.
package struct NetlinkMessages<Item: Sendable>: Sendable {
    /// What was found until now.
    package private(set) var dump = Netlink.Dump<Item>()
    /// Whether the end of the answer was seen.
    package private(set) var isComplete = false
    private let sequence: UInt32
    private let transport: Netlink.Transport
    private let transform: @Sendable (Netlink.SocketEntry) -> Item?

    /// - Parameter transform: makes what is kept of a socket; `nil` to keep nothing.
    package init(
        sequence: UInt32, transport: Netlink.Transport = .tcp,
        transform: @escaping @Sendable (Netlink.SocketEntry) -> Item?
    ) {
        self.sequence = sequence
        self.transport = transport
        self.transform = transform
    }

    /// Takes one datagram.
    ///
    /// - Throws: the error that the kernel answered with, `.protocolError` for bytes that are no netlink messages.
    package mutating func take(_ datagram: ArraySlice<UInt8>) throws(Errno) {
        var rest = datagram
        while !rest.isEmpty, !isComplete {
            let header = try Self.load(nlmsghdr.self, from: rest)
            let length = Int(header.nlmsg_len)
            guard length >= MemoryLayout<nlmsghdr>.size, length <= rest.count else { throw .protocolError }
            let body = rest.prefix(length).dropFirst(MemoryLayout<nlmsghdr>.size)
            rest = rest.dropFirst(Self.aligned(length))
            // The answer to an earlier, given-up request.
            if header.nlmsg_seq != sequence { continue }
            if header.nlmsg_flags & UInt16(NLM_F_DUMP_INTR) != 0 { dump.isInterrupted = true }
            switch Int32(header.nlmsg_type) {
            case NLMSG_DONE:
                isComplete = true
                // The result of the dump: 0, or a negative errno. Kernels before 4.17 sent none.
                if body.count >= 4 { try Self.check(Self.load(Int32.self, from: body)) }
            case NLMSG_ERROR:
                isComplete = true
                try Self.check(Self.load(Int32.self, from: body))
            case NLMSG_NOOP: break
            case SOCK_DIAG_BY_FAMILY: try takeSocket(body)
            default: throw .protocolError
            }
        }
    }

    private mutating func takeSocket(_ body: ArraySlice<UInt8>) throws(Errno) {
        let message = try Self.load(inet_diag_msg.self, from: body)
        let family = Int32(message.idiag_family)
        let count: Int
        switch family {
        case AF_INET: count = 4
        case AF_INET6: count = 16
        default: throw .protocolError
        }
        let identity = message.id
        var entry = Netlink.SocketEntry(
            transport: transport, family: family, state: message.idiag_state,
            localAddress: unsafe withUnsafeBytes(of: identity.idiag_src) { unsafe Array($0.prefix(count)) },
            localPort: UInt16(bigEndian: identity.idiag_sport),
            remoteAddress: unsafe withUnsafeBytes(of: identity.idiag_dst) { unsafe Array($0.prefix(count)) },
            remotePort: UInt16(bigEndian: identity.idiag_dport), interface: identity.idiag_if,
            timer: message.idiag_timer, retransmits: message.idiag_retrans, expires: message.idiag_expires,
            receiveQueue: message.idiag_rqueue, sendQueue: message.idiag_wqueue, user: message.idiag_uid,
            inode: message.idiag_inode,
            cookie: UInt64(identity.idiag_cookie.1) << 32 | UInt64(identity.idiag_cookie.0), isIPv6Only: nil, info: nil)
        var attributes = body.dropFirst(MemoryLayout<inet_diag_msg>.size)
        while !attributes.isEmpty {
            let header = try Self.load(nlattr.self, from: attributes)
            let length = Int(header.nla_len)
            guard length >= MemoryLayout<nlattr>.size, length <= attributes.count else { throw .protocolError }
            let value = attributes.prefix(length).dropFirst(MemoryLayout<nlattr>.size)
            switch Int(header.nla_type) {
            case INET_DIAG_SKV6ONLY: entry.isIPv6Only = value.first.map { $0 != 0 }
            case INET_DIAG_INFO: entry.info = value.isEmpty ? nil : .init(bytes: Array(value))
            // Nine numbers of 32 bits (linux/sock_diag.h); the last one came with Linux 4.6.
            case INET_DIAG_SKMEMINFO where value.count >= 36:
                entry.drops = try Self.load(UInt32.self, from: value.dropFirst(32))
            case INET_DIAG_SHUTDOWN: entry.shutdown = value.first
            case INET_DIAG_CGROUP_ID where value.count >= 8:
                entry.controlGroup = try Self.load(UInt64.self, from: value)
            default: break
            }
            attributes = attributes.dropFirst(Self.aligned(length))
        }
        if let item = transform(entry) { dump.items.append(item) }
    }

    private static func check(_ result: Int32) throws(Errno) {
        if result < 0 { throw Errno(rawValue: result == .min ? .max : -result) }
    }

    /// Netlink pads messages and attributes to four bytes.
    private static func aligned(_ length: Int) -> Int { (length + 3) & ~3 }

    /// Reads a structure of plain integers, for which any bytes are a value.
    private static func load<Value: BitwiseCopyable>(
        _ type: Value.Type, from bytes: ArraySlice<UInt8>
    ) throws(Errno) -> Value {
        guard bytes.count >= MemoryLayout<Value>.size else { throw .protocolError }
        return unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(as: type) }
    }
}
