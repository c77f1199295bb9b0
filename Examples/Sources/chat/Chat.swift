import Berth

/// One participant: the first line is the name, every other one is said to all others.
struct Chat: ConnectionHandler {
    let room: Room
    var name = "somebody"

    mutating func setup(_ connection: Connection) async throws {
        try await connection.write("Welcome! Who are you?\n")
        name = try await connection.readLine() ?? name
        await room.enter(connection.id, as: name)
    }

    mutating func handle(_ connection: Connection) async throws {
        // A handler that waits for its peer waits for nothing else: it looks for the others' words five times a second.
        try connection.setIdleLimit(.milliseconds(200))
        while let line = try await nextLine(of: connection) {
            if !line.isEmpty { await room.post("\(name): \(line)\n", from: connection.id) }
            for text in await room.takeNews(for: connection.id) { try await connection.write(text) }
        }
    }

    mutating func finish(_ connection: Connection, _ outcome: Outcome) async {
        await room.leave(connection.id, because: outcome)
    }

    /// The next line; empty when none came for a while. Of a line that has begun nothing is lost.
    ///
    /// A connection stays with its handler, so a function that is given one has to run where its caller runs.
    private nonisolated(nonsending) func nextLine(of connection: Connection) async throws -> String? {
        do {
            return try await connection.readLine()
        } catch .socket(let error) where error.isDeadline {
            return ""
        }
    }
}
