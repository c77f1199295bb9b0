internal import BerthSockets
internal import BerthSystem

extension LoadLoop {
    private static let second: Int64 = 1_000_000_000

    /// Measuring begins, or a second of it ends, or all of it.
    mutating func advance() {
        while now >= boundary {
            if interval < 0 {
                interval = 0
                processorTime = -Kernel.threadProcessorTime
            } else if boundary >= end {
                // The last second is handed over with the replies that are still to come.
                processorTime += Kernel.threadProcessorTime
                hasEnded = true
                boundary = .max
                return
            } else {
                deliver()
                interval += 1
            }
            boundary = min(begin + Int64(interval + 1) * Self.second, end)
        }
    }

    private mutating func deliver() {
        let total = failures.total
        collector.add(
            LoadSecond(
                number: interval, replies: counts.replies - repliesBefore, failures: total - failuresBefore,
                latencies: buckets.take()))
        repliesBefore = counts.replies
        failuresBefore = total
    }

    /// Counts what did not come, or could not be sent, and hands over everything.
    mutating func finish() {
        let waited = Duration.nanoseconds(max(0, now - end)).short
        // Those that nobody wanted to wait for have not failed.
        let hasWaited = !control.isCut
        for index in 0..<slotCount where unsafe hasWaited && slots[index].phase != .empty && slots[index].isAsking {
            let missing = unsafe slots[index].granted &- slots[index].received
            unsafe fail(
                slots + index, .noReply,
                "\(Amount.count(Int(missing), "reply was", "replies were")) missing \(waited) after the end")
        }
        if interval >= 0 {
            countUnsent()
            if !hasEnded { processorTime += Kernel.threadProcessorTime }
            deliver()
        }
        counts.processorTime = interval < 0 ? 0 : processorTime
        collector.finished(counts, failures)
    }

    /// A message that was due and never sent has waited at least until the end: leaving it out would make a service
    /// look the better the less it keeps up.
    private mutating func countUnsent() {
        guard let schedule, schedule.start != nil else { return }
        var message = schedule.next
        while schedule.time(of: message) < end {
            if schedule.time(of: message) >= begin {
                buckets.record(end - schedule.time(of: message))
                counts.unsent += 1
            }
            message += 1
        }
    }
}
