internal import BerthFraming
public import BerthSockets
internal import BerthSystem

/// A connection that did not end in time when its service did, as it was then.
public struct CutConnection: Sendable, Hashable {
    /// What its handler did.
    public enum Activity: String, Sendable, Hashable, CaseIterable {
        /// It waited for the peer to send something.
        case reading
        /// It waited for the peer to take what was written.
        case writing
        /// It computed, or waited for something that is not its connection: an actor, a timer, a lock.
        case ownWork = "own-work"
        /// It kept its event loop to itself.
        case blockingLoop = "blocking-loop"
        /// It had no turn, because another one kept its event loop to itself.
        case behindBlockedLoop = "behind-blocked-loop"
        /// It had ended, and the peer did not finish or did not take the last bytes.
        case ended
    }

    /// How the connection ended.
    public enum End: String, Sendable, Hashable, CaseIterable {
        /// Its handler returned when its time was over: what it had written was sent, and a FIN behind it.
        case finished
        /// With an RST.
        case reset
        /// With an RST, and its handler goes on all the same, until the process ends.
        case handlerGoesOn = "handler-goes-on"
    }

    /// The number of the connection within its process.
    public var number: UInt64
    public var peer: SocketAddress
    /// How long it had been open.
    public var age: Duration
    /// For how long no data had gone either way; `nil` for Unix sockets.
    public var silence: Duration?
    /// Bytes of the peer that the handler had not read.
    public var unread: Int
    /// Bytes that were written and the peer had not acknowledged.
    public var unsent: Int
    public var activity: Activity
    public var end: End

    package init(
        number: UInt64, peer: SocketAddress, age: Duration, silence: Duration? = nil, unread: Int = 0, unsent: Int = 0,
        activity: Activity = .ownWork, end: End = .finished
    ) {
        self.number = number
        self.peer = peer
        self.age = age
        self.silence = silence
        self.unread = unread
        self.unsent = unsent
        self.activity = activity
        self.end = end
    }
}

extension CutConnection: CustomStringConvertible {
    /// One sentence: `#7 127.0.0.1:4242 was reset after 15.2 s: silent for 14.9 s, 3 bytes unread, its handler waited for the
    /// peer to send`.
    public var description: String {
        var parts: [String] = []
        if let silence { parts.append("silent for \(silence.short)") }
        if unread > 0 { parts.append("\(ByteCount(unread)) unread") }
        if unsent > 0 { parts.append("\(ByteCount(unsent)) unsent") }
        parts.append(activity.sentence)
        return "#\(number) \(peer) \(end.sentence) after \(age.short): " + parts.joined(separator: ", ")
    }
}

extension CutConnection.Activity {
    var sentence: String {
        switch self {
        case .reading: "its handler waited for the peer to send"
        case .writing: "its handler waited for the peer to read"
        case .ownWork: "its handler was busy with something else"
        case .blockingLoop: "its handler blocked its event loop"
        case .behindBlockedLoop: "another handler blocked its event loop"
        case .ended: "its handler had ended, and the peer had not"
        }
    }
}

extension CutConnection.End {
    var sentence: String {
        switch self {
        case .finished: "was cut off and finished"
        case .reset: "was reset"
        case .handlerGoesOn: "was reset, and its handler goes on,"
        }
    }
}
