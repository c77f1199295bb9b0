package import BerthSystem

/// What a supervision knows of one worker.
package struct SupervisedWorker: Sendable {
    package enum State: Sendable, Hashable {
        /// Its process was started, and it has not said that it is ready.
        case starting
        case ready
        /// It was told to leave, or said that it does.
        case leaving
    }

    /// Its place: which berths it docks at, and whom it replaces. Of one slot there may be one that leaves and one that
    /// comes.
    package let slot: Int
    package let generation: Int
    package let startedAt: MonotonicTime
    package internal(set) var state: State = .starting
    package internal(set) var pid: Int32?
    package internal(set) var counts = WorkerCounts()
    package internal(set) var readyAt: MonotonicTime?
    package internal(set) var lastHeard: MonotonicTime
    /// When it is killed if it is still there.
    var killAt: MonotonicTime?
    var wasKilled = false
    /// Why another one shall take its place.
    var replacement: String?
    /// Whether that is since it says nothing.
    var isSilent = false
    var retiresAt: MonotonicTime?
    var connectionLimit: Int?
    /// The berths it was told to dock at.
    package internal(set) var berths: [Int] = []

    init(slot: Int, generation: Int, at now: MonotonicTime, killAt: MonotonicTime) {
        self.slot = slot
        self.generation = generation
        startedAt = now
        lastHeard = now
        self.killAt = killAt
    }
}

/// A version of the program.
package struct Generation: Sendable, Hashable {
    package let number: Int
    package let name: String
}
