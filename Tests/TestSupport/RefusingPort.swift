package import BerthSockets
internal import BerthSystem
internal import Glibc

/// A port of 127.0.0.1 that is taken, so that nobody else gets it, and that refuses connections, since nobody listens.
package struct RefusingPort: ~Copyable {
    private let descriptor: Descriptor
    package let address: SocketAddress

    package init() throws {
        let socket = try Kernel.openStreamSocket(family: AF_INET, nonBlocking: false)
        try Kernel.bind(socket.rawValue, to: try SocketAddress.ipv4(.loopback, port: 0).raw)
        address = SocketAddress(try Kernel.localAddress(socket.rawValue))
        descriptor = socket
    }
}
