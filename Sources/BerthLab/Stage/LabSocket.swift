package import BerthSockets
package import BerthSystem

/// A socket of an experiment, with a name by which diagrams call it.
///
/// Its own methods are the bare calls, for threads of an experiment; ``Stage`` has the same with a record.
package final class LabSocket: Sendable {
    package let name: String
    package let side: Trace.Side

    struct State {
        var descriptor: Int32?
        var local: SocketAddress?
        var remote: SocketAddress?
    }

    let state: Monitor<State>

    init(_ descriptor: consuming Descriptor, name: String, side: Trace.Side) {
        self.name = name
        self.side = side
        state = Monitor(State(descriptor: descriptor.release()))
    }

    /// The number of its descriptor; -1 when it is closed.
    package var descriptor: Int32 { state.withLock { $0.descriptor ?? -1 } }
    package var isOpen: Bool { state.withLock { $0.descriptor != nil } }

    /// Where it is or was bound to, and whom it is or was connected to.
    package var local: SocketAddress? { state.withLock { $0.local } }
    package var remote: SocketAddress? { state.withLock { $0.remote } }

    /// Asks the kernel for the addresses, and keeps them for the time after the close.
    func learnAddresses(remote known: SocketAddress? = nil) {
        let descriptor = descriptor
        let local = (try? Kernel.localAddress(descriptor)).map { SocketAddress($0) }
        let remote = known ?? (try? Kernel.peerAddress(descriptor)).map { SocketAddress($0) }
        state.withLock { state in
            if let local, local.port != 0 { state.local = local.unmapped }
            if let remote { state.remote = remote.unmapped }
        }
    }

    /// Closes its descriptor; another descriptor of the same socket stays open.
    package func close() throws(Errno) {
        let descriptor = state.withLock { state in
            defer { state.descriptor = nil }
            return state.descriptor
        }
        guard let descriptor else { throw .badDescriptor }
        try Kernel.close(descriptor)
    }

    /// Takes a connection, waiting for one as `accept(2)` does.
    package func accept(_ name: String = "accepted") throws(Errno) -> LabSocket {
        var peer = RawSocketAddress()
        let accepted = LabSocket(
            try Kernel.accept(descriptor, nonBlocking: false, peer: &peer), name: name, side: .server)
        accepted.learnAddresses(remote: SocketAddress(peer))
        return accepted
    }

    /// Sends what the kernel takes of some bytes.
    package func send(_ bytes: [UInt8], flags: Kernel.TransferFlags = []) throws(Errno) -> Int {
        let descriptor = descriptor
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(Errno) in try unsafe Kernel.send(descriptor, bytes, flags: flags) }
        }
        return try result.get()
    }

    /// Receives at most so many bytes; an empty answer is the end.
    package func receive(_ count: Int, flags: Kernel.TransferFlags = []) throws(Errno) -> [UInt8] {
        let descriptor = descriptor
        var bytes = [UInt8](repeating: 0, count: count)
        let result = bytes.withUnsafeMutableBytes { memory in
            Result { () throws(Errno) in try unsafe Kernel.receive(descriptor, into: memory, flags: flags) }
        }
        return Array(bytes.prefix(try result.get()))
    }

    /// Waits until something of `wanted` is so; empty when the time is over.
    package func wait(for wanted: Readiness, within time: Duration) throws(Errno) -> Readiness {
        try Kernel.wait(for: wanted, on: descriptor, until: .after(time))
    }
}

/// What a receive brought.
package enum Received: Sendable, Hashable, CustomStringConvertible {
    case bytes([UInt8])
    /// The peer's FIN.
    case end
    case failed(Errno)
    /// Nothing came in time.
    case nothing

    package var description: String {
        switch self {
        case .bytes(let bytes): bytes.count == 1 ? "1 byte" : "\(bytes.count) bytes"
        case .end: "end"
        case .failed(let errno): errno.name
        case .nothing: "nothing"
        }
    }

    package var bytes: [UInt8] { if case .bytes(let bytes) = self { bytes } else { [] } }
    package var text: String { String(decoding: bytes, as: UTF8.self) }
}
