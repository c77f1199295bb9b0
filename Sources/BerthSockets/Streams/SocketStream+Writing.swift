public import BerthFraming

extension SocketStream {
    /// Writes bytes; see ``SocketStream`` for when they are sent.
    public func write(_ bytes: RawSpan) throws(StreamError) {
        try core.output.checkWritable()
        if core.output.queue.count + bytes.byteCount <= StreamOutput.gatherLimit {
            core.output.queue.append(bytes)
        } else {
            try send(bytes, stallLimit: stallLimit)
        }
    }

    /// Writes bytes.
    public func write(_ bytes: [UInt8]) throws(StreamError) { try write(bytes.span.bytes) }

    /// Writes the UTF-8 bytes of a text.
    public func write(_ text: String) throws(StreamError) { try write(text.utf8Span.span.bytes) }

    /// Writes one frame.
    ///
    /// - Throws: `FramingError` when the protocol cannot carry it; then nothing was written.
    public func writeFrame(_ body: RawSpan, head: RawSpan = RawSpan()) throws(StreamError) {
        try core.output.checkWritable()
        if body.byteCount <= StreamOutput.copyLimit {
            try core.output.appendFrame(body, head: head)
            try sendIfEnough()
        } else {
            let end = try core.output.frameAround(body, head: head)
            try send(body, end, stallLimit: stallLimit)
        }
    }

    /// Writes one frame.
    public func writeFrame(_ body: [UInt8]) throws(StreamError) { try writeFrame(body.span.bytes) }

    /// Writes the UTF-8 bytes of a text as one frame.
    public func writeFrame(_ text: String) throws(StreamError) { try writeFrame(text.utf8Span.span.bytes) }

    /// Writes one frame.
    public func writeFrame(_ frame: Frame) throws(StreamError) {
        try writeFrame(frame.body.span.bytes, head: frame.head.span.bytes)
    }

    /// Begins a frame whose body is written in pieces.
    ///
    /// - Parameter bodyCount: the length of the body; `nil` when it is not known, which most protocols refuse.
    public func beginFrame(bodyCount: Int?, head: RawSpan = RawSpan()) throws(StreamError) {
        try core.output.checkWritable()
        try core.output.beginFrame(bodyCount: bodyCount, head: head)
        try sendIfEnough()
    }

    /// Writes a piece of the body of the frame that was begun.
    public func writeChunk(_ chunk: RawSpan) throws(StreamError) {
        try core.output.checkWritable()
        try core.output.checkChunk(chunk)
        try write(chunk)
    }

    /// Writes a piece of the body of the frame that was begun.
    public func writeChunk(_ chunk: [UInt8]) throws(StreamError) { try writeChunk(chunk.span.bytes) }

    /// Ends the frame that was begun.
    public func endFrame() throws(StreamError) {
        try core.output.checkWritable()
        try core.output.endFrame()
        try sendIfEnough()
    }

    /// Hands everything that was written to the kernel; waits while it has no room.
    ///
    /// - Throws: `StreamError.socket`. What was written is then lost, and the connection can only be ended.
    public func flush() throws(StreamError) {
        try core.output.checkNotFailed()
        if !core.output.queue.isEmpty { try send(stallLimit: stallLimit) }
    }

    /// Sends what has gathered, then `bytes`, which are not copied, then `end`.
    package func sendNow(_ bytes: RawSpan, _ end: borrowing ByteQueue) throws(StreamError) {
        try send(bytes, end, stallLimit: stallLimit)
    }

    private func sendIfEnough() throws(StreamError) {
        if core.output.queue.count > StreamOutput.gatherLimit { try send(stallLimit: stallLimit) }
    }

    /// Sends what has gathered, then `bytes`, which are not copied, then `end`.
    func send(
        _ bytes: RawSpan = RawSpan(), _ end: borrowing ByteQueue = ByteQueue(), stallLimit: Duration?
    ) throws(StreamError) {
        if socket == nil { throw .ended }
        let timeout = stallLimit.map { SendTimeout.perCall($0) } ?? .none
        interruption?.note(.writing)
        defer { interruption?.note(.nothing) }
        do throws(SocketError) {
            try unsafe core.output.queue.withUnsafeBytes { (gathered) throws(SocketError) in
                try unsafe bytes.withUnsafeBytes { (raw) throws(SocketError) in
                    try unsafe end.withUnsafeBytes { (last) throws(SocketError) in
                        try unsafe socket?.sendAll(gathered, raw, last, timeout: timeout)
                    }
                }
            }
        } catch {
            core.output.fail(error)
            throw .socket(error)
        }
        core.output.queue.removeAll()
        if core.output.queue.allocatedCount > 2 * StreamOutput.gatherLimit { core.output.queue.releaseIfEmpty() }
    }
}
