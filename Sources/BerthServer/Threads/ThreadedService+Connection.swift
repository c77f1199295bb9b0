internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

extension ThreadedService {
    /// The stream of the handler that runs on the present thread.
    ///
    /// Unchecked: made, used and dropped on the one thread that is the handler's executor; the class only carries it
    /// past closures that the compiler takes for concurrent ones.
    private final class Workplace: @unchecked Sendable {
        var stream: SocketStream?
    }

    /// The life of one connection, on its own thread.
    func serve(_ socket: consuming TCPSocket, _ id: ConnectionID) {
        let executor = ThreadExecutor()
        let workplace = Workplace()
        let peer = socket.peer
        let descriptor = socket.detach().release()
        executor.runTask(
            started: { table.setTask(id, $0) },
            // A handler that waits for anything else must not keep back what it has written.
            beforeWaiting: { try? workplace.stream?.flush() }
        ) {
            let socket = TCPSocket(descriptor: Descriptor(owning: descriptor), peer: peer)
            let stream = SocketStream(socket, framing: self.configuration.framing)
            workplace.stream = stream
            await self.converse(on: stream, id)
            workplace.stream = nil
        }
    }

    private func converse(on stream: SocketStream, _ id: ConnectionID) async {
        let limits = configuration.limits
        let outcome: Outcome
        var close: CloseReport?
        report(.accepted(id, peer: stream.peer))
        do throws(StreamError) {
            let interruption = SocketStream.Interruption(descriptor: signals.descriptor) { [signals] in
                signals.isDraining
            }
            try stream.setInterruption(interruption, patienceIsSet: true)
            try stream.setIdleLimit(limits.idle)
            stream.stallLimit = limits.writeStall
            let connection = Connection(id: id, stream: stream, local: try stream.local, signals: signals)
            connection.willEnd = { [table] in table.releaseDescriptor(id) }
            let ending = await run(connection)
            // From here on the descriptor is gone and nobody can cut the connection any more. What was cut while it was
            // being ended was cut all the same.
            (outcome, close) = table.wasKilled(id) ? (.killed, nil) : ending
        } catch {
            // The peer was gone before its handler could start.
            outcome = Outcome(.init(error: error))
            table.releaseDescriptor(id)
            stream.close()
        }
        report(.ended(id, peer: stream.peer, outcome: outcome, close: close))
        table.end(id, outcome.kind)
    }

    /// Runs the handler and ends the connection.
    private func run(_ connection: Connection) async -> (Outcome, CloseReport?) {
        let stream = connection.stream
        let outcome = await session.run(connection) { [table] error in
            Outcome(
                .init(
                    error: error, endedBy: connection.endedBy, peerFinished: stream.isAtEnd,
                    wasInterrupted: stream.wasInterrupted, wasToldOfDrain: connection.wasToldOfDrain,
                    wasCancelled: Task.isCancelled, wasKilled: table.wasKilled(connection.id)))
        }
        if let endedBy = connection.endedBy {
            if case .finish(let report) = endedBy { return (outcome, report) }
            return (outcome, nil)
        }
        switch outcome {
        case .peerReset:
            connection.close()
            return (outcome, nil)
        case .deadline(let error) where error.operation == .send:
            // The peer does not read: a FIN would wait behind what it did not take.
            connection.abort()
            return (outcome, nil)
        case .killed:
            connection.abort()
            return (outcome, nil)
        default:
            return await finish(connection, outcome)
        }
    }

    private static let drainingLinger: Duration = .milliseconds(500)

    /// Ends a connection politely. When its last bytes cannot be sent, that is the outcome.
    private func finish(_ connection: Connection, _ outcome: Outcome) async -> (Outcome, CloseReport?) {
        var linger = configuration.limits.linger
        // A service that ends waits less for clients that do not notice: everything was sent, and on Linux what has
        // reached a peer's kernel survives an RST.
        if signals.isDraining { linger.time = min(linger.time, Self.drainingLinger) }
        do throws(StreamError) {
            let report = try await connection.finish(within: linger.time, discarding: linger.discarding)
            return (outcome, report)
        } catch {
            switch outcome {
            case .peerFinished, .finished, .drained: return (Outcome(.init(error: error)), nil)
            default: return (outcome, nil)
            }
        }
    }
}
