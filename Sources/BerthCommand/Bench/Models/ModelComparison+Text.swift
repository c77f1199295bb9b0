extension ModelComparison {
    /// The table, the bars, and who is best.
    var text: String {
        var lines: [String] = []
        if let plan = results.lazy.compactMap(\.result).first?.plan { lines += [plan.description, ""] }
        lines += tableLines
        for entry in results {
            switch entry.outcome {
            case .failure(let failure): lines.append("\(entry.model) could not be served: \(failure.message)")
            case .success(let result):
                for failure in result.failures.entries {
                    let times = Amount.count(failure.count, "time", "times")
                    lines.append("\(entry.model): \(failure.kind.name), \(times), for example \(failure.example)")
                }
            }
        }
        lines += barLines("requests/s") { ($0.requestsPerSecond, Amount.grouped(Int($0.requestsPerSecond.rounded()))) }
        lines += barLines("CPU of the service for a request") { result in
            result.serverMicroseconds.map { ($0, "\(Amount.threeDigits($0)) µs") }
        }
        lines += barLines("p50") { (Double($0.latency.p50), Amount.latency(nanoseconds: $0.latency.p50)) }
        lines += barLines("p99") { (Double($0.latency.p99), Amount.latency(nanoseconds: $0.latency.p99)) }
        return (lines + verdict).joined(separator: "\n")
    }

    private var tableLines: [String] {
        var table = TextTable([.left, .right, .right, .right, .right, .right])
        table.add(["model", "errors", "requests/s", "CPU/request", "p50", "p99"])
        for entry in results {
            guard let result = entry.result else { continue }
            table.add([
                entry.model, Amount.grouped(result.failures.total),
                Amount.grouped(Int(result.requestsPerSecond.rounded())),
                result.serverMicroseconds.map { "\(Amount.threeDigits($0)) µs" } ?? "?",
                Amount.latency(nanoseconds: result.latency.p50), Amount.latency(nanoseconds: result.latency.p99),
            ])
        }
        return table.lines()
    }

    /// A bar for each model, the longest as wide as 40 columns.
    private func barLines(_ title: String, _ figure: (LoadResult) -> (value: Double, text: String)?) -> [String] {
        let figures = results.compactMap { entry in
            entry.result.flatMap(figure).map { (model: entry.model, value: $0.value, text: $0.text) }
        }
        guard let largest = figures.map(\.value).max(), largest > 0 else { return [] }
        var table = TextTable([.left, .left])
        for entry in figures {
            let length = max(1, Int((entry.value / largest * 40).rounded()))
            table.add([entry.model, String(repeating: "█", count: length) + " " + entry.text])
        }
        return ["", title] + table.lines(indent: "  ")
    }

    private var verdict: [String] {
        guard let processor = leastProcessorTime, let latency = lowestLatency else { return [] }
        return [
            "",
            "least CPU for a request: \(processor.model), \(Amount.threeDigits(processor.figure)) µs",
            "lowest p99: \(latency.model), \(Amount.latency(nanoseconds: UInt64(latency.figure)))",
            "one run each: differences of a few percent say nothing",
        ]
    }

    /// One line of JSON, version 1 of its form; each model has what a run of its own would write.
    var json: String {
        var text = JSONText()
        text.add("version", 1)
        let models = results.map { entry in
            var model = JSONText()
            model.add("model", entry.model)
            switch entry.outcome {
            case .success(let result): model.add("result", json: result.json)
            case .failure(let failure): model.add("failure", failure.message)
            }
            return model.object
        }
        text.add("models", json: JSONText.array(models))
        if let best = leastProcessorTime { text.add("least_cpu_model", best.model) }
        if let best = lowestLatency { text.add("lowest_p99_model", best.model) }
        return text.object
    }
}
