public import BerthFraming

/// Why reading from or writing to a stream failed: the socket's error, or the protocol's.
public enum StreamError: Error, Sendable {
    case socket(SocketError)
    case framing(FramingError)
    /// The stream was ended by us (`finish`, `close`, `abort`, `detach`) and used again.
    case ended
    /// The task was cancelled while it waited, or before. Under blocking engines a wait is not ended by that.
    case cancelled
}

extension StreamError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .socket(let error): error.description
        case .framing(let error): error.description
        case .ended: "the stream was ended before: nothing can be read or written any more"
        case .cancelled: "the task was cancelled"
        }
    }
}
