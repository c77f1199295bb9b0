internal import BerthSystem

/// Whether one event loop is blocked by what it runs, as far as looks from time to time can tell: the same run is going on
/// at two of them.
///
/// A pure state machine: it is told what a look has found and when that was. The run is taken to have begun when it was first
/// seen, which is late by as much as the looks are apart.
struct BlockingWatch {
    enum Finding: Hashable {
        /// The run goes on for so long.
        case blocks(UInt64, Duration)
        /// The run that was found to block is over, after so long.
        case blocked(UInt64, Duration)
    }

    private struct Run {
        /// Counts the runs of the loop.
        let number: UInt64
        let runner: UInt64
        let begin: MonotonicTime
        /// When it is to be told of.
        var next: Duration
        var wasTold = false
    }

    let limit: Duration
    private var run: Run?

    /// - Parameter limit: how long a run may go on.
    init(limit: Duration) { self.limit = limit }

    /// - Parameters:
    ///   - number: how many runs there have been, this one included.
    ///   - runner: who runs; 0 for nobody.
    mutating func look(run number: UInt64, of runner: UInt64, at time: MonotonicTime) -> Finding? {
        if let present = run, present.number == number, runner != 0 { return goesOn(present, time) }
        defer { run = runner == 0 ? nil : Run(number: number, runner: runner, begin: time, next: limit) }
        guard let past = run, past.wasTold else { return nil }
        return .blocked(past.runner, time.duration(since: past.begin))
    }

    private mutating func goesOn(_ present: Run, _ time: MonotonicTime) -> Finding? {
        let duration = time.duration(since: present.begin)
        guard duration >= present.next else { return nil }
        run?.wasTold = true
        run?.next = duration * 2
        return .blocks(present.runner, duration)
    }
}
