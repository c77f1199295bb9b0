internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

/// A connection that was counted in, as its service knows it: from its admission until its outcome is counted.
///
/// Unchecked: what changes is the table's, and is touched under its lock.
final class Admitted: @unchecked Sendable {
    let id: ConnectionID
    let peer: SocketAddress
    /// When it was counted in.
    let begin: MonotonicTime
    private let number: Int32
    /// -1 once the connection's owner is about to close it: then the number may belong to something else.
    var descriptor: Int32
    var task: Task<Void, Never>?
    /// The event loop that it is on, and how that calls it.
    var place: (loop: ObjectIdentifier, runner: UInt64)?
    var wasKilled = false
    /// What had gone over it until then.
    var bytesWhenKilled: ByteAccount?
    /// Where it is in the table; -1 when it is not.
    var index = -1

    /// What its address is counted as.
    let key: UInt64?

    init(id: ConnectionID, peer: SocketAddress, descriptor: Int32, key: UInt64? = nil) {
        self.key = key
        self.id = id
        self.peer = peer
        begin = .now
        number = descriptor
        self.descriptor = descriptor
    }

    /// The socket, for whoever serves it: to be called exactly once, before anything else is done with the connection.
    func takeSocket() -> TCPSocket { TCPSocket(descriptor: Descriptor(owning: number), peer: peer) }
}
