/// Turns a stream of bytes into frames and frames into bytes, without doing any I/O.
///
/// A codec is a value: its configuration and, where it needs one, its position in the stream. Each direction of each
/// connection has its own copy. Decoding takes the bytes that have arrived and are not consumed yet; what a step
/// returns are *offsets* into them, so nothing is copied. The caller consumes what the step says and calls again.
///
/// A frame has a ``FrameExtent/body`` and, for protocols with header lines, a ``FrameExtent/head``; for all others
/// the head is empty.
///
/// Frames can be taken whole (``decode(_:atEnd:)``) or streamed (``decodePart(_:atEnd:)``), never both within one
/// frame. A whole frame has to fit in memory and is bounded by the codec's limit; a streamed one is handed on in
/// pieces as they arrive.
///
/// After an error the position in the stream is lost: the stream cannot be used further, and every later call throws
/// the same error.
public protocol FrameCodec: Sendable {
    /// Finds the first whole frame in `input`.
    ///
    /// - Parameters:
    ///   - input: all bytes that arrived and were not consumed.
    ///   - atEnd: whether the peer has sent its FIN, so that nothing will follow `input`.
    /// - Returns: ``FrameStep/needsMore(_:)``, ``FrameStep/frame(_:)`` or ``FrameStep/end``.
    /// - Throws: ``FramingError`` when the bytes break the protocol, exceed a limit, or end within a frame.
    mutating func decode(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FrameStep

    /// Takes the next piece of a frame from `input`: its beginning, a chunk of its body, or its end.
    mutating func decodePart(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FramePart

    /// Appends what precedes a body of `bodyCount` bytes (`nil`: not known beforehand) to `output`.
    ///
    /// - Throws: ``FramingError`` when the codec cannot carry such a frame, for example because it needs the length.
    mutating func encodeBegin(head: RawSpan, bodyCount: Int?, into output: inout ByteQueue) throws(FramingError)

    /// Checks that `chunk` may stand in a body (a line may hold no line end) without appending it.
    ///
    /// The body itself is then sent by the caller, from where it is, so that a large one is not copied.
    mutating func encodeChunk(_ chunk: RawSpan) throws(FramingError)

    /// Appends what follows the body.
    mutating func encodeEnd(into output: inout ByteQueue) throws(FramingError)
}

/// Where a whole frame lies in the bytes that were decoded.
public struct FrameExtent: Sendable, Hashable {
    /// Offsets of the header block (without the blank line that ends it); empty for codecs without headers.
    public var head: Range<Int>
    /// Offsets of the frame's content.
    public var body: Range<Int>
    /// How many bytes the frame takes in the stream, all marks included.
    public var consumed: Int

    @inlinable public init(head: Range<Int> = 0..<0, body: Range<Int>, consumed: Int) {
        self.head = head
        self.body = body
        self.consumed = consumed
    }
}

/// What ``FrameCodec/decode(_:atEnd:)`` found.
public enum FrameStep: Sendable, Hashable {
    /// No whole frame yet. The value is the least number of bytes that the input must hold, the present ones
    /// included, before another call can find one: always more than the input has now.
    case needsMore(Int)
    /// A whole frame.
    case frame(FrameExtent)
    /// The stream ended between two frames.
    case end
}

/// What ``FrameCodec/decodePart(_:atEnd:)`` found.
public enum FramePart: Sendable, Hashable {
    /// No piece yet; the value is as in ``FrameStep/needsMore(_:)``.
    case needsMore(Int)
    /// A frame begins. `bodyCount` is the length of its body where the protocol tells it beforehand.
    case begin(head: Range<Int>, bodyCount: Int?, consumed: Int)
    /// A piece of the body, never empty.
    case chunk(Range<Int>, consumed: Int)
    /// The frame is complete.
    case finish(consumed: Int)
    /// The stream ended between two frames.
    case end
}
