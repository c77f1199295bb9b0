internal import BerthSystem

extension ExperimentReport {
    /// How many packets a diagram may have and still be read.
    private static let mostPackets = 120

    /// The whole report for a terminal: claim, diagram, comparisons, figures, counters, why.
    package var text: String {
        var lines = ["\(experiment.id): \(experiment.claim)"]
        if let belief = experiment.belief { lines.append("What people say: \(belief) (\(experiment.verdict.words))") }
        var shown = trace
        let isPacket = { (entry: Trace.Entry) in if case .packet = entry.event { true } else { false } }
        let packets = trace.entries.count(where: isPacket)
        if packets > Self.mostPackets { shown.entries.removeAll(where: isPacket) }
        if !shown.entries.isEmpty { lines += ["", Diagram(shown).text] }
        let hidden = (packets > Self.mostPackets ? packets : 0) + trace.omittedPackets
        if hidden > 0 { lines.append("(\(hidden) packets are not shown; --pcap FILE keeps the first of them)") }
        if !figures.isEmpty {
            lines += ["", "figures: " + figures.map { "\($0.name) \($0.text)" }.joined(separator: ", ")]
        }
        if !trace.counters.isEmpty {
            lines.append("counters: " + trace.counters.map { "\($0.name) +\($0.moved)" }.joined(separator: ", "))
        }
        lines += ["", experiment.explanation, "", verdictLine]
        return lines.joined(separator: "\n")
    }

    /// The result with the reason for it, in one sentence.
    package var verdictLine: String {
        switch result {
        case .held: "\(experiment.id): as claimed, \(checks.count) comparison\(checks.count == 1 ? "" : "s")"
        case .failed:
            "\(experiment.id): NOT as claimed; " + checks.filter { !$0.holds }.map(\.text).joined(separator: "; ")
        case .broken(let reason): "\(experiment.id): broken; \(reason)"
        case .skipped(let reason): "\(experiment.id): skipped; \(reason)"
        }
    }

    /// Seconds with two decimals.
    package var seconds: String {
        let hundredths = Int((duration.inSeconds * 100).rounded())
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
    }

    /// The table at the end of a run of several.
    package static func table(_ reports: [ExperimentReport]) -> String {
        let width = reports.map(\.experiment.id.count).max() ?? 0
        var lines: [String] = []
        for theme in Theme.allCases {
            let members = reports.filter { $0.experiment.theme == theme }
            if members.isEmpty { continue }
            lines.append(theme.rawValue)
            for report in members {
                let id = report.experiment.id
                var line = "  \(id)\(String(repeating: " ", count: width - id.count))  "
                line += report.result.word + String(repeating: " ", count: 16 - report.result.word.count)
                line += "\(report.checks.filter(\.holds).count)/\(report.checks.count)  \(report.seconds) s"
                switch report.result {
                case .held: break
                case .failed: line += "  " + report.checks.filter { !$0.holds }.map(\.text).joined(separator: "; ")
                case .broken(let reason), .skipped(let reason): line += "  \(reason)"
                }
                lines.append(line)
            }
        }
        func count(_ word: String) -> Int { reports.filter { $0.result.word == word }.count }
        var summary = "\(reports.count) experiments: \(count("as claimed")) as claimed"
        for (word, shown) in [("NOT as claimed", "not as claimed"), ("broken", "broken"), ("skipped", "skipped")]
        where count(word) > 0 { summary += ", \(count(word)) \(shown)" }
        return (lines + ["", summary]).joined(separator: "\n")
    }
}
