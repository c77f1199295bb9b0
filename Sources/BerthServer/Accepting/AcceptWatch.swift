internal import BerthSystem

/// Whether accepting goes on, as far as looks from time to time can tell: connections wait, and none is taken.
///
/// A pure state machine: it is told what a look has found and when that was.
struct AcceptWatch {
    enum Finding: Hashable {
        /// So many wait, and none was taken for so long.
        case stalled(waiting: Int, Duration)
        /// That is over, after so long.
        case resumed(Duration)
    }

    let limit: Duration
    private var taken = 0
    private var since: MonotonicTime?
    /// When it is to be told of; `nil` when it was not.
    private var next: Duration
    private var wasTold = false

    /// - Parameter limit: how long connections may wait without one being taken.
    init(limit: Duration) {
        self.limit = limit
        next = limit
    }

    /// - Parameters:
    ///   - waiting: how many connections wait in the accept queues.
    ///   - taken: how many were taken so far.
    mutating func look(waiting: Int, taken: Int, at time: MonotonicTime) -> Finding? {
        guard waiting > 0, taken == self.taken else {
            defer {
                self.taken = taken
                since = waiting > 0 ? time : nil
                next = limit
                wasTold = false
            }
            guard wasTold, let since else { return nil }
            return .resumed(time.duration(since: since))
        }
        let begin = since ?? time
        since = begin
        let duration = time.duration(since: begin)
        guard duration >= next else { return nil }
        wasTold = true
        next = duration * 2
        return .stalled(waiting: waiting, duration)
    }
}

/// Looks after the accepting of a service: a thread that wakes four times within the time that connections may wait without
/// one being taken.
///
/// In a worker it does not run: its connections wait where others take them too, and the harbour looks after the queues.
final class AcceptWatcher: Sendable {
    private enum Stage {
        case running, ending, over
    }

    private let stage = Monitor(Stage.running)

    /// - Parameter waiting: how many connections wait.
    init(of core: ServiceCore, limit: Duration, waiting: @escaping @Sendable () -> Int) throws(Errno) {
        let interval = max(.milliseconds(1), limit / 4)
        try Thread.start(name: "berth-accepts") { [stage] in
            var watch = AcceptWatch(limit: limit)
            while stage.wait(until: .after(interval), { $0 == .ending ? true : nil }) == nil {
                switch watch.look(waiting: waiting(), taken: core.taken, at: .now) {
                case .stalled(let waiting, let time):
                    core.report(.acceptStalled(waiting: waiting, for: time, isFull: !core.hasRoom))
                case .resumed(let time): core.report(.acceptResumed(after: time))
                case nil: break
                }
            }
            stage.change { $0 = .over }
        }
    }

    /// Ends it; nothing is looked at or reported any more.
    func stop() {
        stage.change { $0 = .ending }
        _ = stage.wait { $0 == .over ? true : nil }
    }
}
