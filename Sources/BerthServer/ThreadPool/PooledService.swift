internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

/// The thread pool engine at work: N threads that wait in accept on one listener; each serves its connection to the end,
/// then accepts again.
final class PooledService: Service {
    let core: ServiceCore
    let address: SocketAddress

    private let door: PoolDoor

    /// Starts the threads, which accept on `listener`: as many as the core has room for, and when connections are to be
    /// refused one more, which finds no room when all others serve.
    init(listener: consuming TCPListener, core: ServiceCore) throws(Errno) {
        self.core = core
        address = listener.address
        door = PoolDoor(listener, core: core)
        let spare = core.configuration.limits.overload == .refuse ? 1 : 0
        do throws(Errno) {
            for number in 1...core.table.maximum + spare {
                try Thread.start(name: "berth-pool\(number)") { [core, door] in
                    while let socket = door.nextConnection() {
                        guard let admitted = core.admit(socket) else { continue }
                        core.serveOnThisThread(admitted, patienceIsSet: false)
                    }
                }
            }
        } catch {
            core.signals.drain()
            door.close(until: .after(.zero))
            throw error
        }
    }

    var statistics: ServerStatistics { core.table.statistics }

    func stop() -> StopReport { core.stop { door.close(until: $0) } }

    func hurry() { core.table.hurry() }

    func report(_ event: ServerEvent) { core.report(event) }
}
