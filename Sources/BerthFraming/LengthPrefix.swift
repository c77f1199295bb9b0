/// Frames that are preceded by their length, as an unsigned whole number.
///
/// ```
/// | length: 1, 2, 3, 4 or 8 bytes | body |
/// ```
///
/// A length below the least possible one, above ``maximumFrame``, or of 2^63 or more is an error as soon as the
/// prefix has arrived, before anything of the body is kept. An empty body is a frame like any other.
///
/// Streamed bodies are held to ``maximumFrame`` too; raise it for transfers that never are in memory as a whole.
public struct LengthPrefix: FrameCodec {
    /// How many bytes the length takes.
    public enum Width: Int, Sendable, Hashable, CaseIterable {
        case one = 1
        case two = 2
        case three = 3
        case four = 4
        case eight = 8
    }

    /// The order of the length's bytes.
    public enum Endian: Sendable, Hashable, CaseIterable {
        /// The most significant byte first: network order.
        case big
        /// The least significant byte first.
        case little
    }

    /// What the length counts.
    public enum Counts: Sendable, Hashable, CaseIterable {
        /// The bytes that follow it.
        case body
        /// Itself and the bytes that follow it.
        case prefixAndBody
    }

    /// How many bytes the length takes.
    public let width: Width
    /// The order of the length's bytes.
    public let endian: Endian
    /// What the length counts.
    public let counts: Counts
    /// The largest body, in either direction.
    public let maximumFrame: ByteCount

    /// What of the announced length is not body: the prefix, where it counts itself, else nothing.
    @usableFromInline let ownBytes: UInt64
    @usableFromInline var failure: FramingError?
    @usableFromInline var incoming = CountedBody()
    @usableFromInline var outgoing = AnnouncedBody()

    /// Creates a codec.
    ///
    /// - Parameters:
    ///   - bytes: how many bytes the length takes.
    ///   - endian: the order of these bytes; network order as a rule.
    ///   - counts: what the length counts; the body alone as a rule.
    ///   - maximumFrame: the largest body, not counting the prefix. 1 MiB as a rule: one peer can make a server hold
    ///     this much memory.
    public init(
        bytes width: Width, endian: Endian = .big, counts: Counts = .body, maximumFrame: ByteCount = .mebibytes(1)
    ) {
        self.width = width
        self.endian = endian
        self.counts = counts
        self.maximumFrame = maximumFrame
        ownBytes = counts == .body ? 0 : UInt64(width.rawValue)
    }

    /// A length of 8 bytes in network order that counts itself, so that the least valid one is 8.
    public static func selfCounting64(maximumFrame: ByteCount = .mebibytes(1)) -> LengthPrefix {
        LengthPrefix(bytes: .eight, counts: .prefixAndBody, maximumFrame: maximumFrame)
    }

    @inlinable
    public mutating func decode(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FrameStep {
        if let extent = wholeFrame(input) { return .frame(extent) }
        return try decodeRest(input, atEnd: atEnd)
    }

    /// The frame at the beginning of `input` where all of it has arrived and nothing is wrong: the hot path.
    @inlinable
    func wholeFrame(_ input: RawSpan) -> FrameExtent? {
        let prefix = width.rawValue
        guard failure == nil, input.byteCount >= prefix else { return nil }
        // A length below ownBytes wraps to one far above every limit and leaves the hot path with those.
        let body = announced(input) &- ownBytes
        guard body <= UInt64(bitPattern: Int64(maximumFrame.bytes)), body <= UInt64(input.byteCount &- prefix) else {
            return nil
        }
        let end = prefix &+ Int(body)
        return FrameExtent(body: prefix..<end, consumed: end)
    }

    /// The announced length; `input` must hold the prefix.
    @inlinable
    func announced(_ input: RawSpan) -> UInt64 {
        // Every load is within the prefix, which the caller has checked to be there.
        switch width {
        case .eight:
            let raw = unsafe input.unsafeLoadUnaligned(fromUncheckedByteOffset: 0, as: UInt64.self)
            return endian == .big ? UInt64(bigEndian: raw) : UInt64(littleEndian: raw)
        case .four:
            let raw = unsafe input.unsafeLoadUnaligned(fromUncheckedByteOffset: 0, as: UInt32.self)
            return UInt64(endian == .big ? UInt32(bigEndian: raw) : UInt32(littleEndian: raw))
        case .one, .two, .three:
            var value: UInt64 = 0
            for index in 0..<width.rawValue {
                let byte = unsafe input.unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self)
                let place = endian == .big ? width.rawValue &- 1 &- index : index
                value |= UInt64(byte) &<< UInt64(8 &* place)
            }
            return value
        }
    }
}
