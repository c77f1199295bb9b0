import Berth

/// Sends every frame back as it came, and takes it in one of the ways there are. It names no model and no framing.
struct FrameEcho: ConnectionHandler {
    /// How a frame is taken.
    enum Way: CaseIterable {
        case sequence, whole, inPlace, answered, streamed
    }

    mutating func handle(_ connection: Connection) async throws {
        // Connections are numbered from 1, so that whoever connects knows which way it is.
        let way = Way.allCases[Int(connection.id.number - 1) % Way.allCases.count]
        switch way {
        case .sequence:
            for try await frame in connection.frames { try await connection.writeFrame(frame) }
        case .whole:
            while let frame = try await connection.readFrame() { try await connection.writeFrame(frame) }
        case .inPlace:
            while let frame = try await connection.withFrame({ Frame(copying: $0) }) {
                try await connection.writeFrame(frame)
            }
        case .answered:
            while try await connection.answerFrame({ frame, reply in try reply.writeFrame(frame) }) {}
        case .streamed:
            while let frame = try await streamedFrame(of: connection) { try await connection.writeFrame(frame) }
        }
    }

    private func streamedFrame(of connection: Connection) async throws -> Frame? {
        var frame = Frame(body: [])
        let isThere = try await connection.readFrame(
            begin: { head, _ in frame.head = Array(copying: head) }, chunk: { frame.body += Array(copying: $0) })
        return isThere ? frame : nil
    }
}
