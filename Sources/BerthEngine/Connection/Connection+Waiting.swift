internal import BerthFraming
public import BerthSockets
internal import BerthSystem

// What differs between the engines: how bytes are received and sent, and how one waits for that.
//
// Under a blocking engine the thread waits within the call. On an event loop the handler parks. A connection of a loop that
// is used from elsewhere (a client of a test, an actor of the main thread) goes to its loop for each of these calls.
extension Connection {
    /// The loop's side of a connection.
    ///
    /// Unchecked: whoever carries it to another thread leaves what it points to to the loop.
    struct LoopSide: @unchecked Sendable {
        let channel: UnsafeMutablePointer<Channel>
    }

    /// Carries a connection to its loop's thread and back.
    ///
    /// Unchecked: the task that sends it waits until it is back.
    private struct Visit: @unchecked Sendable {
        let connection: Connection
    }

    // MARK: Receiving

    /// Receives more bytes, sending what has gathered first, and returns how many; 0 at the end.
    @inline(never)
    func receive(room: Int) async throws(StreamError) -> Int {
        switch transport {
        case .blocking(let stream): return try stream.receive(room: room)
        case .loop(let loop, let side):
            if loop.isCurrent { return try await receive(room: room, loop, side) }
            let visit = Visit(connection: self)
            return try await withTaskExecutorPreference(loop) { () async in
                await Self.receive(visit, room, loop, side)
            }.get()
        }
    }

    @concurrent
    private static func receive(
        _ visit: Visit, _ room: Int, _ loop: EventLoop, _ side: LoopSide
    ) async -> Result<Int, StreamError> {
        do throws(StreamError) { return .success(try await visit.connection.receive(room: room, loop, side)) } catch {
            return .failure(error)
        }
    }

    private func receive(room: Int, _ loop: EventLoop, _ side: LoopSide) async throws(StreamError) -> Int {
        if core.input.peerFinished || core.input.wasInterrupted { return 0 }
        try await flush(loop, side)
        while true {
            if let count = try tryReceive(room: room, loop, side) { return count }
            let isTurnOver = unsafe side.channel.pointee.isReadable
            unsafe side.channel.pointee.heedsDrain = core.input.isBetweenMessages && signals != nil && !isLingering
            switch await unsafe loop.park(side.channel, isTurnOver ? .turn : .readable, limit: idleNanoseconds) {
            case .ready: continue
            case .interrupted:
                core.input.wasInterrupted = true
                return 0
            case .late: throw .socket(idleError)
            case .cancelled: throw .cancelled
            }
        }
    }

    /// One receive that does not wait: `nil` when there is nothing, or when it is the others' turn.
    private func tryReceive(room: Int, _ loop: EventLoop, _ side: LoopSide) throws(StreamError) -> Int? {
        if unsafe side.channel.pointee.descriptor < 0 { throw .ended }
        if unsafe side.channel.pointee.turn >= Channel.turnLimit { return nil }
        do throws(Errno) {
            guard let count = try unsafe loop.receive(side.channel, room: room) else { return nil }
            if count == 0 { core.input.peerFinished = true }
            return count
        } catch { throw receiveError(error) }
    }

    func receiveError(_ errno: Errno) -> StreamError {
        .socket(SocketError(.receive, address: peer.description, errno: errno))
    }

    var idleError: SocketError {
        .deadline(
            .receive, address: peer.description, nothingHappened: "byte from the peer",
            within: .nanoseconds(idleNanoseconds))
    }

    // MARK: Sending

    /// Hands everything that was written to the kernel; waits while it has no room.
    public func flush() async throws(StreamError) {
        switch transport {
        case .blocking(let stream): try stream.flush()
        case .loop(let loop, let side):
            if loop.isCurrent { return try await flush(loop, side) }
            let visit = Visit(connection: self)
            return try await withTaskExecutorPreference(loop) { () async in
                await Self.flush(visit, loop, side)
            }.get()
        }
    }

    @concurrent
    private static func flush(_ visit: Visit, _ loop: EventLoop, _ side: LoopSide) async -> Result<Void, StreamError> {
        do throws(StreamError) { return .success(try await visit.connection.flush(loop, side)) } catch {
            return .failure(error)
        }
    }

    func flush(_ loop: EventLoop, _ side: LoopSide) async throws(StreamError) {
        unsafe loop.attach(side.channel)
        if !core.output.queue.isEmpty { unsafe loop.flush(side.channel) }
        if unsafe !side.channel.pointee.unsent.isEmpty { try await untilSent(loop, side) }
        try core.output.checkNotFailed()
    }

    /// Waits until the kernel has taken what it had no room for.
    private func untilSent(_ loop: EventLoop, _ side: LoopSide) async throws(StreamError) {
        while unsafe !side.channel.pointee.unsent.isEmpty {
            switch await unsafe loop.park(side.channel, .sent, limit: stallNanoseconds) {
            case .ready, .interrupted: continue
            case .cancelled: throw .cancelled
            case .late:
                let error = stallError
                unsafe loop.attach(side.channel)
                unsafe loop.failSending(side.channel, error)
                throw .socket(error)
            }
        }
        unsafe loop.attach(side.channel)
    }

    var stallError: SocketError {
        .deadline(
            .send, address: peer.description, nothingHappened: "room to send (the peer does not read)",
            within: .nanoseconds(stallNanoseconds))
    }

    /// Sends what has gathered, then `body`, which is not copied where that can be, then `end`.
    func send(_ body: RawSpan, _ end: borrowing ByteQueue) async throws(StreamError) {
        switch transport {
        case .blocking(let stream): try stream.sendNow(body, end)
        case .loop(let loop, let side):
            if loop.isCurrent {
                if unsafe loop.send(side.channel, body, end) { return try core.output.checkNotFailed() }
            } else {
                // From elsewhere the bytes are copied, so that they can be taken along.
                core.output.queue.append(body)
                core.output.queue.append(end.bytes)
            }
            try await flush()
        }
    }

    /// Makes what is written from now on be sent when the handler waits; without effect off the loop.
    func openOutput() {
        if case .loop(let loop, let side) = transport, loop.isCurrent { unsafe loop.attach(side.channel) }
    }

    // MARK: Replies

    /// Waits until replies can be written: not while the peer does not take what there is.
    @usableFromInline
    func makeRoomForReplies() async throws(StreamError) {
        guard case .loop(let loop, let side) = transport else { return }
        if loop.isCurrent {
            unsafe loop.attach(side.channel)
            if core.output.isOpen { return }
        }
        try await flush()
    }

    /// Writes a frame from within a handler that cannot wait: what the kernel has no room for is kept.
    @usableFromInline
    func replyFrame(_ body: RawSpan, head: RawSpan) throws(StreamError) {
        guard case .loop(let loop, let side) = transport else {
            guard case .blocking(let stream) = transport else { return }
            return try stream.writeFrame(body, head: head)
        }
        try core.output.checkWritable()
        openOutput()
        if body.byteCount <= StreamOutput.copyLimit || !loop.isCurrent {
            try core.output.appendFrame(body, head: head)
            sendIfEnough(loop, side)
        } else {
            let end = try core.output.frameAround(body, head: head)
            unsafe loop.send(side.channel, body, end)
        }
        try core.output.checkNotFailed()
    }

    /// Writes bytes from within a handler that cannot wait.
    func reply(_ bytes: RawSpan) throws(StreamError) {
        guard case .loop(let loop, let side) = transport else {
            guard case .blocking(let stream) = transport else { return }
            return try stream.write(bytes)
        }
        try core.output.checkWritable()
        openOutput()
        if bytes.byteCount <= StreamOutput.copyLimit || !loop.isCurrent {
            core.output.queue.append(bytes)
            sendIfEnough(loop, side)
        } else {
            unsafe loop.send(side.channel, bytes, ByteQueue())
        }
        try core.output.checkNotFailed()
    }

    private func sendIfEnough(_ loop: EventLoop, _ side: LoopSide) {
        if core.output.queue.count > StreamOutput.gatherLimit, loop.isCurrent { unsafe loop.flush(side.channel) }
    }
}

extension Connection {
    /// Has the loop tell what happens to this connection. On the loop's thread, once.
    package func watch() throws(StreamError) {
        guard case .loop(let loop, let side) = transport else { return }
        do throws(Errno) { try unsafe loop.watch(side.channel) } catch {
            throw .socket(SocketError(.open, address: peer.description, errno: error))
        }
    }
}
