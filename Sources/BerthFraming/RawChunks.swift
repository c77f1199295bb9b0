/// No framing at all: whatever has arrived is a frame.
///
/// A frame is never empty. Where one ends says nothing: the network splits and joins what was written.
/// Encoding adds nothing and takes any body. There is no limit of its own: a frame is as large as what was read.
public struct RawChunks: FrameCodec, CustomStringConvertible {
    private var incoming = CountedBody()

    public init() {}

    public mutating func decode(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FrameStep {
        let count = input.byteCount
        if count > 0 { return .frame(FrameExtent(body: 0..<count, consumed: count)) }
        return atEnd ? .end : .needsMore(1)
    }

    public mutating func decodePart(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FramePart {
        if incoming.isActive { return try incoming.part(input, atEnd: atEnd) }
        if input.isEmpty { return atEnd ? .end : .needsMore(1) }
        incoming.begin(input.byteCount, preceding: 0)
        return .begin(head: 0..<0, bodyCount: input.byteCount, consumed: 0)
    }

    public mutating func encodeBegin(
        head: RawSpan, bodyCount: Int?, into output: inout ByteQueue
    ) throws(FramingError) {
        guard head.isEmpty else { throw FramingError(.headNotSupported(count: head.byteCount)) }
    }

    public mutating func encodeChunk(_ chunk: RawSpan) throws(FramingError) {}

    public mutating func encodeEnd(into output: inout ByteQueue) throws(FramingError) {}

    /// "raw chunks"
    public var description: String { "raw chunks" }
}
