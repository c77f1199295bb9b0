public import BerthSockets
internal import BerthSystem

extension Connection {
    /// How long one wait for the peer may take; `nil` for as long as it takes. From the server's limits at the start.
    public func setIdleLimit(_ time: Duration?) throws(StreamError) {
        try stream?.setIdleLimit(time)
        unsafe channel?.pointee.idleLimit = Self.nanoseconds(time)
    }

    /// What ``setIdleLimit(_:)`` has set.
    public var idleLimit: Duration? {
        stream.map(\.idleLimit) ?? Self.duration(unsafe channel?.pointee.idleLimit ?? .max)
    }

    /// How long a send may go on without the peer taking a byte; `nil` for as long as it takes. From the server's
    /// limits at the start.
    public var stallLimit: Duration? {
        get {
            stream.map(\.stallLimit) ?? Self.duration(unsafe channel?.pointee.stallLimit ?? .max)
        }
        set {
            stream?.stallLimit = newValue
            unsafe channel?.pointee.stallLimit = Self.nanoseconds(newValue)
        }
    }

    /// The limits that connections of a loop begin with, worked out once for all of them.
    package struct LoopLimits: Sendable {
        fileprivate let idle: Int64
        fileprivate let stall: Int64

        package init(idle: Duration?, stall: Duration?) {
            self.idle = Connection.nanoseconds(idle)
            self.stall = Connection.nanoseconds(stall)
        }
    }

    /// Sets both limits of a connection of a loop, which costs nothing there.
    package func setLimits(_ limits: LoopLimits) {
        unsafe channel?.pointee.idleLimit = limits.idle
        unsafe channel?.pointee.stallLimit = limits.stall
    }

    /// At least a millisecond; `.max` is without end.
    private static func nanoseconds(_ time: Duration?) -> Int64 {
        time.map { max(1_000_000, $0.wholeNanoseconds) } ?? .max
    }

    private static func duration(_ nanoseconds: Int64) -> Duration? {
        nanoseconds == .max ? nil : .nanoseconds(nanoseconds)
    }
}
