public import BerthFraming
internal import BerthSystem

extension SocketStream {
    /// Flushes, and ends the connection politely; see ``TCPSocket/finish(within:discarding:)``.
    ///
    /// Input that has arrived and was not read counts as discarded.
    ///
    /// - Parameters:
    ///   - time: how long to wait for the peer; also how long the flush may go on without the peer taking a byte.
    ///   - limit: how many bytes of the peer to throw away.
    /// - Throws: when not everything could be sent, now or before; the connection is closed then.
    @discardableResult
    public func finish(
        within time: Duration = .seconds(2), discarding limit: ByteCount = .kibibytes(64)
    ) throws(StreamError) -> CloseReport {
        do throws(StreamError) {
            try core.output.checkNotFailed()
            if !core.output.queue.isEmpty { try send(stallLimit: min(time, stallLimit ?? time)) }
        } catch {
            close()
            throw error
        }
        guard let ending = socket.take() else { throw .ended }
        let unread = core.input.queue.count
        let peerFinished = core.input.peerFinished
        core.end()
        if peerFinished {
            // Nothing more can come, and nothing is unread in the kernel: a plain close sends the FIN.
            let unacknowledged = ending.unacknowledgedBytes
            ending.close()
            return CloseReport(ending: .peerFinished, discarded: unread, unacknowledged: unacknowledged)
        }
        var report = ending.finish(within: time, discarding: limit)
        report.discarded += unread
        return report
    }

    /// Flushes and sends a FIN: nothing more can be written, but the peer can still answer (a half-close).
    public func finishSending() throws(StreamError) {
        _ = try fileDescriptor
        try flush()
        do throws(SocketError) { try socket?.shutdown(.writing) } catch { throw .socket(error) }
    }

    /// Closes at once; what was written and not flushed is lost. See ``TCPSocket/close()``.
    public func close() {
        socket.take()?.close()
        core.end()
    }

    /// Ends the connection with an RST; see ``TCPSocket/abort()``.
    public func abort() {
        socket.take()?.abort()
        core.end()
    }

    /// Flushes, and hands the socket and the bytes that had arrived but were not read to the caller.
    public func detach() throws(StreamError) -> DetachedStream {
        try flush()
        try setPatience(nil)
        guard let detached = socket.take() else { throw .ended }
        let unread = core.input.take(core.input.queue.count)
        core.end()
        return DetachedStream(socket: detached, unread: unread)
    }
}

/// What ``SocketStream/detach()`` hands over.
public struct DetachedStream: ~Copyable, Sendable {
    /// The connection.
    public var socket: TCPSocket
    /// Bytes of the peer that had been received already: they come before whatever the socket receives next.
    public let unread: [UInt8]

    package init(socket: consuming TCPSocket, unread: [UInt8]) {
        self.socket = socket
        self.unread = unread
    }

    /// Gives up the value for its socket.
    public consuming func takeSocket() -> TCPSocket { socket }
}
