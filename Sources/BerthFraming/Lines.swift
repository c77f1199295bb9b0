/// Frames that are lines of text or bytes.
///
/// Each byte is searched once, however small the pieces are in which a line arrives. A CR that no LF follows is
/// content. The codec does not look at the encoding of the text.
public struct Lines: FrameCodec {
    /// What ends a line.
    public enum Ending: Sendable, Hashable, CaseIterable {
        /// LF; a CR before it is content.
        case lf
        /// CR and LF; a LF alone is content.
        case crlf
        /// LF; one CR before it belongs to the line end. Written as LF.
        case either
    }

    /// What to do with bytes that no line end follows when the stream ends.
    public enum UnterminatedLast: Sendable, Hashable, CaseIterable {
        /// They are the last line.
        case deliver
        /// They are an error: the peer may have been cut off within the line.
        case refuse
    }

    /// What ends a line.
    public let ending: Ending
    /// Whether the body of a frame includes its line end.
    public let includesTerminator: Bool
    /// The longest line in either direction, not counting its line end.
    public let maximumLine: ByteCount
    /// What to do with bytes that no line end follows when the stream ends.
    public let unterminatedLast: UnterminatedLast

    private var failure: FramingError?
    /// How many bytes of the input are known to hold no line end.
    private(set) var scanned = 0
    // Streamed decoding: whether a line has begun, how much of it was handed on, and whether only its end is left.
    private var isWithinLine = false
    private var streamed = 0
    private var isFinishing = false
    private var outgoing = OutgoingLine()

    /// Creates a codec.
    ///
    /// - Parameters:
    ///   - ending: what ends a line; by default whatever a terminal, a script or a network protocol sends.
    ///   - includesTerminator: whether the body of a frame includes its line end. Then a body may end with one when it
    ///     is encoded too, so that a decoded frame can be sent back as it is.
    ///   - maximumLine: the longest line, not counting its line end. 64 KiB as a rule.
    ///   - unterminatedLast: what to do with bytes that no line end follows when the stream ends. They are delivered
    ///     as a rule, as every text tool does; refuse them where half a line would be a wrong command.
    public init(
        ending: Ending = .either, includesTerminator: Bool = false, maximumLine: ByteCount = .kibibytes(64),
        unterminatedLast: UnterminatedLast = .deliver
    ) {
        self.ending = ending
        self.includesTerminator = includesTerminator
        self.maximumLine = maximumLine
        self.unterminatedLast = unterminatedLast
    }

    public mutating func decode(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FrameStep {
        if let failure { throw failure }
        let count = input.byteCount
        if let found = try findEnd(input, atEnd: atEnd) {
            scanned = 0
            let end = includesTerminator ? found.upperBound : found.lowerBound
            return .frame(FrameExtent(body: 0..<end, consumed: found.upperBound))
        }
        if !atEnd { return .needsMore(count + 1) }
        if count == 0 { return .end }
        try checkUnterminated(have: count)
        scanned = 0
        return .frame(FrameExtent(body: 0..<count, consumed: count))
    }

    public mutating func decodePart(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FramePart {
        if let failure { throw failure }
        let count = input.byteCount
        if !isWithinLine {
            if count == 0 { return atEnd ? .end : .needsMore(1) }
            isWithinLine = true
            return .begin(head: 0..<0, bodyCount: nil, consumed: 0)
        }
        if isFinishing { return finish(consumed: 0) }
        if let found = try findEnd(input, atEnd: atEnd) {
            if includesTerminator {
                isFinishing = true
                return chunk(found.upperBound)
            }
            // The line end stays in the input and is found again, at its very beginning.
            return found.lowerBound > 0 ? chunk(found.lowerBound) : finish(consumed: found.upperBound)
        }
        // A CR at the end may be half a line end.
        let held = !atEnd && ending != .lf && count > 0 && input.byte(at: count - 1) == Self.cr ? 1 : 0
        if count > held { return chunk(count - held) }
        if !atEnd { return .needsMore(count + 1) }
        try checkUnterminated(have: streamed)
        return finish(consumed: 0)
    }

    private mutating func chunk(_ count: Int) -> FramePart {
        streamed += count
        scanned = 0
        return .chunk(0..<count, consumed: count)
    }

    private mutating func finish(consumed: Int) -> FramePart {
        isWithinLine = false
        isFinishing = false
        streamed = 0
        scanned = 0
        return .finish(consumed: consumed)
    }

    /// The offsets of the first line end; `nil` when there is none yet and the line may still be short enough.
    private mutating func findEnd(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> Range<Int>? {
        let room = maximumLine.bytes - streamed
        while let lf = ByteSearch.firstIndex(of: Self.lf, in: input, from: scanned) {
            let hasCR = lf > 0 && input.byte(at: lf - 1) == Self.cr
            if ending == .crlf && !hasCR {
                scanned = lf + 1
                continue
            }
            let start = ending != .lf && hasCR ? lf - 1 : lf
            if start > room { throw fail(FramingError(.lineTooLong(limit: maximumLine))) }
            return start..<(lf + 1)
        }
        scanned = input.byteCount
        let excess = input.byteCount - room
        // One CR too much may be the first half of a line end.
        let mayEnd = excess == 1 && !atEnd && ending != .lf && input.byte(at: input.byteCount - 1) == Self.cr
        if excess > 0 && !mayEnd { throw fail(FramingError(.lineTooLong(limit: maximumLine))) }
        return nil
    }

    private mutating func checkUnterminated(have: Int) throws(FramingError) {
        if unterminatedLast == .refuse { throw fail(FramingError(.truncated(have: have, need: nil))) }
    }

    private mutating func fail(_ error: FramingError) -> FramingError {
        failure = error
        return error
    }

    static let cr: UInt8 = 0x0D
    static let lf: UInt8 = 0x0A
}

extension Lines {
    /// Begins a line; nothing is written before its content.
    public mutating func encodeBegin(
        head: RawSpan, bodyCount: Int?, into output: inout ByteQueue
    ) throws(FramingError) {
        guard head.isEmpty else { throw FramingError(.headNotSupported(count: head.byteCount)) }
        outgoing = OutgoingLine()
    }

    /// - Throws: ``FramingError/Code/forbiddenBytes(mark:)`` when `chunk` holds a line end,
    ///   ``FramingError/Code/bodyTooLarge(count:limit:parameter:)`` when the line gets longer than ``maximumLine``.
    public mutating func encodeChunk(_ chunk: RawSpan) throws(FramingError) {
        try outgoing.add(chunk, ending: ending, mayEndLine: includesTerminator, limit: maximumLine)
    }

    /// Appends the line end, unless the body holds it already (see ``includesTerminator``).
    public mutating func encodeEnd(into output: inout ByteQueue) throws(FramingError) {
        try outgoing.finish(ending: ending)
        if !outgoing.isTerminated { output.append(ending == .crlf ? "\r\n" : "\n") }
        outgoing = OutgoingLine()
    }
}

extension Lines: CustomStringConvertible {
    /// "lines ending in LF or CRLF, at most 64 KiB"
    public var description: String {
        let mark =
            switch ending {
            case .lf: "LF"
            case .crlf: "CRLF"
            case .either: "LF or CRLF"
            }
        return "lines ending in \(mark), at most \(maximumLine)"
    }
}
