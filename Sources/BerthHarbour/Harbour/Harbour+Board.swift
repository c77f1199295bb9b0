internal import BerthSystem

// What the workers count, as the harbour sees it: on the board, whether they are alive or not.
extension Harbour {
    /// A place for a worker that is about to be started.
    func freePlace() throws(Errno) -> (board: Board, number: Int)? {
        guard let board = configuration.board else { return nil }
        let taken = Set(processes.values.compactMap(\.place))
        guard let place = (0..<board.size.places).first(where: { !taken.contains($0) }) else { throw .outOfMemory }
        return (board, place)
    }

    /// What a worker has counted so far.
    func counts(of process: WorkerProcess) -> WorkerCounts? {
        guard let board = configuration.board, let place = process.place else { return nil }
        return board.counts(of: place)
    }

    /// A worker's process has ended: keeps what it has counted, and takes back what it held. Connections that it had were
    /// ended by the kernel; they have an outcome of their own, so that none is missing.
    func takeBack(from process: WorkerProcess) {
        guard let board = configuration.board, let place = process.place, var counts = counts(of: process) else {
            return
        }
        board.clear(place)
        if counts.active > 0 {
            counts.outcomes[CounterName.lost, default: 0] += counts.active
            counts.active = 0
        }
        handle(.counted(process.id, counts))
    }

    /// Looks at what all of them have counted.
    func lookAtBoard() {
        for (id, process) in processes.sorted(by: { $0.key < $1.key }) {
            if let counts = counts(of: process) { handle(.counted(id, counts)) }
        }
    }

    /// Changes what is allowed, for all workers at once, and says what is allowed then.
    func change(_ change: LimitChange) -> JSONValue {
        guard let board = configuration.board else {
            return ControlReply.failure("a program that is run has no limits of ours")
        }
        if let access = change.access(present: board.readAccess().list), !board.setAccess(access) {
            return ControlReply.failure("there may be \(Board.mostNetworks) blocks of addresses in all")
        }
        for (setting, value) in change.values { board[setting] = value }
        return ControlReply.success(LimitChange.members(of: board))
    }
}
