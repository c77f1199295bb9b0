internal import BerthSystem
internal import Crypto

/// A SHA-256 digest (FIPS 180-4).
struct FileDigest: Sendable, Hashable, CustomStringConvertible {
    private let bytes: [UInt8]

    init(_ digest: SHA256.Digest) { bytes = Array(digest) }

    /// What `hash` has come to; `hash` can go on.
    init(_ hash: SHA256) { self.init(hash.finalize()) }

    /// Reads 64 hexadecimal digits.
    init?(hexadecimal text: String) {
        let digits = Array(text.utf8)
        guard digits.count == 64 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: 64, by: 2) {
            guard let high = Self.value(digits[index]), let low = Self.value(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        self.bytes = bytes
    }

    /// 64 hexadecimal digits, in lower case as `sha256sum` writes them.
    var description: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x37
        case 0x61...0x66: digit - 0x57
        default: nil
        }
    }
}

extension SHA256 {
    /// The size of the pieces in which files are read to be hashed: fits into the second-level cache of most machines.
    static let pieceSize = 256 << 10

    /// Takes in the bytes of a file between two offsets.
    ///
    /// - Parameter advanced: called before each piece with the offset that was reached; `false` stops.
    /// - Returns: the offset that was reached: below the range's end when the file ended or `advanced` said so.
    mutating func update(
        file: Int32, _ range: Range<Int64>, advanced: (Int64) -> Bool = { _ in true }
    ) throws(Errno) -> Int64 {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 4096)
        defer { unsafe memory.deallocate() }
        var position = range.lowerBound
        while position < range.upperBound, advanced(position) {
            let wanted = Int(min(Int64(Self.pieceSize), range.upperBound - position))
            let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<wanted])
            let count = try unsafe Kernel.read(file, into: piece, offset: position)
            if count == 0 { break }
            unsafe update(bufferPointer: UnsafeRawBufferPointer(rebasing: piece[..<count]))
            position += Int64(count)
        }
        return position
    }
}
