internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

/// What every engine has in common: the connections there are, what they are told, and how the service ends.
///
/// An engine accepts, admits (``admit(_:)``), runs ``converse(_:with:open:abandon:)`` as the handler's task wherever it
/// likes, and stops accepting when it is told to by ``stop(endingAccepts:)``.
final class ServiceCore: Sendable {
    let configuration: ServerConfiguration
    let session: Session
    /// The framing of the configuration, which all connections begin with.
    let framing: SharedFraming
    let table: ConnectionTable
    let signals: ServerSignals

    /// - Parameter maximum: how many connections there may be at a time.
    init(_ configuration: ServerConfiguration, _ session: Session, maximum: Int) throws(Errno) {
        self.configuration = configuration
        self.session = session
        framing = SharedFraming(configuration.framing)
        table = ConnectionTable(maximum: maximum)
        signals = try ServerSignals()
    }

    func report(_ event: ServerEvent) {
        for observer in configuration.observers { observer.observe(event) }
    }

    /// Counts an accepted connection in, or resets it because there are as many as there may be.
    func admit(_ socket: consuming TCPSocket) -> Admitted? {
        guard let admitted = table.admit(descriptor: socket.fileDescriptor, peer: socket.peer) else {
            let peer = socket.peer
            socket.abort()
            refuse(peer, .maximum(table.maximum))
            return nil
        }
        // From now on it is what ``Admitted/takeSocket()`` gives.
        _ = socket.detach().release()
        return admitted
    }

    /// Takes an admission back because the connection could not be given to a handler, and resets it.
    func revoke(_ admitted: Admitted, _ reason: Refusal) {
        table.revoke(admitted, reason.kind)
        admitted.takeSocket().abort()
        report(.refused(peer: admitted.peer, reason: reason))
    }

    func refuse(_ peer: SocketAddress?, _ reason: Refusal) {
        table.countRefused(reason.kind)
        report(.refused(peer: peer, reason: reason))
    }

    /// Ends the service: nothing new is accepted, what is connected is told and waited for, and cut in the end.
    ///
    /// They may go on for the time that the limits say, less when someone is in a hurry.
    ///
    /// - Parameters:
    ///   - endingAccepts: returns once nothing is accepted any more and the listener is closed. What the kernel had
    ///     accepted before is to be taken, until the deadline.
    ///   - beforeLast: called when all is over, before that is reported.
    func stop(endingAccepts: (Deadline) -> Void, beforeLast: () -> Void = {}) -> StopReport {
        let begin = MonotonicTime.now
        let deadline = Deadline(time: begin.advanced(by: configuration.limits.drain))
        let active = table.statistics.active
        report(.draining(active: active))
        signals.drain()
        endingAccepts(deadline)
        var killed = 0
        var stuck: [String] = []
        if !table.waitUntilEmpty(until: deadline) {
            killed = table.killAll()
            if !table.waitUntilEmpty(until: .after(Self.forceTime), unhurried: true) { stuck = table.peers }
        }
        let duration = MonotonicTime.now.duration(since: begin)
        let result = StopReport(active: active, killed: killed, stuck: stuck, duration: duration)
        beforeLast()
        report(.stopped(result))
        return result
    }

    /// How long handlers may take to notice that their connection was cut.
    private static let forceTime: Duration = .seconds(5)
}
