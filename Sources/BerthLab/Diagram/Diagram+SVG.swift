extension Diagram {
    /// Where things are, in pixels. Texts are monospaced, so that their widths are known.
    private enum Layout {
        static let character = 7.3
        static let line = 17
        static let margin = 16
        static let gap = 12
        static let longestText = 46
    }

    /// The diagram as an image. Long texts are broken into lines.
    package var svg: String {
        var leftWidth = left.count
        var rightWidth = right.count
        var middleWidth = 24
        var widest = 0
        for row in rows {
            switch row {
            case .beside(let left, let right):
                leftWidth = max(leftWidth, Self.broken(left).map(\.count).max() ?? 0)
                rightWidth = max(rightWidth, Self.broken(right).map(\.count).max() ?? 0)
            case .arrow(_, let label): middleWidth = max(middleWidth, label.count + 4)
            case .across(let text), .check(let text, _): widest = max(widest, text.count + 4)
            }
        }
        func pixels(_ characters: Int) -> Int { Int((Double(characters) * Layout.character).rounded(.up)) }
        let x1 = Layout.margin + pixels(leftWidth) + Layout.gap
        let x2 = x1 + pixels(middleWidth)
        let centre = (x1 + x2) / 2
        let half = max(centre, x2 + Layout.gap + pixels(rightWidth) + Layout.margin - centre, pixels(widest) / 2 + 16)
        // What stands across is centred between the lifelines and must fit on both sides.
        let shift = half - centre
        let width = 2 * half

        var body: [String] = []
        var y = 52
        for row in rows {
            switch row {
            case .beside(let left, let right):
                let lines = Self.broken(left.isEmpty ? right : left)
                for line in lines {
                    body.append(
                        left.isEmpty
                            ? Self.text(line, x2 + Layout.gap + shift, y)
                            : Self.text(line, x1 - Layout.gap + shift, y, anchor: "end"))
                    y += Layout.line
                }
                y += 5
            case .arrow(let toRight, let label):
                body.append(Self.text(label, centre + shift, y, anchor: "middle", style: "p"))
                let (from, to) = toRight ? (x1, x2) : (x2, x1)
                let tip = toRight ? -3 : 3
                body.append(
                    "<line class=\"a\" x1=\"\(from + shift)\" y1=\"\(y + 7)\" x2=\"\(to + tip + shift)\" y2=\"\(y + 7)\" "
                        + "marker-end=\"url(#tip)\"/>")
                y += 30
            case .across(let text):
                body += Self.banner(text, centre + shift, y, pixels(text.count), style: "n")
                y += 30
            case .check(let text, let holds):
                body += Self.banner(
                    (holds ? "\u{2713} " : "\u{2717} ") + text, centre + shift, y, pixels(text.count + 2),
                    style: holds ? "c" : "x")
                y += 30
            }
        }
        let bottom = y
        let head = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(width)\" height=\"\(bottom + 12)\" "
                + "viewBox=\"0 0 \(width) \(bottom + 12)\">",
            Self.style,
            "<rect width=\"\(width)\" height=\"\(bottom + 12)\" fill=\"#ffffff\"/>",
            Self.text(left, x1 + shift, 22, anchor: "middle", style: "h"),
            Self.text(right, x2 + shift, 22, anchor: "middle", style: "h"),
            "<line class=\"l\" x1=\"\(x1 + shift)\" y1=\"32\" x2=\"\(x1 + shift)\" y2=\"\(bottom)\"/>",
            "<line class=\"l\" x1=\"\(x2 + shift)\" y1=\"32\" x2=\"\(x2 + shift)\" y2=\"\(bottom)\"/>",
        ]
        return (head + body + ["</svg>", ""]).joined(separator: "\n")
    }

    private static let style = """
        <style>
        text{font:12px 'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:#24292f}
        .h{font-weight:bold;font-size:13px}
        .p{fill:#0550ae}
        .a{stroke:#0550ae;stroke-width:1.3}
        .l{stroke:#8c959f;stroke-width:1}
        .n{fill:#57606a}
        .c{fill:#116329}
        .x{fill:#a40e26}
        </style>
        <defs><marker id="tip" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto">\
        <path d="M0,0 L9,4 L0,8 z" fill="#0550ae"/></marker></defs>
        """

    private static func text(
        _ text: String, _ x: Int, _ y: Int, anchor: String = "start", style: String? = nil
    ) -> String {
        let style = style.map { " class=\"\($0)\"" } ?? ""
        return "<text x=\"\(x)\" y=\"\(y)\" text-anchor=\"\(anchor)\"\(style)>\(escaped(text))</text>"
    }

    /// A text across, on a ground that hides the lifelines behind it.
    private static func banner(_ line: String, _ x: Int, _ y: Int, _ width: Int, style: String) -> [String] {
        [
            "<rect x=\"\(x - width / 2 - 4)\" y=\"\(y - 13)\" width=\"\(width + 8)\" height=\"19\" fill=\"#ffffff\"/>",
            text(line, x, y, anchor: "middle", style: style),
        ]
    }

    /// Lines of at most so many characters, broken at blanks.
    private static func broken(_ text: String) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, line.count + 1 + word.count > Layout.longestText {
                lines.append(line)
                line = "  \(word)"
            } else {
                line += line.isEmpty ? String(word) : " \(word)"
            }
        }
        return line.isEmpty ? lines : lines + [line]
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            default: result.append(character)
            }
        }
        return result
    }
}
