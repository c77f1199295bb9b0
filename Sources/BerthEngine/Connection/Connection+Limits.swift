public import BerthFraming
public import BerthSockets
internal import BerthSystem

extension Connection {
    /// How long one wait for the peer may take; `nil` for as long as it takes. From the server's limits at the start.
    public func setIdleLimit(_ time: Duration?) throws(StreamError) {
        try stream?.setIdleLimit(time)
        unsafe channel?.pointee.clock.limits.idle = Self.nanoseconds(time)
    }

    /// What ``setIdleLimit(_:)`` has set.
    public var idleLimit: Duration? {
        stream.map(\.idleLimit) ?? Self.duration(unsafe channel?.pointee.clock.limits.idle ?? .max)
    }

    /// How long a send may go on without the peer taking a byte; `nil` for as long as it takes. From the server's
    /// limits at the start.
    public var stallLimit: Duration? {
        get {
            stream.map(\.stallLimit) ?? Self.duration(unsafe channel?.pointee.clock.limits.stall ?? .max)
        }
        set {
            stream?.stallLimit = newValue
            unsafe channel?.pointee.clock.limits.stall = Self.nanoseconds(newValue)
        }
    }

    /// How long a message may take from the first wait for its rest until it is whole; `nil` for as long as it takes. From
    /// the server's limits at the start. Bytes that arrive do not extend it. Messages that are taken piece by piece are not
    /// bound by it.
    public var frameLimit: Duration? {
        get { Self.duration(clock.limits.frame) }
        set { clock.limits.frame = Self.nanoseconds(newValue) }
    }

    /// How many bytes a second of a message must come, after five seconds; 0 for any. From the server's limits at the start.
    public var minimumRate: ByteCount {
        get { ByteCount(Int(clock.limits.rate)) }
        set { clock.limits.rate = Int64(newValue.bytes) }
    }

    /// Bounds what `body` does with this connection: a wait for the peer that would go beyond `time` fails, and so does each
    /// that begins later. The outcome of a connection that ends so is ``ConnectionDeadline/handler``.
    ///
    /// ```swift
    /// let request = try await connection.withDeadline(.seconds(5)) { try await connection.readFrame() }
    /// ```
    ///
    /// Within another one it can only be shorter. What `body` does without the connection, such as `Task.sleep`, is not
    /// ended by it; under engines with a thread for each connection neither is a send that has begun.
    ///
    /// - Throws: `StreamError.socket`, with ``SocketError/deadline`` `.handler`, or what `body` throws.
    public func withDeadline<R>(_ time: Duration, _ body: () async throws -> R) async throws -> R {
        let usual = clock.handlerEnd
        clock.handlerEnd = min(usual, MonotonicTime.now.advanced(by: time).nanoseconds)
        defer { clock.handlerEnd = usual }
        return try await body()
    }

    /// The deadlines of this connection.
    package var clock: DeadlineClock {
        get {
            if let stream { return stream.clock }
            return unsafe channel?.pointee.clock ?? DeadlineClock()
        }
        set {
            stream?.clock = newValue
            unsafe channel?.pointee.clock = newValue
        }
    }

    /// Sets the deadlines that a connection begins with.
    package func begin(with limits: DeadlineClock.Limits, unreadOutput: Int) throws(StreamError) {
        if let stream {
            stream.clock.limits = limits
            try stream.setIdleLimit(Self.duration(limits.idle))
            stream.stallLimit = Self.duration(limits.stall)
        } else {
            unsafe channel?.pointee.clock.limits = limits
            unsafe channel?.pointee.outputLimit = unreadOutput
        }
    }

    /// Sets those of a client on a loop.
    func beginAsClient(idle: Duration?, stall: Duration?) {
        unsafe channel?.pointee.clock.limits.idle = Self.nanoseconds(idle)
        unsafe channel?.pointee.clock.limits.stall = Self.nanoseconds(stall)
    }

    /// The connection is being ended: nothing but that is bounded any more, each by its own time.
    func disregardDeadlines() {
        let limits = clock.limits
        var clock = DeadlineClock()
        clock.limits.idle = limits.idle
        clock.limits.stall = limits.stall
        self.clock = clock
    }

    /// At least a millisecond; `.max` is without end.
    private static func nanoseconds(_ time: Duration?) -> Int64 {
        time.map { max(1_000_000, $0.wholeNanoseconds) } ?? .max
    }

    private static func duration(_ nanoseconds: Int64) -> Duration? {
        nanoseconds == .max ? nil : .nanoseconds(nanoseconds)
    }
}
