internal import CBerth
internal import Glibc

/// The raw exchange with the kernel's socket monitor: one request, and the messages that answer it.
///
/// Sources: `man 7 netlink`, `man 7 sock_diag`. What comes back is taken apart by ``NetlinkMessages``.
package enum Netlink {
    /// Which TCP sockets are asked for. Needs no rights.
    package struct TCPQuery: Sendable, Hashable {
        /// A bit for each wanted state (1 << the number in `tcp_states.h`).
        package var states: UInt32
        /// Only sockets with this local port; the kernel filters. `nil` for all.
        package var localPort: UInt16?
        /// Whether TCP_INFO comes along: 300 bytes a socket.
        package var wantsInfo: Bool

        package init(states: UInt32 = allStates, localPort: UInt16? = nil, wantsInfo: Bool = true) {
            self.states = states
            self.localPort = localPort
            self.wantsInfo = wantsInfo
        }

        /// Every state that a TCP socket can be in: 1 to 12, and 13, under which kernels from 6.8 on list sockets that
        /// are bound but neither listen nor are connected (TCP_BOUND_INACTIVE, in no header of the C library).
        package static let allStates: UInt32 = 0x3ffe
    }

    /// What a dump brought.
    package struct Dump: Sendable, Hashable {
        package var entries: [TCPEntry] = []
        /// The table changed while it was read, each time it was tried: a socket may be missing or twice.
        package var isInterrupted = false
    }

    /// The TCP sockets of the calling thread's network namespace, IPv4 first.
    ///
    /// - Throws: what the kernel answered; `.noSuchFile` where it has no tcp_diag, `.timedOut` when it did not answer,
    ///   `.protocolError` when the answer cannot be read.
    package static func tcpSockets(_ query: TCPQuery) throws(Errno) -> Dump {
        var all = Dump()
        for family in [AF_INET, AF_INET6] {
            let dump = try tcpSockets(query, family: family)
            all.entries += dump.entries
            if dump.isInterrupted { all.isInterrupted = true }
        }
        return all
    }

    private static func tcpSockets(_ query: TCPQuery, family: Int32) throws(Errno) -> Dump {
        // A table that changes all the time is never read undisturbed: after three attempts the last one counts.
        var attempt = 0
        while true {
            attempt += 1
            let dump = try exchange(request(query, family: family, sequence: UInt32(attempt)), UInt32(attempt))
            if !dump.isInterrupted || attempt == 3 { return dump }
        }
    }

    /// Sends one request and reads until its answer is complete.
    private static func exchange(_ request: [UInt8], _ sequence: UInt32) throws(Errno) -> Dump {
        let type = Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let socket = Descriptor(
            owning: try Kernel.retrying(.socket) { Glibc.socket(AF_NETLINK, type, BERTH_AF_NETLINK_SOCK_DIAG) })
        let fd = socket.rawValue
        let sent = request.withUnsafeBytes { bytes in
            Result { () throws(Errno) in try unsafe Kernel.send(fd, bytes) }
        }
        guard try sent.get() == request.count else { throw .protocolError }

        var messages = NetlinkMessages(sequence: sequence)
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
        return messages.dump
    }

    /// The bytes of an SOCK_DIAG_BY_FAMILY dump request.
    static func request(_ query: TCPQuery, family: Int32, sequence: UInt32) -> [UInt8] {
        var body = inet_diag_req_v2()
        body.sdiag_family = UInt8(family)
        body.sdiag_protocol = UInt8(IPPROTO_TCP)
        body.idiag_states = query.states
        if query.wantsInfo { body.idiag_ext = 1 << UInt8(INET_DIAG_INFO - 1) }
        let attribute = query.localPort.map(portFilter) ?? []
        var header = nlmsghdr()
        header.nlmsg_len = UInt32(MemoryLayout<nlmsghdr>.size + MemoryLayout<inet_diag_req_v2>.size + attribute.count)
        header.nlmsg_type = UInt16(SOCK_DIAG_BY_FAMILY)
        header.nlmsg_flags = UInt16(NLM_F_REQUEST | NLM_F_DUMP)
        header.nlmsg_seq = sequence
        return bytes(of: header) + bytes(of: body) + attribute
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
    private static func bytes(of value: some BitwiseCopyable) -> [UInt8] {
        unsafe withUnsafeBytes(of: value) { unsafe Array($0) }
    }
}
