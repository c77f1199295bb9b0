public import BerthFraming
public import BerthSockets

/// Why a connection ended. Every accepted connection ends with exactly one outcome, which is counted and reported.
public enum Outcome: Sendable {
    /// The peer finished, and so did we.
    case peerFinished
    /// The handler returned before the peer had finished: the service ended the connection.
    case finished
    /// The peer reset the connection, or became unreachable.
    case peerReset(SocketError)
    /// A deadline passed: which one, and what did not happen.
    case deadline(ConnectionDeadline, SocketError)
    /// One of the connection's limits was exceeded: which one, and by what.
    case limit(Limit, StreamError)
    /// The handler ended the connection with an RST, on purpose.
    case aborted
    /// The handler took the descriptor away from the server.
    case detached
    /// The peer broke the protocol, or ended within a message.
    case protocolError(FramingError)
    /// The handler threw an error of its own.
    case handlerFailed(String)
    /// The handler's task was cancelled, not by the end of the service.
    case cancelled
    /// The service ended and told the handler so.
    case drained
    /// The service ended and cut the connection, because its handler did not end in time.
    case killed
}

extension Outcome {
    /// What of one connection is limited in size.
    public enum Limit: String, Sendable, Hashable, CaseIterable {
        /// A message of the peer.
        case frame = "frame too large"
        /// A line of the peer.
        case line = "line too long"
        /// The header lines of the peer.
        case headers = "headers too large"
        /// What was written and the peer has not read.
        case unreadOutput = "unread output"
    }

    /// The outcome without its evidence, for counting.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case peerFinished = "peer finished"
        case finished = "finished"
        case peerReset = "peer reset"
        case firstByteDeadline = "first byte late"
        case frameDeadline = "frame late"
        case rateDeadline = "too slow"
        case idleDeadline = "idle"
        case writeStallDeadline = "write stall"
        case ageDeadline = "too old"
        case handlerDeadline = "handler late"
        case frameLimit = "frame too large"
        case lineLimit = "line too long"
        case headersLimit = "headers too large"
        case unreadOutputLimit = "unread output"
        case aborted = "aborted"
        case detached = "detached"
        case protocolError = "protocol error"
        case handlerFailed = "handler failed"
        case cancelled = "cancelled"
        case drained = "drained"
        case killed = "killed"
    }

    public var kind: Kind {
        switch self {
        case .peerFinished: .peerFinished
        case .finished: .finished
        case .peerReset: .peerReset
        case .deadline(let deadline, _): deadline.outcome
        case .limit(let limit, _): limit.outcome
        case .aborted: .aborted
        case .detached: .detached
        case .protocolError: .protocolError
        case .handlerFailed: .handlerFailed
        case .cancelled: .cancelled
        case .drained: .drained
        case .killed: .killed
        }
    }
}

extension Outcome: CustomStringConvertible {
    /// One phrase for people, with the evidence.
    public var description: String {
        switch self {
        case .peerFinished: "the peer finished"
        case .finished: "the service finished"
        case .peerReset(let error): "the peer reset the connection: \(error)"
        case .deadline(let deadline, let error): "the \(deadline.rawValue) deadline passed: \(error)"
        case .limit(_, let error): "a limit was exceeded: \(error)"
        case .aborted: "the handler aborted the connection"
        case .detached: "the handler took the connection over"
        case .protocolError(let error): "the peer broke the protocol: \(error)"
        case .handlerFailed(let text): "the handler failed: \(text)"
        case .cancelled: "the handler's task was cancelled"
        case .drained: "the service ended"
        case .killed: "the service ended and cut the connection"
        }
    }
}

extension Outcome.Kind {
    /// Whether a deadline passed.
    public var isDeadline: Bool { ConnectionDeadline.allCases.contains { $0.outcome == self } }

    /// Whether a limit of the connection was exceeded.
    public var isLimit: Bool { Outcome.Limit.allCases.contains { $0.outcome == self } }
}

extension ConnectionDeadline {
    /// How it is counted when it passes.
    public var outcome: Outcome.Kind {
        switch self {
        case .firstByte: .firstByteDeadline
        case .frame: .frameDeadline
        case .rate: .rateDeadline
        case .idle: .idleDeadline
        case .writeStall: .writeStallDeadline
        case .age: .ageDeadline
        case .handler: .handlerDeadline
        }
    }
}

extension Outcome.Limit {
    /// How it is counted when it is exceeded.
    public var outcome: Outcome.Kind {
        switch self {
        case .frame: .frameLimit
        case .line: .lineLimit
        case .headers: .headersLimit
        case .unreadOutput: .unreadOutputLimit
        }
    }
}
