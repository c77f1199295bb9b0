internal import BerthSystem

/// What the command says: data on standard output, everything else on standard error, whole lines at a time.
///
/// A progress line that is on the screen is wiped before anything else is said, so that the two never mix.
enum Talk {
    /// The length of the progress line on the screen, in columns; 0 for none.
    private static let drawn = Monitor(0)

    /// One line for people, on standard error.
    static func say(_ text: String) { write(text, to: 2) }

    /// Why the command failed, on standard error; nothing when there is no text, because all was said before.
    static func error(_ text: String) {
        if !text.isEmpty { write("berth: \(text)", to: 2) }
    }

    /// Data, on standard output.
    static func data(_ text: String) { write(text, to: 1) }

    /// Draws the progress line, or draws it again; only for a terminal.
    static func draw(_ line: String) {
        drawn.withLock { columns in
            let padding = String(repeating: " ", count: max(0, columns - line.count))
            put("\r\(line)\(padding)", on: 2)
            columns = line.count
        }
    }

    private static func write(_ text: String, to descriptor: Int32) {
        drawn.withLock { columns in
            if columns > 0 { put("\r\(String(repeating: " ", count: columns))\r", on: 2) }
            columns = 0
            put(text.hasSuffix("\n") ? text : text + "\n", on: descriptor)
        }
    }

    private static func put(_ text: String, on descriptor: Int32) {
        text.utf8Span.span.withUnsafeBytes { bytes in
            // Nobody is left to be told when standard error or output is gone; SIGPIPE ends most commands anyway.
            try? unsafe Kernel.writeAll(descriptor, bytes)
        }
    }
}
