internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

// The life of a connection from its handler's first step to its count: the same under every engine.
extension ServiceCore {
    /// Runs a new handler on an admitted connection, ends the connection, reports and counts its outcome. The body of
    /// the handler's task.
    ///
    /// - Parameters:
    ///   - open: makes the connection that the handler sees. It fails when the peer is gone already.
    ///   - abandon: closes the socket when `open` failed.
    func converse(
        _ admitted: Admitted, open: () throws(StreamError) -> Connection, abandon: () -> Void
    ) async {
        guard let connection = begin(admitted, open: open, abandon: abandon) else { return }
        let outcome = await session.run(connection) { error in
            judge(admitted, connection, error, wasCancelled: Task.isCancelled)
        }
        await conclude(admitted, connection, outcome)
    }

    // The steps before and behind the handler are apart, and not inlined: what they need is not carried by a handler that
    // waits.

    /// Reports an admitted connection and opens it; `nil`, with its end counted, when its peer was gone already.
    @inline(never)
    private func begin(
        _ admitted: Admitted, open: () throws(StreamError) -> Connection, abandon: () -> Void
    ) -> Connection? {
        report(.accepted(admitted.id, peer: admitted.peer))
        do throws(StreamError) {
            let connection = try open()
            connection.willEnd = { [table] in table.releaseDescriptor(admitted) }
            return connection
        } catch {
            table.releaseDescriptor(admitted)
            abandon()
            count(admitted, Outcome(.init(error: error)), nil, nil)
            return nil
        }
    }

    /// Ends a connection, unless its handler has done so, reports and counts its outcome.
    @inline(never)
    func conclude(_ admitted: Admitted, _ connection: Connection, _ outcome: Outcome) async {
        let (outcome, close) = await end(admitted, connection, outcome)
        count(admitted, outcome, close, connection.bytes)
    }

    /// The same at once, where the peer has finished and nothing has to be waited for. False when something has to.
    func concludeNow(_ admitted: Admitted, _ connection: Connection, _ error: (any Error)?) -> Bool {
        guard error == nil, connection.isAtEnd, !table.wasKilled(admitted) else { return false }
        let outcome = judge(admitted, connection, nil)
        guard connection.closeAtEnd() else { return false }
        let unacknowledged = connection.bytes?.unacknowledged ?? 0
        let close = CloseReport(ending: .peerFinished, discarded: 0, unacknowledged: unacknowledged)
        count(admitted, outcome, close, connection.bytes)
        return true
    }

    /// Reports and counts how a connection has ended. The descriptor is gone and nobody can cut the connection any more:
    /// what was cut while it was being ended was cut all the same.
    private func count(_ admitted: Admitted, _ outcome: Outcome, _ close: CloseReport?, _ bytes: ByteAccount?) {
        var end = ConnectionEnd(
            outcome: outcome, close: close, duration: MonotonicTime.now.duration(since: admitted.begin), bytes: bytes)
        if table.wasKilled(admitted) {
            end.outcome = .killed
            end.close = nil
        }
        // A socket that was reset has forgotten what went over it.
        if let bytes = admitted.bytesWhenReset { end.bytes = bytes }
        end.bytes?.discarded = end.close?.discarded ?? 0
        // Whoever hears of the end may come again; the service has not ended before all is told.
        table.releaseAddress(of: admitted)
        report(.ended(admitted.id, peer: admitted.peer, end))
        table.end(admitted, end)
    }

    /// What a conversation that has ended, by itself or with an error, amounts to.
    @inline(never)
    func judge(
        _ admitted: Admitted, _ connection: Connection, _ error: (any Error)?, wasCancelled: Bool = false
    ) -> Outcome {
        let isCutShort = error.map { Self.isCancellation($0) && !connection.wasInterrupted } ?? false
        return Outcome(
            .init(
                error: error, peer: error == nil ? nil : connection.peer.description, endedBy: connection.endedBy,
                peerFinished: connection.isAtEnd,
                wasInterrupted: connection.wasInterrupted, wasToldOfDrain: connection.wasToldOfDrain,
                wasCancelled: wasCancelled, serviceEnds: signals.isDraining,
                wasKilled: table.endHandler(admitted, isCutShort: isCutShort)))
    }

    private static func isCancellation(_ error: any Error) -> Bool {
        if case .cancelled? = error as? StreamError { return true }
        return error is CancellationError
    }

    /// Ends a connection whose handler has ended, unless it has done so itself.
    private func end(
        _ admitted: Admitted, _ connection: Connection, _ outcome: Outcome
    ) async -> (Outcome, CloseReport?) {
        if let endedBy = connection.endedBy {
            if case .finish(let report) = endedBy { return (outcome, report) }
            return (outcome, nil)
        }
        switch outcome {
        case .peerReset:
            connection.close()
            return (outcome, nil)
        case .deadline(_, let error) where error.operation == .send:
            // The peer does not read: a FIN would wait behind what it did not take.
            connection.abort()
            return (outcome, nil)
        case .killed where table.wasKilled(admitted):
            connection.abort()
            return (outcome, nil)
        default:
            return await finish(connection, outcome)
        }
    }

    private static let drainingLinger: Duration = .milliseconds(500)

    /// Ends a connection politely. When its last bytes cannot be sent, that is the outcome.
    private func finish(_ connection: Connection, _ outcome: Outcome) async -> (Outcome, CloseReport?) {
        let linger = configuration.limits.linger
        // A service that ends waits less for peers that do not finish once they have acknowledged everything: on Linux what
        // has reached a peer's kernel survives an RST.
        let time = signals.isDraining ? min(linger.time, Self.drainingLinger) : linger.time
        do throws(StreamError) {
            let report = try await connection.finish(
                within: time, atMost: linger.time, discarding: linger.discarding)
            return (outcome, report)
        } catch {
            switch outcome {
            case .peerFinished, .finished, .drained: return (Outcome(.init(error: error)), nil)
            default: return (outcome, nil)
            }
        }
    }
}
