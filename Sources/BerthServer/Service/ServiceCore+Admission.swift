internal import BerthEngine
internal import BerthFraming
internal import BerthHarbour
internal import BerthSockets
internal import BerthSystem

// Who is let in. What a connection needs is taken before it counts, and given back when something else is lacking: room, a
// token of the rate, and room for its address.
extension ServiceCore {
    /// Counts an accepted connection in, or sees to one that cannot be: then it is `nil`.
    ///
    /// - Parameter isReserved: whether ``reserve()`` has taken room for it.
    func admit(_ socket: consuming TCPSocket, isReserved: Bool = false) -> Admitted? {
        noteTaken()
        let peer = socket.peer
        switch claim(for: peer, isReserved: isReserved) {
        case .success(let key):
            let admitted = table.admit(descriptor: socket.fileDescriptor, peer: peer, key: key)
            // From now on it is what ``Admitted/takeSocket()`` gives.
            _ = socket.detach().release()
            return admitted
        case .failure(let want):
            if want.isForRoom, case .queue(let time, let most) = overload {
                if let rest = waitingRoom.take(socket, for: time, atMost: most, core: self) {
                    turnAway(rest, want.refusal)
                }
            } else {
                turnAway(socket, want.refusal)
            }
            return nil
        }
    }

    /// What a connection lacks.
    struct Want: Error {
        let refusal: Refusal
        /// Whether there may be enough of it in a while.
        var isForRoom: Bool { refusal.kind == .maximum || refusal.kind == .rate }
    }

    /// Takes what a connection needs: what its address is counted as.
    func claim(for peer: SocketAddress, isReserved: Bool = false) -> Result<UInt64?, Want> {
        func lacks(_ refusal: Refusal, givingBack: Bool) -> Result<UInt64?, Want> {
            if givingBack { cancelReservation() }
            return .failure(Want(refusal: refusal))
        }
        if case .denied(let network) = access.decision(on: peer) {
            return lacks(.denied(network: network?.description), givingBack: isReserved)
        }
        if !isReserved {
            // Not past those who wait.
            if !waitingRoom.isEmpty { return lacks(.maximum(maximum), givingBack: false) }
            if let refusal = reserve() { return lacks(refusal, givingBack: false) }
        }
        guard let limit = addressLimit(for: peer), let key = Board.key(of: peer) else { return .success(nil) }
        switch place.claim(key, limit: limit) {
        case .taken: return .success(key)
        case .limit: return lacks(.address(limit: limit), givingBack: true)
        case .noRoom: return lacks(.addressesFull, givingBack: true)
        }
    }

    /// How many connections there may be.
    var maximum: Int { min(place.board[.maximum] ?? .max, most) }

    private func addressLimit(for peer: SocketAddress) -> Int? {
        switch place.board[.perAddress] {
        case nil: nil
        case 0?: peer.isLoopback ? nil : max(1, maximum / 4)
        case let limit?: limit
        }
    }

    /// Takes room for a connection before it is accepted, or says what is lacking.
    func reserve() -> Refusal? {
        if place.board.takeToken() != nil { return .rate(perSecond: place.board[.rate] ?? 0) }
        if place.reserve() { return nil }
        place.board.giveTokenBack()
        return .maximum(maximum)
    }

    /// The same, but not past those who have waited since before what is done beyond the maximum was changed.
    func reserveInTurn() -> Bool { waitingRoom.isEmpty && reserve() == nil }

    /// Gives it back.
    func cancelReservation() {
        place.giveBack()
        place.board.giveTokenBack()
    }

    /// Whether ``reserveInTurn()`` would find what it needs.
    var hasRoom: Bool { place.hasRoom && place.board.tokenMoment() == nil && waitingRoom.isEmpty }

    /// What is done with connections beyond what is allowed, now.
    var overload: ServerLimits.Overload { .reading(place.board, farewell: farewell.withLock { $0 }) }

    /// Whether those wait in the kernel: then there is room before a connection is accepted.
    var isWaitingForRoom: Bool { place.board.overload == .wait }

    /// What is allowed now.
    var limits: ServerLimits {
        get { configuration.limits.reading(place.board, farewell: farewell.withLock { $0 }) }
        set {
            if case .farewell(let words) = newValue.overload { farewell.withLock { $0 = words } }
            newValue.post(on: place.board)
        }
    }

    /// The deadlines that a new connection begins with.
    var deadlines: DeadlineClock.Limits {
        let board = place.board
        func limit(_ setting: Board.Setting) -> Int64 { board[setting].map { Int64($0) } ?? .max }
        var limits = DeadlineClock.Limits()
        limits.firstByte = limit(.firstByte)
        limits.frame = limit(.frame)
        limits.idle = limit(.idle)
        limits.stall = limit(.writeStall)
        limits.rate = Int64(board[.minimumRate] ?? 0)
        if let age = board[.age] { limits.age = Int64(Double(age) * Double.random(in: 0.9...1.1)) }
        return limits
    }

    /// The framing that a new connection begins with.
    var framing: Framing {
        place.board[.largestFrame].map { configuration.framing.limited(to: ByteCount($0)) } ?? configuration.framing
    }

    /// The same, one for all connections.
    var sharedFraming: SharedFraming {
        guard let limit = place.board[.largestFrame] else { return usualFraming }
        return limitedFraming.withLock { [configuration] last in
            if let last, last.limit == limit { return last.framing }
            let framing = SharedFraming(configuration.framing.limited(to: ByteCount(limit)))
            last = (limit, framing)
            return framing
        }
    }

    /// How much may be unsent of a connection.
    var unreadOutput: Int { place.board[.unreadOutput] ?? .max }

    /// When to look for room again, whoever frees some here or not: when there is a token, when another process may have
    /// freed some, or when more may be allowed than was.
    var nextLook: MonotonicTime {
        place.board.tokenMoment()
            ?? .now.advanced(by: place.board.isShared ? ConnectionTable.glance : .milliseconds(100))
    }

    /// Waits for room, or for the end of the service, but not for long.
    func waitForRoom() {
        let end = Deadline.after(.milliseconds(100))
        guard let moment = place.board.tokenMoment() else {
            _ = table.waitForRoom(until: end)
            return
        }
        // Readable for good once the service ends.
        var entries = signals.isDraining ? [] : [PollEntry(signals.descriptor, .readable)]
        _ = try? Kernel.poll(&entries, until: Deadline(time: moment).earlier(of: end))
    }

    /// Waits while connections beyond what is allowed wait in the kernel: whoever calls is not needed. False when the service
    /// ends meanwhile.
    func waitUntilSomeAreTurnedAway() -> Bool {
        while isWaitingForRoom {
            var entries = [PollEntry(signals.descriptor, .readable)]
            _ = try? Kernel.poll(&entries, until: .after(.seconds(1)))
            if signals.isDraining { return false }
        }
        return true
    }

    /// Ends a connection that is not served, in the way that the service wants, and counts it.
    func turnAway(_ socket: consuming TCPSocket, _ refusal: Refusal) {
        let peer = socket.peer
        if case .farewell(let words) = overload, refusal.kind != .denied {
            farewells.say(words, socket)
        } else {
            socket.abort()
        }
        refuse(peer, refusal)
    }
}

/// Who may connect, as this process has read it from the board last.
final class AccessCache: Sendable {
    private let board: Board
    private let state: Monitor<(list: AccessList, version: UInt64)>

    init(_ board: Board) {
        self.board = board
        state = Monitor(board.readAccess())
    }

    func decision(on peer: SocketAddress) -> AccessList.Decision {
        state.withLock { [board] state in
            if board.accessVersion != state.version { state = board.readAccess() }
            return state.list.isEmpty ? .allowed : state.list.decision(on: peer)
        }
    }
}
