internal import BerthFraming
internal import Glibc

/// The messages of a run: all have one size and one frame around them, and each its own tag and its connection's own
/// part of a pattern in its body.
///
/// ```
/// | prefix of the framing | tag | fill | suffix of the framing |
/// ```
///
/// The tag is made of the connection's number and the message's: a reply that is lost, doubled, or went to someone else
/// is not the one that is expected. A body too short for the whole tag has its low bytes.
final class MessageTemplate: @unchecked Sendable {
    // Unchecked: the memory is written only in `init`, and freed when nobody has it any more.
    let layout: MessageLayout
    private let memory: UnsafeMutableRawPointer

    /// How far the pattern is shifted at most. A prime, so that no power of two brings the same part back.
    static let shifts = 251

    /// - Parameters:
    ///   - bodyCount: at least 1.
    ///   - forbidden: bytes that must not stand in a body, because they belong to the framing; `nil` when any may.
    /// - Throws: when the framing cannot carry such a body.
    init(framing: Framing, bodyCount: Int, forbidden: [UInt8]? = nil) throws(FramingError) {
        let alphabet = forbidden.map { Self.alphabet(without: $0) }
        let tagCount = min(bodyCount, alphabet == nil ? 8 : 16)
        let fillCount = bodyCount - tagCount
        let pattern = Self.pattern(count: bodyCount + Self.shifts, alphabet: alphabet)

        var codec = framing
        var encoded = ByteQueue()
        try codec.encodeBegin(head: RawSpan(), bodyCount: bodyCount, into: &encoded)
        let prefixCount = encoded.count
        try codec.encodeChunk(pattern.span.bytes.extracting(first: bodyCount))
        try codec.encodeEnd(into: &encoded)
        let suffixCount = encoded.count - prefixCount

        unsafe memory = .allocate(byteCount: encoded.count + pattern.count + 16, alignment: 16)
        let prefix = unsafe memory
        encoded.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { unsafe prefix.copyMemory(from: start, byteCount: bytes.count) }
        }
        let fill = unsafe memory + encoded.count
        pattern.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { unsafe fill.copyMemory(from: start, byteCount: bytes.count) }
        }
        let symbols = unsafe fill + pattern.count
        let digits = alphabet.map { Array($0.prefix(16)) } ?? [UInt8](repeating: 0, count: 16)
        digits.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { unsafe symbols.copyMemory(from: start, byteCount: 16) }
        }
        unsafe layout = MessageLayout(
            prefix: prefix, prefixCount: prefixCount, fill: fill, fillCount: fillCount,
            suffix: prefix + prefixCount, suffixCount: suffixCount,
            symbols: alphabet == nil ? nil : UnsafeRawPointer(symbols), tagCount: tagCount,
            count: prefixCount + bodyCount + suffixCount)
    }

    deinit { unsafe memory.deallocate() }

    /// What a body may be made of: digits and letters, and if these are taken, whatever is left.
    static func alphabet(without forbidden: [UInt8]) -> [UInt8] {
        let usual = Array("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        let left = usual.filter { !forbidden.contains($0) }
        return left.count >= 16 ? left : (0...UInt8.max).filter { !forbidden.contains($0) }
    }

    /// The same bytes in every run (xorshift64, Marsaglia 2003).
    private static func pattern(count: Int, alphabet: [UInt8]?) -> [UInt8] {
        var state: UInt64 = 88_172_645_463_325_252
        return (0..<count).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            let byte = UInt8(truncatingIfNeeded: state >> 8)
            return alphabet.map { $0[Int(byte) % $0.count] } ?? byte
        }
    }
}

/// Where the parts of a message are, for code that makes and checks millions of them: plain numbers and pointers into a
/// ``MessageTemplate``, which must outlive it.
struct MessageLayout {
    let prefix: UnsafeRawPointer
    let prefixCount: Int
    let fill: UnsafeRawPointer
    let fillCount: Int
    let suffix: UnsafeRawPointer
    let suffixCount: Int
    /// The sixteen digits of a tag that is text.
    let symbols: UnsafeRawPointer?
    let tagCount: Int
    /// A whole message as it is sent.
    let count: Int

    /// What precedes the fill.
    var headCount: Int { prefixCount + tagCount }

    /// Room for a head that is not longer than what codecs write: a length, or header lines.
    static let headRoom = 1024

    /// Numbers begin elsewhere on each connection, so that even one byte of the tag tells connections apart.
    @inline(__always)
    static func tag(connection: UInt32, message: UInt64) -> UInt64 {
        let number = (message &+ UInt64(connection) &* 37) & (1 << 40 - 1)
        return UInt64(connection) << 40 | number
    }

    /// Where a connection's part of the pattern begins.
    @inline(__always)
    static func shift(connection: UInt32) -> Int { Int(connection % UInt32(MessageTemplate.shifts)) }

    /// Writes prefix and tag.
    @inline(__always)
    func writeHead(_ tag: UInt64, to target: UnsafeMutableRawPointer) {
        unsafe target.copyMemory(from: prefix, byteCount: prefixCount)
        unsafe writeTag(tag, to: target + prefixCount)
    }

    @inline(__always)
    private func writeTag(_ tag: UInt64, to target: UnsafeMutableRawPointer) {
        if unsafe symbols == nil, tagCount == 8 {
            unsafe target.storeBytes(of: tag.littleEndian, as: UInt64.self)
        } else {
            writeSlowTag(tag, to: target)
        }
    }

    private func writeSlowTag(_ tag: UInt64, to target: UnsafeMutableRawPointer) {
        for index in 0..<tagCount {
            let byte: UInt8
            if let symbols = unsafe symbols {
                let digit = Int(truncatingIfNeeded: tag &>> UInt64(4 * index)) & 15
                byte = unsafe symbols.load(fromByteOffset: digit, as: UInt8.self)
            } else {
                byte = UInt8(truncatingIfNeeded: tag &>> UInt64(8 * index))
            }
            unsafe target.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
        }
    }

    /// Writes a whole message.
    @inline(__always)
    func write(_ tag: UInt64, shift: Int, to target: UnsafeMutableRawPointer) {
        unsafe writeHead(tag, to: target)
        unsafe memcpy(target + headCount, fill + shift, fillCount)
        if suffixCount > 0 { unsafe memcpy(target + headCount + fillCount, suffix, suffixCount) }
    }

    /// Whether `bytes`, of which there are `count` at least, are the whole message.
    @inline(__always)
    func isMessage(_ tag: UInt64, shift: Int, at bytes: UnsafeRawPointer) -> Bool {
        if unsafe symbols == nil, tagCount == 8 {
            // The usual case without a detour: all comparisons are made, and none is a loop of ours.
            return unsafe bytes.loadUnaligned(fromByteOffset: prefixCount, as: UInt64.self) == tag.littleEndian
                && memcmp(bytes, prefix, prefixCount) == 0
                && memcmp(bytes + headCount, fill + shift, fillCount) == 0
                && (suffixCount == 0 || memcmp(bytes + headCount + fillCount, suffix, suffixCount) == 0)
        }
        return unsafe isPart(tag, shift: shift, from: 0, at: bytes, count: count)
    }

    /// Whether `bytes` are `part` bytes of the message from `offset` on, which it has.
    func isPart(_ tag: UInt64, shift: Int, from offset: Int, at bytes: UnsafeRawPointer, count part: Int) -> Bool {
        unsafe withUnsafeTemporaryAllocation(byteCount: headCount, alignment: 8) { head in
            guard let head = head.baseAddress else { return false }
            unsafe writeHead(tag, to: head)
            var position = offset
            let end = offset + part
            while position < end {
                let source: UnsafeRawPointer
                let limit: Int
                if position < headCount {
                    unsafe source = UnsafeRawPointer(head) + position
                    limit = headCount
                } else if position < headCount + fillCount {
                    unsafe source = fill + shift + (position - headCount)
                    limit = headCount + fillCount
                } else {
                    unsafe source = suffix + (position - headCount - fillCount)
                    limit = count
                }
                let length = min(limit, end) - position
                if unsafe memcmp(bytes + (position - offset), source, length) != 0 { return false }
                position += length
            }
            return true
        }
    }
}
