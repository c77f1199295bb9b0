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
    /// The peer let a deadline pass.
    case deadline(SocketError)
    /// The handler ended the connection with an RST, on purpose.
    case aborted
    /// The handler took the descriptor away from the server.
    case detached
    /// The peer broke the protocol, exceeded one of its limits, or ended within a message.
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
    /// The outcome without its evidence, for counting.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case peerFinished = "peer finished"
        case finished = "finished"
        case peerReset = "peer reset"
        case deadline = "deadline"
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
        case .deadline: .deadline
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
        case .deadline(let error): "a deadline passed: \(error)"
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
