internal import BerthLab
internal import BerthSockets
internal import BerthSystem

extension Experiment {
    /// What it claims.
    var json: JSONText {
        var text = JSONText()
        text.add("id", id)
        text.add("theme", theme.rawValue)
        text.add("claim", claim)
        if let belief { text.add("belief", belief) }
        text.add("verdict", verdict.words)
        text.add("kind", kind.rawValue)
        return text
    }
}

extension Witness.Sighting {
    /// A segment, with relative numbers and the nanoseconds of the wall clock.
    fileprivate var json: JSONText {
        var text = JSONText()
        text.add("time", Int(time))
        text.add("source", segment.source.description)
        text.add("destination", segment.destination.description)
        text.add("flags", Int(segment.flags.rawValue))
        text.add("sequence", Int(sequence))
        if let acknowledgement { text.add("acknowledgement", Int(acknowledgement)) }
        text.add("window", Int(segment.window))
        text.add("length", segment.length)
        text.add("options", json: JSONText.array(segment.options.map { JSONText.quoted($0.description) }))
        return text
    }
}

extension ExperimentReport {
    /// What it claims, and what came of it.
    var json: JSONText {
        var text = experiment.json
        text.add("result", result.word)
        switch result {
        case .broken(let reason), .skipped(let reason): text.add("reason", reason)
        case .held, .failed: break
        }
        text.add("seconds", duration.inSeconds)
        text.add(
            "checks",
            json: JSONText.array(
                checks.map { check in
                    var text = JSONText()
                    text.add("subject", check.subject)
                    text.add("expected", check.expected)
                    text.add("observed", check.observed)
                    text.add("holds", check.holds)
                    return text.object
                }))
        var values = JSONText()
        for figure in figures { values.add(figure.name, figure.value) }
        text.add("figures", json: values.object)
        var counters = JSONText()
        for counter in trace.counters { counters.add(counter.name, counter.moved) }
        text.add("counters", json: counters.object)
        // There are some for a single experiment alone.
        if !sightings.isEmpty { text.add("packets", json: JSONText.array(sightings.map { $0.json.object })) }
        return text
    }
}
