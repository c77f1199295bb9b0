internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

// How a connection is served on its loop.
extension LoopDoor {
    /// Begins to serve an admitted connection, on the loop's thread.
    func start(_ admitted: Admitted, at place: Berth) {
        let loop = place.loop
        if let answer = core.session.answer { return startAnswering(admitted, answer, at: place) }
        // There is no cancellation handler around it, as its frames would be what each idle connection costs. Nobody but the
        // handler itself and the end of the service can cancel this task: the one is seen when it comes to wait, the other
        // cuts the socket as well.
        let task = Task(executorPreference: loop) { [self] in
            await core.converse(
                admitted, open: { () throws(StreamError) in try open(admitted, on: loop) }, abandon: {})
            ended(at: place)
        }
        core.table.setTask(admitted, task)
    }

    /// Begins to answer the frames of a connection, without a task as long as nothing has to be waited for.
    private func startAnswering(_ admitted: Admitted, _ answer: @escaping FrameAnswerer.Answer, at place: Berth) {
        core.report(.accepted(admitted.id, peer: admitted.peer))
        let connection = prepare(admitted, on: place.loop)
        connection.willEnd = { [table = core.table] in table.releaseDescriptor(admitted) }
        let answerer = FrameAnswerer(connection, answer: answer) { [self] connection, error in
            if core.concludeNow(admitted, connection, error) { return ended(at: place) }
            concludeLater(admitted, connection, error, at: place)
        }
        do throws(StreamError) { try answerer.start() } catch { concludeLater(admitted, connection, error, at: place) }
    }

    private func concludeLater(
        _ admitted: Admitted, _ connection: Connection, _ error: (any Error)?, at place: Berth
    ) {
        let visit = Conclusion(connection: connection, error: error)
        let task = Task(executorPreference: place.loop) { [self] in
            await core.conclude(admitted, visit.connection, core.judge(admitted, visit.connection, visit.error))
            ended(at: place)
        }
        core.table.setTask(admitted, task)
    }

    /// Carries a connection into the task that ends it.
    ///
    /// Unchecked: nobody else has it any more.
    private struct Conclusion: @unchecked Sendable {
        let connection: Connection
        let error: (any Error)?
    }

    private func open(_ admitted: Admitted, on loop: EventLoop) throws(StreamError) -> Connection {
        let connection = prepare(admitted, on: loop)
        connection.heedCancellation()
        // What is not known by now to be closed soon might be cut under another owner's hands.
        connection.willEnd = { [core] in core.table.releaseDescriptor(admitted) }
        do throws(StreamError) { try connection.serve() } catch {
            connection.close()
            throw error
        }
        return connection
    }

    private func prepare(_ admitted: Admitted, on loop: EventLoop) -> Connection {
        let connection = Connection(
            id: admitted.id, socket: admitted.takeSocket(), framing: core.sharedFraming, loop: loop,
            signals: core.signals)
        if core.configuration.limits.handlerBlocking != nil {
            core.table.setPlace(admitted, loop, connection.runner)
        }
        // Of a connection of a loop they are only noted, which does not fail.
        try? connection.begin(with: core.deadlines, unreadOutput: core.unreadOutput)
        return connection
    }
}
