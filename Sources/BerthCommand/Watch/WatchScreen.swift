internal import BerthSockets

/// The screen as lines: a pure function of what was seen, how it is looked at, and the window. No line is longer than
/// the window is wide, and there are no more of them than it has.
struct WatchScreen {
    var model: WatchModel
    var view = WatchView()
    /// `nil` for plain output, which is never cut.
    var size: (columns: Int, rows: Int)?

    var lines: [String] {
        let all =
            switch view.page {
            case .table: header + table(markSelected: size != nil)
            case .help: help
            case .detail: detail
            }
        guard let size else { return all }
        let room = max(1, size.rows - 1)
        var shown = all.count > room ? Array(all.prefix(room - 1)) + ["… \(all.count - room + 1) more lines"] : all
        shown += Array(repeating: "", count: max(0, room - shown.count))
        shown.append(footer)
        return shown.suffix(size.rows).map { cut($0, size.columns) }
    }

    private func cut(_ line: String, _ columns: Int) -> String {
        line.terminalWidth <= columns ? line : line.prefix(terminalWidth: max(0, columns - 1)) + "…"
    }

    private var footer: String {
        if view.isTyping { return "filter: \(view.filter)_   (enter keeps it, escape clears it)" }
        let filter = view.filter.isEmpty ? "" : "  filter: \(view.filter)"
        let state = view.isPaused ? "  PAUSED" : ""
        return "q quit  s sort: \(view.sort.rawValue)  / filter  p pause  enter detail  ? help\(filter)\(state)"
    }

    private var header: [String] {
        let states = model.states.map { "\($0.state) \($0.count)" }
        let rates = model.rates.map { "\($0.name) \(Self.rate($0.perSecond))" }
        var lines = wrapped("connections: ", states.isEmpty ? ["none"] : states)
        lines += wrapped("each second: ", rates)
        if !model.gaps.isEmpty { lines.append("not seen: " + model.gaps.joined(separator: "; ")) }
        return lines + [""]
    }

    /// The pieces behind a title, in as many lines as the window needs for them.
    private func wrapped(_ title: String, _ pieces: [String]) -> [String] {
        var lines = [title]
        for (index, piece) in pieces.enumerated() {
            let text = index + 1 < pieces.count ? "\(piece), " : piece
            if let size, lines[lines.count - 1].terminalWidth + text.terminalWidth > size.columns, index > 0 {
                lines.append(String(repeating: " ", count: title.count))
            }
            lines[lines.count - 1] += text
        }
        return lines.map { line in String(line.reversed().drop { $0 == " " }.reversed()) }
    }

    private static func rate(_ value: Double) -> String {
        value == 0 ? "0" : value >= 99.5 ? Amount.grouped(Int(value.rounded())) : "\((value * 10).rounded() / 10)"
    }

    private static func age(_ milliseconds: Int) -> String {
        milliseconds == 0 ? "-" : Amount.time(.milliseconds(Int64(milliseconds)))
    }

    private func table(markSelected: Bool) -> [String] {
        let rows = view.rows(of: model)
        let indent = markSelected ? "  " : ""
        guard !rows.isEmpty else {
            return [indent + (model.rows.isEmpty ? "nobody listens here" : "no listener matches \(view.filter)")]
        }
        if let size, size.columns < 110 { return narrow(rows) }
        var table = TextTable([.left, .right, .right, .right, .right, .right, .right, .right, .right, .left])
        table.add([
            "listener", "queue", "limit", "drops", "drops/s", "new/s", "estab", "close-w", "oldest", "held by",
        ])
        for row in rows {
            table.add([
                row.address + (row.listeners > 1 ? " ×\(row.listeners)" : ""), "\(row.waiting)", "\(row.limit)",
                "\(row.drops)", Self.rate(row.dropsPerSecond), Self.rate(row.newPerSecond), "\(row.established)",
                "\(row.closeWait)", Self.age(row.oldestCloseWait), row.owner,
            ])
        }
        return marked(table.lines(), rows, markSelected)
    }

    /// The same with what fits into eighty columns.
    private func narrow(_ rows: [WatchModel.Row]) -> [String] {
        var table = TextTable([.left, .right, .right, .right, .right, .right, .left])
        table.add(["listener", "queue", "drops", "new/s", "estab", "close-w", "held by"])
        for row in rows {
            table.add([
                row.address + (row.listeners > 1 ? " ×\(row.listeners)" : ""), "\(row.waiting)/\(row.limit)",
                "\(row.drops)", Self.rate(row.newPerSecond), "\(row.established)", "\(row.closeWait)", row.owner,
            ])
        }
        return marked(table.lines(), rows, true)
    }

    private func marked(_ lines: [String], _ rows: [WatchModel.Row], _ markSelected: Bool) -> [String] {
        guard markSelected else { return lines }
        let selected = min(view.selected, rows.count - 1)
        return lines.enumerated().map { index, line in index == selected + 1 ? "> \(line)" : "  \(line)" }
    }

    private var detail: [String] {
        let rows = view.rows(of: model)
        guard !rows.isEmpty else { return ["nobody listens here"] }
        let row = rows[min(view.selected, rows.count - 1)]
        return [
            row.address, "",
            "held by                 \(row.owner)",
            "sockets that share it   \(row.listeners)",
            "accept queue            \(row.waiting) of \(row.limit)"
                + (row.waiting > row.limit ? ": full, new connections are dropped" : ""),
            "dropped attempts        \(row.drops), \(Self.rate(row.dropsPerSecond)) each second",
            "new connections         \(Self.rate(row.newPerSecond)) each second",
            "ESTABLISHED             \(row.established)",
            "CLOSE_WAIT              \(row.closeWait), the oldest for \(Self.age(row.oldestCloseWait))",
            "TIME_WAIT               \(row.timeWait)",
            "other states            \(row.other)", "",
            "what is wrong with it:  berth check \(row.port)",
            "who has it, and why:    berth why \(row.port)",
        ]
    }

    private var help: [String] {
        [
            "berth watch: listeners and their connections, from the kernel's own list", "",
            "s           sort by the next of \(WatchView.Sort.allCases.map(\.rawValue).joined(separator: ", "))",
            "/           show only listeners whose address or holder contains a text",
            "p, space    pause, and go on",
            "j, k, ↓, ↑  mark another listener",
            "enter       all about the marked one, and back",
            "?, h        this page, and back",
            "q           back, or quit", "",
            "queue       connections that the kernel has made and nobody has accepted",
            "limit       the effective backlog; one more than this may wait",
            "drops       connection attempts that this listener threw away since it was opened",
            "new/s       connections that were not there at the look before",
            "close-w     connections that the client has ended and the server has not closed",
            "oldest      since when the oldest of these waits to be closed",
        ]
    }
}
