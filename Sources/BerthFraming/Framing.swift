/// How a stream of bytes is cut into frames: one of the codecs of this library, or one of yours.
///
/// ```swift
/// let framing: Framing = .lengthPrefix(bytes: .four, maximumFrame: .mebibytes(16))
/// ```
///
/// It is a codec itself, a value like all of them: each direction of each connection has its own copy.
public struct Framing: FrameCodec {
    @usableFromInline
    enum Kind: Sendable {
        case raw(RawChunks)
        case lengthPrefix(LengthPrefix)
        case lines(Lines)
        case delimiter(Delimiter)
        case fixedLength(FixedLength)
        case untilClose(UntilClose)
        case headers(HeadersAndBody)
        case custom(any FrameCodec, name: String, maximumFrame: ByteCount)
    }

    @usableFromInline var kind: Kind

    @inlinable init(_ kind: Kind) { self.kind = kind }

    @inlinable
    public mutating func decode(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FrameStep {
        // The hot path changes nothing in the codec, so that it need not be written back.
        if case .lengthPrefix(let codec) = kind, let extent = codec.wholeFrame(input) { return .frame(extent) }
        return try decodeRest(input, atEnd: atEnd)
    }
}

extension Framing {
    /// No framing: whatever has arrived is a frame.
    public static var raw: Framing { Framing(.raw(RawChunks())) }

    /// A length of 8 bytes in network order that counts itself; bodies of at most 1 MiB.
    public static var selfCounting64: Framing { .selfCounting64(maximumFrame: .mebibytes(1)) }

    /// A length of 8 bytes in network order that counts itself.
    ///
    /// - Parameter maximumFrame: the largest body, not counting the length.
    public static func selfCounting64(maximumFrame: ByteCount) -> Framing {
        Framing(.lengthPrefix(.selfCounting64(maximumFrame: maximumFrame)))
    }

    /// Frames preceded by their length; see ``LengthPrefix``.
    public static func lengthPrefix(
        bytes: LengthPrefix.Width, endian: LengthPrefix.Endian = .big, counts: LengthPrefix.Counts = .body,
        maximumFrame: ByteCount = .mebibytes(1)
    ) -> Framing {
        Framing(.lengthPrefix(LengthPrefix(bytes: bytes, endian: endian, counts: counts, maximumFrame: maximumFrame)))
    }

    /// Lines that end in LF or CRLF, of at most 64 KiB; written with LF.
    public static var lines: Framing { .lines() }

    /// Lines; see ``Lines``.
    public static func lines(
        ending: Lines.Ending = .either, includesTerminator: Bool = false, maximumLine: ByteCount = .kibibytes(64),
        unterminatedLast: Lines.UnterminatedLast = .deliver
    ) -> Framing {
        Framing(
            .lines(
                Lines(
                    ending: ending, includesTerminator: includesTerminator, maximumLine: maximumLine,
                    unterminatedLast: unterminatedLast)))
    }

    /// Frames that end with `bytes`, which is not empty (a precondition); see ``Delimiter``.
    public static func delimiter(_ bytes: [UInt8], maximumFrame: ByteCount = .mebibytes(1)) -> Framing {
        Framing(.delimiter(Delimiter(bytes, maximumFrame: maximumFrame)))
    }

    /// Frames that end with the UTF-8 bytes of `text`, which is not empty (a precondition); see ``Delimiter``.
    public static func delimiter(_ text: String, maximumFrame: ByteCount = .mebibytes(1)) -> Framing {
        .delimiter(Array(text.utf8), maximumFrame: maximumFrame)
    }

    /// Frames of `size` each, which is at least one byte (a precondition); see ``FixedLength``.
    public static func fixedLength(_ size: ByteCount) -> Framing { Framing(.fixedLength(FixedLength(size))) }

    /// The whole stream is one frame; see ``UntilClose``.
    public static func untilClose(maximumFrame: ByteCount = .mebibytes(1)) -> Framing {
        Framing(.untilClose(UntilClose(maximumFrame: maximumFrame)))
    }

    /// Header lines, a blank line and a body; see ``HeadersAndBody``.
    public static var headers: Framing { .headers() }

    /// Header lines, a blank line and a body; see ``HeadersAndBody``.
    public static func headers(
        maximumHeaders: ByteCount = .kibibytes(16), maximumHeaderLines: Int = 100,
        maximumBody: ByteCount = .mebibytes(1), firstLine: HeadersAndBody.FirstLine = .header
    ) -> Framing {
        Framing(
            .headers(
                HeadersAndBody(
                    maximumHeaders: maximumHeaders, maximumHeaderLines: maximumHeaderLines, maximumBody: maximumBody,
                    firstLine: firstLine)))
    }

    /// A codec of your own.
    ///
    /// - Parameters:
    ///   - codec: the codec, in its state at the beginning of a stream.
    ///   - name: what ``description`` says.
    ///   - maximumFrame: what ``Framing/maximumFrame`` says. It is the codec that has to keep the limit; `.unlimited`,
    ///     the default, means that only the codec knows it.
    public static func custom(
        _ codec: some FrameCodec, name: String = "custom framing", maximumFrame: ByteCount = .unlimited
    ) -> Framing {
        Framing(.custom(codec, name: name, maximumFrame: maximumFrame))
    }
}
