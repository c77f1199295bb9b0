internal import BerthSystem

/// A file object of Python's `makefile`, as far as the article reads lines with it: with a buffer, or without.
struct ArticleFile {
    /// `io.DEFAULT_BUFFER_SIZE`.
    private static let bufferSize = 8192

    private let recv: (_ count: Int) throws -> [UInt8]
    private let isBuffered: Bool
    /// What was received and not read from the file yet: no `recv` on the socket ever sees it.
    private(set) var buffer: [UInt8] = []
    /// How often the socket was asked.
    private(set) var calls = 0

    init(isBuffered: Bool = true, _ recv: @escaping (_ count: Int) throws -> [UInt8]) {
        self.isBuffered = isBuffered
        self.recv = recv
    }

    /// `readline()`: with its newline, without one at the end of the stream, and empty after that.
    mutating func readLine() throws -> String {
        // Python's: gone with the exception.
        var line: [UInt8] = []
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                line += buffer[...end]
                buffer.removeSubrange(...end)
                break
            }
            line += buffer
            buffer = []
            calls += 1
            // Without a buffer the only way not to read too far is to ask for one byte.
            let more = try recv(isBuffered ? Self.bufferSize : 1)
            if more.isEmpty { break }
            buffer = more
        }
        return String(decoding: line, as: UTF8.self)
    }
}
