internal import BerthEngine
internal import BerthFraming
internal import BerthSockets

extension Outcome {
    /// What is known of a connection when its handler has ended.
    struct Evidence {
        var error: (any Error)?
        var endedBy: Connection.Ending?
        var peerFinished = false
        var wasInterrupted = false
        var wasKilled = false
    }

    /// The outcome that the evidence amounts to.
    init(_ evidence: Evidence) {
        if evidence.wasKilled {
            self = .killed
            return
        }
        switch evidence.endedBy {
        case .abort?: self = .aborted
        case .detach?: self = .detached
        case .finish?, .close?, nil: self = Self.judge(evidence)
        }
    }

    private static func judge(_ evidence: Evidence) -> Outcome {
        switch evidence.error {
        case let error as StreamError: judge(error)
        case let error as SocketError: judge(.socket(error))
        case let error as FramingError: .protocolError(error)
        case let error?: evidence.wasInterrupted && error is CancellationError ? .drained : .handlerFailed("\(error)")
        case nil: evidence.wasInterrupted ? .drained : evidence.peerFinished ? .peerFinished : .finished
        }
    }

    private static func judge(_ error: StreamError) -> Outcome {
        switch error {
        case .framing(let error): .protocolError(error)
        case .socket(let error) where error.isDeadline: .deadline(error)
        case .socket(let error) where error.isPeerGone: .peerReset(error)
        case .socket, .ended: .handlerFailed("\(error)")
        }
    }
}
