internal import BerthEngine
internal import BerthHarbour
internal import BerthSockets
internal import BerthSystem

/// A service at work, whatever its engine: what a server needs of it once it listens.
protocol Service: AnyObject, Sendable {
    /// Where it listens.
    var address: SocketAddress { get }

    /// What could not be had as it was asked for, and what is in its place.
    var note: String? { get }

    /// The counters, now.
    var statistics: ServerStatistics { get }

    /// Where it accepts, as far as that can be changed while it runs; `nil` under a thread pool with a listener of its own.
    var entrance: Entrance? { get }

    var core: ServiceCore { get }

    /// Ends the service: nothing new is accepted, what is connected is told and waited for, and cut in the end. Blocks
    /// the calling thread; called once.
    ///
    /// - Parameter lameDuck: how long it goes on accepting before.
    func stop(lameDuck: Duration) -> StopReport

    /// Has the end come to its next step at once.
    func hurry()

    /// Tells the observers.
    func report(_ event: ServerEvent)
}

extension Service {
    var note: String? { nil }

    func stop() -> StopReport { stop(lameDuck: .zero) }
}

/// Starts to serve on `listeners`, with an engine.
///
/// - Parameters:
///   - docked: whether it accepts at once, or when its ``Service/entrance`` is told to.
///   - place: of a process that is one of several.
func makeService(
    _ engine: ConcurrencyModel.Engine, on listeners: Listeners, docked: Bool, _ configuration: ServerConfiguration,
    _ session: Session, place: BoardPlace? = nil
) throws(SocketError) -> any Service {
    let address = listeners.address
    do throws(Errno) {
        switch engine.resolved(for: configuration.limits) {
        case .eventLoops(let loops, let io):
            let core = try ServiceCore(configuration, session, place: place)
            let entrance = try Entrance(listeners, core: core, docked: docked, forThreads: false)
            return try LoopService(entrance, at: address, loops: loops ?? 1, io: io)
        case .threads:
            let core = try ServiceCore(configuration, session, place: place)
            let entrance = try Entrance(listeners, core: core, docked: docked, forThreads: true)
            return try ThreadedService(entrance, at: address)
        case .threadPool(let threads):
            let core = try ServiceCore(configuration, session, most: threads ?? 1, place: place)
            return try PooledService(listeners, core: core, docked: docked)
        }
    } catch {
        throw SocketError(.listen, address: address.description, errno: error)
    }
}
