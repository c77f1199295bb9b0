/// Makes one line of JSON (RFC 8259), field by field: enough for what commands report.
struct JSONText {
    private(set) var fields: [String] = []

    /// The object with all fields so far.
    var object: String { "{\(fields.joined(separator: ","))}" }

    mutating func add(_ name: String, _ value: Int) { fields.append("\"\(name)\":\(value)") }

    mutating func add(_ name: String, _ value: Bool) { fields.append("\"\(name)\":\(value)") }

    mutating func add(_ name: String, _ value: String) { fields.append("\"\(name)\":\(Self.quoted(value))") }

    /// A number with three decimal places at most; `null` for one that JSON cannot hold.
    mutating func add(_ name: String, _ value: Double?) {
        fields.append("\"\(name)\":\(value.map { Self.number($0) } ?? "null")")
    }

    /// A value that is JSON already.
    mutating func add(_ name: String, json: String) { fields.append("\"\(name)\":\(json)") }

    static func array(_ values: [String]) -> String { "[\(values.joined(separator: ","))]" }

    static func number(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "null" }
        return "\((value * 1000).rounded() / 1000)"
    }

    static func quoted(_ text: String) -> String {
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
