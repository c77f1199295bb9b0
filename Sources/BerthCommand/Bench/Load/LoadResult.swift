internal import BerthSystem

/// What a run found.
struct LoadResult: Sendable {
    var plan: LoadPlan
    /// The bytes of a message as it is sent.
    var wireCount: Int
    /// How long it was measured: less than was planned when someone ended it.
    var measured: Duration = .zero
    var wasCutShort = false
    var counts: LoadCounts
    var failures: FailureTally
    var latency: LatencySummary
    var meanLatency: Double
    var latencyCount: UInt64
    var samples: [LoadSample]
    /// Of the busiest thread of the generator, in nanoseconds.
    var busiestThread: Int64
    var serverProcessorTime: Duration?

    init(plan: LoadPlan, wireCount: Int, harvest: LoadCollector.Harvest) {
        self.plan = plan
        self.wireCount = wireCount
        counts = harvest.counts
        failures = harvest.failures
        latency = harvest.latencies.summary
        meanLatency = harvest.latencies.mean
        latencyCount = harvest.latencies.count
        samples = harvest.samples
        busiestThread = harvest.busiest
    }

    private var seconds: Double { max(measured.inSeconds, 1e-9) }

    var requestsPerSecond: Double { measured > .zero ? Double(counts.replies) / seconds : 0 }

    var bytesPerSecond: Double { measured > .zero ? Double(counts.bytes) / seconds : 0 }

    /// Microseconds of processor time for each reply.
    var generatorMicroseconds: Double? { perReply(Double(counts.processorTime)) }
    var serverMicroseconds: Double? { serverProcessorTime.flatMap { perReply(Double($0.wholeNanoseconds)) } }

    private func perReply(_ nanoseconds: Double) -> Double? {
        counts.replies > 0 ? nanoseconds / 1000 / Double(counts.replies) : nil
    }

    /// Cores that were used: 0.96 is 96 % of one.
    var generatorCores: Double { Double(counts.processorTime) / 1e9 / seconds }
    var busiestThreadShare: Double { Double(busiestThread) / 1e9 / seconds }
    var serverCores: Double? { serverProcessorTime.map { $0.inSeconds / seconds } }

    /// Whether all that was asked was answered, byte for byte.
    var isFine: Bool { failures.total == 0 && counts.replies > 0 }

    /// Whether the generator was as busy as one core allows, so that it, and not the service, may be the limit.
    var isGeneratorBusy: Bool { measured > .zero && busiestThreadShare >= 0.9 }
}
