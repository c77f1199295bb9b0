internal import BerthEngine
internal import BerthFraming
internal import BerthServer
internal import BerthSockets

/// Sends every line back reversed, until an empty one.
///
/// Without a framing this is, byte for byte, the `makefile` session of the first article: it greets with the peer's
/// address as Python prints it, strips white space off each line, and answers without a line end.
struct ReverseHandler: ConnectionHandler {
    let isFramed: Bool

    mutating func setup(_ connection: Connection) async throws {
        if isFramed { return }
        switch connection.peer {
        case .ipv4(let host, let port): try await connection.write("hello,('\(host)', \(port))")
        default: try await connection.write("hello,\(connection.peer)")
        }
    }

    mutating func handle(_ connection: Connection) async throws {
        if isFramed {
            while let frame = try await connection.readFrame() {
                let text = try frame.text()
                try await connection.writeFrame(Frame(head: frame.head, body: Array(String(text.reversed()).utf8)))
            }
        } else {
            while let line = try await connection.readLine()?.trimmingWhitespace, !line.isEmpty {
                try await connection.write(String(line.reversed()))
            }
        }
    }
}

extension String {
    /// The text without white space at its ends, as Python's `strip`.
    fileprivate var trimmingWhitespace: Substring {
        var rest = self[...]
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return rest
    }
}
