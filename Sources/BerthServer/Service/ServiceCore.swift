internal import BerthEngine
internal import BerthHarbour
internal import BerthSockets
internal import BerthSystem
internal import Synchronization

/// What every engine has in common: the connections there are, what they are told, and how the service ends.
///
/// An engine accepts, admits (``admit(_:)``), runs ``converse(_:with:open:abandon:)`` as the handler's task wherever it
/// likes, and stops accepting when it is told to by ``stop(endingAccepts:)``.
final class ServiceCore: Sendable {
    let configuration: ServerConfiguration
    let session: Session
    /// The framing of the configuration, and the one that was used last with another limit.
    let usualFraming: SharedFraming
    let limitedFraming = Monitor<(limit: Int, framing: SharedFraming)?>(nil)
    let table: ConnectionTable
    let signals: ServerSignals
    /// Where this process counts, and finds what is allowed.
    let place: BoardPlace
    /// How many connections the engine can have, whatever is allowed.
    let most: Int
    /// Connections that wait for room, where they do.
    let waitingRoom = WaitingRoom()
    /// What is said to those who are turned away; `nil` for nothing.
    let farewell: Monitor<[UInt8]?>
    let farewells = Farewells()
    let access: AccessCache
    private let takenCount = Atomic<Int>(0)
    let watcher = Monitor<AcceptWatcher?>(nil)

    /// - Parameters:
    ///   - most: how many connections the engine can have at a time.
    ///   - place: of a process that is one of several; default: on a board of its own.
    init(
        _ configuration: ServerConfiguration, _ session: Session, most: Int = .max, place: BoardPlace? = nil
    ) throws(Errno) {
        self.configuration = configuration
        self.session = session
        self.most = most
        usualFraming = SharedFraming(configuration.framing)
        let limits = configuration.limits
        if let place {
            self.place = place
        } else {
            let board = try Board.own(connections: min(most, limits.maximumConnections))
            limits.post(on: board)
            self.place = BoardPlace(board, 0)
        }
        self.place.limit(to: most)
        table = ConnectionTable(place: self.place)
        access = AccessCache(self.place.board)
        signals = try ServerSignals()
        if case .farewell(let words) = limits.overload { farewell = Monitor(words) } else { farewell = Monitor(nil) }
    }

    /// How many connections were accepted, whatever came of them.
    var taken: Int { takenCount.load(ordering: .relaxed) }

    func noteTaken() { takenCount.add(1, ordering: .relaxed) }

    /// Has it reported when connections wait and none is accepted, until the service ends. Without a thread for it, nothing
    /// is.
    func watchAccepts(waiting: @escaping @Sendable () -> Int) {
        guard let limit = configuration.limits.acceptStall, !place.board.isShared else { return }
        let made = try? AcceptWatcher(of: self, limit: limit, waiting: waiting)
        watcher.withLock { $0 = made }
    }

    func report(_ event: ServerEvent) {
        for observer in configuration.observers { observer.observe(event) }
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
}
