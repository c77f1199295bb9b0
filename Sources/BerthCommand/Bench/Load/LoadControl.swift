internal import BerthSystem
internal import Synchronization

/// What the loops of a run are told while they run. Times are those of ``MonotonicTime``, in nanoseconds.
final class LoadControl: Sendable {
    private let beginning = Atomic<Int64>(.max)
    private let ending = Atomic<Int64>(.max)
    private let cut = Atomic<Bool>(false)

    /// When measuring begins: far away until all connections were tried.
    var begin: Int64 { beginning.load(ordering: .sequentiallyConsistent) }

    /// From when on nothing is sent any more, and replies are waited for.
    var end: Int64 { ending.load(ordering: .sequentiallyConsistent) }

    /// Whether nothing is waited for any more.
    var isCut: Bool { cut.load(ordering: .relaxed) }

    /// Sets the times of a run that begins now, unless it was ended before.
    func start(_ plan: LoadPlan) {
        guard end == .max else { return }
        // Loops look at the times every 50 ms, and have to know the beginning before it comes.
        let begin = MonotonicTime.now.advanced(by: max(plan.warmUp, .milliseconds(100)))
        // The end first: a loop that sees the beginning sees the end as well.
        ending.store(begin.advanced(by: plan.duration).nanoseconds, ordering: .sequentiallyConsistent)
        beginning.store(begin.nanoseconds, ordering: .sequentiallyConsistent)
    }

    /// Ends the run now, unless it has ended. One that has not begun is over, too.
    func endNow() {
        let now = MonotonicTime.now.nanoseconds
        guard now < end else { return }
        ending.store(now, ordering: .sequentiallyConsistent)
        if begin == .max { beginning.store(now, ordering: .sequentiallyConsistent) }
    }

    /// Ends the waiting for replies.
    func cutNow() { cut.store(true, ordering: .relaxed) }
}
