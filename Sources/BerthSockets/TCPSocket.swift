package import BerthSystem
internal import CBerth

/// The owner of one connected stream socket: TCP, or a Unix socket.
///
/// Calls wait for the kernel unless their name says `try`. The value cannot be copied, and each way to end the
/// connection consumes it, so a socket is ended in exactly one of them:
///
/// | way | what the peer sees |
/// | --- | --- |
/// | ``finish(within:discarding:)`` | everything that was sent, then a FIN; the polite way |
/// | ``close()`` | a FIN, or an RST when input was left unread |
/// | ``abort()`` | an RST, at once |
/// | ``detach()`` | nothing: the descriptor is handed to you |
///
/// A socket that merely goes out of scope is closed as by ``close()``.
public struct TCPSocket: ~Copyable, Sendable {
    /// The owned descriptor.
    package let descriptor: Descriptor

    /// The address of the peer, as it was when the connection was made.
    public let peer: SocketAddress

    /// Takes over a connected descriptor.
    package init(descriptor: consuming Descriptor, peer: SocketAddress) {
        self.descriptor = descriptor
        self.peer = peer
    }

    /// The number of the descriptor, for calls that Berth does not have. It stays owned by this value.
    public var fileDescriptor: Int32 { descriptor.rawValue }

    /// The local address of the connection: never a wildcard, even when the listener's is one (`man 2 getsockname`).
    public var local: SocketAddress {
        get throws(SocketError) {
            do { return SocketAddress(try Kernel.localAddress(fileDescriptor)) } catch {
                throw SocketError(.open, address: peer.description, errno: error)
            }
        }
    }

    /// Sets the mode of the socket: blocking (`false`, as sockets are from the start) or non-blocking, for code that
    /// calls the kernel with ``fileDescriptor``. The calls of this type wait, or do not, as their names say in both.
    ///
    /// The mode belongs to the socket, not to the descriptor: a duplicate, and a child that inherits it, share it.
    public func setNonBlocking(_ nonBlocking: Bool) throws(SocketError) {
        do { try Kernel.setNonBlocking(fileDescriptor, nonBlocking) } catch {
            throw SocketError(.option("O_NONBLOCK"), address: peer.description, errno: error)
        }
    }

    /// A second socket value for the same connection, with a descriptor of its own.
    ///
    /// Both share one socket in the kernel. ``close()`` of one only gives up its descriptor: the FIN is sent when the
    /// last one is closed. ``shutdown(_:)`` and ``finish(within:discarding:)`` act on the connection itself.
    public func duplicate() throws(SocketError) -> TCPSocket {
        do { return TCPSocket(descriptor: try descriptor.duplicate(), peer: peer) } catch {
            throw SocketError(.duplicate, address: peer.description, errno: error)
        }
    }

    /// How many bytes the kernel holds that the peer has not acknowledged (`SIOCOUTQ`, `man 7 tcp`).
    public var unacknowledgedBytes: Int {
        let count = (try? Kernel.unsentBytes(fileDescriptor)) ?? 0
        if count == 0 { return 0 }
        return Self.withoutFIN(count, (try? Kernel.tcpInfo(fileDescriptor)).flatMap { TCPState(rawValue: $0.state) })
    }
}
