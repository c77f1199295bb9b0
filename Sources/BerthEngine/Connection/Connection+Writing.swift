public import BerthFraming
public import BerthSockets

extension Connection {
    /// Writes bytes; see ``Connection`` for when they are sent.
    public func write(_ bytes: RawSpan) async throws(StreamError) {
        try core.output.checkWritable()
        openOutput()
        if core.output.queue.count + bytes.byteCount <= StreamOutput.gatherLimit {
            core.output.queue.append(bytes)
        } else {
            try await send(bytes, ByteQueue())
        }
        try await flushUnlessOpen()
    }

    /// Writes bytes.
    public func write(_ bytes: [UInt8]) async throws(StreamError) { try await write(bytes.span.bytes) }

    /// Writes the UTF-8 bytes of a text.
    public func write(_ text: String) async throws(StreamError) { try await write(text.utf8Span.span.bytes) }

    /// Writes one frame.
    public func writeFrame(_ body: [UInt8]) async throws(StreamError) { try await writeFrame(body.span.bytes) }

    /// Writes one frame.
    public func writeFrame(_ body: RawSpan, head: RawSpan = RawSpan()) async throws(StreamError) {
        if head.isEmpty, core.output.appendFast(body) { return }
        try core.output.checkWritable()
        openOutput()
        if body.byteCount <= StreamOutput.copyLimit {
            try core.output.appendFrame(body, head: head)
        } else {
            let end = try core.output.frameAround(body, head: head)
            try await send(body, end)
        }
        try await flushUnlessOpen()
    }

    /// Writes the UTF-8 bytes of a text as one frame.
    public func writeFrame(_ text: String) async throws(StreamError) { try await writeFrame(text.utf8Span.span.bytes) }

    /// Writes one frame.
    public func writeFrame(_ frame: Frame) async throws(StreamError) {
        try await writeFrame(frame.body.span.bytes, head: frame.head.span.bytes)
    }

    /// Begins a frame whose body is written in pieces of `bodyCount` bytes in all.
    public func beginFrame(bodyCount: Int?, head: RawSpan = RawSpan()) async throws(StreamError) {
        try core.output.checkWritable()
        openOutput()
        try core.output.beginFrame(bodyCount: bodyCount, head: head)
        try await flushUnlessOpen()
    }

    /// Writes a piece of the body of the frame that was begun.
    public func writeChunk(_ chunk: RawSpan) async throws(StreamError) {
        try core.output.checkWritable()
        try core.output.checkChunk(chunk)
        try await write(chunk)
    }

    /// Writes a piece of the body of the frame that was begun.
    public func writeChunk(_ chunk: [UInt8]) async throws(StreamError) { try await writeChunk(chunk.span.bytes) }

    /// Ends the frame that was begun.
    public func endFrame() async throws(StreamError) {
        try core.output.checkWritable()
        openOutput()
        try core.output.endFrame()
        try await flushUnlessOpen()
    }

    /// Sends what has gathered when that is enough, or when nobody would do so later.
    private func flushUnlessOpen() async throws(StreamError) {
        if !core.output.isOpen || core.output.queue.count > StreamOutput.gatherLimit { try await flush() }
    }
}
