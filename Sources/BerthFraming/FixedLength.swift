/// Frames that all have the same length, with nothing between them.
public struct FixedLength: FrameCodec, CustomStringConvertible {
    /// The length of every frame.
    public let size: ByteCount

    private var failure: FramingError?
    private var incoming = CountedBody()
    // The bytes given to the frame that is being written; -1 between frames.
    private var given = -1

    /// Creates a codec.
    ///
    /// - Parameter size: the length of every frame; at least one byte, which is a precondition.
    public init(_ size: ByteCount) {
        precondition(size.bytes > 0, "a frame of a fixed length has at least one byte")
        self.size = size
    }

    public mutating func decode(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FrameStep {
        if let failure { throw failure }
        if input.byteCount >= size.bytes {
            return .frame(FrameExtent(body: 0..<size.bytes, consumed: size.bytes))
        }
        if !atEnd { return .needsMore(size.bytes) }
        if input.isEmpty { return .end }
        throw fail(FramingError(.truncated(have: input.byteCount, need: size.bytes)))
    }

    public mutating func decodePart(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FramePart {
        if let failure { throw failure }
        if incoming.isActive {
            do throws(FramingError) {
                return try incoming.part(input, atEnd: atEnd)
            } catch {
                throw fail(error)
            }
        }
        if input.isEmpty { return atEnd ? .end : .needsMore(1) }
        incoming.begin(size.bytes, preceding: 0)
        return .begin(head: 0..<0, bodyCount: size.bytes, consumed: 0)
    }

    /// - Throws: ``FramingError/Code/wrongFixedLength(expected:actual:)`` when `bodyCount` is known and another one.
    public mutating func encodeBegin(
        head: RawSpan, bodyCount: Int?, into output: inout ByteQueue
    ) throws(FramingError) {
        guard head.isEmpty else { throw FramingError(.headNotSupported(count: head.byteCount)) }
        if let bodyCount, bodyCount != size.bytes { throw wrongLength(bodyCount) }
        if given >= 0 { throw wrongLength(given) }
        given = 0
    }

    public mutating func encodeChunk(_ chunk: RawSpan) throws(FramingError) {
        if chunk.byteCount > size.bytes - max(0, given) { throw wrongLength(max(0, given) + chunk.byteCount) }
        given = max(0, given) + chunk.byteCount
    }

    public mutating func encodeEnd(into output: inout ByteQueue) throws(FramingError) {
        if given != size.bytes { throw wrongLength(max(0, given)) }
        given = -1
    }

    /// "fixed length, 16 bytes"
    public var description: String { "fixed length, \(size)" }

    private func wrongLength(_ actual: Int) -> FramingError {
        FramingError(.wrongFixedLength(expected: size.bytes, actual: actual))
    }

    private mutating func fail(_ error: FramingError) -> FramingError {
        failure = error
        return error
    }
}
