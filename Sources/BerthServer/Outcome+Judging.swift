internal import BerthEngine
internal import BerthFraming
internal import BerthSockets

extension Outcome {
    /// What is known of a connection when its handler has ended.
    struct Evidence {
        var error: (any Error)?
        /// The peer, as errors name it: those of others are not its doing.
        var peer: String?
        var endedBy: Connection.Ending?
        var peerFinished = false
        /// Whether a wait for the peer was ended because the service drains: the handler saw an end of the stream.
        var wasInterrupted = false
        /// Whether the handler asked if the service drains, and was told so.
        var wasToldOfDrain = false
        /// Whether the handler's task was cancelled: by the end of the service, or by the handler itself.
        var wasCancelled = false
        var serviceEnds = false
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
        case let error as StreamError: judge(error, evidence)
        case let error as SocketError: judge(.socket(error), evidence)
        case let error as FramingError: judge(.framing(error), evidence)
        case is CancellationError where evidence.wasInterrupted || evidence.wasToldOfDrain: .drained
        case is CancellationError where evidence.wasCancelled: evidence.serviceEnds ? .drained : .cancelled
        case let error?: .handlerFailed("\(error)")
        case nil where evidence.wasInterrupted: .drained
        case nil where evidence.peerFinished: .peerFinished
        case nil: evidence.wasToldOfDrain ? .drained : .finished
        }
    }

    private static func judge(_ error: StreamError, _ evidence: Evidence) -> Outcome {
        switch error {
        // The peer did not stop in the middle: we stopped waiting, between two messages.
        case .framing(let error) where evidence.wasInterrupted && error.isTruncation: .drained
        case .framing(let framing): framing.limit.map { .limit($0, error) } ?? .protocolError(framing)
        case .socket(let error) where evidence.peer != nil && error.address != nil && error.address != evidence.peer:
            .handlerFailed("\(error)")
        case .socket(let failure) where failure.isOutputLimit: .limit(.unreadOutput, error)
        case .socket(let error) where error.isDeadline:
            .deadline(error.deadline ?? (error.operation == .send ? .writeStall : .idle), error)
        case .socket(let error) where error.isPeerGone: .peerReset(error)
        case .cancelled: evidence.serviceEnds ? .drained : .cancelled
        case .socket, .ended: .handlerFailed("\(error)")
        }
    }
}

extension FramingError {
    /// Which limit of a connection the peer has exceeded.
    fileprivate var limit: Outcome.Limit? {
        switch code {
        case .frameTooLarge(_, _, parameter: .maximumLine), .lineTooLong: .line
        case .frameTooLarge: .frame
        case .headersTooLarge, .tooManyHeaderLines: .headers
        default: nil
        }
    }

    fileprivate var isTruncation: Bool {
        if case .truncated = code { return true }
        return false
    }
}
