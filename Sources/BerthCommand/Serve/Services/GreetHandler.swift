internal import BerthEngine
internal import BerthFraming
internal import BerthServer

/// Greets, and answers each message with a greeting of its own: the service of the first article.
struct GreetHandler: ConnectionHandler {
    /// Without a framing a message is whatever arrived together (a line from `nc`, a word from Python), and answers end
    /// in a line end, for people to read.
    let isFramed: Bool

    mutating func setup(_ connection: Connection) async throws {
        try await connection.writeFrame(isFramed ? "Welcome!" : "Welcome!\n")
    }

    mutating func handle(_ connection: Connection) async throws {
        while let frame = try await connection.readFrame() {
            let name = isFramed ? frame.body[...] : frame.body.trimmingLineEnd
            let end = isFramed ? "!" : "!\n"
            try await connection.writeFrame(Array("Hello, ".utf8) + name + Array(end.utf8))
        }
    }
}

extension [UInt8] {
    /// The bytes without the LF or CR LF at their end.
    fileprivate var trimmingLineEnd: ArraySlice<UInt8> {
        var rest = self[...]
        if rest.last == UInt8(ascii: "\n") { rest = rest.dropLast() }
        if rest.last == UInt8(ascii: "\r") { rest = rest.dropLast() }
        return rest
    }
}
