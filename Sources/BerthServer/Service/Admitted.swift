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
    /// Whether its handler has ended, so that only its polite close goes on.
    var hasEndedHandler = false
    /// Whether it had not when the time of the connections was over.
    var isOverdue = false
    /// Whether it is reset, or was, because the service ends: its last bytes, or its handler, are cut off.
    var wasKilled = false
    /// What had gone over it when it was reset.
    var bytesWhenReset: ByteAccount?
    /// By which its handler's waits are ended and seen, where it has a thread of its own.
    var interruption: StreamInterruption?
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
