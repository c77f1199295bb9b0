internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

/// The event-loops engine at work: some loops, each a thread, that accept from one listener and run the handlers of what
/// they accept.
final class LoopService: Service {
    let core: ServiceCore
    let address: SocketAddress
    let note: String?
    private let door: LoopDoor
    private let watcher: LoopWatcher?

    /// Starts to accept on `listener`.
    init(listener: consuming TCPListener, core: ServiceCore, loops: Int, io: ConcurrencyModel.IOMethod) throws(Errno) {
        self.core = core
        address = listener.address
        let loops = try Self.makeLoops(loops, ring: io != .epoll)
        note = io == .uring ? loops.lazy.compactMap(\.ringRefusal).first.map { "epoll takes its place: \($0)" } : nil
        door = LoopDoor(core: core, listener: listener, loops: loops)
        watcher = try core.configuration.limits.handlerBlocking.map { (limit) throws(Errno) in
            try LoopWatcher(loops, of: core, limit: limit)
        }
        do throws(Errno) { try door.open() } catch {
            watcher?.stop()
            throw error
        }
    }

    private static func makeLoops(_ count: Int, ring: Bool) throws(Errno) -> [EventLoop] {
        var loops: [EventLoop] = []
        for _ in 0..<count { loops.append(try EventLoop(ring: ring)) }
        return loops
    }

    var statistics: ServerStatistics { core.table.statistics }

    func stop() -> StopReport {
        let report = core.stop(endingAccepts: { deadline in door.close(until: deadline) }) { watcher?.stop() }
        // What is stuck goes on, and needs its loop.
        if report.stuck.isEmpty { door.stopLoops() }
        return report
    }

    func hurry() { core.table.hurry() }

    func report(_ event: ServerEvent) { core.report(event) }
}
