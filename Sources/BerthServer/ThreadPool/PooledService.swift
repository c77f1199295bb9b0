internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

/// The thread pool engine at work: N threads that wait in accept on one listener; each serves its connection to the end,
/// then accepts again.
final class PooledService: Service {
    let core: ServiceCore
    let address: SocketAddress

    let entrance: Entrance?
    private let door: any PoolEntrance

    /// Starts the threads, which accept: as many as the core has room for, and when connections are to be
    /// refused one more, which finds no room when all others serve.
    init(_ listeners: Listeners, core: ServiceCore, docked: Bool) throws(Errno) {
        self.core = core
        address = listeners.address
        let waiting: @Sendable () -> Int
        if listeners.isShared {
            let entrance = try Entrance(listeners, core: core, docked: docked, forThreads: true)
            self.entrance = entrance
            door = PoolTurnstile(entrance)
            waiting = { entrance.waitingCount }
        } else {
            guard let gate = listeners.take().first else { throw .badDescriptor }
            entrance = nil
            let door = PoolDoor(gate, core: core)
            self.door = door
            waiting = { door.waitingCount }
        }
        core.waitingRoom.whenThereIsRoom { [core] in core.startThread(for: $0, patienceIsSet: false) }
        do throws(Errno) {
            // One more than there may be connections, for turning others away.
            for number in 1...core.most + 1 {
                try Thread.start(name: "berth-pool\(number)") { [core, door] in
                    while number <= core.most || core.waitUntilSomeAreTurnedAway(),
                        let admitted = door.nextConnection()
                    { core.serveOnThisThread(admitted, patienceIsSet: false) }
                }
            }
        } catch {
            core.signals.drain()
            door.close(until: .after(.zero))
            throw error
        }
        core.watchAccepts(waiting: waiting)
    }

    var statistics: ServerStatistics { core.table.statistics }

    func stop(lameDuck: Duration) -> StopReport {
        core.stop(lameDuck: lameDuck, DrainHooks(endAccepts: { [door] in door.close(until: $0) }))
    }

    func hurry() { core.table.hurry() }

    func report(_ event: ServerEvent) { core.report(event) }
}

/// Where the threads of a pool wait for connections.
protocol PoolEntrance: Sendable {
    /// Waits for a connection, in line with the other threads; `nil` once the service drains.
    func nextConnection() -> Admitted?

    /// Ends accepting. Call it when the service drains.
    func close(until deadline: Deadline)
}
