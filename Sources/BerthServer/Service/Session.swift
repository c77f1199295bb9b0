internal import BerthEngine

/// A handler with its type erased: the whole life of one connection's handler, from its making to its last word.
struct Session: Sendable {
    /// Runs a new handler on `connection`. `judge` says what an error, or its absence, amounts to.
    let run: @Sendable (_ connection: Connection, _ judge: @escaping ((any Error)?) -> Outcome) async -> Outcome

    init<Handler: ConnectionHandler>(_ makeHandler: @escaping @Sendable () -> Handler) {
        run = { connection, judge in
            var handler = makeHandler()
            var failure: (any Error)?
            do {
                try await handler.setup(connection)
                try await handler.handle(connection)
            } catch {
                failure = error
            }
            let outcome = judge(failure)
            await handler.finish(connection, outcome)
            return outcome
        }
    }
}
