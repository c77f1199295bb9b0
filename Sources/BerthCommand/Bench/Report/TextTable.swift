/// Rows of text whose columns are aligned. The last column is never padded, so that no line ends in spaces.
struct TextTable {
    enum Alignment { case left, right }

    private let alignments: [Alignment]
    private var rows: [[String]] = []

    init(_ alignments: [Alignment]) { self.alignments = alignments }

    mutating func add(_ cells: [String]) { rows.append(cells) }

    /// The lines, with `indent` in front and two spaces between columns.
    func lines(indent: String = "") -> [String] {
        let widths = alignments.indices.map { column in
            rows.map { column < $0.count ? $0[column].terminalWidth : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = indent
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.terminalWidth)
                let isLast = column == row.count - 1
                switch alignments[column] {
                case .right: line += padding + cell
                case .left: line += isLast ? cell : cell + padding
                }
                if !isLast { line += "  " }
            }
            return line
        }
    }
}
