internal import BerthInspect

extension CheckReport {
    /// What was found, and how much was looked at.
    func text(_ input: CheckInput) -> String {
        var lines = findings.map(\.description).joined(separator: "\n\n")
        if !lines.isEmpty { lines += "\n\n" }
        let faults = findings.count { $0.severity != .note }
        let notes = findings.count - faults
        var summary =
            faults == 0
            ? "no fault found" : Amount.count(faults, "finding", "findings")
        if notes > 0 { summary += ", " + Amount.count(notes, "note", "notes") }
        summary +=
            "; checked " + Amount.count(checked, "rule", "rules") + " on "
            + Amount.count(input.now.sockets.count, "socket", "sockets") + " and "
            + Amount.count(input.now.processes.count, "process", "processes")
        if !skipped.isEmpty { summary += "; \(skipped.count) skipped" }
        lines += summary
        for (reason, codes) in skippedByReason { lines += "\nskipped \(codes.joined(separator: ", ")): \(reason)" }
        for gap in gaps { lines += "\nnot seen: \(gap)" }
        if !findings.isEmpty { lines += "\nmore: berth explain \(findings[0].code)" }
        return lines
    }

    private var skippedByReason: [(String, [String])] {
        var order: [String] = []
        var codes: [String: [String]] = [:]
        for entry in skipped {
            if codes[entry.reason] == nil { order.append(entry.reason) }
            codes[entry.reason, default: []].append(entry.code.rawValue)
        }
        return order.map { ($0, codes[$0] ?? []) }
    }

    /// One line, version 1.
    func json(_ input: CheckInput) -> String {
        var text = JSONText()
        text.add("version", 1)
        text.add("checked", checked)
        text.add("sockets", input.now.sockets.count)
        text.add("processes", input.now.processes.count)
        text.add("findings", json: JSONText.array(findings.map(\.json)))
        text.add(
            "skipped",
            json: JSONText.array(
                skipped.map { entry in
                    var text = JSONText()
                    text.add("code", entry.code.rawValue)
                    text.add("reason", entry.reason)
                    return text.object
                }))
        text.add("notSeen", json: JSONText.array(gaps.map(JSONText.quoted)))
        return text.object
    }
}

extension Finding {
    /// The finding as an object.
    var json: String {
        var text = JSONText()
        text.add("code", code.rawValue)
        text.add("severity", severity.rawValue)
        text.add("confidence", confidence.rawValue)
        text.add("headline", headline)
        text.add(
            "evidence",
            json: JSONText.array(
                evidence.map { line in
                    var text = JSONText()
                    text.add("text", line.text)
                    text.add("source", line.source)
                    return text.object
                }))
        text.add("notSeen", json: JSONText.array(gaps.map(JSONText.quoted)))
        text.add("means", meaning)
        text.add("fixes", json: JSONText.array(fixes.map(JSONText.quoted)))
        if let verification { text.add("verify", verification) }
        if let disproof { text.add("wrongIf", disproof) }
        return text.object
    }
}
