internal import BerthSockets
internal import BerthSystem

/// What this process is when a harbour has started it: one of its workers.
package struct WorkerRole: Sendable {
    /// Its number.
    package let worker: Int
    /// Of which service of the program: what its server was told to listen on.
    package let server: String
    /// How many berths were handed to it; they are the descriptors from 3 on.
    package let berths: Int
    package let link: Link
    /// Where it counts; `nil` when what was handed over is no board, or another version's.
    package let place: BoardPlace?

    enum Variable {
        static let worker = "BERTH_WORKER"
        static let server = "BERTH_SERVER"
        static let link = "BERTH_LINK"
        static let generation = "BERTH_GENERATION"
        static let board = "BERTH_BOARD"
        static let place = "BERTH_PLACE"
        static let all = [worker, server, link, generation, board, place]
    }

    /// The role of this process; `nil` when no harbour has started it. LISTEN_PID tells it from a child of a worker, which
    /// inherits the variables.
    package static let current: WorkerRole? = {
        guard let worker = Kernel.environmentVariable(Variable.worker).flatMap({ Int($0) }),
            let server = Kernel.environmentVariable(Variable.server),
            let link = Kernel.environmentVariable(Variable.link).flatMap({ Int32($0) }),
            let environment = try? ListenEnvironment.current(),
            (try? Kernel.setCloseOnExec(link, true)) != nil
        else { return nil }
        return WorkerRole(
            worker: worker, server: server, berths: environment.count, link: Link(Descriptor(owning: link)),
            place: inheritedPlace())
    }()

    private static func inheritedPlace() -> BoardPlace? {
        guard let descriptor = Kernel.environmentVariable(Variable.board).flatMap({ Int32($0) }),
            let place = Kernel.environmentVariable(Variable.place).flatMap({ Int($0) }),
            (try? Kernel.setCloseOnExec(descriptor, true)) != nil,
            let board = try? Board.inherited(Descriptor(owning: descriptor)), (0..<board.size.places).contains(place)
        else { return nil }
        return BoardPlace(board, place)
    }
}
