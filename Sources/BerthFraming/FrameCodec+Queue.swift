extension FrameCodec {
    /// ``decode(_:atEnd:)`` of all bytes that wait in `queue`; nothing is consumed.
    ///
    /// With a codec and a queue that are stored in the same value, `codec.decode(queue.bytes, …)` is refused by the
    /// compiler, because the span borrows the value that owns the queue; `codec.decode(queue, …)` is not.
    @inlinable
    public mutating func decode(_ queue: borrowing ByteQueue, atEnd: Bool) throws(FramingError) -> FrameStep {
        try decode(queue.bytes, atEnd: atEnd)
    }

    /// ``decodePart(_:atEnd:)`` of all bytes that wait in `queue`; nothing is consumed.
    @inlinable
    public mutating func decodePart(_ queue: borrowing ByteQueue, atEnd: Bool) throws(FramingError) -> FramePart {
        try decodePart(queue.bytes, atEnd: atEnd)
    }
}
