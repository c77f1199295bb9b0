internal import BerthEngine
internal import BerthFraming

/// A handler with its type erased: the whole life of one connection's handler, from its making to its last word.
struct Session: Sendable {
    /// What answers frames, where the service is nothing but that: an engine that can may do without a task for it.
    let answer: FrameAnswerer.Answer?
    /// Runs a new handler on `connection`. `judge` says what an error, or its absence, amounts to.
    let run: @Sendable (_ connection: Connection, _ judge: ((any Error)?) -> Outcome) async -> Outcome

    init<Handler: ConnectionHandler>(_ makeHandler: @escaping @Sendable () -> Handler) {
        answer = nil
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

    init(answering answer: @escaping FrameAnswerer.Answer) {
        self.answer = answer
        run = { connection, judge in
            do {
                while try await connection.answerFrame(answer) {}
                return judge(nil)
            } catch { return judge(error) }
        }
    }
}
