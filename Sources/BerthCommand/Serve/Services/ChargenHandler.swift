internal import BerthEngine
internal import BerthServer
internal import BerthSockets

/// Sends text for as long as the peer takes it (RFC 864): lines of 72 characters, each begun one character later.
struct ChargenHandler: ConnectionHandler {
    /// With a framing each line is a message of its own, without a line end.
    let isFramed: Bool

    private static let alphabet: [UInt8] = Array(0x20...0x7E)

    mutating func handle(_ connection: Connection) async throws {
        var first = 0
        while !connection.isDraining {
            let line = (0..<72).map { Self.alphabet[(first + $0) % Self.alphabet.count] }
            try await connection.writeFrame(isFramed ? line : line + [0x0D, 0x0A])
            first = (first + 1) % Self.alphabet.count
        }
    }
}
