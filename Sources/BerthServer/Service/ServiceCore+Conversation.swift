internal import BerthEngine
internal import BerthSockets

// The life of a connection from its handler's first step to its count: the same under every engine.
extension ServiceCore {
    /// Runs a new handler on an admitted connection, ends the connection, reports and counts its outcome. The body of
    /// the handler's task.
    ///
    /// - Parameters:
    ///   - open: makes the connection that the handler sees. It fails when the peer is gone already.
    ///   - abandon: closes the socket when `open` failed.
    func converse(
        _ id: ConnectionID, with peer: SocketAddress, open: () throws(StreamError) -> Connection, abandon: () -> Void
    ) async {
        let outcome: Outcome
        var close: CloseReport?
        report(.accepted(id, peer: peer))
        do throws(StreamError) {
            let connection = try open()
            connection.willEnd = { [table] in table.releaseDescriptor(id) }
            let ending = await run(connection)
            // From here on the descriptor is gone and nobody can cut the connection any more. What was cut while it was
            // being ended was cut all the same.
            (outcome, close) = table.wasKilled(id) ? (.killed, nil) : ending
        } catch {
            // The peer was gone before its handler could start.
            outcome = Outcome(.init(error: error))
            table.releaseDescriptor(id)
            abandon()
        }
        report(.ended(id, peer: peer, outcome: outcome, close: close))
        table.end(id, outcome.kind)
    }

    /// Runs the handler and ends the connection.
    private func run(_ connection: Connection) async -> (Outcome, CloseReport?) {
        let outcome = await session.run(connection) { [table, signals] error in
            Outcome(
                .init(
                    error: error, endedBy: connection.endedBy, peerFinished: connection.isAtEnd,
                    wasInterrupted: connection.wasInterrupted, wasToldOfDrain: connection.wasToldOfDrain,
                    wasCancelled: Task.isCancelled, serviceEnds: signals.isDraining,
                    wasKilled: table.wasKilled(connection.id)))
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
        connection.disregardCancellation()
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
