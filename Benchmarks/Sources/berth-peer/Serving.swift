internal import Berth

/// Serves until the process is ended.
func serve(_ form: Form, _ mode: Mode, on endpoint: Endpoint) async throws {
    // What a service has by default, but for the number of connections: the check with 19,000 idle ones needs more.
    let configuration = ServerConfiguration(
        backlog: 4096, framing: mode.framing, limits: ServerLimits(maximumConnections: 20_000))
    switch form.style {
    case .borrowed:
        try await Server(on: endpoint, model: form.model, configuration: configuration) { connection in
            try await answerInPlace(connection, mode)
        }.run()
    case .owned:
        try await Server(on: endpoint, model: form.model, configuration: configuration) { connection in
            try await answerOwned(connection, mode)
        }.run()
    case .synchronous:
        try await answerSynchronously(form.model, mode, on: endpoint, configuration)
    }
}

private func answerInPlace(_ connection: Connection, _ mode: Mode) async throws {
    switch mode {
    case .echo, .frame: while try await connection.answerFrame({ frame, reply in try reply.writeFrame(frame) }) {}
    case .line: while try await connection.answerFrame({ line, reply in try writeReversed(line.body, to: reply) }) {}
    }
}

private func answerOwned(_ connection: Connection, _ mode: Mode) async throws {
    switch mode {
    case .echo, .frame: while let frame = try await connection.readFrame() { try await connection.writeFrame(frame) }
    case .line:
        while let line = try await connection.readFrame() { try await connection.writeFrame(line.body.reversed()) }
    }
}

private func answerSynchronously(
    _ model: ConcurrencyModel, _ mode: Mode, on endpoint: Endpoint, _ configuration: ServerConfiguration
) async throws {
    switch mode {
    case .echo, .frame:
        try await Server(on: endpoint, framing: mode.framing, model: model, configuration: configuration) {
            frame, reply in
            try reply.writeFrame(frame)
        }.run()
    case .line:
        try await Server(on: endpoint, framing: mode.framing, model: model, configuration: configuration) {
            line, reply in
            try writeReversed(line.body, to: reply)
        }.run()
    }
}
