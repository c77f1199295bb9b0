internal import BerthFraming
internal import BerthSockets

/// What load is put on a service, and for how long.
struct LoadPlan: Sendable {
    /// When a message is sent.
    enum Pace: Sendable, Hashable {
        /// Whenever a reply makes room for it.
        case closed
        /// On a schedule of so many a second, over all connections, whether replies come or not.
        case open(perSecond: Double)
    }

    var address: SocketAddress
    var connections = 64
    /// How many messages of a connection may be without a reply.
    var depth = 1
    var pace = Pace.closed
    /// Whether each message has a connection of its own.
    var isChurning = false
    var threads = 1
    var framing: Framing = .raw
    /// Whether a message is ended by our FIN, as the framing `until-close` has it.
    var isHalfClosing = false
    /// The content of a message, without what the framing adds.
    var bodyCount = 64
    var duration: Duration = .seconds(10)
    var warmUp: Duration = .seconds(1)
    /// How long a reply, or a connection, may take.
    var stallLimit: Duration = .seconds(5)

    /// The connections of one thread: the first number, and how many.
    func share(ofThread index: Int) -> (first: Int, count: Int) {
        let (each, rest) = connections.quotientAndRemainder(dividingBy: threads)
        return (index * each + min(index, rest), each + (index < rest ? 1 : 0))
    }

    /// The nanoseconds between two messages of one thread's schedule; each keeps a share that goes with its connections.
    func interval(ofThread index: Int) -> Double? {
        guard case .open(let perSecond) = pace else { return nil }
        return 1e9 * Double(connections) / (perSecond * Double(share(ofThread: index).count))
    }

    /// Second for second, the last one possibly shorter.
    var seconds: Int { max(1, Int((duration.inSecondsExactly).rounded(.up))) }
}

extension Duration {
    fileprivate var inSecondsExactly: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
