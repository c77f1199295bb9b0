/// Finds bytes in memory, 32 at a time.
enum ByteSearch {
    /// The offset of the first `byte` in `input` at or behind `start`, or `nil`.
    static func firstIndex(of byte: UInt8, in input: RawSpan, from start: Int = 0) -> Int? {
        let count = input.byteCount
        var index = max(0, start)
        let wanted = SIMD32<UInt8>(repeating: byte)
        while count - index >= 32 {
            // index + 32 <= count, so that the load stays within the span.
            let block = unsafe input.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: SIMD32<UInt8>.self)
            if any(block .== wanted) { break }
            index += 32
        }
        while index < count {
            // index < count.
            if unsafe input.unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self) == byte { return index }
            index += 1
        }
        return nil
    }
}

extension RawSpan {
    /// The byte at `offset`, checked.
    func byte(at offset: Int) -> UInt8 { unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self) }
}
