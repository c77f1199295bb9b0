internal import BerthSockets
internal import BerthSystem

extension LoadResult {
    /// One line of JSON, version 1 of its form. Every number has its unit in its name.
    var json: String {
        var text = JSONText()
        text.add("version", 1)
        addPlan(to: &text)
        text.add("ended_early", wasCutShort)
        text.add("errors", failures.total)
        text.add("errors_by_kind", json: JSONText.array(failures.entries.map(Self.failure)))
        text.add("replies", counts.replies)
        text.add("lost_messages", counts.lost)
        text.add("requests_per_second", requestsPerSecond)
        text.add("received_bytes_per_second", bytesPerSecond)
        text.add("latency", json: latencyJSON)
        if case .open = plan.pace {
            text.add("unsent_messages", counts.unsent)
            text.add("largest_backlog_messages", counts.largestBacklog)
        }
        text.add("generator_cpu_us_per_request", generatorMicroseconds)
        text.add("generator_cpu_cores", generatorCores)
        text.add("busiest_generator_thread_cores", busiestThreadShare)
        text.add("service_cpu_us_per_request", serverMicroseconds)
        text.add("service_cpu_cores", serverCores)
        text.add("series", json: JSONText.array(samples.map(Self.sample)))
        return text.object
    }

    private func addPlan(to text: inout JSONText) {
        text.add("address", "\(plan.address)")
        switch plan.pace {
        case .closed: text.add("loop", "closed")
        case .open(let perSecond):
            text.add("loop", "open")
            text.add("scheduled_requests_per_second", perSecond)
        }
        text.add("churn", plan.isChurning)
        text.add("framing", "\(plan.framing)")
        text.add("connections", plan.connections)
        text.add("depth_messages", plan.depth)
        text.add("threads", plan.threads)
        text.add("body_bytes", plan.bodyCount)
        text.add("message_bytes", wireCount)
        text.add("warm_up_seconds", plan.warmUp.inSeconds)
        text.add("measured_seconds", measured.inSeconds)
    }

    private var latencyJSON: String {
        var text = JSONText()
        text.add("count", Int(latencyCount))
        text.add("mean_us", meanLatency / 1000)
        Self.add(latency, to: &text)
        return text.object
    }

    private static func add(_ latency: LatencySummary, to text: inout JSONText) {
        text.add("p50_us", Double(latency.p50) / 1000)
        text.add("p90_us", Double(latency.p90) / 1000)
        text.add("p99_us", Double(latency.p99) / 1000)
        text.add("p999_us", Double(latency.p999) / 1000)
        text.add("max_us", Double(latency.maximum) / 1000)
    }

    private static func failure(_ entry: (kind: LoadFailure, count: Int, example: String)) -> String {
        var text = JSONText()
        text.add("kind", entry.kind.key)
        text.add("count", entry.count)
        text.add("example", entry.example)
        return text.object
    }

    private static func sample(_ sample: LoadSample) -> String {
        var text = JSONText()
        text.add("second", sample.number + 1)
        text.add("replies", sample.replies)
        text.add("errors", sample.failures)
        add(sample.latency, to: &text)
        return text.object
    }
}
