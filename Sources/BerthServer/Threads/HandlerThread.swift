internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

// How the engines whose handlers block serve one connection.
extension ServiceCore {
    /// The stream of the handler that runs on the present thread.
    ///
    /// Unchecked: made, used and dropped on the one thread that is the handler's executor; the class only carries it
    /// past closures that the compiler takes for concurrent ones.
    private final class Workplace: @unchecked Sendable {
        var stream: SocketStream?
    }

    /// Serves an admitted connection to its end on the calling thread, which is the executor of its handler.
    ///
    /// - Parameter patienceIsSet: whether the socket has inherited `SocketStream.patience` from its listener.
    func serveOnThisThread(_ admitted: Admitted, patienceIsSet: Bool) {
        let executor = ThreadExecutor()
        let workplace = Workplace()
        executor.runTask(
            started: { table.setTask(admitted, $0) },
            // A handler that waits for anything else must not keep back what it has written.
            beforeWaiting: { try? workplace.stream?.flush() }
        ) {
            let stream = SocketStream(admitted.takeSocket(), framing: self.framing)
            workplace.stream = stream
            await self.converse(
                admitted,
                open: { () throws(StreamError) in
                    try self.connection(admitted, on: stream, patienceIsSet: patienceIsSet)
                }, abandon: { stream.close() })
            workplace.stream = nil
        }
    }

    private func connection(
        _ admitted: Admitted, on stream: SocketStream, patienceIsSet: Bool
    ) throws(StreamError) -> Connection {
        let id = admitted.id
        let interruption = StreamInterruption(
            descriptor: signals.descriptor, forceDescriptor: signals.forceDescriptor,
            moment: { [signals] in signals.moment(of: id) }, isForced: { [signals] in signals.isForced })
        table.setInterruption(admitted, interruption)
        try stream.setInterruption(interruption, patienceIsSet: patienceIsSet)
        let connection = Connection(id: id, stream: stream, local: try stream.local, signals: signals)
        try connection.begin(with: deadlines, unreadOutput: .max)
        return connection
    }
}
