internal import BerthSystem

/// Notices that connections wait at a berth and become no fewer, where nobody tells what is accepted.
///
/// A queue that is full and served looks the same from one look to the next: what comes of it must do no harm.
struct QueueWatch: Sendable {
    private struct Wait: Sendable {
        var depth: Int
        var since: MonotonicTime
    }

    private var waits: [Wait?]
    private let after: Duration?

    /// - Parameter after: how long a queue may be so; `nil` for any time.
    init(berths: Int, after: Duration?) {
        waits = Array(repeating: nil, count: berths)
        self.after = after
    }

    /// Looks at the queues.
    ///
    /// - Returns: the berths where it has been so for too long, and since when; again after the same time.
    mutating func look(at depths: [Int], _ now: MonotonicTime) -> [(berth: Int, since: MonotonicTime)] {
        guard let after else { return [] }
        var stuck: [(berth: Int, since: MonotonicTime)] = []
        for (berth, depth) in depths.enumerated() where berth < waits.count {
            guard depth > 0 else {
                waits[berth] = nil
                continue
            }
            guard var wait = waits[berth], depth >= wait.depth else {
                waits[berth] = Wait(depth: depth, since: now)
                continue
            }
            wait.depth = depth
            if now.duration(since: wait.since) >= after {
                stuck.append((berth, wait.since))
                wait.since = now
            }
            waits[berth] = wait
        }
        return stuck
    }
}
