/// The numbers of a length-prefix codec, and nothing else of it: what the fast paths of a stream work with.
///
/// Decoding and encoding with it agree with the codec wherever it gives an answer; where it gives none, the codec has to
/// be asked.
public struct PrefixLayout: BitwiseCopyable, Sendable {
    /// How many bytes the length takes: 4, 8, or 0 for no answers at all.
    @usableFromInline let width: Int
    @usableFromInline let isBigEndian: Bool
    /// What of the announced length is not body.
    @usableFromInline let ownBytes: UInt64
    /// The largest body.
    @usableFromInline let maximum: UInt64

    /// No answers.
    public static let none = PrefixLayout(width: 0, isBigEndian: true, ownBytes: 0, maximum: 0)

    /// Whether it gives no answers.
    @inlinable public var isNone: Bool { width == 0 }

    init(width: Int, isBigEndian: Bool, ownBytes: UInt64, maximum: UInt64) {
        self.width = width
        self.isBigEndian = isBigEndian
        self.ownBytes = ownBytes
        self.maximum = maximum
    }

    /// The frame at the beginning of `input` where all of it has arrived and nothing is wrong.
    @inlinable @inline(__always)
    public func frame(in input: RawSpan) -> FrameExtent? {
        let available = input.byteCount &- width
        guard width != 0, available >= 0 else { return nil }
        // A length below ownBytes wraps to one far above every limit.
        let body = length(input) &- ownBytes
        guard body <= maximum, body <= UInt64(truncatingIfNeeded: available) else { return nil }
        let end = width &+ Int(truncatingIfNeeded: body)
        return FrameExtent(body: Range(uncheckedBounds: (width, end)), consumed: end)
    }

    /// The frame at the beginning of `input`, or how many bytes there have to be before there can be one. `nil` where
    /// something is wrong.
    @inlinable
    public func step(_ input: RawSpan) -> FrameStep? {
        if let extent = frame(in: input) { return .frame(extent) }
        if width == 0 { return nil }
        if input.byteCount < width { return .needsMore(width) }
        let body = length(input) &- ownBytes
        return body <= maximum ? .needsMore(width &+ Int(truncatingIfNeeded: body)) : nil
    }

    @inlinable @inline(__always)
    func length(_ input: RawSpan) -> UInt64 {
        // Within the prefix, which the caller has found to be there.
        if width == 8 {
            let raw = unsafe input.unsafeLoadUnaligned(fromUncheckedByteOffset: 0, as: UInt64.self)
            return isBigEndian ? UInt64(bigEndian: raw) : UInt64(littleEndian: raw)
        }
        let raw = unsafe input.unsafeLoadUnaligned(fromUncheckedByteOffset: 0, as: UInt32.self)
        return UInt64(isBigEndian ? UInt32(bigEndian: raw) : UInt32(littleEndian: raw))
    }

    /// Takes the frame at the beginning of `queue` out of it, where all of it has arrived and nothing is wrong: where its
    /// body lies, which stays there as long as nothing is appended.
    @inlinable @inline(__always)
    public func take(from queue: inout ByteQueue) -> UnsafeRawBufferPointer? {
        let input = queue.count
        guard width != 0, input >= width else { return nil }
        // A length below ownBytes wraps to one far above every limit.
        let body = length(queue.bytes) &- ownBytes
        guard body <= maximum, body <= UInt64(truncatingIfNeeded: input &- width) else { return nil }
        let count = Int(truncatingIfNeeded: body)
        return unsafe queue.take(width &+ count, keeping: count)
    }

    /// Appends a whole frame to `output`, which must have the room for it; `false`, with nothing appended, where it has
    /// not, or where the codec has to be asked.
    @inlinable @inline(__always)
    public func append(_ body: RawSpan, to output: inout ByteQueue) -> Bool {
        let count = UInt64(truncatingIfNeeded: body.byteCount)
        guard width != 0, count <= maximum else { return false }
        let length = count &+ ownBytes
        if width == 8 {
            return output.appendWithinCapacity(
                prefix: isBigEndian ? length.bigEndian : length.littleEndian, of: 8, body)
        }
        guard let short = UInt32(exactly: length) else { return false }
        return output.appendWithinCapacity(
            prefix: UInt64((isBigEndian ? short.bigEndian : short.littleEndian)).littleEndian, of: 4, body)
    }

    /// The same for bodies of at most `limit` bytes.
    func limited(to limit: Int) -> PrefixLayout {
        PrefixLayout(
            width: width, isBigEndian: isBigEndian, ownBytes: ownBytes, maximum: min(maximum, UInt64(clamping: limit)))
    }
}

extension LengthPrefix {
    /// The numbers of this codec, where it is between two frames and its prefix has one of the common widths.
    var layout: PrefixLayout {
        guard width == .four || width == .eight else { return .none }
        return PrefixLayout(
            width: width.rawValue, isBigEndian: endian == .big, ownBytes: ownBytes,
            maximum: UInt64(clamping: min(maximumFrame.bytes, Int.max - width.rawValue)))
    }
}

extension Framing {
    /// What the fast paths need of this framing; ``PrefixLayout/none`` unless it is a length prefix at the beginning of a
    /// frame.
    package var layout: PrefixLayout {
        if case .lengthPrefix(let codec) = kind { codec.layout } else { .none }
    }

    /// The same for bodies of at most `limit` bytes.
    package func layout(upTo limit: Int) -> PrefixLayout { layout.limited(to: limit) }
}
