internal import BerthSystem

/// How far something of known size has come: a pure value that turns into a line.
struct Progress: Sendable, Hashable {
    var label: String
    /// Where it began, when earlier work is continued; the rate does not count what precedes.
    var begin: Int64 = 0
    var position: Int64 = 0
    var total: Int64
    var elapsed: Duration = .zero

    /// 0 to 100, rounded down, so that 100 means all of it.
    var percent: Int {
        if total <= 0 { return 100 }
        let (product, overflow) = position.multipliedReportingOverflow(by: 100)
        return Int(overflow ? position / (total / 100) : product / total)
    }

    /// The time that is left at the average rate; `nil` while that says nothing.
    var remaining: Duration? {
        let done = position - begin
        guard done > 0, elapsed >= .milliseconds(500) else { return nil }
        return .seconds(elapsed.inSeconds / Double(done) * Double(total - position))
    }

    /// The line, at most `columns` wide: a bar where there is room for one, the label cut where there is not.
    func line(columns: Int) -> String {
        var facts = "\(percent) %  \(Amount.bytes(position)) of \(Amount.bytes(total))"
        if elapsed > .zero { facts += "  \(Amount.rate(position - begin, in: elapsed))" }
        if let remaining { facts += "  \(Amount.time(remaining)) left" }
        // The last column stays free: some terminals wrap when it is written.
        let room = columns - 1 - facts.count - 2
        if room < 4 { return String(facts.prefix(max(0, columns - 1))) }
        let name = label.count <= room ? label : label.prefix(room - 1) + "…"
        let width = min(30, room - name.count - 4)
        if width < 8 { return "\(name)  \(facts)" }
        let full = width * percent / 100
        let bar = String(repeating: "=", count: full) + String(repeating: " ", count: width - full)
        return "\(name)  [\(bar)]  \(facts)"
    }
}

/// Draws a ``Progress`` on standard error, when that is a terminal, ten times a second at most.
struct ProgressBar: Sendable {
    private let terminal: Terminal
    private let start = MonotonicTime.now
    private var lastDrawn: MonotonicTime?
    private var progress: Progress

    init(label: String, begin: Int64, total: Int64, on terminal: Terminal = .error) {
        self.terminal = terminal
        progress = Progress(label: label, begin: begin, position: begin, total: total)
    }

    /// Draws the line when it is time to.
    mutating func advance(to position: Int64) {
        guard terminal.isTerminal else { return }
        let now = MonotonicTime.now
        if let lastDrawn, now.duration(since: lastDrawn) < .milliseconds(100) { return }
        lastDrawn = now
        progress.position = position
        progress.elapsed = now.duration(since: start)
        Talk.draw(progress.line(columns: terminal.columns))
    }
}
