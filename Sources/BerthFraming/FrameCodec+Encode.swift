extension FrameCodec {
    /// Appends a whole frame to `output`, all or nothing: after an error `output` and the codec are as before.
    ///
    /// - Parameters:
    ///   - body: the content of the frame.
    ///   - head: the header lines; only for codecs that have them, such as ``HeadersAndBody``.
    ///   - output: where the bytes go.
    /// - Throws: ``FramingError`` when the codec cannot carry the frame.
    @inlinable
    public mutating func encode(
        _ body: RawSpan, head: RawSpan = RawSpan(), into output: inout ByteQueue
    ) throws(FramingError) {
        let before = output.count
        let unchanged = self
        do throws(FramingError) {
            try encodeBegin(head: head, bodyCount: body.byteCount, into: &output)
            try encodeChunk(body)
            output.append(body)
            try encodeEnd(into: &output)
        } catch {
            output.removeLast(output.count - before)
            self = unchanged
            throw error
        }
    }

    /// Appends a whole frame that holds `body`, all or nothing.
    @inlinable
    public mutating func encode(_ body: [UInt8], into output: inout ByteQueue) throws(FramingError) {
        try encode(body.span.bytes, into: &output)
    }

    /// Appends a whole frame that holds the UTF-8 bytes of `text`, all or nothing.
    @inlinable
    public mutating func encode(_ text: String, into output: inout ByteQueue) throws(FramingError) {
        try encode(text.utf8Span.span.bytes, into: &output)
    }

    /// Appends `frame`, all or nothing.
    @inlinable
    public mutating func encode(_ frame: Frame, into output: inout ByteQueue) throws(FramingError) {
        try encode(frame.body.span.bytes, head: frame.head.span.bytes, into: &output)
    }

    /// Appends `frame`, all or nothing.
    @inlinable
    public mutating func encode(_ frame: borrowing BorrowedFrame, into output: inout ByteQueue) throws(FramingError) {
        try encode(frame.body, head: frame.head, into: &output)
    }
}
