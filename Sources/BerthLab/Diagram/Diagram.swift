/// A trace as rows of a sequence diagram: what stands left of the two lifelines, between them and right of them.
package struct Diagram: Sendable {
    package enum Row: Sendable, Hashable {
        /// Texts beside the lifelines; one of them is empty.
        case beside(left: String, right: String)
        /// An arrow from one lifeline to the other.
        case arrow(toRight: Bool, label: String)
        /// A text across.
        case across(String)
        case check(String, holds: Bool)
    }

    package var left: String
    package var right: String
    package var rows: [Row]
    /// Milliseconds since the beginning, for each row.
    package var times: [Double]

    /// - Parameter isStable: whether only what is the same in each run is shown: neither times, nor incidental packets,
    ///   nor states that a moment later may be others. Documents are made of that.
    package init(_ trace: Trace, isStable: Bool = false) {
        left = trace.titles[.client] ?? "client"
        right = trace.titles[.server] ?? "server"
        rows = []
        times = []
        for entry in trace.entries {
            let row: Row
            switch entry.event {
            case .call(let side, let text):
                row = side == .client ? .beside(left: text, right: "") : .beside(left: "", right: text)
            case .state(let side, let text):
                if isStable { continue }
                let shown = "(\(text))"
                row = side == .client ? .beside(left: shown, right: "") : .beside(left: "", right: shown)
            case .packet(let from, let label, let isIncidental):
                if isStable, isIncidental { continue }
                row = .arrow(toRight: from == .client, label: label)
            case .note(let text): row = .across(text)
            case .check(let check):
                row = .check(isStable ? "\(check.subject): \(check.expected)" : check.text, holds: check.holds)
            }
            rows.append(row)
            times.append(Double(entry.time) / 1e6)
        }
    }
}
