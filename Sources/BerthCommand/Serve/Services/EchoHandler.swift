internal import BerthEngine
internal import BerthServer
internal import BerthSockets

/// Sends every message back as it came (RFC 862, and the same for frames).
struct EchoHandler: ConnectionHandler {
    mutating func handle(_ connection: Connection) async throws {
        while try await connection.answerFrame({ (frame, reply) throws(StreamError) in try reply.writeFrame(frame) }) {}
    }
}
