internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

/// The event-loops engine at work: some loops, each a thread, that accept from one listener and run the handlers of what
/// they accept.
final class LoopService: Service {
    let core: ServiceCore
    let entrance: Entrance?
    let address: SocketAddress
    let note: String?
    private let door: LoopDoor
    private let watcher: LoopWatcher?

    /// Starts to accept at `entrance`.
    init(
        _ entrance: Entrance, at address: SocketAddress, loops: Int, io: ConcurrencyModel.IOMethod
    ) throws(Errno) {
        core = entrance.core
        self.entrance = entrance
        self.address = address
        // A listener that is shared with other processes is in the loop's epoll, as nothing that a ring holds can be given
        // back at once; and an epoll that a ring watches has all loops woken for a connection, not one.
        let usesRing = io == .uring || (io == .auto && !entrance.isShared)
        let loops = try Self.makeLoops(loops, ring: usesRing)
        note = io == .uring ? loops.lazy.compactMap(\.ringRefusal).first.map { "epoll takes its place: \($0)" } : nil
        door = LoopDoor(entrance: entrance, loops: loops)
        watcher = try entrance.core.configuration.limits.handlerBlocking.map { (limit) throws(Errno) in
            try LoopWatcher(loops, of: entrance.core, limit: limit)
        }
        do throws(Errno) { try door.open() } catch {
            watcher?.stop()
            throw error
        }
        core.watchAccepts { entrance.waitingCount }
    }

    private static func makeLoops(_ count: Int, ring: Bool) throws(Errno) -> [EventLoop] {
        var loops: [EventLoop] = []
        for _ in 0..<count { loops.append(try EventLoop(ring: ring)) }
        return loops
    }

    var statistics: ServerStatistics { core.table.statistics }

    func stop(lameDuck: Duration) -> StopReport {
        let hooks = DrainHooks(
            endAccepts: { [door] in door.close(until: $0) }, force: { [door] in door.tellLoops() },
            handlers: { [door] in door.handlers() }, beforeLast: { [watcher] in watcher?.stop() })
        let report = core.stop(lameDuck: lameDuck, hooks)
        // What is stuck goes on, and needs its loop.
        if report.stuck.isEmpty { door.stopLoops() }
        return report
    }

    func hurry() { core.table.hurry() }

    func report(_ event: ServerEvent) { core.report(event) }
}
