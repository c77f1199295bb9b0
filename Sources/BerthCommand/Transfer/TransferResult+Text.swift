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
        var fields = ["\"version\":1", "\"name\":\(Self.quoted(name))", "\"size\":\(size)", "\"offset\":\(offset)"]
        fields.append("\"seconds\":\(Double(duration.wholeNanoseconds / 1_000_000) / 1000)")
        switch outcome {
        case .stored(let digest): fields += ["\"stored\":true", "\"sha256\":\"\(digest)\""]
        case .failed(let sentence): fields += ["\"stored\":false", "\"error\":\(Self.quoted(sentence))"]
        }
        return "{\(fields.joined(separator: ","))}"
    }

    /// A JSON string (RFC 8259, 7).
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\u{0}"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
