/// The whole stream is one frame, which ends when the peer sends its FIN.
///
/// An empty stream is one empty frame, so that every frame that was encoded is decoded again. A port probe that
/// connects and closes therefore is an empty frame too.
///
/// Encoding adds nothing: the writer has to finish the stream after the one frame, and a second one is refused.
public struct UntilClose: FrameCodec, CustomStringConvertible {
    /// The largest stream, in either direction.
    public let maximumFrame: ByteCount

    private enum Phase { case before, within, after }
    private var failure: FramingError?
    private var phase = Phase.before
    /// The bytes that were handed on in pieces.
    private var streamed = 0
    private var writing = Phase.before
    private var written = 0

    /// Creates a codec.
    ///
    /// - Parameter maximumFrame: the largest stream. 1 MiB as a rule: a whole one is held in memory.
    public init(maximumFrame: ByteCount = .mebibytes(1)) { self.maximumFrame = maximumFrame }

    public mutating func decode(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FrameStep {
        if let failure { throw failure }
        if phase == .after { return .end }
        try checkLimit(input)
        if !atEnd { return .needsMore(input.byteCount + 1) }
        phase = .after
        return .frame(FrameExtent(body: 0..<input.byteCount, consumed: input.byteCount))
    }

    public mutating func decodePart(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FramePart {
        if let failure { throw failure }
        switch phase {
        case .after:
            return .end
        case .before:
            if input.isEmpty && !atEnd { return .needsMore(1) }
            phase = .within
            return .begin(head: 0..<0, bodyCount: nil, consumed: 0)
        case .within:
            try checkLimit(input)
            let count = input.byteCount
            if count > 0 {
                streamed += count
                return .chunk(0..<count, consumed: count)
            }
            if !atEnd { return .needsMore(1) }
            phase = .after
            return .finish(consumed: 0)
        }
    }

    private mutating func checkLimit(_ input: RawSpan) throws(FramingError) {
        // streamed <= limit, so that the difference is not negative.
        if input.byteCount > maximumFrame.bytes - streamed {
            let error = FramingError(.frameTooLarge(announced: nil, limit: maximumFrame, parameter: .maximumFrame))
            failure = error
            throw error
        }
    }

    /// - Throws: an error for a second frame, and for a body above ``maximumFrame``.
    public mutating func encodeBegin(
        head: RawSpan, bodyCount: Int?, into output: inout ByteQueue
    ) throws(FramingError) {
        guard head.isEmpty else { throw FramingError(.headNotSupported(count: head.byteCount)) }
        if writing != .before { throw FramingError(.custom(Self.onlyOne)) }
        if let bodyCount { try checkWritten(bodyCount) }
        writing = .within
    }

    public mutating func encodeChunk(_ chunk: RawSpan) throws(FramingError) {
        if writing == .after { throw FramingError(.custom(Self.onlyOne)) }
        try checkWritten(chunk.byteCount)
        written += chunk.byteCount
    }

    public mutating func encodeEnd(into output: inout ByteQueue) throws(FramingError) { writing = .after }

    private static let onlyOne = "the whole stream is one frame, so that no second one can be sent"

    private func checkWritten(_ more: Int) throws(FramingError) {
        guard more > maximumFrame.bytes - written else { return }
        let (count, overflow) = written.addingReportingOverflow(more)
        throw FramingError(
            .bodyTooLarge(count: overflow ? .max : count, limit: maximumFrame, parameter: .maximumFrame))
    }

    /// "until close, at most 1 MiB"
    public var description: String { "until close, at most \(maximumFrame)" }
}
