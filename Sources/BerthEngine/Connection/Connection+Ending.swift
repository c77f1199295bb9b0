public import BerthFraming
public import BerthSockets
internal import BerthSystem

// Ending. A handler that simply returns is finished by its server, which is almost always what one wants.
extension Connection {
    /// Flushes and ends the connection politely; see `TCPSocket.finish(within:discarding:)`.
    ///
    /// It is not cut short when the handler's task is cancelled: it takes no longer than `time`, and twice that where the
    /// peer takes what is left to be sent a little at a time.
    @discardableResult
    public func finish(
        within time: Duration = .seconds(2), discarding limit: ByteCount = .kibibytes(64)
    ) async throws(StreamError) -> CloseReport {
        try await finish(within: time, atMost: time, discarding: limit)
    }

    /// The same, and up to `most` for a peer that has not acknowledged everything by then.
    package func finish(
        within time: Duration, atMost most: Duration, discarding limit: ByteCount
    ) async throws(StreamError) -> CloseReport {
        if !isClient { disregardCancellation() }
        let report = try await linger(within: time, atMost: most, discarding: limit)
        endedBy = .finish(report)
        return report
    }

    /// Ends the stream politely. The descriptor is open, and can be cut by the server, until the wait for the peer is
    /// over: only then `willEnd` is called.
    private func linger(
        within time: Duration, atMost most: Duration, discarding limit: ByteCount
    ) async throws(StreamError) -> CloseReport {
        disregardDeadlines()
        do throws(StreamError) {
            let usual = stallLimit
            stallLimit = min(most, usual ?? most)
            defer { stallLimit = usual }
            try await flush()
        } catch {
            endStream()
            throw error
        }
        let unread = core.input.queue.count
        var report = CloseReport(ending: .peerFinished, discarded: 0, unacknowledged: 0)
        if core.input.peerFinished {
            // Nothing more can come, and nothing is unread in the kernel: a plain close sends the FIN.
            report.unacknowledged = try borrowSocket { $0.unacknowledgedBytes }
        } else {
            report = try await awaitPeer(within: time, limit)
            if report.ending == .timedOut, report.unacknowledged > 0, most > time {
                let discarded = report.discarded
                report = try await awaitPeer(within: most - time, ByteCount(limit.bytes - discarded))
                report.discarded += discarded
            }
        }
        report.discarded += unread
        endStream(peerFinished: report.ending == .peerFinished)
        return report
    }

    /// Sends a FIN and throws away what the peer still sends, until its FIN.
    private func awaitPeer(within time: Duration, _ limit: ByteCount) async throws(StreamError) -> CloseReport {
        if unsafe channel != nil { return try await linger(within: time, limit.bytes) }
        return try borrowSocket { $0.lingerUntilPeerFinishes(within: time, discarding: limit) }
    }

    /// Calls `body` with the socket, which stays owned by the connection.
    private func borrowSocket<R>(_ body: (borrowing TCPSocket) -> R) throws(StreamError) -> R {
        let borrowed = TCPSocket(descriptor: Descriptor(owning: try fileDescriptor), peer: peer)
        let result = body(borrowed)
        _ = borrowed.detach().release()
        return result
    }

    /// Closes a connection of a loop whose peer has finished, where everything was sent: then there is nothing to wait for.
    package func closeAtEnd() -> Bool {
        guard core.input.isAtEnd, core.output.queue.isEmpty, let channel = unsafe channel,
            unsafe channel.pointee.unsent.isEmpty && channel.pointee.sending.count == 0
        else { return false }
        endStream()
        return true
    }

    private func endStream(peerFinished: Bool = false) {
        prepareEnd(peerFinished: peerFinished)
        if let stream { stream.close() } else { takeSocket()?.close() }
    }

    /// Flushes and sends a FIN: nothing more can be written, but the peer can still send (a half-close).
    public func finishSending() async throws(StreamError) {
        let number = try fileDescriptor
        try await flush()
        do throws(Errno) { try Kernel.shutdown(number, .writing) } catch {
            throw .socket(SocketError(.shutdown, address: peer.description, errno: error))
        }
    }

    /// Closes at once; what was written and not flushed is lost.
    public func close() {
        endStream()
        endedBy = .close
    }

    /// Asks the kernel, which knows nothing of the connection any more afterwards, and tells the server.
    private func prepareEnd(peerFinished: Bool = false) {
        endListening()
        guard let willEnd else { return }
        if bytes == nil {
            let isOver = peerFinished || core.input.peerFinished
            bytes = (try? borrowSocket { $0.byteAccount(peerFinished: isOver) }) ?? nil
        }
        willEnd()
    }

    /// Ends the connection with an RST, on purpose.
    public func abort() {
        prepareEnd()
        if let stream { stream.abort() } else { takeSocket()?.abort() }
        endedBy = .abort
    }

    /// Flushes and hands the socket, with the bytes that had arrived but were not read, to the caller.
    public func detach() async throws(StreamError) -> DetachedStream {
        // Before the descriptor is out of the server's sight: the flush may take as long as the peer likes.
        try await flush()
        try await leaveRing()
        prepareEnd()
        let detached = try detachNow()
        endedBy = .detach
        return detached
    }

    private func detachNow() throws(StreamError) -> DetachedStream {
        if let stream { return try stream.detach() }
        let unread = core.input.take(core.input.queue.count)
        guard let socket = takeSocket(isKept: true) else { throw .ended }
        return DetachedStream(socket: socket, unread: unread)
    }

    /// The number of the socket's descriptor, which stays owned by the connection.
    package var fileDescriptor: Int32 {
        get throws(StreamError) {
            if let stream { return try stream.fileDescriptor }
            guard let channel = unsafe channel, unsafe channel.pointee.descriptor >= 0 else { throw .ended }
            return unsafe channel.pointee.descriptor
        }
    }
}

// On an event loop.
extension Connection {
    /// Takes the socket out of its loop; `nil` when that has been done.
    private func takeSocket(isKept: Bool = false) -> TCPSocket? {
        guard let channel = unsafe channel else { return nil }
        let taken: Descriptor?
        if loop.isCurrent {
            taken = unsafe loop.release(channel, closing: !isKept)
        } else {
            taken = unsafe eventLoop.releaseFromElsewhere(channel)
        }
        core.end()
        guard let taken else { return nil }
        return TCPSocket(descriptor: taken, peer: peer)
    }

    private func linger(
        within time: Duration, _ limit: Int
    ) async throws(StreamError) -> CloseReport {
        try? Kernel.shutdown(try fileDescriptor, .writing)
        var report = CloseReport(ending: .peerFinished, discarded: 0, unacknowledged: 0)
        report.ending = await discardInput(until: .after(time), limit, &report.discarded)
        report.unacknowledged = try borrowSocket { $0.unacknowledgedBytes }
        return report
    }

    /// Reads and throws away what the peer sends until it finishes.
    private func discardInput(until deadline: Deadline, _ limit: Int, _ discarded: inout Int) async
        -> CloseReport.Ending
    {
        let usual = (idleLimit, core.input.wasInterrupted)
        defer {
            try? setIdleLimit(usual.0)
            core.input.wasInterrupted = usual.1
        }
        // The end of the service does not end this: it is how connections end.
        unsafe channel?.pointee.drainHeed = .nothing
        core.input.wasInterrupted = false
        while discarded <= limit {
            core.input.queue.removeAll()
            guard let rest = deadline.remaining, rest > .zero else { return .timedOut }
            try? setIdleLimit(rest)
            do throws(StreamError) {
                let count = try await receive(room: 1)
                if count == 0 { return .peerFinished }
                discarded += count
            } catch {
                if case .socket(let error) = error, !error.isDeadline, error.errno != .timedOut { return .peerReset }
                return .timedOut
            }
        }
        return .discardLimitReached
    }
}
