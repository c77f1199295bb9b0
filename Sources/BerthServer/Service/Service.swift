internal import BerthEngine
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

    /// Ends the service: nothing new is accepted, what is connected is told and waited for, and cut in the end. Blocks
    /// the calling thread; called once.
    func stop() -> StopReport

    /// Cuts the end short: connections are not waited for any more.
    func hurry()

    /// Tells the observers.
    func report(_ event: ServerEvent)
}

extension Service {
    var note: String? { nil }
}

/// Starts to serve on `listener`, with the engine of `model`.
func makeService(
    _ model: ConcurrencyModel, on listener: consuming TCPListener, _ configuration: ServerConfiguration,
    _ session: Session
) throws(SocketError) -> any Service {
    let address = listener.address
    do throws(Errno) {
        switch model.resolved(for: configuration.limits) {
        case .eventLoops(let loops, let io):
            let core = try ServiceCore(configuration, session, maximum: configuration.limits.maximumConnections)
            return try LoopService(listener: listener, core: core, loops: loops ?? 1, io: io)
        case .threads:
            let core = try ServiceCore(configuration, session, maximum: configuration.limits.maximumConnections)
            return try ThreadedService(listener: listener, core: core)
        case .threadPool(let threads):
            let core = try ServiceCore(configuration, session, maximum: threads ?? 1)
            return try PooledService(listener: listener, core: core)
        }
    } catch {
        throw SocketError(.listen, address: address.description, errno: error)
    }
}
