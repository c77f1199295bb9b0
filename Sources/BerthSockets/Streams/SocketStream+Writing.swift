public import BerthFraming

extension SocketStream {
    /// Writes bytes; see ``SocketStream`` for when they are sent.
    public func write(_ bytes: RawSpan) throws(StreamError) {
        try checkWritable()
        if output.count + bytes.byteCount <= Self.gatherLimit {
            output.append(bytes)
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
        try checkWritable()
        if body.byteCount <= Self.gatherLimit / 4 {
            try encoded { (output) throws(FramingError) in try encoder.encode(body, head: head, into: &output) }
            return
        }
        // A large body is not copied: it is sent from where it is, between what precedes and what follows it. Both are
        // made before anything is sent, since a codec may refuse a body at its very end.
        let before = output.count
        let unchanged = encoder
        var end = ByteQueue()
        do throws(FramingError) {
            try encoder.encodeBegin(head: head, bodyCount: body.byteCount, into: &output)
            try encoder.encodeChunk(body)
            try encoder.encodeEnd(into: &end)
        } catch {
            output.removeLast(output.count - before)
            encoder = unchanged
            throw .framing(error)
        }
        try send(body, end, stallLimit: stallLimit)
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
        try checkWritable()
        try encoded { (output) throws(FramingError) in
            try encoder.encodeBegin(head: head, bodyCount: bodyCount, into: &output)
        }
    }

    /// Writes a piece of the body of the frame that was begun.
    public func writeChunk(_ chunk: RawSpan) throws(StreamError) {
        try checkWritable()
        do throws(FramingError) { try encoder.encodeChunk(chunk) } catch { throw .framing(error) }
        try write(chunk)
    }

    /// Writes a piece of the body of the frame that was begun.
    public func writeChunk(_ chunk: [UInt8]) throws(StreamError) { try writeChunk(chunk.span.bytes) }

    /// Ends the frame that was begun.
    public func endFrame() throws(StreamError) {
        try checkWritable()
        try encoded { (output) throws(FramingError) in try encoder.encodeEnd(into: &output) }
    }

    /// Hands everything that was written to the kernel; waits while it has no room.
    ///
    /// - Throws: `StreamError.socket`. What was written is then lost, and the connection can only be ended.
    public func flush() throws(StreamError) {
        if let sendFailure { throw .socket(sendFailure) }
        if !output.isEmpty { try send(stallLimit: stallLimit) }
    }

    private func checkWritable() throws(StreamError) {
        if socket == nil { throw .ended }
        if let sendFailure { throw .socket(sendFailure) }
    }

    /// Appends what `body` encodes, all or nothing, and sends when enough has gathered.
    private func encoded(_ body: (inout ByteQueue) throws(FramingError) -> Void) throws(StreamError) {
        let before = output.count
        do throws(FramingError) { try body(&output) } catch {
            output.removeLast(output.count - before)
            throw .framing(error)
        }
        if output.count > Self.gatherLimit { try send(stallLimit: stallLimit) }
    }

    /// Sends what has gathered, then `bytes`, which are not copied, then `end`.
    func send(
        _ bytes: RawSpan = RawSpan(), _ end: borrowing ByteQueue = ByteQueue(), stallLimit: Duration?
    ) throws(StreamError) {
        if socket == nil { throw .ended }
        let timeout = stallLimit.map { SendTimeout.perCall($0) } ?? .none
        do throws(SocketError) {
            try unsafe output.withUnsafeBytes { (gathered) throws(SocketError) in
                try unsafe bytes.withUnsafeBytes { (raw) throws(SocketError) in
                    try unsafe end.withUnsafeBytes { (last) throws(SocketError) in
                        try unsafe socket?.sendAll(gathered, raw, last, timeout: timeout)
                    }
                }
            }
        } catch {
            output.removeAll()
            sendFailure = error
            throw .socket(error)
        }
        output.removeAll()
        if output.allocatedCount > 2 * Self.gatherLimit { output.releaseIfEmpty() }
    }
}
