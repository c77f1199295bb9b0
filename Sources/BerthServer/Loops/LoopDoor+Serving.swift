internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

// How a connection is served on its loop.
extension LoopDoor {
    /// Begins to serve an admitted connection, on the loop's thread.
    func start(_ admitted: Admitted, at place: Berth) {
        let loop = place.loop
        let cancellation = LoopCancellation(loop)
        let task = Task(executorPreference: loop) { [self] in
            await withTaskCancellationHandler {
                await core.converse(
                    admitted.id, with: admitted.peer,
                    open: { () throws(StreamError) in
                        let connection = try open(admitted, on: loop)
                        cancellation.reach(connection)
                        return connection
                    }, abandon: {})
            } onCancel: {
                cancellation.cancel()
            }
            ended(at: place)
        }
        core.table.setTask(admitted.id, task)
    }

    private func open(_ admitted: Admitted, on loop: EventLoop) throws(StreamError) -> Connection {
        let connection = Connection(
            id: admitted.id, socket: admitted.takeSocket(), framing: core.configuration.framing, loop: loop,
            signals: core.signals)
        try connection.setIdleLimit(core.configuration.limits.idle)
        connection.stallLimit = core.configuration.limits.writeStall
        // What is not known by now to be closed soon might be cut under another owner's hands.
        connection.willEnd = { [core] in core.table.releaseDescriptor(admitted.id) }
        do throws(StreamError) { try connection.watch() } catch {
            connection.close()
            throw error
        }
        return connection
    }
}
