internal import BerthSystem

/// A terminal that a program fills: its own page, without a cursor, until this value ends.
struct WatchTerminal: ~Copyable {
    private let raw: RawTerminal

    init() throws(Errno) {
        raw = try RawTerminal(0)
        // The alternate screen, and no cursor (xterm's control sequences, which every terminal of today has).
        Self.put("\u{1b}[?1049h\u{1b}[?25l\u{1b}[2J")
    }

    deinit { Self.put("\u{1b}[?25h\u{1b}[?1049l") }

    /// The window, now.
    var size: (columns: Int, rows: Int) { (Kernel.windowColumns(1) ?? 80, Kernel.windowRows(1) ?? 24) }

    /// Draws every line over what was there, in one write: nothing is cleared before it is drawn again, so that nothing
    /// flickers.
    borrowing func draw(_ lines: [String]) {
        var text = "\u{1b}[H"
        for (index, line) in lines.enumerated() {
            text += line + "\u{1b}[K"
            if index + 1 < lines.count { text += "\r\n" }
        }
        Self.put(text + "\u{1b}[J")
    }

    /// The keys that were pressed by then; none when a signal came first, or the time passed. The end of input quits.
    borrowing func keys(orSignalOn signal: Int32, until deadline: Deadline) throws(Errno) -> [Character] {
        var entries = [PollEntry(0, .readable), PollEntry(signal, .readable)]
        guard try Kernel.poll(&entries, until: deadline) > 0, !entries[0].found.isEmpty else { return [] }
        var buffer = [UInt8](repeating: 0, count: 64)
        let result = buffer.withUnsafeMutableBytes { memory in
            Result { () throws(Errno) in try unsafe Kernel.read(0, into: memory) }
        }
        let count = try result.get()
        return count == 0 ? ["q", "q"] : Self.keys(in: String(decoding: buffer[..<count], as: UTF8.self))
    }

    /// Arrows come as three characters.
    static func keys(in text: String) -> [Character] {
        var keys: [Character] = []
        var rest = text[...]
        while let first = rest.first {
            if rest.hasPrefix("\u{1b}[A") || rest.hasPrefix("\u{1b}OA") {
                keys.append("↑")
                rest = rest.dropFirst(3)
            } else if rest.hasPrefix("\u{1b}[B") || rest.hasPrefix("\u{1b}OB") {
                keys.append("↓")
                rest = rest.dropFirst(3)
            } else {
                keys.append(first)
                rest = rest.dropFirst()
            }
        }
        return keys
    }

    private static func put(_ text: String) {
        text.utf8Span.span.withUnsafeBytes { bytes in
            // A terminal that is gone is noticed by its input.
            try? unsafe Kernel.writeAll(1, bytes)
        }
    }
}
