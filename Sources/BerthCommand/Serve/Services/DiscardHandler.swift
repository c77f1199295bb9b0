internal import BerthEngine
internal import BerthServer

/// Reads and throws away (RFC 863). Frames are still checked, so a broken one ends the connection.
struct DiscardHandler: ConnectionHandler {
    mutating func handle(_ connection: Connection) async throws {
        while try await connection.readFrame(begin: { _, _ in }, chunk: { _ in }) {}
    }
}
