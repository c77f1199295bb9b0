import BerthInspect
import BerthSockets
import BerthSystem
import Glibc

/// A socket with exactly the options that a test names, for what ``TCPListener`` would never do.
struct RawSocket: ~Copyable {
    let descriptor: Descriptor

    /// Opens and binds; listens when told to.
    init(
        _ address: SocketAddress, _ options: ReuseOptions = .init(reuseAddress: false, reusePort: false),
        isIPv6Only: Bool = false, listens: Bool = false
    ) throws(Errno) {
        let opened = try Kernel.openStreamSocket(family: address.family, nonBlocking: false)
        let fd = opened.rawValue
        if options.reuseAddress { try Kernel.setOption(fd, level: SOL_SOCKET, name: SO_REUSEADDR, to: Int32(1)) }
        if options.reusePort { try Kernel.setOption(fd, level: SOL_SOCKET, name: SO_REUSEPORT, to: Int32(1)) }
        if address.family == AF_INET6, address.unmapped == address {
            try Kernel.setOption(fd, level: Int32(IPPROTO_IPV6), name: IPV6_V6ONLY, to: Int32(isIPv6Only ? 1 : 0))
        }
        try Kernel.bind(fd, to: address.raw)
        if listens { try Kernel.listen(fd, backlog: 16) }
        descriptor = opened
    }

    /// Connects from a port that the kernel chooses.
    init(connectingTo address: SocketAddress, receiveBuffer: Int32? = nil) throws(Errno) {
        let opened = try Kernel.openStreamSocket(family: address.family, nonBlocking: false)
        if let receiveBuffer {
            try Kernel.setOption(opened.rawValue, level: SOL_SOCKET, name: SO_RCVBUF, to: receiveBuffer)
        }
        try Kernel.connect(opened.rawValue, to: address.raw)
        descriptor = opened
    }

    private init(accepted: consuming Descriptor) { descriptor = accepted }

    func accept() throws(Errno) -> RawSocket {
        var peer = RawSocketAddress()
        return RawSocket(accepted: try Kernel.accept(descriptor.rawValue, nonBlocking: false, peer: &peer))
    }

    func address() throws(Errno) -> SocketAddress { SocketAddress(try Kernel.localAddress(descriptor.rawValue)) }

    func port() throws(Errno) -> UInt16 { try address().port ?? 0 }

    /// Ends the sending half.
    func finish() throws(Errno) { try Kernel.shutdown(descriptor.rawValue, .writing) }

    /// Waits for the peer's FIN.
    func waitForEnd() throws(Errno) {
        _ = try Kernel.wait(for: [.readable, .peerFinished], on: descriptor.rawValue, until: .after(.seconds(5)))
    }
}

/// How a connection of a server was left.
enum Leftover: CaseIterable, Sendable {
    case established, finWait2, finWait2Orphan, timeWait, closeWait, lastAck

    var state: TCPState {
        switch self {
        case .established: .established
        case .finWait2, .finWait2Orphan: .finWait2
        case .timeWait: .timeWait
        case .closeWait: .closeWait
        case .lastAck: .lastAck
        }
    }
}

/// The descriptors that keep a leftover as it is.
struct LeftoverSockets: ~Copyable {
    let server: RawSocket?
    let client: RawSocket?

    init(server: consuming RawSocket? = nil, client: consuming RawSocket? = nil) {
        self.server = server
        self.client = client
    }
}

/// Makes one connection to `listener` (reached at `target`) and brings the server's side into a state.
func leave(_ leftover: Leftover, of listener: borrowing RawSocket, at target: SocketAddress) throws(Errno)
    -> LeftoverSockets
{
    let client = try RawSocket(connectingTo: target, receiveBuffer: leftover == .lastAck ? 4096 : nil)
    let server = try listener.accept()
    switch leftover {
    case .established: return LeftoverSockets(server: server, client: client)
    case .finWait2:
        try server.finish()
        try client.waitForEnd()
        return LeftoverSockets(server: server, client: client)
    case .finWait2Orphan:
        _ = consume server
        try client.waitForEnd()
        return LeftoverSockets(client: client)
    case .timeWait:
        try server.finish()
        try client.waitForEnd()
        _ = consume client
        try server.waitForEnd()
        return LeftoverSockets()
    case .closeWait:
        try client.finish()
        try server.waitForEnd()
        return LeftoverSockets(server: server, client: client)
    case .lastAck:
        // The client's buffer is full and it never reads: the server's FIN waits behind its data.
        try client.finish()
        try server.waitForEnd()
        try Kernel.setOption(server.descriptor.rawValue, level: SOL_SOCKET, name: SO_SNDBUF, to: Int32(1 << 16))
        let block = [UInt8](repeating: 0, count: 1 << 16)
        var isFull = false
        while !isFull {
            let sent = block.withUnsafeBytes { bytes in
                Result { () throws(Errno) in
                    try unsafe Kernel.send(server.descriptor.rawValue, bytes, flags: .doNotWait)
                }
            }
            if case .failure = sent { isFull = true }
        }
        _ = consume server
        return LeftoverSockets(client: client)
    }
}

/// Waits until a closed listener is gone: a program that another test starts has a copy of it between fork and exec.
func waitUntilNobodyListens(on port: UInt16) throws {
    let deadline = Deadline.after(.seconds(5))
    while try SocketTable.read(localPort: port).records.contains(where: { $0.state == .listen }), !deadline.hasPassed {}
}

/// The wanted socket was not in the kernel's list within five seconds.
struct NoSuchRecord: Error, CustomStringConvertible {
    var description: String
}

/// The one socket on a port, once it is in `state`: segments on the loopback are handled a moment after a call returns.
func awaitedRecord(port: UInt16, state: TCPState) throws -> SocketRecord {
    let deadline = Deadline.after(.seconds(5))
    while true {
        let records = try SocketTable.read(localPort: port).records
        if records.count == 1, records[0].state == state { return records[0] }
        if deadline.hasPassed { throw NoSuchRecord(description: "port \(port): \(records), not one in \(state)") }
    }
}
