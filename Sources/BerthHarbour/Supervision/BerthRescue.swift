internal import BerthSystem

/// Notices that connections wait at a berth whose workers accept nothing, and says who shall dock there too.
///
/// The kernel tells how many wait; the workers tell how many they have accepted. A berth is in distress when some have
/// waited for a while and nobody who docks there has accepted anything meanwhile: a busy berth always has a queue.
struct BerthRescue: Sendable {
    enum Step: Sendable, Equatable {
        case ask(Int)
        /// Have a worker look at its berths again.
        case nudge(Int)
        case report(HarbourEvent)
    }

    private struct Watch: Sendable {
        /// Since when connections wait and nobody takes them.
        var since: MonotonicTime?
        /// What the workers of the berth had accepted then.
        var accepted: [Int: Int] = [:]
        /// Who docks there besides.
        var helpers: Set<Int> = []
        /// Who was silent when they were called.
        var stuck: Set<Int> = []
        var emptySince: MonotonicTime?
    }

    private var watches: [Watch]
    private let after: Duration?
    /// How long a berth must be empty, and its own workers at work again, for the helpers to leave.
    private static let calm: Duration = .seconds(5)

    init(berths: Int, after: Duration?) {
        watches = Array(repeating: Watch(), count: berths)
        self.after = after
    }

    /// Looks at the queues.
    ///
    /// - Parameter ready: of each worker that may dock, where it does and what it has accepted.
    mutating func look(
        at depths: [Int], ready: [Int: (berths: [Int], accepted: Int)], _ now: MonotonicTime
    ) -> [Step] {
        guard let after else { return [] }
        var steps: [Step] = []
        for berth in watches.indices where berth < depths.count {
            let docked = ready.filter { $0.value.berths.contains(berth) }.mapValues(\.accepted)
            steps += look(at: berth, depths[berth], docked, Set(ready.keys), now, after)
        }
        return steps
    }

    private mutating func look(
        at berth: Int, _ depth: Int, _ docked: [Int: Int], _ ready: Set<Int>, _ now: MonotonicTime, _ after: Duration
    ) -> [Step] {
        var watch = watches[berth]
        defer { watches[berth] = watch }
        watch.helpers.formIntersection(ready)
        if depth == 0 {
            watch.since = nil
            return calmDown(&watch, berth, docked, now)
        }
        watch.emptySince = nil
        let hasMoved = docked.contains { id, accepted in watch.accepted[id].map { accepted > $0 } ?? false }
        guard let since = watch.since, !hasMoved else {
            watch.since = now
            watch.accepted = docked
            return docked.keys.sorted().map { .ask($0) }
        }
        guard now.duration(since: since) >= after else { return docked.keys.sorted().map { .ask($0) } }
        // Again after the same time, if this does not help.
        watch.since = now
        watch.accepted = docked
        let others = ready.subtracting(docked.keys)
        if others.isEmpty {
            // They all are there: one of them may have been woken and be stuck, while the others sleep.
            return docked.keys.sorted().map { .nudge($0) }
        }
        watch.stuck.formUnion(docked.keys)
        watch.helpers.formUnion(others)
        return [.report(.rescued(berth: berth, waiting: depth, helpers: others.count))]
    }

    /// The helpers leave once the berth's own workers accept again.
    private func calmDown(
        _ watch: inout Watch, _ berth: Int, _ docked: [Int: Int], _ now: MonotonicTime
    ) -> [Step] {
        if watch.helpers.isEmpty { return [] }
        guard let since = watch.emptySince else {
            watch.emptySince = now
            return []
        }
        guard now.duration(since: since) >= Self.calm else { return [] }
        // As long as those that were stuck are there and accept nothing, the helpers stay.
        let isStillStuck = watch.stuck.contains { id in
            guard let accepted = docked[id] else { return false }
            return accepted <= watch.accepted[id] ?? 0
        }
        if isStillStuck { return [] }
        watch.helpers = []
        watch.stuck = []
        return [.report(.rescueEnded(berth: berth))]
    }

    /// Adds the berths in distress to those of their helpers.
    func addHelpers(to assignment: inout [Int: [Int]]) {
        for (berth, watch) in watches.enumerated() {
            for helper in watch.helpers where assignment[helper]?.contains(berth) == false {
                assignment[helper] = (assignment[helper] ?? []).appending(berth)
            }
        }
    }
}

extension [Int] {
    fileprivate func appending(_ number: Int) -> [Int] { (self + [number]).sorted() }
}
