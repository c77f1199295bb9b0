internal import BerthSystem

/// What a loop counts, apart from latencies.
struct LoadCounts: Sendable {
    /// Replies that came, whole and right, while it was measured, and the bytes of those and of parts.
    var replies = 0
    var bytes = 0
    /// Messages whose connection failed before their reply.
    var lost = 0
    /// Messages of the schedule that were never sent, and the most that ever waited to be sent.
    var unsent = 0
    var largestBacklog = 0
    /// Of the thread while it was measured, in nanoseconds.
    var processorTime: Int64 = 0

    mutating func add(_ other: LoadCounts) {
        replies += other.replies
        bytes += other.bytes
        lost += other.lost
        unsent += other.unsent
        largestBacklog += other.largestBacklog
        processorTime += other.processorTime
    }
}

/// What one thread counted in one second.
struct LoadSecond: Sendable {
    var number: Int
    var replies: Int
    var failures: Int
    var latencies: LatencyCounts
}

/// One second of all threads, as it is told.
struct LoadSample: Sendable, Hashable {
    var number: Int
    var replies: Int
    var failures: Int
    var latency: LatencySummary
}

/// Where the threads of a run hand over what they counted.
final class LoadCollector: Sendable {
    private struct State {
        var opened = 0
        var finished = 0
        var open: [Int: (sample: LoadSample, histogram: LatencyHistogram, deliveries: Int)] = [:]
        var samples: [LoadSample] = []
        var total = LatencyHistogram()
        var counts = LoadCounts()
        var failures = FailureTally()
        var busiest: Int64 = 0
        var broken: Errno?
    }

    /// What there is at the end.
    struct Harvest: Sendable {
        var samples: [LoadSample]
        var latencies: LatencyHistogram
        var counts: LoadCounts
        var failures: FailureTally
        /// The processor time of the thread that used most.
        var busiest: Int64
        /// Why a thread could not go on.
        var broken: Errno?
    }

    private let threads: Int
    private let state = Monitor(State())

    init(threads: Int) { self.threads = threads }

    /// A thread has tried all of its connections.
    func opened() { state.change { $0.opened += 1 } }

    func add(_ second: LoadSecond) {
        state.change { state in
            state.total.add(second.latencies)
            var entry =
                state.open[second.number]
                ?? (
                    LoadSample(number: second.number, replies: 0, failures: 0, latency: LatencySummary()),
                    LatencyHistogram(), 0
                )
            entry.sample.replies += second.replies
            entry.sample.failures += second.failures
            entry.histogram.add(second.latencies)
            entry.deliveries += 1
            if entry.deliveries < threads {
                state.open[second.number] = entry
                return
            }
            // A summary is kept of each second, not its histogram.
            state.open[second.number] = nil
            entry.sample.latency = entry.histogram.summary
            state.samples.append(entry.sample)
        }
    }

    func finished(_ counts: LoadCounts, _ failures: FailureTally) {
        state.change { state in
            state.counts.add(counts)
            state.failures.add(failures)
            state.busiest = max(state.busiest, counts.processorTime)
            state.finished += 1
        }
    }

    /// A thread cannot go on.
    func broke(_ error: Errno) {
        state.change { state in
            state.broken = error
            state.opened += 1
            state.finished += 1
        }
    }

    /// Waits until all threads have tried their connections, or have ended.
    func waitUntilOpened(until deadline: Deadline) -> Bool {
        state.wait(until: deadline) { $0.opened >= self.threads || $0.finished >= self.threads ? true : nil } ?? false
    }

    /// Waits until all threads have ended.
    func waitUntilFinished(until deadline: Deadline) -> Bool {
        state.wait(until: deadline) { $0.finished >= self.threads ? true : nil } ?? false
    }

    /// The last second that is complete.
    var latest: LoadSample? { state.withLock { $0.samples.last } }

    var harvest: Harvest {
        state.withLock { state in
            Harvest(
                samples: state.samples, latencies: state.total, counts: state.counts, failures: state.failures,
                busiest: state.busiest, broken: state.broken)
        }
    }
}
