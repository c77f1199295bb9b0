/// Frames that end with a fixed sequence of bytes.
///
/// Each byte is looked at once, however the stream is split and however the sequence overlaps itself (Knuth, Morris,
/// Pratt). A stream that ends behind content without the sequence is an error: the peer may have been cut off.
public struct Delimiter: FrameCodec {
    /// The sequence that ends a frame.
    public let bytes: [UInt8]
    /// The largest body in either direction, not counting the sequence.
    public let maximumFrame: ByteCount

    private let matcher: SequenceMatcher
    private var failure: FramingError?
    /// How many bytes of the input were looked at, and how many of the last of them begin the sequence.
    private(set) var scanned = 0
    private var matched = 0
    private var isWithinFrame = false
    private var streamed = 0
    // Encoding: the state of the matcher behind what was given, and how much that was.
    private var outgoingMatched = 0
    private var written = 0

    /// Creates a codec.
    ///
    /// - Parameters:
    ///   - bytes: the sequence that ends a frame; it is not empty, which is a precondition.
    ///   - maximumFrame: the largest body, not counting the sequence. 1 MiB as a rule.
    public init(_ bytes: [UInt8], maximumFrame: ByteCount = .mebibytes(1)) {
        precondition(!bytes.isEmpty, "a delimiter has at least one byte")
        self.bytes = bytes
        self.maximumFrame = maximumFrame
        matcher = SequenceMatcher(bytes)
    }

    public mutating func decode(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FrameStep {
        if let failure { throw failure }
        if let start = try findStart(input) {
            scanned = 0
            matched = 0
            return .frame(FrameExtent(body: 0..<start, consumed: start + bytes.count))
        }
        if !atEnd { return .needsMore(input.byteCount + (bytes.count - matched)) }
        if input.isEmpty { return .end }
        throw fail(FramingError(.truncated(have: input.byteCount, need: nil)))
    }

    public mutating func decodePart(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FramePart {
        if let failure { throw failure }
        if !isWithinFrame {
            if input.isEmpty { return atEnd ? .end : .needsMore(1) }
            isWithinFrame = true
            return .begin(head: 0..<0, bodyCount: nil, consumed: 0)
        }
        if let start = try findStart(input) {
            scanned = 0
            matched = 0
            if start > 0 {
                streamed += start
                return .chunk(0..<start, consumed: start)
            }
            isWithinFrame = false
            streamed = 0
            return .finish(consumed: bytes.count)
        }
        // What may be the beginning of the sequence stays in the input.
        let certain = input.byteCount - matched
        if certain > 0 {
            streamed += certain
            scanned = matched
            return .chunk(0..<certain, consumed: certain)
        }
        if !atEnd { return .needsMore(input.byteCount + 1) }
        throw fail(FramingError(.truncated(have: streamed + input.byteCount, need: nil)))
    }

    /// Where the first sequence starts; `nil` when there is none yet and the frame may still be small enough.
    private mutating func findStart(_ input: RawSpan) throws(FramingError) -> Int? {
        let room = maximumFrame.bytes - streamed
        let end = matcher.findEnd(in: input, from: scanned, matched: &matched)
        scanned = end ?? input.byteCount
        let start = scanned - (end == nil ? matched : bytes.count)
        if start > room {
            throw fail(
                FramingError(.frameTooLarge(announced: nil, limit: maximumFrame, parameter: .maximumFrame)))
        }
        return end == nil ? nil : start
    }

    private mutating func fail(_ error: FramingError) -> FramingError {
        failure = error
        return error
    }
}

extension Delimiter {
    /// Begins a frame; nothing is written before its content.
    public mutating func encodeBegin(
        head: RawSpan, bodyCount: Int?, into output: inout ByteQueue
    ) throws(FramingError) {
        guard head.isEmpty else { throw FramingError(.headNotSupported(count: head.byteCount)) }
        outgoingMatched = 0
        written = 0
    }

    /// - Throws: ``FramingError/Code/forbiddenBytes(mark:)`` when the body would hold the sequence,
    ///   ``FramingError/Code/bodyTooLarge(count:limit:parameter:)`` when it gets larger than ``maximumFrame``.
    public mutating func encodeChunk(_ chunk: RawSpan) throws(FramingError) {
        let (count, overflow) = written.addingReportingOverflow(chunk.byteCount)
        if overflow || count > maximumFrame.bytes {
            throw FramingError(
                .bodyTooLarge(count: overflow ? .max : count, limit: maximumFrame, parameter: .maximumFrame))
        }
        var state = outgoingMatched
        if matcher.findEnd(in: chunk, from: 0, matched: &state) != nil { throw forbidden }
        outgoingMatched = state
        written = count
    }

    /// Appends the sequence.
    ///
    /// - Throws: ``FramingError/Code/forbiddenBytes(mark:)`` when the body ends so that the sequence would be found
    ///   too early: "xa" before "aa".
    public mutating func encodeEnd(into output: inout ByteQueue) throws(FramingError) {
        var state = outgoingMatched
        let end = matcher.findEnd(in: bytes.span.bytes, from: 0, matched: &state)
        if end != bytes.count { throw forbidden }
        output.append(bytes)
        outgoingMatched = 0
        written = 0
    }

    private var forbidden: FramingError { FramingError(.forbiddenBytes(mark: "the sequence \(name)")) }

    /// The sequence, readable: printable ASCII as it is, other bytes as \n or \x00.
    private var name: String {
        var text = "\""
        for byte in bytes {
            switch byte {
            case 0x0A: text += "\\n"
            case 0x0D: text += "\\r"
            case 0x22: text += "\\\""
            case 0x5C: text += "\\\\"
            case 0x20..<0x7F: text.unicodeScalars.append(Unicode.Scalar(byte))
            default: text += byte < 16 ? "\\x0\(String(byte, radix: 16))" : "\\x\(String(byte, radix: 16))"
            }
        }
        return text + "\""
    }
}

extension Delimiter: CustomStringConvertible {
    /// `frames ending in "END", at most 1 MiB`
    public var description: String { "frames ending in \(name), at most \(maximumFrame)" }
}
