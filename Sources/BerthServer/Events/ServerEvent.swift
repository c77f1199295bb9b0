public import BerthEngine
public import BerthHarbour
public import BerthSockets
public import BerthSystem

/// Something that happened to a server. Logs, metrics and control sockets are made from these.
public enum ServerEvent: Sendable {
    /// The server listens. `note` says what the kernel gave less of than was asked for: backlog, or an io_uring.
    case listening(SocketAddress, backlog: Int, note: String?)
    /// A connection was accepted and its handler starts.
    case accepted(ConnectionID, peer: SocketAddress)
    /// A connection was accepted and not served.
    case refused(peer: SocketAddress?, reason: Refusal)
    /// A connection ended.
    case ended(ConnectionID, peer: SocketAddress, ConnectionEnd)
    /// Accepting failed. `pause` is how long the server waits before it tries again.
    case acceptFailed(Errno, pause: Duration?)
    /// Connections wait to be accepted, and none was for so long: beyond ``ServerLimits/acceptStall``, and again each time
    /// that this has doubled. `isFull` says whether that is because there are as many connections as there may be.
    case acceptStalled(waiting: Int, for: Duration, isFull: Bool)
    /// That is over, after so long.
    case acceptResumed(after: Duration)
    /// A handler has kept its event loop to itself for so long, without waiting for anything: none of the loop's other
    /// connections is served meanwhile. Reported beyond ``ServerLimits/handlerBlocking``, and again each time that this has
    /// doubled. No connection is named where the handler has started the task that runs.
    case handlerBlocks(ConnectionID?, peer: SocketAddress?, for: Duration)
    /// That is over, after so long.
    case handlerBlocked(ConnectionID?, peer: SocketAddress?, for: Duration)
    /// The service ends, and has come to this step.
    case draining(DrainStep)
    /// The service has ended.
    case stopped(StopReport)
    /// Something happened to the worker processes, or there is something that operators should know.
    case harbour(HarbourEvent)
}

/// Someone who is told what happens to a server.
///
/// Called on the thread where it happened, for many connections at the same time: be quick, and do not block.
public protocol ServerObserver: Sendable {
    func observe(_ event: ServerEvent)
}

/// An observer that is only a closure.
public struct ClosureObserver: ServerObserver {
    private let body: @Sendable (ServerEvent) -> Void

    public init(_ body: @escaping @Sendable (ServerEvent) -> Void) { self.body = body }

    public func observe(_ event: ServerEvent) { body(event) }
}
