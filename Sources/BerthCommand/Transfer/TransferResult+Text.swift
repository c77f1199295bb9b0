internal import BerthSockets
internal import BerthSystem

extension TransferResult {
    /// One line for people. `verb` is "sent" or "received".
    func text(_ verb: String) -> String {
        switch outcome {
        case .failed(let sentence): return "\(name): not \(verb): \(sentence)"
        case .stored(let digest):
            let moved = size - offset
            var text = "\(name): \(verb) \(Amount.bytes(moved)) in \(duration.short)"
            if duration >= .milliseconds(100) { text += " (\(Amount.rate(moved, in: duration)))" }
            if offset > 0 { text += ", continued at \(Amount.bytes(offset))" }
            return text + ", SHA-256 \(digest)"
        }
    }

    /// One line of JSON, version 1 of its form.
    var json: String {
        var fields = ["\"version\":1", "\"name\":\(JSONText.quoted(name))", "\"size\":\(size)", "\"offset\":\(offset)"]
        fields.append("\"seconds\":\(Double(duration.wholeNanoseconds / 1_000_000) / 1000)")
        switch outcome {
        case .stored(let digest): fields += ["\"stored\":true", "\"sha256\":\"\(digest)\""]
        case .failed(let sentence): fields += ["\"stored\":false", "\"error\":\(JSONText.quoted(sentence))"]
        }
        return "{\(fields.joined(separator: ","))}"
    }
}
