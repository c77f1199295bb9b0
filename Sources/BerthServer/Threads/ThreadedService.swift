internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

/// The threads engine at work: one thread that accepts, and one for each connection.
final class ThreadedService: Sendable {
    let configuration: ServerConfiguration
    let session: Session
    let table: ConnectionTable
    let signals: ServerSignals
    let address: SocketAddress

    private let accepting: Monitor<Bool>

    /// Starts to accept on `listener`.
    init(listener: consuming TCPListener, configuration: ServerConfiguration, session: Session) throws(Errno) {
        self.configuration = configuration
        self.session = session
        table = ConnectionTable(maximum: configuration.limits.maximumConnections)
        signals = try ServerSignals()
        address = listener.address
        accepting = Monitor(true)
        // Accepted sockets inherit it, so that no connection needs a system call of its own for it.
        try Kernel.setReceiveWaitLimit(listener.fileDescriptor, to: SocketStream.patience)
        let acceptor = ThreadAcceptor(service: self, listener: listener)
        try Thread.start(name: "berth-accept") { [accepting] in
            acceptor.run()
            accepting.change { $0 = false }
        }
    }

    func report(_ event: ServerEvent) {
        for observer in configuration.observers { observer.observe(event) }
    }

    /// Starts the thread of an accepted connection, or refuses it.
    func take(_ socket: consuming TCPSocket) {
        let peer = socket.peer
        guard let id = table.admit(descriptor: socket.fileDescriptor, peer: peer) else {
            socket.abort()
            refuse(peer, "there are \(configuration.limits.maximumConnections) connections, the maximum")
            return
        }
        // A thread's body cannot own a value that cannot be copied: the number crosses over, and is owned there again.
        let descriptor = socket.detach().release()
        do throws(Errno) {
            try Thread.start(name: "berth\(id)") {
                self.serve(TCPSocket(descriptor: Descriptor(owning: descriptor), peer: peer), id)
            }
        } catch {
            table.revoke(id)
            TCPSocket(descriptor: Descriptor(owning: descriptor), peer: peer).abort()
            report(.refused(peer: peer, reason: "no thread could be started: \(error)"))
        }
    }

    func refuse(_ peer: SocketAddress?, _ reason: String) {
        table.countRefused()
        report(.refused(peer: peer, reason: reason))
    }

    /// Ends the service: nothing new is accepted, what is connected is told and waited for, and cut in the end.
    ///
    /// They may go on for the time that the limits say, less when someone is in a hurry.
    func stop() -> StopReport {
        let begin = MonotonicTime.now
        let deadline = Deadline(time: begin.advanced(by: configuration.limits.drain))
        let active = table.statistics.active
        report(.draining(active: active))
        signals.drain()
        _ = accepting.wait { $0 ? nil : true }
        var killed = 0
        var stuck: [String] = []
        if !table.waitUntilEmpty(until: deadline) {
            killed = table.killAll()
            if !table.waitUntilEmpty(until: .after(Self.forceTime), unhurried: true) { stuck = table.peers }
        }
        let duration = MonotonicTime.now.duration(since: begin)
        let result = StopReport(active: active, killed: killed, stuck: stuck, duration: duration)
        report(.stopped(result))
        return result
    }

    /// How long handlers may take to notice that their connection was cut.
    private static let forceTime: Duration = .seconds(5)
}
