internal import BerthSockets

/// What a ``FaultyPeer`` saw of a server.
public struct PeerReport: Sendable, Hashable {
    /// How its connection ended.
    public enum Ending: Sendable, Hashable {
        /// There was none, and why.
        case neverConnected(String)
        /// The server finished (FIN), after everything that ``PeerReport/received`` counts.
        case serverFinished
        /// The server reset the connection, or the kernel did in its name.
        case serverReset
        /// The peer itself closed or reset the connection, as its conduct is.
        case left
        /// Nothing of that happened within the patience of the peer, which closed then.
        case patienceEnded
    }

    /// How its connection ended.
    public var ending: Ending
    /// How many bytes the kernel took to send.
    public var sent = 0
    /// How many bytes arrived and were read.
    public var received = 0
    /// The first of these, at most ``longestReply``.
    public var reply: [UInt8] = []
    /// How long the visit took.
    public var duration: Duration = .zero

    /// The most bytes that ``reply`` keeps: 64 KiB.
    public static let longestReply = 64 << 10

    public init(ending: Ending) { self.ending = ending }

    /// The reply as text; invalid UTF-8 is repaired.
    public var text: String { String(decoding: reply, as: UTF8.self) }
}

extension PeerReport: CustomStringConvertible {
    /// One sentence, for example `sent 12 bytes, received 5, and the server finished after 3 ms`.
    public var description: String {
        let end =
            switch ending {
            case .neverConnected(let reason): "never connected (\(reason))"
            case .serverFinished: "the server finished"
            case .serverReset: "the server reset the connection"
            case .left: "the peer left"
            case .patienceEnded: "the peer lost its patience"
            }
        return "sent \(sent) bytes, received \(received), and \(end) after \(duration.short)"
    }
}
