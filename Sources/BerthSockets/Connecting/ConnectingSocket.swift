internal import BerthSystem

/// A socket in non-blocking mode whose connection is being made, by
/// ``TCPSocket/startConnecting(to:from:options:)``.
///
/// Wait until ``fileDescriptor`` is writable, then ask ``isConnected()`` or call ``finishConnecting()``. A value that
/// goes out of scope gives the connection up.
public struct ConnectingSocket: ~Copyable, Sendable {
    private let descriptor: Descriptor
    /// The address it connects to.
    public let peer: SocketAddress
    /// connect(2) itself returned success: on a Unix socket, or with TCP_FASTOPEN_CONNECT before any packet is sent.
    private let connectedAtOnce: Bool
    private let afterConnect: [OptionSetting]

    /// The number of the descriptor. It stays owned by this value.
    public var fileDescriptor: Int32 { descriptor.rawValue }

    /// Opens a socket, binds it to `local` and starts to connect.
    init(to peer: SocketAddress, from local: SocketAddress?, options: SocketOptions) throws(ConnectFailure) {
        let descriptor = try ConnectFailure.openSocket(
            to: peer, from: local, options: options, nonBlocking: true)
        do {
            try Kernel.connect(descriptor.rawValue, to: try peer.raw)
            connectedAtOnce = true
        } catch .connecting {
            connectedAtOnce = false
        } catch {
            throw .address(error)
        }
        self.descriptor = descriptor
        self.peer = peer
        afterConnect = options.settings(at: .connected, for: peer)
    }

    /// Whether the connection is made.
    ///
    /// - Returns: whether the connection is made; `false` while the kernel is still at it.
    /// - Throws: operation `.connect`, with what the kernel says. The socket is of no use then.
    public func isConnected() throws(SocketError) -> Bool {
        do { return try isMade() } catch {
            throw .connecting(to: peer.description, [ConnectAttempt(address: peer, failure: error, after: .zero)])
        }
    }

    /// Whether the connection is made; throws why it cannot be.
    func isMade() throws(Errno) -> Bool {
        if connectedAtOnce { return true }
        if let failure = try Kernel.pendingError(fileDescriptor) { throw failure }
        do throws(Errno) {
            let peer = SocketAddress(try Kernel.peerAddress(fileDescriptor))
            // A connect to a free port of this machine may be given that port as its own, and then meets itself
            // (simultaneous open, RFC 9293, section 3.5). Nobody listens there, so it is refused; with an RST, so that
            // the port is free at once for a server that wants it.
            if peer == SocketAddress(try Kernel.localAddress(fileDescriptor)) {
                try Kernel.setResetOnClose(fileDescriptor)
                throw Errno.connectionRefused
            }
            return true
        } catch .notConnected {
            return false
        }
    }

    /// Turns it into a socket, still in non-blocking mode.
    ///
    /// - Throws: operation `.connect`; `wouldBlock` when the connection is not made yet, which is given up then: ask
    ///   ``isConnected()`` first when that is possible.
    public consuming func finishConnecting() throws(SocketError) -> TCPSocket {
        guard try isConnected() else { throw SocketError(.connect, address: peer.description, errno: .wouldBlock) }
        return made()
    }

    /// The socket, when ``isMade()`` said that it is one.
    consuming func made() -> TCPSocket {
        // What the kernel says, because a connect to a wildcard address reaches the loopback one.
        let actual = (try? Kernel.peerAddress(descriptor.rawValue)).map { SocketAddress($0) }
        let peer = peer.isIP ? actual ?? peer : peer
        // A peer that is gone already makes setting an option fail; what is read from it says that better.
        for setting in afterConnect { try? setting.apply(descriptor.rawValue, peer) }
        return TCPSocket(descriptor: descriptor, peer: peer)
    }
}

/// How starting to connect failed.
enum ConnectFailure: Error {
    /// This address cannot be reached; another one may.
    case address(Errno)
    /// No address could be connected to: a local address, an option or the descriptors are at fault.
    case whole(SocketError)

    /// A socket with its options set, bound to its local address.
    static func openSocket(
        to peer: SocketAddress, from local: SocketAddress?, options: SocketOptions, nonBlocking: Bool
    ) throws(ConnectFailure) -> Descriptor {
        let descriptor: Descriptor
        do { descriptor = try Kernel.openStreamSocket(family: peer.family, nonBlocking: nonBlocking) } catch {
            // A kernel without IPv6 says so here, and IPv4 addresses can still be tried.
            if error == .addressFamilyNotSupported { throw .address(error) }
            throw .whole(SocketError(.open, address: peer.description, errno: error))
        }
        let fd = descriptor.rawValue
        do throws(SocketError) {
            try options.settings(at: .connecting, for: peer).apply(to: fd, address: peer)
            if let local {
                // With a port of one's own, a connection of the last run that is in TIME_WAIT must not be in the way.
                // Without one, the port is chosen at connect, when it only has to be free towards this peer.
                if local.port == 0 {
                    try SocketOption.bindAddressNoPort.write(true, to: fd, address: local)
                } else if local.isIP {
                    try SocketOption.reuseAddress.write(true, to: fd, address: local)
                }
                do { try Kernel.bind(fd, to: try local.raw) } catch { throw .binding(local, error) }
            }
        } catch {
            throw .whole(error)
        }
        return descriptor
    }
}

extension TCPSocket {
    /// Starts to connect to one address without waiting.
    ///
    /// Unix sockets are connected at once or fail with `wouldBlock` when the server's accept queue is full; the kernel
    /// has no way to wait for room there, so try again later.
    ///
    /// - Parameters:
    ///   - local: the local address; port 0 lets the kernel choose the port.
    ///   - options: set before connecting.
    /// - Throws: what fails at once, with operation `.open`, `.option`, `.bind` or `.connect`.
    public static func startConnecting(
        to address: SocketAddress, from local: SocketAddress? = nil, options: SocketOptions = .default
    ) throws(SocketError) -> ConnectingSocket {
        do { return try ConnectingSocket(to: address, from: local, options: options) } catch {
            switch error {
            case .whole(let error): throw error
            case .address(let errno):
                throw .connecting(
                    to: address.description, [ConnectAttempt(address: address, failure: errno, after: .zero)])
            }
        }
    }
}
