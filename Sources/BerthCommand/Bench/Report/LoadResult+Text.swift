internal import BerthSockets
internal import BerthSystem

extension LoadPlan {
    /// One line on what is done: "closed loop, 64 connections with 1 message in flight each, bodies of 64 bytes".
    var description: String {
        let bodies = "bodies of \(Amount.count(bodyCount, "byte", "bytes"))"
        let places = Amount.count(connections, "connection", "connections")
        var parts: [String]
        switch pace {
        case .closed: parts = ["closed loop"]
        case .open(let perSecond): parts = ["open loop at \(Amount.grouped(Int(perSecond.rounded())))/s"]
        }
        if isChurning {
            parts.append("a connection for each message, \(places) at a time")
        } else {
            parts.append("\(places) with \(Amount.count(depth, "message", "messages")) in flight each")
        }
        parts.append(bodies)
        if threads > 1 { parts.append("\(threads) threads") }
        return parts.joined(separator: ", ")
    }
}

extension LoadResult {
    /// The report for people: failures first, because figures of what failed mean nothing.
    var text: String {
        var lines = ["\(plan.address): \(plan.description)"]
        if wasCutShort { lines.append("ended early, after \(Amount.time(measured)) of \(Amount.time(plan.duration))") }
        lines.append("")
        lines += failureLines + [""] + figureLines
        return lines.joined(separator: "\n")
    }

    private var failureLines: [String] {
        if failures.total == 0 {
            return counts.replies > 0
                ? ["errors    none; every byte of every reply was checked"] : ["errors    none, and no reply"]
        }
        var table = TextTable([.left, .right, .left])
        for entry in failures.entries {
            table.add([entry.kind.name, Amount.grouped(entry.count), "for example \(entry.example)"])
        }
        var lines = ["errors    \(Amount.grouped(failures.total))"] + table.lines(indent: "  ")
        if counts.lost > 0 {
            lines.append("  \(Amount.count(counts.lost, "message", "messages")) without a reply because of them")
        }
        return lines
    }

    private var figureLines: [String] {
        guard measured > .zero else { return ["nothing was measured: the run ended within its warm-up"] }
        let perSecond = Amount.grouped(Int(requestsPerSecond.rounded()))
        let replies = Amount.count(counts.replies, "reply", "replies")
        let rate = Amount.rate(Int64(bytesPerSecond), in: .seconds(1))
        let size = Amount.count(wireCount, "byte", "bytes")
        var lines = ["requests  \(perSecond)/s: \(replies) of \(size) in \(measured.short), \(rate) each way"]
        if case .open = plan.pace { lines.append("schedule  \(scheduleSentence)") }
        if latencyCount > 0 { lines += latencyLines }
        lines += processorLines
        return lines
    }

    private var scheduleSentence: String {
        if counts.unsent > 0 {
            let unsent = Amount.count(counts.unsent, "message was", "messages were")
            // A few at the very end say nothing about the service.
            let verdict = counts.unsent > Int(latencyCount) / 100 ? "the service fell behind: " : "kept, but "
            return "\(verdict)\(unsent) due and never sent, and count with the time they had waited"
        }
        if counts.largestBacklog > 0 {
            return "kept; at most \(Amount.count(counts.largestBacklog, "message", "messages")) had to wait for room"
        }
        return "kept"
    }

    private var latencyLines: [String] {
        var table = TextTable([.left, .right, .right, .right, .right, .right])
        table.add(["latency ", "p50", "p90", "p99", "p99.9", "max"])
        let values = [latency.p50, latency.p90, latency.p99, latency.p999, latency.maximum]
        table.add([""] + values.map { Amount.latency(nanoseconds: $0) })
        return table.lines()
    }

    private var processorLines: [String] {
        var table = TextTable([.left, .left, .right, .left])
        if let own = generatorMicroseconds {
            table.add(["CPU     ", "generator", "\(Amount.threeDigits(own)) µs/request", Self.share(generatorCores)])
        }
        if let server = serverMicroseconds, let cores = serverCores {
            table.add(["", "service", "\(Amount.threeDigits(server)) µs/request", Self.share(cores)])
        }
        return table.lines()
    }

    private static func share(_ cores: Double) -> String { "\(Int((cores * 100).rounded())) % of a core" }

    /// What to beware of, for standard error.
    var warning: String? {
        guard isGeneratorBusy else { return nil }
        let share = Self.share(busiestThreadShare)
        return
            "the generator used \(share) in one thread: it may be the limit, not the service; try --threads \(plan.threads + 1)"
    }

    /// A table of the seconds.
    var seriesText: String {
        var table = TextTable([.right, .right, .right, .right, .right, .right])
        table.add(["second", "requests", "errors", "p50", "p99", "max"])
        for sample in samples {
            let values = [sample.latency.p50, sample.latency.p99, sample.latency.maximum]
            table.add(
                ["\(sample.number + 1)", Amount.grouped(sample.replies), Amount.grouped(sample.failures)]
                    + values.map { sample.replies > 0 ? Amount.latency(nanoseconds: $0) : "-" })
        }
        return table.lines().joined(separator: "\n")
    }
}

extension LoadSample {
    /// One line for the time in which it is measured.
    var progress: String {
        var text = "\(number + 1) s  \(Amount.grouped(replies))/s"
        if replies > 0 {
            text += "  p50 \(Amount.latency(nanoseconds: latency.p50))"
            text += "  p99 \(Amount.latency(nanoseconds: latency.p99))"
        }
        if failures > 0 { text += "  \(Amount.count(failures, "error", "errors"))" }
        return text
    }
}
