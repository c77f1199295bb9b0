extension Diagram {
    /// The diagram for a terminal, with the milliseconds in front of each row.
    package var text: String {
        let widestLabel = rows.map { if case .arrow(_, let label) = $0 { label.count } else { 0 } }.max() ?? 0
        let widestLeft = rows.map { if case .beside(let left, _) = $0 { left.count } else { 0 } }.max() ?? 0
        let middle = max(24, min(widestLabel + 8, 64))
        let margin = max(left.count, min(widestLeft, 52))
        var lines = [
            Self.padded("", 10) + Self.aligned(left, margin) + " |" + Self.padded("", middle) + "| " + right
        ]
        for (row, time) in zip(rows, times) {
            let front = Self.aligned(Self.milliseconds(time), 9) + " "
            let line =
                switch row {
                case .beside(let left, let right):
                    Self.aligned(left, margin) + " |" + Self.padded("", middle) + "| " + right
                case .arrow(let toRight, let label):
                    Self.padded("", margin) + " |" + Self.arrow(label, middle, toRight: toRight) + "|"
                case .across(let text): Self.padded("", margin) + "   " + text
                case .check(let text, let holds): Self.padded("", margin) + (holds ? " = " : " ! ") + text
                }
            lines.append(Self.trimmed(front + line))
        }
        return lines.joined(separator: "\n")
    }

    private static func arrow(_ label: String, _ width: Int, toRight: Bool) -> String {
        let rest = max(0, width - label.count - 6)
        let line = String(repeating: "-", count: rest)
        return toRight ? "--- \(label) \(line)>" : "<\(line) \(label) ---"
    }

    private static func milliseconds(_ time: Double) -> String {
        let tenths = Int((time * 100).rounded())
        let decimals = tenths % 100
        return "\(tenths / 100).\(decimals < 10 ? "0" : "")\(decimals)"
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func aligned(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    private static func trimmed(_ text: String) -> String {
        var text = text[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
