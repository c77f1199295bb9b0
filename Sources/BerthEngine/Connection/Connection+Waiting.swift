internal import BerthFraming
public import BerthSockets
internal import BerthSystem

// What differs between the engines: how bytes are received and sent, and how one waits for that.
//
// Under a blocking engine the thread waits within the call. On an event loop the handler parks. A connection of a loop that
// is used from elsewhere (a client of a test, an actor of the main thread) goes to its loop for each of these calls.
extension Connection {
    /// Carries a connection to its loop's thread and back.
    ///
    /// Unchecked: the task that sends it waits until it is back, and from then on the loop touches nothing of what the task
    /// does: see that whoever leaves the loop settles before.
    struct Visit: @unchecked Sendable {
        let connection: Connection
    }

    /// Whether the caller is on the loop's thread and comes back there from a wait. The code of an actor may come back
    /// somewhere else.
    @inline(__always)
    private func isAtLoop(_ isolation: (any Actor)?) -> Bool { loop.isCurrent && isolation == nil }

    // MARK: Receiving

    /// Receives more bytes, sending what has gathered first, and returns how many; 0 at the end.
    @inline(never)
    func receive(room: Int) async throws(StreamError) -> Int {
        guard let channel = unsafe channel, isAtLoop(#isolation) else {
            return try await receiveElsewhere(room: room)
        }
        while true {
            switch try unsafe loop.tryReceive(channel, room: room) {
            case .received(let count): return count
            case .mustWait(let wait):
                if isClient {
                    try await unsafe eventLoop.waitUnlessCancelled(channel, wait)
                    continue
                }
                if let spot = unsafe loop.beginWait(channel, wait) { await spot.park() }
                try unsafe loop.endWait(channel, wait)
            }
        }
    }

    /// Finds the next whole frame, receiving until it is there: `core.input.found` says where. False at the end.
    ///
    /// The same as asking the decoder and receiving in turns. It is one function, and nothing that a handler on a loop does
    /// not need is in it, because the frames of a task's functions are what a parked handler costs.
    @usableFromInline @inline(never)
    func findFrame() async throws(StreamError) -> Bool {
        guard let channel = unsafe channel, isAtLoop(#isolation) else { return try await findFrameElsewhere() }
        while true {
            let wait = try unsafe loop.findFrame(channel)
            if wait == .nothing { return !core.input.found.isNone }
            if isClient {
                try await unsafe eventLoop.waitUnlessCancelled(channel, wait)
                continue
            }
            if let spot = unsafe loop.beginWait(channel, wait) { await spot.park() }
            try unsafe loop.endWait(channel, wait)
        }
    }

    @inline(never)
    private func findFrameElsewhere() async throws(StreamError) -> Bool {
        while true {
            switch try core.input.nextFrame() {
            case .frame(let extent):
                core.input.found = extent
                return true
            case .needsMore(let count): _ = try await receiveElsewhere(room: count - core.input.queue.count)
            case .end: return false
            }
        }
    }

    /// Receives by blocking, or by going to the loop.
    @inline(never)
    private func receiveElsewhere(room: Int) async throws(StreamError) -> Int {
        if let stream {
            return isClient ? try await receiveUnlessCancelled(stream, room: room) : try stream.receive(room: room)
        }
        // The loop of a connection that is ended may have ended as well.
        if core.input.isOver { return 0 }
        _ = try fileDescriptor
        let visit = Visit(connection: self)
        return try await withTaskExecutorPreference(eventLoop) { () async in await Self.receive(visit, room) }.get()
    }

    @concurrent
    private static func receive(_ visit: Visit, _ room: Int) async -> Result<Int, StreamError> {
        // Before the task goes back, where it may look at what was received while the loop still runs the end of this job.
        defer { visit.connection.loop.settle() }
        do throws(StreamError) { return .success(try await visit.connection.receive(room: room)) } catch {
            return .failure(error)
        }
    }

    // MARK: Sending

    /// Hands everything that was written to the kernel; waits while it has no room.
    public func flush() async throws(StreamError) {
        if let stream { return isClient ? try await flushUnlessCancelled(stream) : try stream.flush() }
        if let channel = unsafe channel, isAtLoop(#isolation) { return try await unsafe flush(channel) }
        if unsafe (channel?.pointee.descriptor ?? -1) < 0 { return try core.output.checkNotFailed() }
        let visit = Visit(connection: self)
        return try await withTaskExecutorPreference(eventLoop) { () async in await Self.flush(visit) }.get()
    }

    @concurrent
    private static func flush(_ visit: Visit) async -> Result<Void, StreamError> {
        defer { visit.connection.loop.settle() }
        do throws(StreamError) { return .success(try await visit.connection.flush()) } catch {
            return .failure(error)
        }
    }

    private func flush(_ channel: UnsafeMutablePointer<Channel>) async throws(StreamError) {
        unsafe loop.attach(channel)
        if !core.output.queue.isEmpty { unsafe loop.flush(channel) }
        while unsafe !channel.pointee.unsent.isEmpty || channel.pointee.sending.count > 0 {
            if isClient {
                try await unsafe eventLoop.waitUnlessCancelled(channel, .sent)
                continue
            }
            if let spot = unsafe loop.beginWait(channel, .sent) { await spot.park() }
            try unsafe loop.endWait(channel, .sent)
        }
        unsafe loop.attach(channel)
        try core.output.checkNotFailed()
    }

    /// Sends what has gathered, then `body`, which is not copied where that can be, then `end`.
    func send(_ body: RawSpan, _ end: borrowing ByteQueue) async throws(StreamError) {
        if let stream, !isClient { return try stream.sendNow(body, end) }
        if let channel = unsafe channel, loop.isCurrent {
            if unsafe loop.send(channel, body, end) { return try core.output.checkNotFailed() }
        } else {
            // From elsewhere the bytes are copied, so that they can be taken along; and where a wait can be cancelled.
            core.output.queue.append(body)
            core.output.queue.append(end.bytes)
        }
        try await flush()
    }

    /// Makes what is written from now on be sent when the handler waits; without effect off the loop.
    func openOutput() {
        if let channel = unsafe channel, loop.isCurrent { unsafe loop.attach(channel) }
    }

    // MARK: Replies

    /// Whether replies can be written: not while the peer does not take what there is.
    @usableFromInline
    func canReply() -> Bool {
        guard let channel = unsafe channel else { return true }
        guard loop.isCurrent else { return false }
        unsafe loop.attach(channel)
        return core.output.isOpen
    }

    /// Writes a frame from within a handler that cannot wait: what the kernel has no room for is kept.
    @usableFromInline
    func replyFrame(_ body: RawSpan, head: RawSpan) throws(StreamError) {
        if let stream { return try stream.writeFrame(body, head: head) }
        try core.output.checkWritable()
        openOutput()
        if body.byteCount <= StreamOutput.copyLimit || !loop.isCurrent {
            try core.output.appendFrame(body, head: head)
        } else {
            let end = try core.output.frameAround(body, head: head)
            sendReply(body, end)
        }
        try sendIfEnough()
    }

    /// Writes bytes from within a handler that cannot wait.
    func reply(_ bytes: RawSpan) throws(StreamError) {
        if let stream { return try stream.write(bytes) }
        try core.output.checkWritable()
        openOutput()
        if bytes.byteCount <= StreamOutput.copyLimit || !loop.isCurrent {
            core.output.queue.append(bytes)
        } else {
            sendReply(bytes, ByteQueue())
        }
        try sendIfEnough()
    }

    private func sendReply(_ body: RawSpan, _ end: borrowing ByteQueue) {
        if let channel = unsafe channel { unsafe loop.send(channel, body, end) }
    }

    private func sendIfEnough() throws(StreamError) {
        if core.output.queue.count > StreamOutput.gatherLimit, loop.isCurrent { sendReply(RawSpan(), ByteQueue()) }
        try core.output.checkNotFailed()
    }
}

extension Connection {
    /// Has the loop tell what happens to this connection. On the loop's thread, once.
    package func watch() throws(StreamError) {
        guard let channel = unsafe channel else { return }
        do throws(Errno) { try unsafe loop.watch(channel) } catch {
            throw .socket(SocketError(.open, address: peer.description, errno: error))
        }
    }

    /// The same, by its ring if it has one.
    package func serve() throws(StreamError) {
        guard let channel = unsafe channel else { return }
        do throws(Errno) { try unsafe loop.serve(channel) } catch {
            throw .socket(SocketError(.open, address: peer.description, errno: error))
        }
    }

    /// Has the loop's ring end to receive: what is not in the input then is in the kernel.
    func leaveRing() async throws(StreamError) {
        guard let channel = unsafe channel else { return }
        guard isAtLoop(#isolation) else {
            if unsafe channel.pointee.descriptor < 0 { return }
            let visit = Visit(connection: self)
            return try await withTaskExecutorPreference(eventLoop) { () async in await Self.leaveRing(visit) }.get()
        }
        unsafe loop.leaveRing(channel)
        while unsafe channel.pointee.ringPart == .leaves {
            if let spot = unsafe loop.beginWait(channel, .ringLeft) { await spot.park() }
            try unsafe loop.endWait(channel, .ringLeft)
        }
    }

    @concurrent
    private static func leaveRing(_ visit: Visit) async -> Result<Void, StreamError> {
        defer { visit.connection.loop.settle() }
        do throws(StreamError) { return .success(try await visit.connection.leaveRing()) } catch {
            return .failure(error)
        }
    }
}
