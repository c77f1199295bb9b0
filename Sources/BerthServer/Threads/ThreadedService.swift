internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

/// The threads engine at work: one thread that accepts, and one for each connection.
final class ThreadedService: Service {
    let core: ServiceCore
    let address: SocketAddress

    private let accepting: Monitor<Bool>

    /// Starts to accept on `listener`.
    init(listener: consuming TCPListener, core: ServiceCore) throws(Errno) {
        self.core = core
        address = listener.address
        accepting = Monitor(true)
        // Accepted sockets inherit it, so that no connection needs a system call of its own for it.
        try Kernel.setReceiveWaitLimit(listener.fileDescriptor, to: SocketStream.patience)
        let acceptor = ThreadAcceptor(core: core, listener: listener)
        try Thread.start(name: "berth-accept") { [accepting] in
            acceptor.run()
            accepting.change { $0 = false }
        }
    }

    var statistics: ServerStatistics { core.table.statistics }

    func stop() -> StopReport {
        core.stop { _ in _ = accepting.wait { $0 ? nil : true } }
    }

    func hurry() { core.table.hurry() }

    func report(_ event: ServerEvent) { core.report(event) }
}

extension ServiceCore {
    /// Starts the thread of an accepted connection, or refuses it.
    func startThread(for socket: consuming TCPSocket) {
        guard let admitted = admit(socket) else { return }
        do throws(Errno) {
            try Thread.start(name: "berth\(admitted.id)") {
                self.serveOnThisThread(admitted, patienceIsSet: true)
            }
        } catch {
            revoke(admitted, "no thread could be started: \(error)")
        }
    }
}
