public import BerthSockets
internal import BerthSystem

extension Connection {
    /// How long one wait for the peer may take; `nil` for as long as it takes. From the server's limits at the start.
    public func setIdleLimit(_ time: Duration?) throws(StreamError) {
        switch transport {
        case .blocking(let stream): try stream.setIdleLimit(time)
        case .loop: idleNanoseconds = time.map { max(1_000_000, $0.wholeNanoseconds) } ?? .max
        }
    }

    /// What ``setIdleLimit(_:)`` has set.
    public var idleLimit: Duration? {
        switch transport {
        case .blocking(let stream): stream.idleLimit
        case .loop: idleNanoseconds == .max ? nil : .nanoseconds(idleNanoseconds)
        }
    }

    /// How long a send may go on without the peer taking a byte; `nil` for as long as it takes. From the server's
    /// limits at the start.
    public var stallLimit: Duration? {
        get {
            switch transport {
            case .blocking(let stream): stream.stallLimit
            case .loop: stallNanoseconds == .max ? nil : .nanoseconds(stallNanoseconds)
            }
        }
        set {
            switch transport {
            case .blocking(let stream): stream.stallLimit = newValue
            case .loop: stallNanoseconds = newValue.map { max(1_000_000, $0.wholeNanoseconds) } ?? .max
            }
        }
    }
}
