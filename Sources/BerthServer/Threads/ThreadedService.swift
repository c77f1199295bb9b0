internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

/// The threads engine at work: one thread that accepts, and one for each connection.
final class ThreadedService: Service {
    let core: ServiceCore
    let entrance: Entrance?
    let address: SocketAddress

    private let accepting: Monitor<Bool>

    /// Starts to accept at `entrance`.
    init(_ entrance: Entrance, at address: SocketAddress) throws(Errno) {
        core = entrance.core
        self.entrance = entrance
        self.address = address
        accepting = Monitor(true)
        // Accepted sockets inherit it, so that no connection needs a system call of its own for it.
        // Not those of someone else, whose other services may want it otherwise.
        if !entrance.isShared {
            for descriptor in entrance.descriptors {
                try Kernel.setReceiveWaitLimit(descriptor, to: SocketStream.patience)
            }
        }
        let acceptor = ThreadAcceptor(entrance)
        let patienceIsSet = !entrance.isShared
        core.waitingRoom.whenThereIsRoom { [core] in core.startThread(for: $0, patienceIsSet: patienceIsSet) }
        try Thread.start(name: "berth-accept") { [accepting] in
            acceptor.run()
            accepting.change { $0 = false }
        }
        core.watchAccepts { entrance.waitingCount }
    }

    var statistics: ServerStatistics { core.table.statistics }

    func stop(lameDuck: Duration) -> StopReport {
        core.stop(
            lameDuck: lameDuck, DrainHooks(endAccepts: { [accepting] _ in _ = accepting.wait { $0 ? nil : true } }))
    }

    func hurry() { core.table.hurry() }

    func report(_ event: ServerEvent) { core.report(event) }
}

extension ServiceCore {
    /// Starts the thread of an admitted connection, or refuses it.
    ///
    /// - Parameter patienceIsSet: see ``serveOnThisThread(_:patienceIsSet:)``.
    func startThread(for admitted: Admitted, patienceIsSet: Bool) {
        do throws(Errno) {
            try Thread.start(name: "berth\(admitted.id)") {
                self.serveOnThisThread(admitted, patienceIsSet: patienceIsSet)
            }
        } catch {
            revoke(admitted, .thread(error))
        }
    }
}
