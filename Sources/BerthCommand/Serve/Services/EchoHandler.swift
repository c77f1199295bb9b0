internal import BerthEngine
internal import BerthServer

/// Sends every message back as it came (RFC 862, and the same for frames).
struct EchoHandler: ConnectionHandler {
    mutating func handle(_ connection: Connection) async throws {
        while try await connection.answerFrame({ frame, reply in try reply.writeFrame(frame) }) {}
    }
}
