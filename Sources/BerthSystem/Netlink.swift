internal import CBerth
internal import Glibc

/// The raw exchange with the kernel's socket monitor: one request, and the messages that answer it.
///
/// Sources: `man 7 netlink`, `man 7 sock_diag`. What comes back is taken apart by ``NetlinkMessages``.
package enum Netlink {
    /// A protocol of which sockets are listed.
    package enum Transport: UInt8, Sendable, Hashable {
        case tcp = 6
        case udp = 17
    }

    /// Which sockets are asked for. Needs no rights.
    package struct SocketQuery: Sendable, Hashable {
        package var transport: Transport
        /// A bit for each wanted state (1 << the number in `tcp_states.h`).
        package var states: UInt32
        /// Only sockets with this local port; the kernel filters. `nil` for all.
        package var localPort: UInt16?
        /// Whether TCP_INFO comes along: 300 bytes a socket.
        package var wantsInfo: Bool
        /// Whether the figures of the socket's memory come along, with its drops: 36 bytes a socket.
        package var wantsMemory: Bool

        package init(
            transport: Transport = .tcp, states: UInt32 = allStates, localPort: UInt16? = nil, wantsInfo: Bool = true,
            wantsMemory: Bool = false
        ) {
            self.transport = transport
            self.states = states
            self.localPort = localPort
            self.wantsInfo = wantsInfo
            self.wantsMemory = wantsMemory
        }

        /// Every state that a TCP socket can be in: 1 to 12, and 13, under which kernels from 6.8 on list sockets that
        /// are bound but neither listen nor are connected (TCP_BOUND_INACTIVE, in no header of the C library).
        package static let allStates: UInt32 = 0x3ffe
    }

    /// What a dump brought.
    package struct Dump<Item: Sendable>: Sendable {
        package var items: [Item] = []
        /// The table changed while it was read, each time it was tried: a socket may be missing or twice.
        package var isInterrupted = false
    }

    /// The sockets of the calling thread's network namespace, IPv4 first, each turned into an `Item` as it arrives, so
    /// that no more is kept than is wanted.
    ///
    /// - Throws: what the kernel answered; `.noSuchFile` where it has no such protocol, `.timedOut` when it did not
    ///   answer, `.protocolError` when the answer cannot be read.
    package static func sockets<Item: Sendable>(
        _ query: SocketQuery, as transform: @escaping @Sendable (SocketEntry) -> Item?
    ) throws(Errno) -> Dump<Item> {
        var all = Dump<Item>()
        for family in [AF_INET, AF_INET6] {
            let dump = try sockets(query, family: family, as: transform)
            if all.items.isEmpty { all.items = dump.items } else { all.items += dump.items }
            if dump.isInterrupted { all.isInterrupted = true }
        }
        return all
    }

    private static func sockets<Item: Sendable>(
        _ query: SocketQuery, family: Int32, as transform: @escaping @Sendable (SocketEntry) -> Item?
    ) throws(Errno) -> Dump<Item> {
        // A table that changes all the time is never read undisturbed: after three attempts the last one counts.
        var attempt: UInt32 = 0
        while true {
            attempt += 1
            let request = request(query, family: family, sequence: attempt)
            var messages = NetlinkMessages<Item>(sequence: attempt, transport: query.transport, transform: transform)
            try exchange(request, &messages)
            if !messages.dump.isInterrupted || attempt == 3 { return messages.dump }
        }
    }

    /// Destroys a TCP socket, whoever has it: its process gets ECONNABORTED, its peer an RST, and its port is free.
    /// Needs CAP_NET_ADMIN. The request is SOCK_DESTROY (`man 7 sock_diag`).
    ///
    /// - Throws: `.noSuchFile` when it is gone already, `.notPermitted` without the right, `.notSupported` by a kernel
    ///   without CONFIG_INET_DIAG_DESTROY.
    package static func destroy(_ entry: SocketEntry) throws(Errno) {
        var body = inet_diag_req_v2()
        body.sdiag_family = UInt8(entry.family)
        body.sdiag_protocol = entry.transport.rawValue
        body.idiag_states = SocketQuery.allStates
        body.id.idiag_sport = entry.localPort.bigEndian
        body.id.idiag_dport = entry.remotePort.bigEndian
        unsafe withUnsafeMutableBytes(of: &body.id.idiag_src) { unsafe $0.copyBytes(from: entry.localAddress) }
        unsafe withUnsafeMutableBytes(of: &body.id.idiag_dst) { unsafe $0.copyBytes(from: entry.remoteAddress) }
        body.id.idiag_if = entry.interface
        body.id.idiag_cookie = (UInt32(truncatingIfNeeded: entry.cookie), UInt32(entry.cookie >> 32))
        let request = message(
            type: SOCK_DESTROY, flags: NLM_F_REQUEST | NLM_F_ACK, sequence: 1, bytes(of: body))
        var messages = NetlinkMessages<Never>(sequence: 1) { _ in nil }
        try exchange(request, &messages)
    }

    /// Sends one request and reads until its answer is complete.
    static func exchange<Item>(
        _ request: [UInt8], _ messages: inout NetlinkMessages<Item>, family: Int32 = BERTH_AF_NETLINK_SOCK_DIAG
    ) throws(Errno) {
        let type = Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let socket = Descriptor(owning: try Kernel.retrying(.socket) { Glibc.socket(AF_NETLINK, type, family) })
        let fd = socket.rawValue
        let sent = request.withUnsafeBytes { bytes in
            Result { () throws(Errno) in try unsafe Kernel.send(fd, bytes) }
        }
        guard try sent.get() == request.count else { throw .protocolError }

        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while !messages.isComplete {
            // The kernel answers at once; the limit is for what only pretends to be one.
            if try Kernel.wait(for: .readable, on: fd, until: .after(.seconds(2))).isEmpty { throw .timedOut }
            let received = buffer.withUnsafeMutableBytes { memory in
                Result { () throws(Errno) in try unsafe Kernel.receive(fd, into: memory) }
            }
            let count = try received.get()
            // Nothing of a netlink answer is empty; a message larger than the buffer would be cut (MSG_TRUNC), which
            // the parser sees by its length.
            guard count > 0 else { throw .protocolError }
            try messages.take(buffer[..<count])
        }
    }

    /// The bytes of an SOCK_DIAG_BY_FAMILY dump request.
    static func request(_ query: SocketQuery, family: Int32, sequence: UInt32) -> [UInt8] {
        var body = inet_diag_req_v2()
        body.sdiag_family = UInt8(family)
        body.sdiag_protocol = query.transport.rawValue
        body.idiag_states = query.states
        if query.wantsInfo { body.idiag_ext |= 1 << UInt8(INET_DIAG_INFO - 1) }
        if query.wantsMemory {
            body.idiag_ext |= 1 << UInt8(INET_DIAG_SKMEMINFO - 1) | 1 << UInt8(INET_DIAG_SHUTDOWN - 1)
        }
        let attribute = query.localPort.map(portFilter) ?? []
        return message(
            type: SOCK_DIAG_BY_FAMILY, flags: NLM_F_REQUEST | NLM_F_DUMP, sequence: sequence,
            bytes(of: body) + attribute)
    }

    static func message(type: Int32, flags: Int32, sequence: UInt32, _ body: [UInt8]) -> [UInt8] {
        var header = nlmsghdr()
        header.nlmsg_len = UInt32(MemoryLayout<nlmsghdr>.size + body.count)
        header.nlmsg_type = UInt16(type)
        header.nlmsg_flags = UInt16(flags)
        header.nlmsg_seq = sequence
        return bytes(of: header) + body
    }

    /// INET_DIAG_REQ_BYTECODE: "local port >= port, and local port <= port". Each condition is two operations of four
    /// bytes, the second of which carries the port; a jump behind the end accepts, four bytes further refuses
    /// (`inet_diag_bc_run` in the kernel's `net/ipv4/inet_diag.c`).
    private static func portFilter(_ port: UInt16) -> [UInt8] {
        let operations = [
            inet_diag_bc_op(code: UInt8(INET_DIAG_BC_S_GE), yes: 8, no: 20), inet_diag_bc_op(code: 0, yes: 0, no: port),
            inet_diag_bc_op(code: UInt8(INET_DIAG_BC_S_LE), yes: 8, no: 12), inet_diag_bc_op(code: 0, yes: 0, no: port),
        ]
        let header = nlattr(nla_len: 20, nla_type: UInt16(INET_DIAG_REQ_BYTECODE))
        return bytes(of: header) + operations.flatMap(bytes(of:))
    }

    /// The memory of a C structure, which has no padding in the structures of netlink.
    static func bytes(of value: some BitwiseCopyable) -> [UInt8] {
        unsafe withUnsafeBytes(of: value) { unsafe Array($0) }
    }
}
