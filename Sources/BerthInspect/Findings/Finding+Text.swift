extension Finding: CustomStringConvertible {
    /// All of it, in several lines without a line break at the end.
    public var description: String {
        var lines = ["\(severity.rawValue)[\(code)]: \(headline)"]
        lines += evidence.map { "evidence: \($0.text) (\($0.source))" }
        lines += gaps.map { "not seen: \($0)" }
        lines.append("means: \(meaning)")
        if fixes.count == 1 {
            lines.append("fix: \(fixes[0])")
        } else {
            lines += fixes.enumerated().map { index, fix in
                "\(index == 0 ? "fix: " : "     ")\(index + 1). \(fix)"
            }
        }
        if let verification { lines.append("verify: \(verification)") }
        lines.append("confidence: \(confidence.rawValue)\(disproof.map { "; wrong if \($0)" } ?? "")")
        return lines.joined(separator: "\n")
    }
}
